package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"klpsim/asm"
)

// linkFlags are the flags of klpsim link.
type linkFlags struct {
	layout string
	base   uint64
	stubs  []string
	entry  string
	output string
}

// newLink returns the command that links objects and sources to an image.
func newLink(s streams) *cobra.Command {
	var f linkFlags
	c := &cobra.Command{
		Use:   "link FILE...",
		Short: "Link sources, objects and archives to an image and print its map",
		Long: `link places the sections of the inputs (.s, .o, .a) at addresses, binds
symbols and applies relocations. An undefined symbol is an error that names
who refers to it; --stub binds one on purpose. The map lists segments and
symbols by address; -o writes the bytes of the first segment up to the last.`,
		Example: `  klpsim link patch.s helper.o --base 0xffffffff81000000
  klpsim link patch.o --stub "printk returns 0" --stub "smp_mb = do_nothing"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runLink(s, f, args) },
	}
	c.Flags().StringVar(&f.layout, "layout", "", "layout description `FILE` (segment, stub, symbol, entry, discard)")
	c.Flags().Uint64Var(&f.base, "base", 0xffffffff81000000, "address of the code without --layout")
	c.Flags().StringArrayVar(&f.stubs, "stub", nil, "bind a symbol: \"`NAME` returns N\" or \"NAME = OTHER\"; may be repeated")
	c.Flags().StringVar(&f.entry, "entry", "", "symbol of the entry point")
	c.Flags().StringVarP(&f.output, "output", "o", "", "write the image's bytes to `FILE`")
	return c
}

func runLink(s streams, f linkFlags, args []string) error {
	layout, err := f.read()
	if err != nil {
		return err
	}
	var objs []*asm.Object
	for _, name := range args {
		if ext := filepath.Ext(name); ext == ".s" || ext == ".S" {
			src, err := joinSources([]string{name})
			if err != nil {
				return err
			}
			obj, err := asm.Assemble(src, asm.Options{Include: includer(filepath.Dir(name), nil)})
			if err != nil {
				return err
			}
			objs = append(objs, obj)
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("reading an object: %w", err)
		}
		more, err := asm.ReadObject(name, data)
		if err != nil {
			return err
		}
		objs = append(objs, more...)
	}
	img, err := asm.Link(objs, layout)
	if err != nil {
		return err
	}
	if f.output != "" {
		if err := writeImage(f.output, img); err != nil {
			return err
		}
	}
	printMap(s.out, img)
	return nil
}

// read builds the layout from the flags.
func (f *linkFlags) read() (asm.Layout, error) {
	layout := asm.DefaultLayout(f.base)
	if f.layout != "" {
		text, err := os.ReadFile(f.layout)
		if err != nil {
			return layout, fmt.Errorf("reading the layout: %w", err)
		}
		if layout, err = asm.ParseLayout(f.layout, text); err != nil {
			return layout, err
		}
	}
	for _, text := range f.stubs {
		st, err := asm.ParseStub(text)
		if err != nil {
			return layout, fmt.Errorf("--stub %q: %w", text, err)
		}
		layout.Stubs = append(layout.Stubs, st)
	}
	if f.entry != "" {
		layout.Entry = f.entry
	}
	return layout, nil
}

// maxImage bounds the file that -o writes, in bytes.
const maxImage = 1 << 30

// writeImage writes the segments at their distance from the first one.
func writeImage(name string, img *asm.Image) error {
	if len(img.Segments) == 0 {
		return fmt.Errorf("%s: the image is empty", name)
	}
	low, high := img.Segments[0].Addr, img.Segments[0].Addr
	for _, seg := range img.Segments {
		low, high = min(low, seg.Addr), max(high, seg.Addr+uint64(len(seg.Data)))
	}
	if high-low > maxImage {
		return fmt.Errorf("%s: the segments are too far apart for one file: %#x to %#x", name, low, high)
	}
	data := make([]byte, high-low)
	for _, seg := range img.Segments {
		copy(data[seg.Addr-low:], seg.Data)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	return nil
}

// printMap lists segments and symbols by address.
func printMap(w io.Writer, img *asm.Image) {
	for _, seg := range img.Segments {
		fmt.Fprintf(w, "%016x %8x  %-10s %v\n", seg.Addr, seg.Size, seg.Name, seg.Flags)
	}
	for _, sym := range img.Symbols() {
		note := ""
		if sym.Stub {
			note = "  (stub)"
		}
		fmt.Fprintf(w, "%016x %8x  %s%s\n", sym.Addr, sym.Size, sym.Name, note)
	}
}
