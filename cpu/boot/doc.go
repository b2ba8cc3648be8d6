// Package boot starts a machine the way other machines start bare images, and
// runs it: it reads the image, loads it with its modules, writes the boot
// information, puts core 0 into the entry state, and then gives the cores
// turns until the guest stops.
//
// Images are taken as QEMU's -kernel takes them, and a little more:
//
//   - a Multiboot header (Multiboot Specification 0.6.96, section 3.1) in the
//     first 8192 bytes of an ELF32, ELF64 or, with address fields, any file:
//     core 0 enters in 32-bit protected mode, EAX = 0x2badb002, EBX = the
//     multiboot information (section 3.2);
//   - an ELF64 image with a PVH note (XEN_ELFNOTE_PHYS32_ENTRY, type 18, as
//     Linux and Xen define it): 32-bit protected mode, EBX = hvm_start_info;
//   - any other ELF64 image: 64-bit mode, paging on, the first 4 GiB mapped at
//     their own addresses and the first GiB also at 0xffffffff80000000, RDI and
//     RBX = the multiboot information, RAX = 0x2badb002, RSP the top of a
//     64 KiB stack. (QEMU refuses such an image.)
//
// The other cores wait for INIT and SIPI and begin in real mode. The machine
// has no firmware, PIC, PIT, PCI or fw_cfg: their ports read all ones.
//
// Invariants: the same image, modules, command line and configuration give
// the same run to the step; nothing of the host (paths, clocks) is visible to
// the guest except the text given as command lines.
//
// Non-goals: Multiboot 2, bzImage, BIOS and UEFI services, video modes.
package boot
