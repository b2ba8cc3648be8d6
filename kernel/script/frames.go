package script

import (
	"encoding/binary"
	"fmt"

	"klpsim/cpu"
	"klpsim/cpu/decode"
	"klpsim/kernel/guest"
	"klpsim/kernel/guest/layout"
	"klpsim/kernel/session"
)

// maxFrames bounds a backtrace.
const maxFrames = 64

// frame is one line of a backtrace.
type frame struct {
	pc   uint64
	note string // how it was left: interrupted, switched out, user mode
}

// walker finds frames on stacks. The guest's code keeps no frame pointers, so
// it looks at every word: a return address is one behind a call instruction,
// and a hardware frame has the selectors of the guest's GDT in their places.
type walker struct {
	e      *Engine
	frames []frame
}

func (w *walker) add(pc uint64, note string) {
	if len(w.frames) < maxFrames {
		w.frames = append(w.frames, frame{pc, note})
	}
}

func (w *walker) word(va uint64) (uint64, bool) {
	var b [8]byte
	ok := w.e.S.M.ReadVirt(w.e.core, va, b[:])
	return binary.LittleEndian.Uint64(b[:]), ok
}

// bounds returns the end of the stack that va lies in.
func (w *walker) bounds(va uint64) (end uint64, ok bool) {
	pa, ok := w.e.S.T.View.Phys(va)
	if !ok {
		return 0, false
	}
	d, off, ok := w.e.S.T.Datum(pa)
	if !ok || d.Kind != session.Stack {
		return 0, false
	}
	return va - uint64(off) + uint64(d.Size), true
}

// walk adds the frames of the stack from sp up, and of the stacks that
// hardware frames lead to.
func (w *walker) walk(sp uint64) {
	end, ok := w.bounds(sp)
	for ok && sp < end && len(w.frames) < maxFrames {
		v, mapped := w.word(sp)
		if !mapped {
			return
		}
		if next, user, is := w.hardware(sp, v); is {
			if user {
				w.add(v, "user mode")
				return
			}
			w.add(v, "interrupted here")
			sp = next
			end, ok = w.bounds(sp)
			continue
		}
		if w.behindCall(v) {
			w.add(v, "")
		}
		sp += 8
	}
}

// hardware says whether an interrupt's frame begins at sp (SDM vol. 3A, figure
// 6-9): rip, cs, rflags, rsp, ss.
func (w *walker) hardware(sp, rip uint64) (rsp uint64, user, ok bool) {
	cs, _ := w.word(sp + 8)
	flags, _ := w.word(sp + 16)
	ss, _ := w.word(sp + 32)
	rsp, mapped := w.word(sp + 24)
	kernel := cs == layout.KernelCS && (ss == layout.KernelDS || ss == 0)
	user = cs == layout.UserCS && ss == layout.UserDS
	ok = mapped && flags&cpu.Flag1 != 0 && flags>>22 == 0 && (kernel || user) && w.isCode(rip)
	return rsp, user, ok
}

func (w *walker) isCode(va uint64) bool {
	_, ok := w.e.S.T.InstructionAt(va)
	return ok
}

// behindCall says whether the instruction that ends at va is a call.
func (w *walker) behindCall(va uint64) bool {
	for n := uint64(2); n <= 7; n++ {
		in, ok := w.e.S.T.InstructionAt(va - n)
		if ok && in.Op == decode.CALL && uint64(in.Len) == n {
			return true
		}
	}
	return false
}

// cmdBacktrace tells the frames of the selected core, or of a task that is
// switched out.
func cmdBacktrace(e *Engine, a *args) error {
	w := &walker{e: e}
	if a.accept("task") {
		at := a.at
		pid, err := a.number("a task", -1, -16, 1<<22)
		if err != nil {
			return err
		}
		t, ok := e.S.T.View.Task(pid)
		if !ok {
			return a.errorf(at+1, "there is no task %d", pid)
		}
		if err := w.task(a, at+1, t); err != nil {
			return err
		}
	} else {
		c := e.S.M.Core(e.core)
		w.add(c.RIP, "")
		if c.CPL() != 3 {
			w.walk(c.GPR[cpu.RSP])
		}
	}
	if err := a.done(); err != nil {
		return err
	}
	for i, f := range w.frames {
		e.printf("#%-2d %s", i, e.S.T.Where(f.pc))
		if pos, ok := e.S.T.Image.LineAt(f.pc); ok {
			e.printf(" at %s:%d", pos.File, pos.Line)
		}
		if f.note != "" {
			e.printf("  <%s>", f.note)
		}
		e.printf("\n")
	}
	return nil
}

// task walks the stack of a task: from its saved frame, or from the core that
// runs it.
func (w *walker) task(a *args, at int, t guest.TaskRef) error {
	slots, ok := w.e.S.T.View.Frame(w.e.S.M, t)
	if ok {
		for _, s := range slots {
			if s.Reg == "ret" {
				w.add(s.Value, "switched out")
				w.walk(s.Addr + 8)
			}
		}
		return nil
	}
	if now, ok := w.e.S.T.View.Current(w.e.S.M, t.CPU); !ok || now.PID != t.PID {
		return a.errorf(at, "task %d has no saved frame", t.PID)
	}
	c := w.e.S.M.Core(t.CPU)
	w.add(c.RIP, fmt.Sprintf("running on cpu%d", t.CPU))
	if c.CPL() != 3 {
		w.walk(c.GPR[cpu.RSP])
	}
	return nil
}
