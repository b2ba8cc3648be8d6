package asm

import "fmt"

// sseTable holds MMX and SSE to SSE4.2 instructions that are not members of
// a family (SDM vol. 2).
var sseTable = []row{
	// moves
	{"movq", "m,x", "f3 0f 7e /r", "-"},
	{"movq", "xn,x", "f3 0f 7e /r", "-"},
	{"movq", "x,m", "66 0f d6 /r", "-"},
	{"movq", "mmm,mm", "0f 6f /r", "-"},
	{"movq", "mm,mmm", "0f 7f /r", "-"},
	{"movq", "rn64,x", "66 0f 6e /r", "- W"},
	{"movq", "x,rn64", "66 0f 7e /r", "- W"},
	{"movq", "rn64,mm", "0f 6e /r", "- W"},
	{"movq", "mm,rn64", "0f 7e /r", "- W"},
	{"movd", "rm32,x", "66 0f 6e /r", "-"},
	{"movd", "rm64,x", "66 0f 6e /r", "- W"},
	{"movd", "x,rm32", "66 0f 7e /r", "-"},
	{"movd", "x,rm64", "66 0f 7e /r", "- W"},
	{"movd", "rm32,mm", "0f 6e /r", "-"},
	{"movd", "rm64,mm", "0f 6e /r", "- W"},
	{"movd", "mm,rm32", "0f 7e /r", "-"},
	{"movd", "mm,rm64", "0f 7e /r", "- W"},
	{"movaps", "xm,x", "0f 28 /r", "-"},
	{"movaps", "x,xm", "0f 29 /r", "-"},
	{"movapd", "xm,x", "66 0f 28 /r", "-"},
	{"movapd", "x,xm", "66 0f 29 /r", "-"},
	{"movups", "xm,x", "0f 10 /r", "-"},
	{"movups", "x,xm", "0f 11 /r", "-"},
	{"movupd", "xm,x", "66 0f 10 /r", "-"},
	{"movupd", "x,xm", "66 0f 11 /r", "-"},
	{"movss", "xm,x", "f3 0f 10 /r", "-"},
	{"movss", "x,xm", "f3 0f 11 /r", "-"},
	{"movsd", "xm,x", "f2 0f 10 /r", "-"},
	{"movsd", "x,xm", "f2 0f 11 /r", "-"},
	{"movsd", "", "a5", "- rep"},
	{"movdqa", "xm,x", "66 0f 6f /r", "-"},
	{"movdqa", "x,xm", "66 0f 7f /r", "-"},
	{"movdqu", "xm,x", "f3 0f 6f /r", "-"},
	{"movdqu", "x,xm", "f3 0f 7f /r", "-"},
	{"movdq2q", "xn,mm", "f2 0f d6 /r", "-"},
	{"movq2dq", "mmn,x", "f3 0f d6 /r", "-"},
	{"movhlps", "xn,x", "0f 12 /r", "-"},
	{"movlhps", "xn,x", "0f 16 /r", "-"},
	{"movhps", "m,x", "0f 16 /r", "-"},
	{"movhps", "x,m", "0f 17 /r", "-"},
	{"movhpd", "m,x", "66 0f 16 /r", "-"},
	{"movhpd", "x,m", "66 0f 17 /r", "-"},
	{"movlps", "m,x", "0f 12 /r", "-"},
	{"movlps", "x,m", "0f 13 /r", "-"},
	{"movlpd", "m,x", "66 0f 12 /r", "-"},
	{"movlpd", "x,m", "66 0f 13 /r", "-"},
	{"movmskps", "xn,r32", "0f 50 /r", "-"},
	{"movmskps", "xn,r64", "0f 50 /r", "-"},
	{"movmskpd", "xn,r32", "66 0f 50 /r", "-"},
	{"movmskpd", "xn,r64", "66 0f 50 /r", "-"},
	{"pmovmskb", "xn,r32", "66 0f d7 /r", "-"},
	{"pmovmskb", "xn,r64", "66 0f d7 /r", "-"},
	{"pmovmskb", "mmn,r32", "0f d7 /r", "-"},
	{"pmovmskb", "mmn,r64", "0f d7 /r", "-"},
	{"movntps", "x,m", "0f 2b /r", "-"},
	{"movntpd", "x,m", "66 0f 2b /r", "-"},
	{"movntdq", "x,m", "66 0f e7 /r", "-"},
	{"movntdqa", "m,x", "66 0f 38 2a /r", "-"},
	{"movntq", "mm,m", "0f e7 /r", "-"},
	{"maskmovq", "mmn,mm", "0f f7 /r", "-"},
	{"maskmovdqu", "xn,x", "66 0f f7 /r", "-"},
	{"lddqu", "m,x", "f2 0f f0 /r", "-"},
	{"movshdup", "xm,x", "f3 0f 16 /r", "-"},
	{"movsldup", "xm,x", "f3 0f 12 /r", "-"},
	{"movddup", "xm,x", "f2 0f 12 /r", "-"},

	// conversions
	{"cvtsi2ss", "rm32,x", "f3 0f 2a /r", "l amb"},
	{"cvtsi2ss", "rm64,x", "f3 0f 2a /r", "q amb"},
	{"cvtsi2sd", "rm32,x", "f2 0f 2a /r", "l amb"},
	{"cvtsi2sd", "rm64,x", "f2 0f 2a /r", "q amb"},
	{"cvtss2si", "xm,r", "f3 0f 2d /r", "lq"},
	{"cvtsd2si", "xm,r", "f2 0f 2d /r", "lq"},
	{"cvttss2si", "xm,r", "f3 0f 2c /r", "lq"},
	{"cvttsd2si", "xm,r", "f2 0f 2c /r", "lq"},
	{"cvtss2sd", "xm,x", "f3 0f 5a /r", "-"},
	{"cvtsd2ss", "xm,x", "f2 0f 5a /r", "-"},
	{"cvtps2pd", "xm,x", "0f 5a /r", "-"},
	{"cvtpd2ps", "xm,x", "66 0f 5a /r", "-"},
	{"cvtdq2ps", "xm,x", "0f 5b /r", "-"},
	{"cvtps2dq", "xm,x", "66 0f 5b /r", "-"},
	{"cvttps2dq", "xm,x", "f3 0f 5b /r", "-"},
	{"cvtdq2pd", "xm,x", "f3 0f e6 /r", "-"},
	{"cvtpd2dq", "xm,x", "f2 0f e6 /r", "-"},
	{"cvttpd2dq", "xm,x", "66 0f e6 /r", "-"},
	{"cvtpi2ps", "mmm,x", "0f 2a /r", "-"},
	{"cvtpi2pd", "mmm,x", "66 0f 2a /r", "-"},
	{"cvtps2pi", "xm,mm", "0f 2d /r", "-"},
	{"cvttps2pi", "xm,mm", "0f 2c /r", "-"},
	{"cvtpd2pi", "xm,mm", "66 0f 2d /r", "-"},
	{"cvttpd2pi", "xm,mm", "66 0f 2c /r", "-"},

	// compares, shuffles and logic
	{"comiss", "xm,x", "0f 2f /r", "-"},
	{"comisd", "xm,x", "66 0f 2f /r", "-"},
	{"ucomiss", "xm,x", "0f 2e /r", "-"},
	{"ucomisd", "xm,x", "66 0f 2e /r", "-"},
	{"cmpsd", "", "a7", "- repe"},
	{"shufps", "ib,xm,x", "0f c6 /r", "-"},
	{"shufpd", "ib,xm,x", "66 0f c6 /r", "-"},
	{"unpcklps", "xm,x", "0f 14 /r", "-"},
	{"unpcklpd", "xm,x", "66 0f 14 /r", "-"},
	{"unpckhps", "xm,x", "0f 15 /r", "-"},
	{"unpckhpd", "xm,x", "66 0f 15 /r", "-"},
	{"rcpps", "xm,x", "0f 53 /r", "-"},
	{"rcpss", "xm,x", "f3 0f 53 /r", "-"},
	{"rsqrtps", "xm,x", "0f 52 /r", "-"},
	{"rsqrtss", "xm,x", "f3 0f 52 /r", "-"},
	{"addsubps", "xm,x", "f2 0f d0 /r", "-"},
	{"addsubpd", "xm,x", "66 0f d0 /r", "-"},
	{"haddps", "xm,x", "f2 0f 7c /r", "-"},
	{"haddpd", "xm,x", "66 0f 7c /r", "-"},
	{"hsubps", "xm,x", "f2 0f 7d /r", "-"},
	{"hsubpd", "xm,x", "66 0f 7d /r", "-"},
	{"pshufd", "ib,xm,x", "66 0f 70 /r", "-"},
	{"pshufhw", "ib,xm,x", "f3 0f 70 /r", "-"},
	{"pshuflw", "ib,xm,x", "f2 0f 70 /r", "-"},
	{"pshufw", "ib,mmm,mm", "0f 70 /r", "-"},
	{"punpcklqdq", "xm,x", "66 0f 6c /r", "-"},
	{"punpckhqdq", "xm,x", "66 0f 6d /r", "-"},
	{"pslldq", "ib,xn", "66 0f 73 /7", "-"},
	{"psrldq", "ib,xn", "66 0f 73 /3", "-"},

	// insertion and extraction
	{"pinsrw", "ib,rn32,x", "66 0f c4 /r", "-"},
	{"pinsrw", "ib,m,x", "66 0f c4 /r", "-"},
	{"pinsrw", "ib,rn64,x", "66 0f c4 /r", "-"},
	{"pinsrw", "ib,rn32,mm", "0f c4 /r", "-"},
	{"pinsrw", "ib,m,mm", "0f c4 /r", "-"},
	{"pinsrw", "ib,rn64,mm", "0f c4 /r", "-"},
	{"pextrw", "ib,xn,r32", "66 0f c5 /r", "-"},
	{"pextrw", "ib,xn,r64", "66 0f c5 /r", "-"},
	{"pextrw", "ib,mmn,r32", "0f c5 /r", "-"},
	{"pextrw", "ib,mmn,r64", "0f c5 /r", "-"},
	{"pextrw", "ib,x,m", "66 0f 3a 15 /r", "-"},
	{"pinsrb", "ib,rm32,x", "66 0f 3a 20 /r", "-"},
	{"pinsrb", "ib,rn64,x", "66 0f 3a 20 /r", "-"},
	{"pinsrd", "ib,rm32,x", "66 0f 3a 22 /r", "-"},
	{"pinsrq", "ib,rm64,x", "66 0f 3a 22 /r", "- W"},
	{"pextrb", "ib,x,rm32", "66 0f 3a 14 /r", "-"},
	{"pextrb", "ib,x,rn64", "66 0f 3a 14 /r", "-"},
	{"pextrd", "ib,x,rm32", "66 0f 3a 16 /r", "-"},
	{"pextrq", "ib,x,rm64", "66 0f 3a 16 /r", "- W"},
	{"extractps", "ib,x,rm32", "66 0f 3a 17 /r", "-"},
	{"extractps", "ib,x,rn64", "66 0f 3a 17 /r", "-"},
	{"insertps", "ib,xm,x", "66 0f 3a 21 /r", "-"},

	// SSE4.1 and later, SHA, AES
	{"roundps", "ib,xm,x", "66 0f 3a 08 /r", "-"},
	{"roundpd", "ib,xm,x", "66 0f 3a 09 /r", "-"},
	{"roundss", "ib,xm,x", "66 0f 3a 0a /r", "-"},
	{"roundsd", "ib,xm,x", "66 0f 3a 0b /r", "-"},
	{"blendps", "ib,xm,x", "66 0f 3a 0c /r", "-"},
	{"blendpd", "ib,xm,x", "66 0f 3a 0d /r", "-"},
	{"pblendw", "ib,xm,x", "66 0f 3a 0e /r", "-"},
	{"palignr", "ib,xm,x", "66 0f 3a 0f /r", "-"},
	{"palignr", "ib,mmm,mm", "0f 3a 0f /r", "-"},
	{"dpps", "ib,xm,x", "66 0f 3a 40 /r", "-"},
	{"dppd", "ib,xm,x", "66 0f 3a 41 /r", "-"},
	{"mpsadbw", "ib,xm,x", "66 0f 3a 42 /r", "-"},
	{"pclmulqdq", "ib,xm,x", "66 0f 3a 44 /r", "-"},
	{"pcmpestrm", "ib,xm,x", "66 0f 3a 60 /r", "lq quiet"},
	{"pcmpestri", "ib,xm,x", "66 0f 3a 61 /r", "lq quiet"},
	{"pcmpistrm", "ib,xm,x", "66 0f 3a 62 /r", "-"},
	{"pcmpistri", "ib,xm,x", "66 0f 3a 63 /r", "-"},
	{"pblendvb", "x0,xm,x", "66 0f 38 10 /r", "-"},
	{"pblendvb", "xm,x", "66 0f 38 10 /r", "-"},
	{"blendvps", "x0,xm,x", "66 0f 38 14 /r", "-"},
	{"blendvps", "xm,x", "66 0f 38 14 /r", "-"},
	{"blendvpd", "x0,xm,x", "66 0f 38 15 /r", "-"},
	{"blendvpd", "xm,x", "66 0f 38 15 /r", "-"},
	{"ptest", "xm,x", "66 0f 38 17 /r", "-"},
	{"aeskeygenassist", "ib,xm,x", "66 0f 3a df /r", "-"},
	{"sha1rnds4", "ib,xm,x", "0f 3a cc /r", "-"},
	{"sha256rnds2", "x0,xm,x", "0f 38 cb /r", "-"},
	{"sha256rnds2", "xm,x", "0f 38 cb /r", "-"},
	{"gf2p8mulb", "xm,x", "66 0f 38 cf /r", "-"},
	{"gf2p8affineqb", "ib,xm,x", "66 0f 3a ce /r", "-"},
	{"gf2p8affineinvqb", "ib,xm,x", "66 0f 3a cf /r", "-"},
}

// floatOps are the operations with ps, pd, ss and sd forms.
var floatOps = []struct {
	name string
	op   int
	pd   bool // has pd and sd forms
}{
	{"add", 0x58, true}, {"mul", 0x59, true}, {"sub", 0x5c, true}, {"min", 0x5d, true},
	{"div", 0x5e, true}, {"max", 0x5f, true}, {"sqrt", 0x51, true},
}

// packedOps are integer operations with an MMX form 0F op and an SSE2 form
// 66 0F op.
var packedOps = []struct {
	name string
	op   int
}{
	{"punpcklbw", 0x60}, {"punpcklwd", 0x61}, {"punpckldq", 0x62}, {"packsswb", 0x63},
	{"pcmpgtb", 0x64}, {"pcmpgtw", 0x65}, {"pcmpgtd", 0x66}, {"packuswb", 0x67},
	{"punpckhbw", 0x68}, {"punpckhwd", 0x69}, {"punpckhdq", 0x6a}, {"packssdw", 0x6b},
	{"pcmpeqb", 0x74}, {"pcmpeqw", 0x75}, {"pcmpeqd", 0x76},
	{"psrlw", 0xd1}, {"psrld", 0xd2}, {"psrlq", 0xd3}, {"paddq", 0xd4}, {"pmullw", 0xd5},
	{"psubusb", 0xd8}, {"psubusw", 0xd9}, {"pminub", 0xda}, {"pand", 0xdb},
	{"paddusb", 0xdc}, {"paddusw", 0xdd}, {"pmaxub", 0xde}, {"pandn", 0xdf},
	{"pavgb", 0xe0}, {"psraw", 0xe1}, {"psrad", 0xe2}, {"pavgw", 0xe3}, {"pmulhuw", 0xe4}, {"pmulhw", 0xe5},
	{"psubsb", 0xe8}, {"psubsw", 0xe9}, {"pminsw", 0xea}, {"por", 0xeb},
	{"paddsb", 0xec}, {"paddsw", 0xed}, {"pmaxsw", 0xee}, {"pxor", 0xef},
	{"psllw", 0xf1}, {"pslld", 0xf2}, {"psllq", 0xf3}, {"pmuludq", 0xf4}, {"pmaddwd", 0xf5}, {"psadbw", 0xf6},
	{"psubb", 0xf8}, {"psubw", 0xf9}, {"psubd", 0xfa}, {"psubq", 0xfb}, {"paddb", 0xfc}, {"paddw", 0xfd}, {"paddd", 0xfe},
}

// ssse3Ops have an MMX form 0F 38 op and an SSE form 66 0F 38 op.
var ssse3Ops = []struct {
	name string
	op   int
}{
	{"pshufb", 0x00}, {"phaddw", 0x01}, {"phaddd", 0x02}, {"phaddsw", 0x03}, {"pmaddubsw", 0x04},
	{"phsubw", 0x05}, {"phsubd", 0x06}, {"phsubsw", 0x07}, {"psignb", 0x08}, {"psignw", 0x09},
	{"psignd", 0x0a}, {"pmulhrsw", 0x0b}, {"pabsb", 0x1c}, {"pabsw", 0x1d}, {"pabsd", 0x1e},
}

// sse4Ops have only the form 66 0F 38 op.
var sse4Ops = []struct {
	name string
	op   int
}{
	{"pmovsxbw", 0x20}, {"pmovsxbd", 0x21}, {"pmovsxbq", 0x22}, {"pmovsxwd", 0x23}, {"pmovsxwq", 0x24}, {"pmovsxdq", 0x25},
	{"pmuldq", 0x28}, {"pcmpeqq", 0x29}, {"packusdw", 0x2b},
	{"pmovzxbw", 0x30}, {"pmovzxbd", 0x31}, {"pmovzxbq", 0x32}, {"pmovzxwd", 0x33}, {"pmovzxwq", 0x34}, {"pmovzxdq", 0x35},
	{"pcmpgtq", 0x37}, {"pminsb", 0x38}, {"pminsd", 0x39}, {"pminuw", 0x3a}, {"pminud", 0x3b},
	{"pmaxsb", 0x3c}, {"pmaxsd", 0x3d}, {"pmaxuw", 0x3e}, {"pmaxud", 0x3f}, {"pmulld", 0x40}, {"phminposuw", 0x41},
	{"aesimc", 0xdb}, {"aesenc", 0xdc}, {"aesenclast", 0xdd}, {"aesdec", 0xde}, {"aesdeclast", 0xdf},
}

// shaOps have the form 0F 38 op without a prefix.
var shaOps = []struct {
	name string
	op   int
}{
	{"sha1nexte", 0xc8}, {"sha1msg1", 0xc9}, {"sha1msg2", 0xca}, {"sha256msg1", 0xcc}, {"sha256msg2", 0xcd},
}

// comparisons are the predicates that cmpps and its kin take by number or as
// part of the name.
var comparisons = []string{"eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"}

// vectorTable expands the families.
func vectorTable() (t []row) {
	kinds := []struct{ suffix, prefix string }{{"ps", ""}, {"pd", "66 "}, {"ss", "f3 "}, {"sd", "f2 "}}
	for _, k := range kinds {
		for _, o := range floatOps {
			t = append(t, row{o.name + k.suffix, "xm,x", fmt.Sprintf("%s0f %02x /r", k.prefix, o.op), "-"})
		}
		t = append(t, row{"cmp" + k.suffix, "ib,xm,x", k.prefix + "0f c2 /r", "-"})
		for i, c := range comparisons {
			t = append(t, row{"cmp" + c + k.suffix, "xm,x", fmt.Sprintf("%s0f c2 /r =%02x", k.prefix, i), "-"})
		}
		if k.suffix[0] == 'p' {
			for i, n := range []string{"and", "andn", "or", "xor"} {
				t = append(t, row{n + k.suffix, "xm,x", fmt.Sprintf("%s0f %02x /r", k.prefix, 0x54+i), "-"})
			}
		}
	}
	for _, o := range packedOps {
		t = append(t, row{o.name, "xm,x", fmt.Sprintf("66 0f %02x /r", o.op), "-"},
			row{o.name, "mmm,mm", fmt.Sprintf("0f %02x /r", o.op), "-"})
	}
	for _, o := range ssse3Ops {
		t = append(t, row{o.name, "xm,x", fmt.Sprintf("66 0f 38 %02x /r", o.op), "-"},
			row{o.name, "mmm,mm", fmt.Sprintf("0f 38 %02x /r", o.op), "-"})
	}
	for _, o := range sse4Ops {
		t = append(t, row{o.name, "xm,x", fmt.Sprintf("66 0f 38 %02x /r", o.op), "-"})
	}
	for _, o := range shaOps {
		t = append(t, row{o.name, "xm,x", fmt.Sprintf("0f 38 %02x /r", o.op), "-"})
	}
	return append(t, vectorShifts()...)
}

// vectorShifts expands the shifts by an immediate (SDM vol. 2D, table A-6,
// groups 12 to 14).
func vectorShifts() (t []row) {
	for _, s := range []struct {
		name    string
		op, ext int
	}{
		{"psrlw", 0x71, 2}, {"psraw", 0x71, 4}, {"psllw", 0x71, 6},
		{"psrld", 0x72, 2}, {"psrad", 0x72, 4}, {"pslld", 0x72, 6},
		{"psrlq", 0x73, 2}, {"psllq", 0x73, 6},
	} {
		t = append(t, row{s.name, "ib,xn", fmt.Sprintf("66 0f %02x /%d", s.op, s.ext), "-"},
			row{s.name, "ib,mmn", fmt.Sprintf("0f %02x /%d", s.op, s.ext), "-"})
	}
	return t
}
