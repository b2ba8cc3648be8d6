package asm

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// compiled is a function as gcc -O2 prints it.
const compiled = `	.p2align 4
	.globl	sum
	.type	sum, @function
sum:
.LFB0:
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	.cfi_offset 3, -16
	movq	%rdi, %rbx
	testl	%esi, %esi
	jle	.L4
	leal	-1(%rsi), %eax
	leaq	4(%rdi,%rax,4), %rdx
	xorl	%eax, %eax
.L3:
	addl	(%rdi), %eax
	addq	$4, %rdi
	cmpq	%rdx, %rdi
	jne	.L3
	movl	%eax, counter(%rip)
	popq	%rbx
	.cfi_remember_state
	.cfi_def_cfa_offset 8
	ret
.L4:
	.cfi_restore_state
	xorl	%eax, %eax
	call	report@PLT
	popq	%rbx
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
.LFE0:
	.size	sum, .-sum
`

// BenchmarkAssemble measures lines a second on compiled code. With
// KLPSIM_ASM_FILE it takes that file and, where installed, GNU as beside us;
// the difference to a real run of as is a few milliseconds of process start.
func BenchmarkAssemble(b *testing.B) {
	file := os.Getenv("KLPSIM_ASM_FILE")
	var text []byte
	if file == "" {
		for i := range 2000 {
			n := []byte(itoa(i%100) + "_" + itoa(i/100))
			f := bytes.ReplaceAll([]byte(compiled), []byte("sum"), append([]byte("sum"), n...))
			for _, l := range []string{".LFB0", ".LFE0", ".L3", ".L4"} {
				f = bytes.ReplaceAll(f, []byte(l), append([]byte(l+"x"), n...))
			}
			text = append(text, f...)
		}
	} else {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			b.Fatal(err)
		}
	}
	lines := float64(bytes.Count(text, []byte("\n")))
	b.Run("klpsim", func(b *testing.B) {
		for b.Loop() {
			o, err := Assemble(Source{Name: "b.s", Text: text}, Options{NoLines: true})
			if err != nil {
				b.Fatal(err)
			}
			var out bytes.Buffer
			if err := o.WriteELF(&out); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	})
	as, err := exec.LookPath("as")
	if err != nil {
		return
	}
	dir := b.TempDir()
	src := filepath.Join(dir, "b.s")
	if err := os.WriteFile(src, text, 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("as", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command(as, src, "-o", filepath.Join(dir, "b.o")).Run(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	})
}
