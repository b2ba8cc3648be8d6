package trace

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is the format's version, the number on a trace's first line.
const Version = 1

// Field is one key=value of a record; a flag has no value.
type Field struct {
	Key, Value string
	Flag       bool
}

// Record is one line of a trace.
type Record struct {
	Step   int // 0 for head and tail
	Core   int
	Kind   string
	Fields []Field
}

// Get returns the value of a field.
func (r *Record) Get(key string) (string, bool) {
	for _, f := range r.Fields {
		if f.Key == key {
			return f.Value, true
		}
	}
	return "", false
}

// String returns the record's line, without a line end.
func (r Record) String() string { return string(r.append(nil)) }

func (r *Record) append(b []byte) []byte {
	if r.Step > 0 {
		b = strconv.AppendInt(b, int64(r.Step), 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(r.Core), 10)
		b = append(b, ' ')
	}
	b = append(b, r.Kind...)
	for _, f := range r.Fields {
		b = append(append(b, ' '), f.Key...)
		if f.Flag {
			continue
		}
		b = append(b, '=')
		if f.Value == "" || strings.ContainsAny(f.Value, " \t\"\\\n") {
			b = strconv.AppendQuote(b, f.Value)
		} else {
			b = append(b, f.Value...)
		}
	}
	return b
}

// appendJSON appends the record as one JSON object.
func (r *Record) appendJSON(b []byte) []byte {
	b = append(b, '{')
	if r.Step > 0 {
		b = fmt.Appendf(b, `"step":%d,"core":%d,`, r.Step, r.Core)
	}
	b = fmt.Appendf(b, `"kind":%q`, r.Kind)
	for _, f := range r.Fields {
		if f.Flag {
			b = fmt.Appendf(b, `,%q:true`, f.Key)
		} else {
			b = append(fmt.Appendf(b, `,%q:`, f.Key), jsonString(f.Value)...)
		}
	}
	return append(b, '}')
}

// jsonString quotes s for JSON. Traces hold printable ASCII and little else,
// but inline assembly can hold anything.
func jsonString(s string) []byte {
	b := []byte{'"'}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20 || r == 0x7f:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}
