package asm

import (
	"fmt"
	"strings"
)

// Error is one bad place in a source: where it is and what is wrong with it.
type Error struct {
	File string
	Line int // 1-based
	Col  int // 1-based, in bytes; 0 if unknown
	Msg  string
}

// Error returns "file:line:col: message".
func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return e.File + ": " + e.Msg
	case e.Col == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

// ErrorList is every bad place of a source, in source order. It is the error
// type of Assemble and Link.
type ErrorList []*Error

// Error returns one line per error.
func (l ErrorList) Error() string {
	var b strings.Builder
	for i, e := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find the single errors.
func (l ErrorList) Unwrap() []error {
	out := make([]error, len(l))
	for i, e := range l {
		out[i] = e
	}
	return out
}

// maxErrors bounds the list: a binary file fed to the assembler would
// otherwise produce a line per line of it.
const maxErrors = 1000

// errorAt records an error at offset at of the current buffer.
func (a *assembler) errorAt(at int, format string, args ...any) {
	a.failed = true
	if len(a.errs) >= maxErrors {
		return
	}
	a.errs = append(a.errs, a.place(at, fmt.Sprintf(format, args...)))
}

// warnAt records a warning at offset at of the current buffer.
func (a *assembler) warnAt(at int, format string, args ...any) {
	if len(a.warnings) >= maxErrors {
		return
	}
	a.warnings = append(a.warnings, a.place(at, fmt.Sprintf(format, args...)))
}

func (a *assembler) place(at int, msg string) *Error {
	return &Error{File: a.fileName(a.file), Line: a.line, Col: a.column(at), Msg: msg}
}

// column is the 1-based byte column of offset at in the source line. Inside
// an expanded macro there is no column of the file to name.
func (a *assembler) column(at int) int {
	if a.expanded {
		return 0
	}
	if at > len(a.buf) {
		at = len(a.buf)
	}
	start := at
	for start > 0 && a.buf[start-1] != '\n' {
		start--
	}
	return at - start + 1
}

// errorPos records an error at a line noted earlier (a fixup, a symbol).
func (a *assembler) errorPos(p srcPos, format string, args ...any) {
	a.failed = true
	if len(a.errs) < maxErrors {
		a.errs = append(a.errs, &Error{File: a.fileName(int(p.file)), Line: int(p.line), Msg: fmt.Sprintf(format, args...)})
	}
}

// srcPos is a line of one of the assembler's files.
type srcPos struct {
	file int32 // index into assembler.files
	line int32
}

func (a *assembler) here() srcPos { return srcPos{int32(a.file), int32(a.line)} }
