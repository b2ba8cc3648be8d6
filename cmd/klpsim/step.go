package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/peterh/liner"
	"github.com/spf13/cobra"

	"klpsim/cpu"
	"klpsim/kernel/diagram"
	"klpsim/kernel/scenario"
	"klpsim/kernel/script"
	"klpsim/kernel/session"
)

// stepFlags are the flags of klpsim step.
type stepFlags struct {
	files    []string
	commands []string
	batch    bool
	memory   string
	width    int
	trace    string
}

func newStep(s streams) *cobra.Command {
	var f stepFlags
	c := &cobra.Command{
		Use:   "step SCENARIO",
		Short: "Step through a scenario at a prompt, in both directions",
		Long: `Step opens a scenario at its initial state and reads commands: gdb's words where
gdb has one, and a few of klpsim's own; "help" lists them. Commands come from
-x files, then -ex, then the prompt or standard input. With --batch there is no
prompt: the first error ends the run, and the exit code tells what the checks
and expectations said.`,
		Example: `  klpsim step rfc-v2
  klpsim step rfc-v2 --batch -x race.script
  klpsim step rfc-v2 -e 'until klp_patch_task' -e 'info registers' --batch`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenario,
		RunE: func(_ *cobra.Command, args []string) error {
			return f.run(s, args[0])
		},
	}
	c.Flags().StringArrayVarP(&f.files, "command", "x", nil, "execute the commands of `FILE` first")
	c.Flags().StringArrayVarP(&f.commands, "eval-command", "e", nil, "then execute `COMMAND` (also -ex)")
	c.Flags().BoolVar(&f.batch, "batch", false, "no prompt; exit after the commands (also -batch)")
	c.Flags().StringVar(&f.memory, "memory", "", "memory order: tso or sc, instead of the scenario's own")
	c.Flags().IntVar(&f.width, "width", diagram.DefaultWidth, "width of diagrams in columns")
	c.Flags().StringVar(&f.trace, "trace", "", "at the end write the trace to `FILE`")
	return c
}

// gdbFlags rewrites gdb's one-dash long flags, which pflag would take apart.
func gdbFlags(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		switch a {
		case "-ex":
			a = "--eval-command"
		case "-batch":
			a = "--batch"
		}
		out[i] = a
	}
	return out
}

func (f *stepFlags) run(s streams, name string) error {
	t, err := session.Load(name, session.Options{Memory: f.memory})
	if err != nil {
		return err
	}
	se, err := t.New()
	if err != nil {
		return err
	}
	e := script.New(se, s.out)
	e.Batch, e.Width = f.batch, f.width
	e.Read, e.Write = os.ReadFile, writeFile
	e.Draw = func(t *session.Target, sched cpu.Schedule, opt script.DrawOptions) (string, error) {
		pic, err := diagram.Build(t, sched, diagram.Options{All: opt.All, Stale: opt.Stale})
		if err != nil {
			return "", err
		}
		pic.Name = name
		return pic.Text(opt.Width), nil
	}
	err = f.commandsOf(s, e)
	if f.trace != "" && (err == nil || script.Missing(err)) {
		if err := writeTrace(f.trace, t, se.Schedule()); err != nil {
			return err
		}
	}
	return f.failed(s, se, err)
}

// commandsOf executes everything that the user gave.
func (f *stepFlags) commandsOf(s streams, e *script.Engine) error {
	if err := f.scripted(e); err != nil {
		return err
	}
	if !f.batch {
		if e.Quit() {
			return nil
		}
		return prompt(s, e)
	}
	if err := f.batchInput(s, e); err != nil {
		return err
	}
	return e.Finish()
}

// failed turns the end of a session into an exit code.
func (f *stepFlags) failed(s streams, se *session.Session, err error) error {
	if err != nil && !script.Missing(err) && !errors.Is(err, session.ErrLimit) {
		return err
	}
	if err == nil && !f.batch {
		return nil
	}
	return outcome(s, se, err)
}

// scripted executes -x files and -ex commands.
func (f *stepFlags) scripted(e *script.Engine) error {
	for _, name := range f.files {
		text, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read script: %w", err)
		}
		if err := e.Script(script.Lines(name, text)); err != nil {
			return err
		}
	}
	for i, c := range f.commands {
		text := scenario.Text{Text: c, Pos: scenario.Pos{File: "-ex", Line: i + 1, Col: 1}}
		if err := e.Exec(text); err != nil {
			return err
		}
	}
	return nil
}

// batchInput executes standard input if no other commands were given.
func (f *stepFlags) batchInput(s streams, e *script.Engine) error {
	if len(f.files)+len(f.commands) > 0 {
		return nil
	}
	text, err := io.ReadAll(s.in)
	if err != nil {
		return fmt.Errorf("read commands: %w", err)
	}
	return e.Script(script.Lines("stdin", text))
}

func writeFile(name string, text []byte) error { return os.WriteFile(name, text, 0o644) }

// prompt reads commands until the end of the input or a quit command.
func prompt(s streams, e *script.Engine) error {
	fmt.Fprint(s.out, e.Where())
	if s.in == io.Reader(os.Stdin) && liner.TerminalSupported() && isTerminal(os.Stdin) {
		return linePrompt(s, e)
	}
	in := bufio.NewScanner(s.in)
	for !e.Quit() {
		fmt.Fprint(s.out, promptText(e))
		if !in.Scan() {
			fmt.Fprintln(s.out)
			break
		}
		execute(s, e, in.Text())
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read commands: %w", err)
	}
	return nil
}

func promptText(e *script.Engine) string { return fmt.Sprintf("(cpu%d) ", e.Core()) }

func execute(s streams, e *script.Engine, line string) {
	if err := e.Exec(scenario.Text{Text: line}); err != nil {
		fmt.Fprintln(s.out, err)
	}
}

func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// linePrompt is the prompt at a terminal, with history and completion.
func linePrompt(s streams, e *script.Engine) error {
	l := liner.NewLiner()
	defer l.Close()
	l.SetCtrlCAborts(true)
	l.SetTabCompletionStyle(liner.TabPrints)
	l.SetCompleter(e.Complete)
	history := historyFile()
	if f, err := os.Open(history); err == nil {
		_, _ = l.ReadHistory(f) // a history that cannot be read is no history
		f.Close()
	}
	for !e.Quit() {
		line, err := l.Prompt(promptText(e))
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			continue
		case errors.Is(err, io.EOF):
			fmt.Fprintln(s.out)
			return saveHistory(l, history)
		case err != nil:
			return fmt.Errorf("read commands: %w", err)
		}
		if strings.TrimSpace(line) != "" {
			l.AppendHistory(line)
		}
		execute(s, e, line)
	}
	return saveHistory(l, history)
}

// historyFile is where the prompt's history lives, "" if nowhere.
func historyFile() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "klpsim", "history")
}

func saveHistory(l *liner.State, name string) error {
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	defer f.Close()
	if _, err := l.WriteHistory(f); err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	return nil
}
