package racetest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/kernel/racetest"
)

// counter adds to a variable in three instructions; the interrupt's handler
// adds to it too.
const counter = `
scenario counter "an interrupt in the middle of an addition"
bare
task 1 on 0 running entry count
type total int
check both-counted "no addition is lost" final: total == 2
limit 100
code
	.globl count, done, total, vector_20
count:
	mov total, %eax
	inc %eax
	mov %eax, total
done:
	nop
	jmp done
vector_20:
	incl total
	iretq
	.data
total:	.long 0
end
`

func Example() {
	lab, err := racetest.New(counter)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := lab.Run("si 2", "inject irq 20", "until done")
	if err != nil {
		fmt.Println(err)
		return
	}
	total, err := r.Value("total")
	fmt.Println(r.Violated(), total, err, r.Schedule())
	// Output: [both-counted] 1 <nil> 0*2 irq0:20 0*4
}

func ExampleLab_Sweep() {
	lab, err := racetest.New(counter)
	if err != nil {
		fmt.Println(err)
		return
	}
	points, err := lab.Sweep("count", "inject irq 20", "until done")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range points {
		fmt.Println(p.Text, p.Violated)
	}
	// Output:
	// mov total, %eax []
	// inc %eax [both-counted]
	// mov %eax, total [both-counted]
}

func ExampleLab_Replay() {
	lab, err := racetest.Open("rfc-v2")
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := lab.Run()
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := lab.Replay(r.Schedule())
	fmt.Println(r.Violated(), again.Violated(), err)
	// Output: [stays-done] [stays-done] <nil>
}

func TestErrors(t *testing.T) {
	_, err := racetest.New("scenario x\nfrob\n")
	require.ErrorContains(t, err, "scenario:2:1: a line cannot begin with \"frob\"")
	_, err = racetest.Open("nosuch")
	require.ErrorContains(t, err, "no bundled scenario")
	lab, err := racetest.New(counter)
	require.NoError(t, err)
	_, err = lab.Run("si x")
	require.ErrorContains(t, err, "commands:1:4: expected a number of steps")
	_, err = lab.Sweep("count", "si")
	require.ErrorContains(t, err, "expected an inject command")
	_, err = lab.Sweep("nosuch", "inject nmi")
	require.ErrorContains(t, err, `no function is called "nosuch"`)
	_, err = lab.Replay("0 9")
	require.ErrorContains(t, err, "there is no core 9")
	r, err := lab.Run("si")
	require.NoError(t, err)
	_, err = r.Value("nosuch")
	require.Error(t, err)
	d, err := r.Diagram(72)
	require.NoError(t, err)
	require.Contains(t, d, "counter: an interrupt in the middle of an addition")
}
