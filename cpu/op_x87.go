package cpu

// The fields of the x87 status word (SDM vol. 1, section 8.1.3).
const (
	fswES  uint16 = 1 << 7
	fswTop uint16 = 7 << 11
)

// raisePendingX87 raises #MF when an earlier x87 instruction left an unmasked
// exception behind (SDM vol. 1, section 8.7).
func (c *Core) raisePendingX87() {
	if c.FSW&fswES != 0 {
		c.raise(VecMF)
	}
}
