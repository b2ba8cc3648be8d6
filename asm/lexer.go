package asm

// Character classes of the source, one bit each, so that every scanning loop
// is a table look-up per byte.
const (
	isNameStart = 1 << iota // may begin a symbol
	isName                  // may continue a symbol
	isDigit
	isBlank
	isStmtEnd // newline, ';', '#' and the sentinel
)

var class = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := 0; c < 256; c++ {
		switch {
		case c >= '0' && c <= '9':
			t[c] = isName | isDigit
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '.', c >= 0x80:
			t[c] = isName | isNameStart
		case c == '$':
			t[c] = isName
		case c == ' ', c == '\t', c == '\r', c == '\f', c == '\v':
			t[c] = isBlank
		case c == '\n', c == ';', c == '#', c == 0:
			t[c] = isStmtEnd
		}
	}
	return t
}

// blanks moves the cursor over blanks and returns the byte it stops at.
// The buffer always ends in a newline, so there is one.
func (a *assembler) blanks() byte {
	for class[a.buf[a.pos]]&isBlank != 0 {
		a.pos++
	}
	return a.buf[a.pos]
}

// atEnd reports whether nothing but blanks is left of the statement.
func (a *assembler) atEnd() bool { return class[a.blanks()]&isStmtEnd != 0 }

// name scans a symbol or mnemonic at the cursor; empty if there is none.
func (a *assembler) name() []byte {
	start := a.pos
	if class[a.buf[start]]&isNameStart == 0 {
		return nil
	}
	p := start + 1
	for class[a.buf[p]]&isName != 0 {
		p++
	}
	a.pos = p
	return a.buf[start:p]
}

// symbolName scans a symbol, which may be quoted.
func (a *assembler) symbolName() string {
	if a.blanks() == '"' {
		s, ok := a.quoted()
		if !ok {
			return ""
		}
		return string(s)
	}
	n := a.name()
	if len(n) == 0 && a.buf[a.pos] == '$' { // directives take names that expressions cannot
		start := a.pos
		for class[a.buf[a.pos]]&isName != 0 {
			a.pos++
		}
		n = a.buf[start:a.pos]
	}
	return string(n)
}

// comma moves over blanks and one comma, if there is one.
func (a *assembler) comma() bool {
	if a.blanks() != ',' {
		return false
	}
	a.pos++
	a.blanks()
	return true
}

// skipStatement moves the cursor to the end of the statement: the newline or
// semicolon that ends it, outside strings and comments.
func (a *assembler) skipStatement() {
	a.pos = statementEnd(a.buf, a.pos)
}

// statementEnd returns the offset of the newline, ';' or '#' that ends the
// statement which contains offset p.
func statementEnd(buf []byte, p int) int {
	for {
		c := buf[p]
		switch {
		case c == '"':
			p = stringEnd(buf, p)
			continue
		case c == '\'' && buf[p+1] != '\n' && buf[p+1] != 0:
			p = charEnd(buf, p)
			continue
		case class[c]&isStmtEnd != 0 && !(c == 0 && p+1 < len(buf)):
			return p
		}
		p++
	}
}

// charEnd returns the offset after a character constant ('c, '\n, 'c').
func charEnd(buf []byte, p int) int {
	p++
	if buf[p] == '\\' && buf[p+1] != '\n' {
		p++
	}
	p++
	if buf[p] == '\'' {
		p++
	}
	return p
}

// stringEnd returns the offset after the string that starts at p. An
// unterminated string ends with the buffer's line.
func stringEnd(buf []byte, p int) int {
	for p++; ; p++ {
		switch buf[p] {
		case '"':
			return p + 1
		case '\\':
			if buf[p+1] != '\n' || p+2 < len(buf) {
				p++
			}
		case '\n':
			return p
		}
		if p >= len(buf)-1 {
			return len(buf) - 1
		}
	}
}

// quoted reads a string constant at the cursor into the scratch buffer.
func (a *assembler) quoted() ([]byte, bool) {
	start := a.pos
	if a.buf[a.pos] != '"' {
		a.errorAt(start, "expected a string in quotes")
		return nil, false
	}
	a.pos++
	out := a.strbuf[:0]
	for {
		c := a.buf[a.pos]
		switch c {
		case '"':
			a.pos++
			a.strbuf = out
			return out, true
		case '\n':
			if a.pos == len(a.buf)-1 || !a.stringGoesOn() {
				a.errorAt(start, "unterminated string")
				return nil, false
			}
			a.line++
			out = append(out, c)
			a.pos++
		case '\\':
			a.pos++
			out = a.escape(out)
		default:
			out = append(out, c)
			a.pos++
		}
	}
}

// stringGoesOn reports whether a string that meets a newline has a closing
// quote further on; GNU as takes such a string, newline included.
func (a *assembler) stringGoesOn() bool {
	for p := a.pos + 1; p < len(a.buf); p++ {
		switch a.buf[p] {
		case '"':
			return true
		case '\\':
			p++
		}
	}
	return false
}

// simpleEscapes are the one-letter escapes of strings.
var simpleEscapes = [256]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '"': '"'}

// escape appends the byte of the escape sequence whose backslash was read.
func (a *assembler) escape(out []byte) []byte {
	c := a.buf[a.pos]
	switch {
	case c == 'x' || c == 'X':
		a.pos++
		v := 0
		for isHex(a.buf[a.pos]) {
			v = v<<4 | hexValue(a.buf[a.pos])
			a.pos++
		}
		return append(out, byte(v))
	case class[c]&isDigit != 0:
		v := 0
		for i := 0; i < 3 && class[a.buf[a.pos]]&isDigit != 0; i++ {
			v = v*8 + int(a.buf[a.pos]-'0')
			a.pos++
		}
		return append(out, byte(v))
	case simpleEscapes[c] != 0:
		a.pos++
		return append(out, simpleEscapes[c])
	case c == '\n':
		if a.pos < len(a.buf)-1 {
			a.pos++
			a.line++
		}
		return append(out, '\n')
	}
	a.warnAt(a.pos, "unknown escape '\\%c' in string; ignored", c)
	a.pos++
	return append(out, c)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexValue(c byte) int {
	switch {
	case c <= '9':
		return int(c - '0')
	case c >= 'a':
		return int(c-'a') + 10
	}
	return int(c-'A') + 10
}

// blankComments overwrites C comments with blanks, keeping newlines, so that
// the statement scanner never meets one.
func blankComments(b []byte) {
	for p := 0; p < len(b)-1; p++ {
		switch b[p] {
		case '"':
			p = stringEnd(b, p) - 1
		case '#':
			for b[p] != '\n' && p < len(b)-1 {
				p++
			}
		case '\'':
			if b[p+1] == '"' {
				p++
			}
		case '/':
			if b[p+1] != '*' {
				continue
			}
			prev := byte(0)
			for start := p; p < len(b)-1; p++ {
				c := b[p]
				if c != '\n' {
					b[p] = ' '
				}
				if p > start+2 && prev == '*' && c == '/' {
					break
				}
				prev = c
			}
		}
	}
}

// lower returns s in lower case, without allocating when it already is or
// when it fits the scratch array.
func (a *assembler) lower(s []byte) []byte {
	for i, c := range s {
		if c >= 'A' && c <= 'Z' {
			if len(s) > len(a.lowbuf) {
				return s
			}
			out := a.lowbuf[:len(s)]
			copy(out, s)
			for ; i < len(out); i++ {
				if out[i] >= 'A' && out[i] <= 'Z' {
					out[i] += 'a' - 'A'
				}
			}
			return out
		}
	}
	return s
}
