package litmus

import (
	"fmt"
	"strings"
)

// scanner walks the text of a test, in which comments are blanks already.
type scanner struct {
	file string
	text string
	off  int
}

// newScanner returns a scanner over text with its comments blanked out.
func newScanner(file string, text string) (*scanner, error) {
	s := &scanner{file: file, text: text}
	clean, err := s.stripComments()
	if err != nil {
		return nil, err
	}
	s.text = clean
	return s, nil
}

// stripComments replaces (* ... *) comments, which nest, by blanks, so that
// offsets keep their meaning; quoted strings are left alone.
func (s *scanner) stripComments() (string, error) {
	b := []byte(strings.ReplaceAll(s.text, "\t", " "))
	depth, start := 0, 0
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '(' && i+1 < len(b) && b[i+1] == '*':
			if depth == 0 {
				start = i
			}
			depth++
			b[i], b[i+1] = ' ', ' '
			i++
		case depth > 0 && b[i] == '*' && i+1 < len(b) && b[i+1] == ')':
			depth--
			b[i], b[i+1] = ' ', ' '
			i++
		case depth > 0 && b[i] != '\n', b[i] == '\r':
			b[i] = ' '
		}
	}
	if depth > 0 {
		return "", s.errorAt(start, "comment is not closed")
	}
	return string(b), nil
}

// pos converts an offset to a position.
func (s *scanner) pos(off int) Pos {
	before := s.text[:min(off, len(s.text))]
	line := strings.Count(before, "\n")
	return Pos{s.file, line + 1, len(before) - strings.LastIndexByte(before, '\n')}
}

func (s *scanner) errorAt(off int, format string, args ...any) error {
	return &Error{s.pos(off), fmt.Sprintf(format, args...)}
}

func (s *scanner) errorf(format string, args ...any) error {
	return s.errorAt(s.off, format, args...)
}

// space skips blanks and line ends.
func (s *scanner) space() {
	for s.off < len(s.text) && strings.IndexByte(" \n", s.text[s.off]) >= 0 {
		s.off++
	}
}

// line returns the rest of the current line and moves behind it.
func (s *scanner) line() string {
	rest := s.text[s.off:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		s.off += i + 1
		return rest[:i]
	}
	s.off = len(s.text)
	return rest
}

// accept skips blanks and, if lit follows, moves behind it.
func (s *scanner) accept(lit string) bool {
	s.space()
	if !strings.HasPrefix(s.text[s.off:], lit) {
		return false
	}
	end := s.off + len(lit)
	if isWord(lit[len(lit)-1]) && end < len(s.text) && isWord(s.text[end]) {
		return false
	}
	s.off = end
	return true
}

// expect is accept that fails with an error naming what is there instead.
func (s *scanner) expect(lit string) error {
	if s.accept(lit) {
		return nil
	}
	return s.errorf("%q expected, found %s", lit, s.here())
}

// here describes what stands at the current place.
func (s *scanner) here() string {
	s.space()
	if s.off >= len(s.text) {
		return "the end of the file"
	}
	if w := s.peekWord(); w != "" {
		return fmt.Sprintf("%q", w)
	}
	return fmt.Sprintf("%q", s.text[s.off:s.off+1])
}

func isWord(c byte) bool {
	return c == '_' || c == '.' || c == '%' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// peekWord returns the word (name or number) at the current place, or "".
func (s *scanner) peekWord() string {
	s.space()
	end := s.off
	for end < len(s.text) && isWord(s.text[end]) {
		end++
	}
	return s.text[s.off:end]
}

// word returns the word at the current place and moves behind it.
func (s *scanner) word() string {
	w := s.peekWord()
	s.off += len(w)
	return w
}
