package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"klpsim/asm"
)

// asmFlags are what klpsim asm is told on the command line.
type asmFlags struct {
	out     string
	list    bool
	include []string
}

// newAsm returns the command that assembles AT&T source.
func newAsm(s streams) *cobra.Command {
	var f asmFlags
	c := &cobra.Command{
		Use:   "asm FILE.s...",
		Short: "Assemble AT&T source: a listing, or an object file",
		Long: `asm assembles source in AT&T syntax as GNU as reads it. Without -o it prints a
listing: offset, bytes, source line and statement. With -o it writes an ELF64
relocatable object, and the listing only with -l. Several files are assembled
as one source, one after another. Every bad line is reported.`,
		Example: `  klpsim asm klp_patch_task.s
  klpsim asm a.s b.s -o out.o`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return assembleFiles(s, f, args)
		},
	}
	fs := c.Flags()
	fs.StringVarP(&f.out, "output", "o", "", "write an object file")
	fs.BoolVarP(&f.list, "listing", "l", false, "print the listing although -o is given")
	fs.StringArrayVarP(&f.include, "include", "I", nil, "also look for included files in this folder")
	return c
}

// assembleFiles assembles the files as one source and gives out what was asked for.
func assembleFiles(s streams, f asmFlags, files []string) error {
	src, err := joinSources(files)
	if err != nil {
		return err
	}
	obj, err := asm.Assemble(src, asm.Options{Include: includer(filepath.Dir(files[0]), f.include)})
	if err != nil {
		return err
	}
	for _, w := range obj.Warnings {
		fmt.Fprintln(s.err, w)
	}
	if f.out == "" || f.list {
		if err := obj.WriteListing(s.out); err != nil {
			return err
		}
	}
	if f.out == "" {
		return nil
	}
	var b bytes.Buffer
	if err := obj.WriteELF(&b); err != nil {
		return fmt.Errorf("%s: %w", f.out, err)
	}
	return os.WriteFile(f.out, b.Bytes(), 0o666)
}

// joinSources makes one source of several files; line markers keep their names.
func joinSources(files []string) (asm.Source, error) {
	if len(files) == 1 {
		text, err := os.ReadFile(files[0])
		return asm.Source{Name: files[0], Text: text}, err
	}
	var all []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return asm.Source{}, err
		}
		all = fmt.Appendf(all, "# 1 %q\n", name)
		all = append(append(all, text...), '\n')
	}
	return asm.Source{Name: files[0], Text: all}, nil
}

// includer finds included files: as they are named, beside the source, and in
// the folders of -I, in this order.
func includer(beside string, folders []string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		first, err := os.ReadFile(name)
		if err == nil || filepath.IsAbs(name) {
			return first, err
		}
		for _, dir := range append([]string{beside}, folders...) {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				return text, nil
			}
		}
		return nil, err
	}
}
