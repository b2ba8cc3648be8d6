package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"klpsim/asm"
	"klpsim/cpu"
	"klpsim/kernel/expr"
	"klpsim/kernel/guest"
	"klpsim/kernel/scenario"
	"klpsim/programs"
)

// Target is a scenario made ready to run. It is read-only once built, so many
// sessions, on many goroutines, may share it.
type Target struct {
	Scenario *scenario.Scenario
	Config   cpu.Config // as the machine was made
	Image    *asm.Image
	View     *guest.View
	Names    *Names
	Checks   []*Check
	data     []Datum // by physical address
	start    *cpu.Snapshot
}

// Check is a compiled check of a scenario.
type Check struct {
	Name  string
	Title string
	When  scenario.When
	Place Place // of a check at a place
	Expr  *expr.Expr
	prev  int // where its prev() values begin in a session's
}

// Options change how a scenario is built.
type Options struct {
	Memory string // "tso" or "sc"; "" for the scenario's own
}

// Load reads and builds a scenario: a bundled name, or a file.
func Load(name string, opt Options) (*Target, error) {
	s, err := Open(name)
	if err != nil {
		return nil, err
	}
	return Build(s, opt)
}

// Open reads a scenario by its bundled name or from a file.
func Open(name string) (*scenario.Scenario, error) {
	shown, text, err := find(name)
	if err != nil {
		return nil, err
	}
	return scenario.Parse(shown, text, files{filepath.Dir(name)})
}

// ErrNotFound is wrapped when a scenario's name is neither bundled nor a file.
var ErrNotFound = errors.New("no bundled scenario and no file has this name (klpsim list shows the bundled ones)")

// Bundled maps the names of the bundled scenarios to their files.
func Bundled() map[string]string {
	out := map[string]string{}
	_ = fs.WalkDir(programs.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(p, ".scenario"); ok && err == nil {
			out[path.Base(name)] = p
		}
		return nil
	})
	return out
}

// find returns a scenario's text and the name to show for it.
func find(name string) (string, []byte, error) {
	if path, ok := Bundled()[name]; ok {
		text, err := programs.Read(path)
		if err != nil {
			return "", nil, fmt.Errorf("bundled scenario %s: %w", name, err)
		}
		return path, text, nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("%q: %w", name, ErrNotFound)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read scenario: %w", err)
	}
	return filepath.ToSlash(name), text, nil
}

// files finds what a scenario loads and includes: bundled files by their path,
// others beside the scenario.
type files struct{ dir string }

// Read implements scenario.Source.
func (f files) Read(_, name string) (string, []byte, error) {
	if text, err := programs.Read(name); err == nil {
		return name, text, nil
	}
	path := name
	if !filepath.IsAbs(name) {
		path = filepath.Join(f.dir, name)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("neither bundled nor beside the scenario: %w", fs.ErrNotExist)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read %s: %w", name, err)
	}
	return name, text, nil
}

// Build assembles and links what a scenario loads and makes its machine ready.
func Build(s *scenario.Scenario, opt Options) (*Target, error) {
	cfg, err := guestConfig(s, opt)
	if err != nil {
		return nil, err
	}
	boot, err := guest.Build(*cfg)
	if err != nil {
		if errors.Is(err, guest.ErrConfig) {
			return nil, fmt.Errorf("%s: %w", s.File, err)
		}
		return nil, err
	}
	t := &Target{Scenario: s, Config: boot.Machine.Config(), Image: boot.Image, View: boot.View}
	var errs scenario.ErrorList
	t.Names, err = newNames(s, boot.Image, boot.View)
	errs = gather(errs, err)
	errs = gather(errs, t.applyInit(boot.Machine))
	t.data = t.dataTable()
	t.start = boot.Machine.Snapshot()
	if errs = gather(errs, t.compileChecks()); errs != nil {
		return nil, errs
	}
	return t, nil
}

// gather appends what a stage of building found wrong.
func gather(errs scenario.ErrorList, err error) scenario.ErrorList {
	var more scenario.ErrorList
	if errors.As(err, &more) {
		return append(errs, more...)
	}
	return errs
}

// guestConfig turns a scenario into what the guest is built from.
func guestConfig(s *scenario.Scenario, opt Options) (*guest.Config, error) {
	cfg := &guest.Config{Bare: s.Bare, Defines: map[string]int64{}, Include: includer(s)}
	cfg.Machine.Cores, cfg.Machine.StoreBuffer = s.Cores, s.StoreBuffer
	memory := s.Memory
	if opt.Memory != "" {
		memory = opt.Memory
	}
	if memory == "sc" {
		cfg.Machine.Memory = cpu.SC
	}
	for _, d := range s.Defines {
		cfg.Defines[d.Name] = d.Value
	}
	for _, c := range s.Code {
		cfg.Sources = append(cfg.Sources, asm.Source{Name: c.Name, Text: padded(c)})
	}
	var errs scenario.ErrorList
	for _, t := range s.Tasks {
		gt := guest.Task{PID: t.PID, Comm: t.Comm, CPU: t.CPU, Running: t.Running, Asleep: t.Asleep,
			Entry: t.Entry, User: t.User, Frames: t.Frames, IRQsOff: t.IRQsOff}
		state, flags := constant(s, t.State, &errs), constant(s, t.Flags, &errs)
		gt.PatchState, gt.Flags = state, uint64(flags)
		cfg.Tasks = append(cfg.Tasks, gt)
	}
	for _, e := range s.Entries {
		cfg.Entries = append(cfg.Entries, guest.Entry{Core: e.Core, Symbol: e.Symbol})
	}
	if errs != nil {
		return nil, errs
	}
	return cfg, nil
}

// includer serves the files that assembly includes: bundled ones by their path,
// others from beside the sources of the scenario.
func includer(s *scenario.Scenario) func(string) ([]byte, error) {
	var dirs []string
	for _, c := range s.Code {
		if d := path.Dir(c.Name); !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
	}
	src := files{filepath.Dir(s.File)}
	return func(name string) ([]byte, error) {
		_, text, err := src.Read("", name)
		for _, d := range dirs {
			if err == nil {
				break
			}
			_, text, err = src.Read("", path.Join(d, name))
		}
		return text, err
	}
}

// padded puts empty lines before inline assembly, so that its positions are
// those of the scenario file.
func padded(c scenario.Code) []byte {
	text := make([]byte, 0, len(c.Text)+c.Line)
	for range c.Line - 1 {
		text = append(text, '\n')
	}
	return append(text, c.Text...)
}

// bareNames knows constants only: what can be said before an image exists.
type bareNames struct{ *Names }

func (bareNames) Symbol(string) (uint64, *expr.Type, bool) { return 0, nil, false }

// constant evaluates an expression of constants; empty text is 0.
func constant(s *scenario.Scenario, text scenario.Text, errs *scenario.ErrorList) int64 {
	if text.Text == "" {
		return 0
	}
	x, err := expr.CompileValue(text.Text, bareNames{constNames(s)}, expr.Source{File: text.File, Line: text.Line, Col: text.Col})
	if err == nil {
		var v int64
		if v, err = x.Eval(&expr.Context{}); err == nil {
			return v
		}
	}
	*errs = append(*errs, textError(text, err))
	return 0
}

// textError makes a scenario.Error of an error about a text.
func textError(text scenario.Text, err error) *scenario.Error {
	var e *expr.Error
	if errors.As(err, &e) {
		return &scenario.Error{Pos: scenario.Pos{File: text.File, Line: e.Line, Col: e.Col}, Msg: e.Msg}
	}
	return &scenario.Error{Pos: text.Pos, Msg: err.Error()}
}

// applyInit writes the scenario's initial values into a machine's state.
func (t *Target) applyInit(m *cpu.Machine) error {
	var errs scenario.ErrorList
	for _, in := range t.Scenario.Init {
		x, err := expr.CompileValue(in.Value.Text, t.Names, expr.Source{File: in.Value.File, Line: in.Value.Line, Col: in.Value.Col})
		if err != nil {
			errs = append(errs, textError(in.Value, err))
			continue
		}
		v, err := x.Eval(&expr.Context{State: State{m}, Core: in.Core})
		if err != nil {
			errs = append(errs, textError(in.Value, err))
			continue
		}
		if msg := t.poke(m, in, uint64(v)); msg != "" {
			errs = append(errs, &scenario.Error{Pos: in.Pos, Msg: msg})
		}
	}
	if errs != nil {
		return errs
	}
	return nil
}

// poke sets one initial value; the result says why it cannot.
func (t *Target) poke(m *cpu.Machine, in scenario.Init, v uint64) string {
	if in.Reg != "" {
		r, _ := expr.LookupReg(in.Reg)
		if r.Kind != expr.RegGPR || r.Size != 8 && r.Size != 4 {
			return fmt.Sprintf("%%%s cannot be set: the 32 and 64 bit general registers can", in.Reg)
		}
		m.Core(in.Core).GPR[r.N] = r.Extract(v)
		return ""
	}
	addr, typ, ok := t.Names.Symbol(in.Symbol)
	if !ok {
		return fmt.Sprintf("there is no symbol %q", in.Symbol)
	}
	size := in.Size
	switch {
	case size == 0 && in.Address != "":
		size = 8
	case size == 0 && typ != nil && typ.Size <= 8:
		size = typ.Size
	}
	if size == 0 {
		return fmt.Sprintf("the size of %q is not known: write it, as in init int %s = ...", in.Symbol, in.Symbol)
	}
	pa, ok := t.View.Phys(addr)
	if !ok {
		return fmt.Sprintf("%q is not in memory", in.Symbol)
	}
	var b [8]byte
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	m.WritePhys(pa, b[:size])
	return ""
}

// compileChecks compiles the scenario's checks and resolves their places.
func (t *Target) compileChecks() error {
	var errs scenario.ErrorList
	prev := 0
	for _, c := range t.Scenario.Checks {
		x, err := expr.CompileValue(c.Expr.Text, t.Names, expr.Source{File: c.Expr.File, Line: c.Expr.Line, Col: c.Expr.Col})
		if err != nil {
			errs = append(errs, textError(c.Expr, err))
			continue
		}
		k := &Check{Name: c.Name, Title: c.Title, When: c.When, Expr: x, prev: prev}
		prev += x.NumPrev()
		if c.When == scenario.At {
			if k.Place, err = t.Place(c.Place.Text); err != nil {
				errs = append(errs, &scenario.Error{Pos: c.Place.Pos, Msg: err.Error()})
				continue
			}
		}
		t.Checks = append(t.Checks, k)
	}
	if errs != nil {
		return errs
	}
	return nil
}

// Machine returns a new machine in the scenario's initial state.
func (t *Target) Machine() (*cpu.Machine, error) {
	m, err := cpu.New(t.Config)
	if err != nil {
		return nil, fmt.Errorf("machine of %s: %w", t.Scenario.Name, err)
	}
	m.Restore(t.start)
	return m, nil
}

// Compile compiles an expression against the target's names.
func (t *Target) Compile(text string, src expr.Source) (*expr.Expr, error) {
	return expr.Compile(text, t.Names, src)
}

// Bundle returns the bundled files as a source of scenarios: paths that are
// not bundled are looked up from the working directory.
func Bundle() scenario.Source { return files{"."} }
