package asm

import "fmt"

// integerTable holds the general-purpose instructions (SDM vol. 2). Where
// several forms fit, the first one is the one GNU as picks.
var integerTable = []row{
	{"mov", "moffs,a", "a0 +w", "bwl n64"},
	{"mov", "a,moffs", "a2 +w", "bwl n64"},
	{"mov", "moffs,a", "a0 +w", "bwlq o64"},
	{"mov", "a,moffs", "a2 +w", "bwlq o64"},
	{"mov", "r,rm", "88 +w /r", "bwlq"},
	{"mov", "rm,r", "8a +w /r", "bwlq"},
	{"mov", "i,ro", "b0 +r", "b"},
	{"mov", "i,ro", "b8 +r", "wl"},
	{"mov", "i,rm", "c6 +w /0", "bwlq"},
	{"mov", "iq,ro", "b8 +r", "q o64"},
	{"mov", "seg,rn", "8c /r", "wl"},
	{"mov", "seg,rn", "8c /r", "q noW"},
	{"mov", "seg,m", "8c /r", "w noW"},
	{"mov", "rn,seg", "8e /r", "wlq noW"},
	{"mov", "m,seg", "8e /r", "w noW"},
	{"mov", "cr,rn64", "0f 20 /r", "q o64 d64"},
	{"mov", "rn64,cr", "0f 22 /r", "q o64 d64"},
	{"mov", "cr,rn32", "0f 20 /r", "l n64 noW"},
	{"mov", "rn32,cr", "0f 22 /r", "l n64 noW"},
	{"mov", "dr,rn64", "0f 21 /r", "q o64 d64"},
	{"mov", "rn64,dr", "0f 23 /r", "q o64 d64"},
	{"mov", "dr,rn32", "0f 21 /r", "l n64 noW"},
	{"mov", "rn32,dr", "0f 23 /r", "l n64 noW"},
	{"movabs", "moffs,a", "a0 +w", "bwlq o64"},
	{"movabs", "a,moffs", "a2 +w", "bwlq o64"},
	{"movabs", "iq,ro", "b8 +r", "q o64"},
	{"movbe", "m,r", "0f 38 f0 /r", "wlq"},
	{"movbe", "r,m", "0f 38 f1 /r", "wlq"},

	{"movsb", "rm8,r", "0f be /r", "wlq"},
	{"movsw", "rm16,r", "0f bf /r", "lq"},
	{"movsl", "rm32,r", "63 /r", "q o64"},
	{"movsx", "rm8,r", "0f be /r", "wlq bare"},
	{"movsx", "rn16,r", "0f bf /r", "lq bare"},
	{"movsx", "rn32,r", "63 /r", "q o64 bare"},
	{"movsxb", "rm8,r", "0f be /r", "wlq bare"},
	{"movsxw", "rm16,r", "0f bf /r", "lq bare"},
	{"movsxw", "m,r", "0f bf /r", "w bare"},
	{"movsxl", "rm32,r", "63 /r", "q o64 bare"},
	{"movsxl", "m,r", "63 /r", "l o64 bare"},
	{"movslq", "rm32,r64", "63 /r", "- o64 W"},
	{"movsxd", "rm32,r64", "63 /r", "- o64 W"},
	{"movsxd", "rm32,r", "63 /r", "l o64 bare"},
	{"movzb", "rm8,r", "0f b6 /r", "wlq"},
	{"movzw", "rm16,r", "0f b7 /r", "lq"},
	{"movzx", "rm8,r", "0f b6 /r", "wlq bare"},
	{"movzx", "rn16,r", "0f b7 /r", "lq bare"},
	{"movzxb", "rm8,r", "0f b6 /r", "wlq bare"},
	{"movzxw", "rm16,r", "0f b7 /r", "lq bare"},
	{"movzxw", "m,r", "0f b7 /r", "w bare"},

	{"push", "ro", "50 +r", "qw o64 d64"},
	{"push", "fsgs", "0f 80", "qw o64 d64"},
	{"push", "fsgs", "0f 80", "lw n64"},
	{"push", "lows", "06", "lw n64"},
	{"push", "is", "6a", "qw o64 d64"},
	{"push", "i", "68", "qw o64 d64"},
	{"push", "rm", "ff /6", "qw o64 d64"},
	{"push", "ro", "50 +r", "wl n64"},
	{"push", "is", "6a", "lw n64"},
	{"push", "i", "68", "lw n64"},
	{"push", "rm", "ff /6", "wl n64"},
	{"pop", "ro", "58 +r", "qw o64 d64"},
	{"pop", "fsgs", "0f 81", "qw o64 d64"},
	{"pop", "fsgs", "0f 81", "lw n64"},
	{"pop", "lows", "07", "lw n64"},
	{"pop", "rm", "8f /0", "qw o64 d64"},
	{"pop", "ro", "58 +r", "wl n64"},
	{"pop", "rm", "8f /0", "wl n64"},
	{"pusha", "", "60", "wl n64 quiet"},
	{"popa", "", "61", "wl n64 quiet"},
	{"pushf", "", "9c", "wq o64 d64 quiet"},
	{"popf", "", "9d", "wq o64 d64 quiet"},
	{"pushf", "", "9c", "wl n64 quiet"},
	{"popf", "", "9d", "wl n64 quiet"},

	{"xchg", "a,a", "90", "q o64 noW"},
	{"xchg", "ro,a", "90 +r", "wlq noself"},
	{"xchg", "a,ro", "90 +r", "wlq noself"},
	{"xchg", "r,rm", "86 +w /r", "bwlq lock"},
	{"xchg", "rm,r", "86 +w /r", "bwlq lock"},
	{"in", "ib,a", "e4 +w", "bwl"},
	{"in", "dx,a", "ec +w", "bwl"},
	{"in", "ib", "e4 +w", "bwl"},
	{"in", "dx", "ec +w", "bwl"},
	{"out", "a,ib", "e6 +w", "bwl"},
	{"out", "a,dx", "ee +w", "bwl"},
	{"out", "ib", "e6 +w", "bwl"},
	{"out", "dx", "ee +w", "bwl"},
	{"lea", "m,r", "8d /r", "wlq"},
	{"lds", "m,r", "c5 /r", "wl n64"},
	{"les", "m,r", "c4 /r", "wl n64"},
	{"lfs", "m,r", "0f b4 /r", "wl"},
	{"lgs", "m,r", "0f b5 /r", "wl"},
	{"lss", "m,r", "0f b2 /r", "wl"},

	{"inc", "ro", "40 +r", "wl n64"},
	{"inc", "rm", "fe +w /0", "bwlq lock"},
	{"dec", "ro", "48 +r", "wl n64"},
	{"dec", "rm", "fe +w /1", "bwlq lock"},
	{"neg", "rm", "f6 +w /3", "bwlq lock"},
	{"not", "rm", "f6 +w /2", "bwlq lock"},
	{"test", "r,rm", "84 +w /r", "bwlq"},
	{"test", "rm,r", "84 +w /r", "bwlq"},
	{"test", "i,a", "a8 +w", "bwlq"},
	{"test", "i,rm", "f6 +w /0", "bwlq"},
	{"mul", "rm", "f6 +w /4", "bwlq"},
	{"imul", "rm", "f6 +w /5", "bwlq"},
	{"imul", "rm,r", "0f af /r", "wlq"},
	{"imul", "is,rm,r", "6b /r", "wlq"},
	{"imul", "i,rm,r", "69 /r", "wlq"},
	{"imul", "is,rr", "6b /r", "wlq"},
	{"imul", "i,rr", "69 /r", "wlq"},
	{"div", "rm", "f6 +w /6", "bwlq"},
	{"div", "rm,a", "f6 +w /6", "bwlq"},
	{"idiv", "rm", "f6 +w /7", "bwlq"},
	{"idiv", "rm,a", "f6 +w /7", "bwlq"},
	{"shld", "ib,r,rm", "0f a4 /r", "wlq"},
	{"shld", "cl,r,rm", "0f a5 /r", "wlq"},
	{"shld", "r,rm", "0f a5 /r", "wlq"},
	{"shrd", "ib,r,rm", "0f ac /r", "wlq"},
	{"shrd", "cl,r,rm", "0f ad /r", "wlq"},
	{"shrd", "r,rm", "0f ad /r", "wlq"},

	{"cbtw", "", "98", "w quiet bare"},
	{"cwtl", "", "98", "l quiet bare"},
	{"cltq", "", "98", "q o64 quiet bare"},
	{"cwtd", "", "99", "w quiet bare"},
	{"cltd", "", "99", "l quiet bare"},
	{"cqto", "", "99", "q o64 quiet bare"},
	{"cbw", "", "98", "w quiet bare"},
	{"cwde", "", "98", "l quiet bare"},
	{"cdqe", "", "98", "q o64 quiet bare"},
	{"cwd", "", "99", "w quiet bare"},
	{"cdq", "", "99", "l quiet bare"},
	{"cqo", "", "99", "q o64 quiet bare"},

	{"call", "rel", "e8", "qw o64 d64 call bnd quiet"},
	{"call", "*rm", "ff /2", "qw o64 d64 bnd notrack"},
	{"call", "rel", "e8", "wl n64 call bnd quiet"},
	{"call", "*rm", "ff /2", "wl n64 bnd notrack"},
	{"call", "iw,i", "9a", "wl n64 far"},
	{"lcall", "iw,i", "9a", "wl n64 far"},
	{"lcall", "*m", "ff /3", "lw quiet"},
	{"jmp", "rel", "eb", "- jmp bnd"},
	{"jmp", "*rm", "ff /4", "qw o64 d64 bnd notrack"},
	{"jmp", "*rm", "ff /4", "wl n64 bnd notrack"},
	{"jmp", "iw,i", "ea", "wl n64 far"},
	{"ljmp", "iw,i", "ea", "wl n64 far"},
	{"ljmp", "*m", "ff /5", "lw quiet"},
	{"ret", "", "c3", "qw o64 d64 bnd rep quiet"},
	{"ret", "iw", "c2", "qw o64 d64 bnd rep quiet"},
	{"ret", "", "c3", "wl n64 bnd rep quiet"},
	{"ret", "iw", "c2", "wl n64 bnd rep quiet"},
	{"lret", "", "cb", "lwq"},
	{"lret", "iw", "ca", "lwq"},
	{"retf", "", "cb", "lwq"},
	{"retf", "iw", "ca", "lwq"},
	{"iret", "", "cf", "lwq"},
	{"enter", "iw,ib", "c8", "qw o64 d64 quiet"},
	{"leave", "", "c9", "qw o64 d64 quiet"},
	{"enter", "iw,ib", "c8", "wl n64 quiet"},
	{"leave", "", "c9", "wl n64 quiet"},
	{"loop", "rel", "e2", "ql loop o64 quiet"},
	{"loop", "rel", "e2", "lw loop n64 quiet"},
	{"loopz", "rel", "e1", "ql loop o64 quiet"},
	{"loopz", "rel", "e1", "lw loop n64 quiet"},
	{"loope", "rel", "e1", "ql loop o64 quiet"},
	{"loope", "rel", "e1", "lw loop n64 quiet"},
	{"loopnz", "rel", "e0", "ql loop o64 quiet"},
	{"loopnz", "rel", "e0", "lw loop n64 quiet"},
	{"loopne", "rel", "e0", "ql loop o64 quiet"},
	{"loopne", "rel", "e0", "lw loop n64 quiet"},
	{"jcxz", "rel", "e3", "w loop n64 quiet bare"},
	{"jecxz", "rel", "e3", "l loop quiet bare"},
	{"jrcxz", "rel", "e3", "q loop o64 quiet bare"},

	{"clc", "", "f8", "-"},
	{"stc", "", "f9", "-"},
	{"cmc", "", "f5", "-"},
	{"cld", "", "fc", "-"},
	{"std", "", "fd", "-"},
	{"lahf", "", "9f", "-"},
	{"sahf", "", "9e", "-"},
	{"salc", "", "d6", "- n64"},
	{"aaa", "", "37", "- n64"},
	{"aas", "", "3f", "- n64"},
	{"daa", "", "27", "- n64"},
	{"das", "", "2f", "- n64"},
	{"aad", "", "d5 0a", "- n64"},
	{"aad", "ib", "d5", "- n64"},
	{"aam", "", "d4 0a", "- n64"},
	{"aam", "ib", "d4", "- n64"},
	{"bound", "r,m", "62 /r", "wl n64"},
	{"into", "", "ce", "- n64"},
	{"arpl", "r16,rm16", "63 /r", "- n64"},
	{"xlat", "", "d7", "b quiet"},
	{"xlat", "srcs", "d7", "b quiet"},

	{"bswap", "ro", "0f c8 +r", "lq"},
	{"xadd", "r,rm", "0f c0 +w /r", "bwlq lock"},
	{"cmpxchg", "r,rm", "0f b0 +w /r", "bwlq lock"},
	{"cmpxchg8b", "m", "0f c7 /1", "- lock"},
	{"cmpxchg16b", "m", "0f c7 /1", "- W o64 lock"},
	{"popcnt", "rm,r", "f3 0f b8 /r", "wlq"},
	{"lzcnt", "rm,r", "f3 0f bd /r", "wlq"},
	{"tzcnt", "rm,r", "f3 0f bc /r", "wlq"},
	{"bsf", "rm,r", "0f bc /r", "wlq rep"},
	{"bsr", "rm,r", "0f bd /r", "wlq rep"},
	{"crc32", "rm8,r32", "f2 0f 38 f0 /r", "b amb"},
	{"crc32", "rm8,r64", "f2 0f 38 f0 /r", "b W amb"},
	{"crc32", "rm16,r32", "f2 0f 38 f1 /r", "w amb"},
	{"crc32", "rm32,r32", "f2 0f 38 f1 /r", "l amb"},
	{"crc32", "rm64,r64", "f2 0f 38 f1 /r", "q amb def"},
	{"adcx", "rm,r", "66 0f 38 f6 /r", "lq"},
	{"adox", "rm,r", "f3 0f 38 f6 /r", "lq"},
	{"movnti", "r,m", "0f c3 /r", "lq"},
	{"movdiri", "r,m", "0f 38 f9 /r", "lq"},
}

// stringOpTable holds the string instructions, plain and with the operands
// that they always have written out.
var stringOpTable = []row{
	{"movs", "", "a4 +w", "bwlq rep"},
	{"movs", "srcs,dsts", "a4 +w", "bwlq rep"},
	{"movsb", "", "a4", "- rep"},
	{"movsw", "", "a5", "w rep bare"},
	{"cmps", "", "a6 +w", "bwlq repe"},
	{"cmps", "dsts,srcs", "a6 +w", "bwlq repe"},
	{"stos", "", "aa +w", "bwlq rep"},
	{"stos", "dsts", "aa +w", "bwlq rep"},
	{"stos", "a,dsts", "aa +w", "bwlq rep"},
	{"lods", "", "ac +w", "bwlq rep"},
	{"lods", "srcs", "ac +w", "bwlq rep"},
	{"lods", "srcs,a", "ac +w", "bwlq rep"},
	{"scas", "", "ae +w", "bwlq repe"},
	{"scas", "dsts", "ae +w", "bwlq repe"},
	{"scas", "dsts,a", "ae +w", "bwlq repe"},
	{"slod", "", "ac +w", "bwlq rep"},
	{"ssto", "", "aa +w", "bwlq rep"},
	{"smov", "", "a4 +w", "bwlq rep"},
	{"ssca", "", "ae +w", "bwlq repe"},
	{"scmp", "", "a6 +w", "bwlq repe"},
	{"ins", "", "6c +w", "bwl rep"},
	{"ins", "dx,dsts", "6c +w", "bwl rep"},
	{"outs", "", "6e +w", "bwl rep"},
	{"outs", "srcs,dx", "6e +w", "bwl rep"},
}

// conditions are the condition codes with all their names.
var conditions = []struct {
	code  int
	names []string
}{
	{0, []string{"o"}}, {1, []string{"no"}}, {2, []string{"b", "c", "nae"}}, {3, []string{"nb", "nc", "ae"}},
	{4, []string{"e", "z"}}, {5, []string{"ne", "nz"}}, {6, []string{"be", "na"}}, {7, []string{"nbe", "a"}},
	{8, []string{"s"}}, {9, []string{"ns"}}, {10, []string{"p", "pe"}}, {11, []string{"np", "po"}},
	{12, []string{"l", "nge"}}, {13, []string{"nl", "ge"}}, {14, []string{"le", "ng"}}, {15, []string{"nle", "g"}},
}

// conditionTable expands jcc, setcc and cmovcc.
func conditionTable() (t []row) {
	for _, c := range conditions {
		for _, n := range c.names {
			t = append(t,
				row{"j" + n, "rel", fmt.Sprintf("%x", 0x70+c.code), "- jcc bnd"},
				row{"set" + n, "rm8", fmt.Sprintf("0f %x /0", 0x90+c.code), "b quiet"},
				row{"cmov" + n, "rm,r", fmt.Sprintf("0f %x /r", 0x40+c.code), "wlq"})
		}
	}
	return t
}

// arithmeticTable expands the eight operations that share their encodings
// (SDM vol. 2D, table A-2, columns 0 to 7), the shifts and the bit tests.
func arithmeticTable() (t []row) {
	for i, n := range []string{"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"} {
		lock := " lock"
		if n == "cmp" {
			lock = ""
		}
		op := func(o int) string { return fmt.Sprintf("%02x +w", i*8+o) }
		t = append(t,
			row{n, "r,rm", op(0) + " /r", "bwlq" + lock},
			row{n, "rm,r", op(2) + " /r", "bwlq" + lock},
			row{n, "is,rm", fmt.Sprintf("83 /%d", i), "wlq" + lock},
			row{n, "i,a", op(4), "bwlq"},
			row{n, "i,rm", fmt.Sprintf("80 +w /%d", i), "bwlq" + lock})
	}
	for i, n := range []string{"rol", "ror", "rcl", "rcr", "shl", "shr", "", "sar"} {
		if n == "" {
			continue
		}
		t = append(t, shiftRows(n, i)...)
	}
	t = append(t, shiftRows("sal", 4)...)
	for i, n := range []string{"bt", "bts", "btr", "btc"} {
		lock := " lock"
		if n == "bt" {
			lock = ""
		}
		t = append(t,
			row{n, "r,rm", fmt.Sprintf("0f %x /r", 0xa3+8*i), "wlq" + lock},
			row{n, "ib,rm", fmt.Sprintf("0f ba /%d", 4+i), "wlq" + lock})
	}
	return t
}

func shiftRows(n string, ext int) []row {
	return []row{
		{n, "1,rm", fmt.Sprintf("d0 +w /%d", ext), "bwlq"},
		{n, "ib,rm", fmt.Sprintf("c0 +w /%d", ext), "bwlq"},
		{n, "cl,rm", fmt.Sprintf("d2 +w /%d", ext), "bwlq"},
		{n, "rm", fmt.Sprintf("d0 +w /%d", ext), "bwlq"},
	}
}

// allTables lists every instruction table in order of preference.
func allTables() [][]row {
	return [][]row{integerTable, arithmeticTable(), conditionTable(), stringOpTable, systemTable,
		sseTable, vectorTable(), x87Table, x87Arithmetic()}
}
