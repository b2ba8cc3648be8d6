// Package gas is the command line of GNU as around package asm, so that
// compilers and test suites that run as can run klpsim in its place.
//
// It takes the options that gcc and the binutils test suite pass. An option
// that asks for something this assembler does not do is an error; one that
// only tunes what as would do anyway is accepted and has no effect.
package gas

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"klpsim/asm"
)

// command is a parsed command line.
type command struct {
	output  string
	inputs  []string
	include []string
	defsym  []asm.Define
	listing string // letters after -a, "" for none
	listTo  string
	listOn  bool
	debug   bool
	noWarn  bool
	fatal   bool
	version bool
}

// Main runs the assembler with the arguments that as would get and returns
// the exit code: 0, or 1 after errors.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "Error: "+err.Error())
		return 1
	}
	if c.version {
		fmt.Fprintln(stdout, "GNU assembler (klpsim, compatible with GNU Binutils) 2.40\nThis assembler was configured for a target of `x86_64-linux-gnu'.")
		return 0
	}
	src, err := c.read(stdin)
	if err != nil {
		fmt.Fprintln(stderr, "Error: "+err.Error())
		return 1
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	obj, err := asm.Assemble(src, asm.Options{Include: c.find, Defsym: c.defsym, Debug: c.debug, Dir: dir, NoLines: !c.listOn})
	if err != nil {
		c.report(stderr, src.Name, err)
		return 1
	}
	return c.finish(obj, src, stdout, stderr)
}

// report prints errors in the form that as has, which tests look for.
func (c *command) report(stderr io.Writer, name string, err error) {
	fmt.Fprintf(stderr, "%s: Assembler messages:\n", name)
	var list asm.ErrorList
	if !errors.As(err, &list) {
		fmt.Fprintf(stderr, "%s: Error: %v\n", name, err)
		return
	}
	for _, e := range list {
		printMessage(stderr, e, "Error")
	}
}

func printMessage(w io.Writer, e *asm.Error, kind string) {
	if e.Line == 0 {
		fmt.Fprintf(w, "%s: %s: %s\n", e.File, kind, e.Msg)
		return
	}
	fmt.Fprintf(w, "%s:%d: %s: %s\n", e.File, e.Line, kind, e.Msg)
}

// finish prints warnings and writes the object and the listing.
func (c *command) finish(obj *asm.Object, src asm.Source, stdout, stderr io.Writer) int {
	if len(obj.Warnings) > 0 && !c.noWarn {
		fmt.Fprintf(stderr, "%s: Assembler messages:\n", src.Name)
		for _, w := range obj.Warnings {
			kind := "Warning"
			if c.fatal {
				kind = "Error"
			}
			printMessage(stderr, w, kind)
		}
		if c.fatal {
			return 1
		}
	}
	var buf bytes.Buffer
	err := obj.WriteELF(&buf)
	if err == nil && c.output != "/dev/null" {
		err = os.WriteFile(c.output, buf.Bytes(), 0o644)
	}
	if err == nil && c.listOn {
		err = c.list(obj, src, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "Error: "+err.Error())
		return 1
	}
	return 0
}

// list writes the listing to its file or to standard output.
func (c *command) list(obj *asm.Object, src asm.Source, stdout io.Writer) error {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "GAS LISTING %s \t\t\tpage 1\n\n\n", src.Name)
	if err := writeListing(&buf, obj, src); err != nil {
		return err
	}
	if c.listTo != "" {
		return os.WriteFile(c.listTo, buf.Bytes(), 0o644)
	}
	_, err := stdout.Write(buf.Bytes())
	return err
}

// read returns the source: the named files one after another, or stdin.
func (c *command) read(stdin io.Reader) (asm.Source, error) {
	if len(c.inputs) == 0 {
		text, err := io.ReadAll(stdin)
		return asm.Source{Name: "{standard input}", Text: text}, err
	}
	src := asm.Source{Name: c.inputs[0]}
	for _, name := range c.inputs {
		var text []byte
		var err error
		if name == "-" {
			src.Name = "{standard input}"
			text, err = io.ReadAll(stdin)
		} else {
			text, err = os.ReadFile(name)
		}
		if err != nil {
			return src, fmt.Errorf("can't open %s for reading: %w", name, err)
		}
		src.Text = append(src.Text, text...)
	}
	return src, nil
}

// find reads an included file: from the current directory, then along -I.
func (c *command) find(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	for i := 0; err != nil && i < len(c.include) && !filepath.IsAbs(name); i++ {
		data, err = os.ReadFile(filepath.Join(c.include[i], name))
	}
	return data, err
}

// ignored are the options, by prefix, that change nothing here.
var ignored = []string{
	"--64", "--fatal-warnings", "-mtune=", "-march=", "-mrelax-relocations=yes", "-K", "-Q", "--noexecstack", "-k",
	"--strip-local-absolute", "--reduce-memory-overheads", "--statistics", "--traditional-format", "--gdwarf-sections",
	"--no-pad-sections", "--hash-size", "-mnaked-reg=no", "-J", "--size-check=", "--elf-stt-common=no", "-O0", "--warn",
	"-mmnemonic=att", "-msyntax=att", "--generate-missing-build-notes=no", "-mx86-used-note=no", "--compress-debug-sections=none",
	"--nocompress-debug-sections", "-mbranches-within-32B-boundaries=no", "--info", "--no-info", "-s", "-w", "-X",
	"-moperand-check=", "-msse-check=", "-mavxscalar=", "--listing-",
}

// parse reads a command line.
func parse(args []string) (*command, error) {
	c := &command{output: "a.out"}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		value := func(short string) (string, error) {
			if v := arg[len(short):]; v != "" {
				return strings.TrimPrefix(v, "="), nil
			}
			if i++; i < len(args) {
				return args[i], nil
			}
			return "", fmt.Errorf("option %s needs an argument", arg)
		}
		var err error
		switch {
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			c.inputs = append(c.inputs, arg)
		case strings.HasPrefix(arg, "-o"):
			c.output, err = value("-o")
		case strings.HasPrefix(arg, "-I"):
			var dir string
			dir, err = value("-I")
			c.include = append(c.include, dir)
		case strings.HasPrefix(arg, "--defsym"):
			var def string
			if def, err = value("--defsym"); err == nil {
				err = c.define(def)
			}
		case strings.HasPrefix(arg, "-a") && !strings.HasPrefix(arg, "-alternate"):
			c.listOn = true
			c.listing, c.listTo, _ = strings.Cut(arg[2:], "=")
		default:
			err = c.flag(arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// flag reads an option without an argument of its own.
func (c *command) flag(arg string) error {
	switch arg {
	case "--version", "-v", "-V", "-version":
		c.version = arg == "--version"
		return nil
	case "-g", "--gen-debug", "--gdwarf-2", "-gdwarf-2", "--gdwarf-3", "-gdwarf-3", "--gdwarf-4", "-gdwarf-4",
		"--gdwarf-5", "-gdwarf-5", "--gstabs", "--gstabs+":
		c.debug = true
		return nil
	case "-W", "--no-warn":
		c.noWarn = true
		return nil
	case "--fatal-warnings":
		c.fatal = true
		return nil
	case "--32", "--x32", "-n32":
		return fmt.Errorf("option %s: only 64-bit objects are supported", arg)
	case "-D", "-f", "-Z":
		return nil
	}
	for _, p := range ignored {
		if arg == p || strings.HasPrefix(arg, p) && (strings.HasSuffix(p, "=") || strings.HasSuffix(p, "-")) {
			return nil
		}
	}
	return fmt.Errorf("unrecognized option '%s'", arg)
}

// define reads NAME=VALUE.
func (c *command) define(text string) error {
	name, v, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("bad defsym; format is --defsym name=value")
	}
	n, err := strconv.ParseInt(v, 0, 64)
	if err != nil {
		return fmt.Errorf("bad defsym %s: %w", text, err)
	}
	c.defsym = append(c.defsym, asm.Define{Name: name, Value: n})
	return nil
}
