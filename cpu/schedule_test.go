package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScheduleText(t *testing.T) {
	s, err := ParseSchedule("0*3, 0h irq1:ec\n# a comment\nnmi0 drain0*2\tinit1 sipi1:9a tick0 1", 2)
	require.NoError(t, err)
	require.Equal(t, Schedule{{Kind: Step}, {Kind: Step}, {Kind: Step}, {Kind: Hold}, {Kind: IRQ, Core: 1, Vector: 0xec},
		{Kind: NMI}, {Kind: Drain}, {Kind: Drain}, {Kind: INIT, Core: 1}, {Kind: SIPI, Core: 1, Vector: 0x9a}, {Kind: Tick}, {Core: 1}}, s)
	require.Equal(t, "0*3 0h irq1:ec nmi0 drain0*2 init1 sipi1:9a tick0 1", s.String())
}

func TestScheduleErrorsNameColumnAndText(t *testing.T) {
	for text, want := range map[string]string{
		"0 2":          `schedule:1:3: "2": there is no core 2; the machine has 2`,
		"0\n 1 frob":   `schedule:2:4: "frob": expected a core, or one of`,
		"0*0":          `schedule:1:1: "0*0": expected a count from 1 to`,
		"irq0":         `schedule:1:1: "irq0": irq and sipi take a vector`,
		"nmi0:12":      `schedule:1:1: "nmi0:12": irq and sipi take a vector`,
		"irq0:xyz":     `schedule:1:1: "irq0:xyz": "xyz" is not a vector`,
		"0*16777216 1": `schedule:1:12: "1": the schedule is longer than`,
		"drain0h":      `schedule:1:1: "drain0h": expected a core`,
	} {
		_, err := ParseSchedule(text, 2)
		require.ErrorContains(t, err, want)
	}
}

func FuzzParseSchedule(f *testing.F) {
	f.Add("0*3, 0h irq1:ec nmi0 drain0*2 sipi1:9a")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchedule(text, 3)
		if err != nil || len(s) > 1<<16 {
			return
		}
		again, err := ParseSchedule(s.String(), 3)
		require.NoError(t, err)
		require.Equal(t, s.String(), again.String())
	})
}
