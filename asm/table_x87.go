package asm

import "fmt"

// x87Table holds the floating-point unit's instructions that are not members
// of a family (SDM vol. 2). Their size suffixes are part of the names: s and
// l for 32- and 64-bit numbers, t for 80-bit ones; s, l and q (or ll) for
// 16-, 32- and 64-bit integers.
var x87Table = []row{
	{"fld", "st", "d9 c0 +r", "-"},
	{"flds", "m", "d9 /0", "-"},
	{"fldl", "m", "dd /0", "-"},
	{"fldl", "st", "d9 c0 +r", "-"},
	{"fldt", "m", "db /5", "-"},
	{"fld", "m", "d9 /0", "- warn"},
	{"fst", "st", "dd d0 +r", "-"},
	{"fsts", "m", "d9 /2", "-"},
	{"fstl", "m", "dd /2", "-"},
	{"fstl", "st", "dd d0 +r", "-"},
	{"fst", "m", "d9 /2", "- warn"},
	{"fstp", "st", "dd d8 +r", "-"},
	{"fstps", "m", "d9 /3", "-"},
	{"fstpl", "m", "dd /3", "-"},
	{"fstpl", "st", "dd d8 +r", "-"},
	{"fstpt", "m", "db /7", "-"},
	{"fstp", "m", "d9 /3", "- warn"},
	{"fild", "m", "df /0", "- warn"},
	{"filds", "m", "df /0", "-"},
	{"fildl", "m", "db /0", "-"},
	{"fildq", "m", "df /5", "-"},
	{"fildll", "m", "df /5", "-"},
	{"fist", "m", "df /2", "- warn"},
	{"fists", "m", "df /2", "-"},
	{"fistl", "m", "db /2", "-"},
	{"fistp", "m", "df /3", "- warn"},
	{"fistps", "m", "df /3", "-"},
	{"fistpl", "m", "db /3", "-"},
	{"fistpq", "m", "df /7", "-"},
	{"fistpll", "m", "df /7", "-"},
	{"fisttp", "m", "df /1", "- warn"},
	{"fisttps", "m", "df /1", "-"},
	{"fisttpl", "m", "db /1", "-"},
	{"fisttpq", "m", "dd /1", "-"},
	{"fisttpll", "m", "dd /1", "-"},
	{"fbld", "m", "df /4", "-"},
	{"fbstp", "m", "df /6", "-"},
	{"fxch", "", "d9 c9", "-"},
	{"fxch", "st", "d9 c8 +r", "-"},
	{"fcom", "", "d8 d1", "-"},
	{"fcomp", "", "d8 d9", "-"},
	{"fcompp", "", "de d9", "-"},
	{"fucom", "", "dd e1", "-"},
	{"fucom", "st", "dd e0 +r", "-"},
	{"fucomp", "", "dd e9", "-"},
	{"fucomp", "st", "dd e8 +r", "-"},
	{"fucompp", "", "da e9", "-"},
	{"fcomi", "", "db f1", "-"},
	{"fcomi", "st", "db f0 +r", "-"},
	{"fcomi", "st,st0", "db f0 +r", "-"},
	{"fcomip", "", "df f1", "-"},
	{"fcomip", "st", "df f0 +r", "-"},
	{"fcomip", "st,st0", "df f0 +r", "-"},
	{"fcompi", "", "df f1", "-"},
	{"fcompi", "st", "df f0 +r", "-"},
	{"fcompi", "st,st0", "df f0 +r", "-"},
	{"fucomi", "", "db e9", "-"},
	{"fucomi", "st", "db e8 +r", "-"},
	{"fucomi", "st,st0", "db e8 +r", "-"},
	{"fucomip", "", "df e9", "-"},
	{"fucomip", "st", "df e8 +r", "-"},
	{"fucomip", "st,st0", "df e8 +r", "-"},
	{"fucompi", "", "df e9", "-"},
	{"fucompi", "st", "df e8 +r", "-"},
	{"fucompi", "st,st0", "df e8 +r", "-"},
	{"ffree", "st", "dd c0 +r", "-"},
	{"ffreep", "st", "df c0 +r", "-"},
	{"fnop", "", "d9 d0", "-"},
	{"fchs", "", "d9 e0", "-"},
	{"fabs", "", "d9 e1", "-"},
	{"ftst", "", "d9 e4", "-"},
	{"fxam", "", "d9 e5", "-"},
	{"fld1", "", "d9 e8", "-"},
	{"fldl2t", "", "d9 e9", "-"},
	{"fldl2e", "", "d9 ea", "-"},
	{"fldpi", "", "d9 eb", "-"},
	{"fldlg2", "", "d9 ec", "-"},
	{"fldln2", "", "d9 ed", "-"},
	{"fldz", "", "d9 ee", "-"},
	{"f2xm1", "", "d9 f0", "-"},
	{"fyl2x", "", "d9 f1", "-"},
	{"fptan", "", "d9 f2", "-"},
	{"fpatan", "", "d9 f3", "-"},
	{"fxtract", "", "d9 f4", "-"},
	{"fprem1", "", "d9 f5", "-"},
	{"fdecstp", "", "d9 f6", "-"},
	{"fincstp", "", "d9 f7", "-"},
	{"fprem", "", "d9 f8", "-"},
	{"fyl2xp1", "", "d9 f9", "-"},
	{"fsqrt", "", "d9 fa", "-"},
	{"fsincos", "", "d9 fb", "-"},
	{"frndint", "", "d9 fc", "-"},
	{"fscale", "", "d9 fd", "-"},
	{"fsin", "", "d9 fe", "-"},
	{"fcos", "", "d9 ff", "-"},
	{"fldcw", "m", "d9 /5", "-"},
	{"fnstcw", "m", "d9 /7", "-"},
	{"fstcw", "m", "d9 /7", "- wait"},
	{"fnstsw", "ax", "df e0", "-"},
	{"fnstsw", "", "df e0", "-"},
	{"fnstsw", "m", "dd /7", "-"},
	{"fstsw", "ax", "df e0", "- wait"},
	{"fstsw", "", "df e0", "- wait"},
	{"fstsw", "m", "dd /7", "- wait"},
	{"fninit", "", "db e3", "-"},
	{"finit", "", "db e3", "- wait"},
	{"fnclex", "", "db e2", "-"},
	{"fclex", "", "db e2", "- wait"},
	{"fneni", "", "db e0", "-"},
	{"feni", "", "db e0", "- wait"},
	{"fndisi", "", "db e1", "-"},
	{"fdisi", "", "db e1", "- wait"},
	{"fnsetpm", "", "db e4", "-"},
	{"fsetpm", "", "db e4", "- wait"},
	{"fnstenv", "m", "d9 /6", "-"},
	{"fstenv", "m", "d9 /6", "- wait"},
	{"fldenv", "m", "d9 /4", "-"},
	{"fnsave", "m", "dd /6", "-"},
	{"fsave", "m", "dd /6", "- wait"},
	{"frstor", "m", "dd /4", "-"},
}

// x87Arithmetic expands the six operations that share their encodings. In
// AT&T syntax the reversed subtractions and divisions of the register forms
// with a destination other than %st are swapped, a habit of the first AT&T
// assembler that GNU as keeps.
func x87Arithmetic() (t []row) {
	for _, o := range []struct {
		name     string
		ext, rev int // ModRM extension, and the one with a %st(i) destination
	}{
		{"fadd", 0, 0}, {"fmul", 1, 1}, {"fsub", 4, 4}, {"fsubr", 5, 5}, {"fdiv", 6, 6}, {"fdivr", 7, 7},
	} {
		d8 := fmt.Sprintf("d8 %02x +r", 0xc0+8*o.ext)
		dc := fmt.Sprintf("dc %02x +r", 0xc0+8*o.rev)
		de := fmt.Sprintf("de %02x +r", 0xc0+8*o.rev)
		t = append(t,
			row{o.name, "st,st0", d8, "-"},
			row{o.name, "st0,st", dc, "-"},
			row{o.name, "st", d8, "-"},
			row{o.name, "", fmt.Sprintf("de %02x", 0xc1+8*o.rev), "-"},
			row{o.name + "s", "m", fmt.Sprintf("d8 /%d", o.ext), "-"},
			row{o.name + "l", "m", fmt.Sprintf("dc /%d", o.ext), "-"},
			row{o.name, "m", fmt.Sprintf("d8 /%d", o.ext), "- warn"},
			row{o.name + "p", "st0,st", de, "-"},
			row{o.name + "p", "st", de, "-"},
			row{o.name + "p", "", fmt.Sprintf("de %02x", 0xc1+8*o.rev), "-"},
			row{"fi" + o.name[1:], "m", fmt.Sprintf("de /%d", o.ext), "- warn"},
			row{"fi" + o.name[1:] + "s", "m", fmt.Sprintf("de /%d", o.ext), "-"},
			row{"fi" + o.name[1:] + "l", "m", fmt.Sprintf("da /%d", o.ext), "-"})
	}
	for i, n := range []string{"com", "comp"} {
		t = append(t,
			row{"f" + n, "st", fmt.Sprintf("d8 %02x +r", 0xd0+8*i), "-"},
			row{"f" + n + "s", "m", fmt.Sprintf("d8 /%d", 2+i), "-"},
			row{"f" + n + "l", "m", fmt.Sprintf("dc /%d", 2+i), "-"},
			row{"f" + n, "m", fmt.Sprintf("d8 /%d", 2+i), "- warn"},
			row{"fi" + n, "m", fmt.Sprintf("de /%d", 2+i), "- warn"},
			row{"fi" + n + "s", "m", fmt.Sprintf("de /%d", 2+i), "-"},
			row{"fi" + n + "l", "m", fmt.Sprintf("da /%d", 2+i), "-"})
	}
	for i, names := range [][]string{{"b", "nae"}, {"e"}, {"be", "na"}, {"u"}, {"nb", "ae"}, {"ne"}, {"nbe", "a"}, {"nu"}} {
		op := 0xdac0 + 8*i
		if i >= 4 {
			op = 0xdbc0 + 8*(i-4)
		}
		for _, n := range names {
			t = append(t, row{"fcmov" + n, "st,st0", fmt.Sprintf("%02x %02x +r", op>>8, op&0xff), "-"})
		}
	}
	return t
}
