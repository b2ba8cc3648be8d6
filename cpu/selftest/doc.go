// Package selftest holds guest programs that test the processor from inside,
// where user mode on the host cannot look: privileged instructions, faults
// with their error codes and frames, segments and paging, interrupts.
//
// testdata/selftest has the sources. They make two flat Multiboot images, one
// in 64-bit mode and one (testdata/selftest/real) in real mode. Each boots
// unchanged under klpsim boot, qemu-system-x86_64 -kernel and Debian's
// Bochs (by a ROM of ours), prints a line for each test on the serial port
//
//	PASS name
//	FAIL name check 3 vector 0xd code 0x0 cr2 0x0
//	SKIP name
//
// then "DONE n passed m failed", and ends by the debug-exit port 0xf4 (Bochs:
// by its power-off port). The Go test builds the image with gcc, runs all
// machines that are installed, and wants every test passed on every machine.
// Where a machine is known to be wrong, the table of deviations says so with
// the manual's section.
//
// To add tests, add a file testdata/selftest/NAME.c that includes selftest.h;
// nothing else lists them. To look at one machine:
//
//	go test ./cpu/selftest -v -run SelfTest/long/qemu
//
// Non-goals: instructions that ring 3 can run; the native oracle has those.
package selftest
