package cpu

// CPUID announces what works and nothing else: x86-64-v2 and the system
// features of package doc. Vendor and signature are Intel's because where
// the two vendors differ the machine behaves as Intel's manual says.

const cpuSignature = 0x000106a5 // family 6, model 0x1a, stepping 5

// The feature bits by leaf and register (SDM vol. 2A, CPUID, tables 3-10 and 3-11).
const (
	cpuid1EDX = 1<<0 | // FPU
		1<<2 | // DE
		1<<3 | // PSE
		1<<4 | // TSC
		1<<5 | // MSR
		1<<6 | // PAE
		1<<8 | // CX8
		1<<9 | // APIC
		1<<11 | // SEP
		1<<13 | // PGE
		1<<15 | // CMOV
		1<<16 | // PAT
		1<<17 | // PSE-36
		1<<19 | // CLFSH
		1<<23 | // MMX
		1<<24 | // FXSR
		1<<25 | // SSE
		1<<26 // SSE2
	cpuid1ECX = 1<<0 | // SSE3
		1<<9 | // SSSE3
		1<<13 | // CMPXCHG16B
		1<<19 | // SSE4.1
		1<<20 | // SSE4.2
		1<<21 | // x2APIC
		1<<22 | // MOVBE
		1<<23 // POPCNT
	cpuid7EBX = 1<<0 | // FSGSBASE
		1<<7 | // SMEP
		1<<9 // ERMS
	cpuidExtECX = 1 << 0  // LAHF and SAHF in 64-bit mode
	cpuidExtEDX = 1<<11 | // SYSCALL
		1<<20 | // NX
		1<<26 | // 1 GiB pages
		1<<27 | // RDTSCP
		1<<29 // long mode
)

const (
	cpuidMaxBasic = 0xb
	cpuidMaxExt   = 0x80000008
	cpuBrand      = "klpsim x86-64-v2 simulated processor            "
)

// cpuid returns EAX, EBX, ECX and EDX for a leaf and sub-leaf. Leaves above
// the highest basic one answer as that one (SDM vol. 2A, CPUID).
func (c *Core) cpuid(leaf, sub uint32) (a, b, cx, d uint32) {
	if leaf > cpuidMaxExt || leaf > cpuidMaxBasic && leaf < 0x80000000 {
		leaf = cpuidMaxBasic
	}
	cores := uint32(len(c.m.cores))
	switch leaf {
	case 0:
		return cpuidMaxBasic, 0x756e6547, 0x6c65746e, 0x49656e69 // "GenuineIntel"
	case 1:
		d = cpuid1EDX
		if c.APIC.Base&apicEnabled == 0 {
			d &^= 1 << 9
		}
		if cores > 1 {
			d |= 1 << 28
		}
		return cpuSignature, uint32(c.id)<<24 | min(cores, 255)<<16 | 8<<8, cpuid1ECX, d
	case 7:
		if sub == 0 {
			return 0, cpuid7EBX, 0, 0
		}
	case 0xb:
		return c.cpuidTopology(sub, cores)
	case 0x80000000:
		return cpuidMaxExt, 0, 0, 0
	case 0x80000001:
		d = cpuidExtEDX
		if c.mode != 0 { // SYSCALL exists in 64-bit mode only
			d &^= 1 << 11
		}
		return 0, 0, cpuidExtECX, d
	case 0x80000002, 0x80000003, 0x80000004:
		s := cpuBrand[(leaf-0x80000002)*16:]
		w := func(i int) uint32 {
			return uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 | uint32(s[i+3])<<24
		}
		return w(0), w(4), w(8), w(12)
	case 0x80000008:
		return 48<<8 | physBits, 0, 0, 0
	}
	return 0, 0, 0, 0
}

// cpuidTopology is leaf 0Bh: one thread a core, all cores in one package.
func (c *Core) cpuidTopology(sub, cores uint32) (a, b, cx, d uint32) {
	shift := uint32(0)
	for 1<<shift < cores {
		shift++
	}
	switch sub {
	case 0:
		return 0, 1, 1 << 8, uint32(c.id)
	case 1:
		return shift, cores, 2<<8 | 1, uint32(c.id)
	}
	return 0, 0, sub & 0xff, uint32(c.id)
}
