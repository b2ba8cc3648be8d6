package litmus

import "strings"

// reg is a general register or a part of one.
type reg struct {
	n    uint8 // 0 RAX, 1 RCX, ... 15 R15
	size uint8 // bytes
	high bool  // AH, CH, DH, BH
}

// regs64 are the 64-bit names by number.
var regs64 = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

var registers = makeRegisters()

func makeRegisters() map[string]reg {
	m := map[string]reg{}
	for i, name := range regs64 {
		n := uint8(i)
		m[name] = reg{n: n, size: 8}
		if i >= 8 {
			m[name+"d"], m[name+"w"], m[name+"b"] = reg{n: n, size: 4}, reg{n: n, size: 2}, reg{n: n, size: 1}
			continue
		}
		m["e"+name[1:]] = reg{n: n, size: 4}
		m[name[1:]] = reg{n: n, size: 2}
		if i < 4 {
			m[name[1:2]+"l"] = reg{n: n, size: 1}
			m[name[1:2]+"h"] = reg{n: n, size: 1, high: true}
		} else {
			m[name[1:]+"l"] = reg{n: n, size: 1}
		}
	}
	return m
}

// regByName finds a register by its name in either case, with or without '%'.
func regByName(name string) (reg, bool) {
	r, ok := registers[strings.ToLower(strings.TrimPrefix(name, "%"))]
	return r, ok
}
