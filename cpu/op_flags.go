package cpu

import "klpsim/cpu/decode"

func opClc(c *Core, in *decode.Inst) { c.Flags &^= FlagCF }
func opStc(c *Core, in *decode.Inst) { c.Flags |= FlagCF }
func opCmc(c *Core, in *decode.Inst) { c.Flags ^= FlagCF }
func opCld(c *Core, in *decode.Inst) { c.Flags &^= FlagDF }
func opStd(c *Core, in *decode.Inst) { c.Flags |= FlagDF }

// opNop is NOP, PAUSE, ENDBR, the hint NOPs, prefetches and the fences: what
// the fences order is the table's (Serialising) and the step loop's business.
func opNop(c *Core, in *decode.Inst) {}

// opClflush changes nothing that a program can see but checks its operand as
// a byte load does (SDM vol. 2, CLFLUSH).
func opClflush(c *Core, in *decode.Inst) {
	if lin, ok := c.check(in.Segment, c.ea(in), 1, false); ok {
		c.probe(lin, 1, c.dataAccess(AccessRead))
	}
}
