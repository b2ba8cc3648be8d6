package guest

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"klpsim/asm"
	"klpsim/kernel/guest/layout"
)

//go:embed src
var src embed.FS

// Sizes of what Build adds to an image, in bytes.
const (
	kernelStack = 2048 // per task; a syscall, an interrupt in it and a switch take half
	nmiStack    = 1024
	dfStack     = 512
	userStack   = 256
	maxCPUs     = 16
)

// Sections of an image that are not the usual ones.
const (
	sectionDirect = ".direct" // per-CPU areas, tasks, stacks: linked into the direct map
	sectionUser   = ".user"   // ring 3 code
	sectionUStack = ".ustack" // ring 3 stacks
)

// Kernel lists the kernel's source files, without the program's.
func Kernel() ([]asm.Source, error) {
	names, err := fs.Glob(src, "src/*.s")
	if err != nil {
		return nil, fmt.Errorf("list kernel sources: %w", err)
	}
	var out []asm.Source
	for _, n := range names {
		text, err := src.ReadFile(n)
		if err != nil {
			return nil, fmt.Errorf("read kernel source: %w", err)
		}
		out = append(out, asm.Source{Name: strings.TrimPrefix(n, "src/"), Text: text})
	}
	return out, nil
}

// Macros is the text of macros.inc, which kernel and programs include.
func Macros() []byte {
	text, err := src.ReadFile("src/macros.inc")
	if err != nil {
		panic("BUG: macros.inc is not embedded: " + err.Error())
	}
	return text
}

// configSource renders the data that depends on the configuration: how many
// CPUs there are, which tasks, and room for them and their stacks.
func configSource(cfg *Config) asm.Source {
	var b strings.Builder
	b.WriteString("\t.include \"layout.inc\"\n")
	b.WriteString("\t.data\n\t.p2align 3\n\t.globl nr_cpus, pcpu_table, task_list\n")
	b.WriteString("task_list:\n")
	if len(cfg.Tasks) > 0 {
		fmt.Fprintf(&b, "\t.quad task_%d\n", cfg.Tasks[0].PID)
	} else {
		b.WriteString("\t.quad 0\n")
	}
	b.WriteString("pcpu_table:\n")
	for i := range cfg.cores() {
		fmt.Fprintf(&b, "\t.quad pcpu_%d\n", i)
	}
	fmt.Fprintf(&b, "nr_cpus:\n\t.long %d\n", cfg.cores())

	fmt.Fprintf(&b, "\t.section %s, \"aw\", @nobits\n", sectionDirect)
	for i := range cfg.cores() {
		room(&b, 6, fmt.Sprintf("pcpu_%d", i), "PCPU_SIZE")
		room(&b, 4, fmt.Sprintf("nmi_stack_%d", i), fmt.Sprint(nmiStack))
		room(&b, 4, fmt.Sprintf("df_stack_%d", i), fmt.Sprint(dfStack))
		if !cfg.Bare {
			room(&b, 6, fmt.Sprintf("idle_%d", i), "TASK_SIZE")
			room(&b, 4, fmt.Sprintf("idle_stack_%d", i), fmt.Sprint(kernelStack))
		}
	}
	for _, t := range cfg.Tasks {
		room(&b, 6, fmt.Sprintf("task_%d", t.PID), "TASK_SIZE")
		room(&b, 4, fmt.Sprintf("stack_%d", t.PID), fmt.Sprint(kernelStack))
	}
	fmt.Fprintf(&b, "\t.section %s, \"aw\", @nobits\n", sectionUStack)
	for _, t := range cfg.Tasks {
		room(&b, 4, fmt.Sprintf("user_stack_%d", t.PID), fmt.Sprint(userStack))
	}
	return asm.Source{Name: "config.s", Text: []byte(b.String())}
}

// room reserves zeroed bytes under an aligned symbol.
func room(b *strings.Builder, align int, name, size string) {
	fmt.Fprintf(b, "\t.p2align %d\n\t.globl %s\n%s:\n\t.skip %s\n\t.size %s, %s\n", align, name, name, size, name, size)
}

// include serves the files that every source may include.
func include(cfg *Config) func(name string) ([]byte, error) {
	prelude := []byte(layout.Prelude(cfg.Defines))
	return func(name string) ([]byte, error) {
		switch name {
		case layout.PreludeName:
			return prelude, nil
		case "macros.inc":
			return Macros(), nil
		}
		if cfg.Include != nil {
			return cfg.Include(name)
		}
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
}
