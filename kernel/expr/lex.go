package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is a fault in an expression's text.
type Error struct {
	File string
	Line int
	Col  int // 1-based byte column in the line
	Msg  string
}

func (e *Error) Error() string {
	if e.File == "" {
		return fmt.Sprintf("column %d: %s", e.Col, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokNumber
	tokName
	tokReg
	tokPunct
)

type token struct {
	kind tokenKind
	text string
	pos  int // byte offset in the text
	num  uint64
	typ  *Type // of a number
}

func (t token) String() string {
	if t.kind == tokEnd {
		return "the end of the expression"
	}
	return strconv.Quote(t.text)
}

// puncts are the operators, longest first.
var puncts = []string{"&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "->", "=>",
	"+", "-", "*", "/", "%", "&", "|", "^", "~", "!", "<", ">", "?", ":", "(", ")", "[", "]", ".", ",", "@"}

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func wordEnd(s string, i int) int {
	for i < len(s) && (isLetter(s[i]) || isDigit(s[i])) {
		i++
	}
	return i
}

// lex splits text into tokens, ending with a tokEnd. operand says where a %
// begins a register rather than being the remainder operator.
func lex(text string) ([]token, *Error) {
	var toks []token
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t':
			i++
			continue
		case isDigit(c):
			end := wordEnd(text, i)
			n, t, err := number(text[i:end])
			if err != "" {
				return nil, &Error{Col: i + 1, Msg: err}
			}
			toks = append(toks, token{kind: tokNumber, text: text[i:end], pos: i, num: n, typ: t})
			i = end
		case isLetter(c):
			end := wordEnd(text, i)
			toks = append(toks, token{kind: tokName, text: text[i:end], pos: i})
			i = end
		case c == '\'':
			if i+2 >= len(text) || text[i+2] != '\'' {
				return nil, &Error{Col: i + 1, Msg: "a character constant is one character between single quotes"}
			}
			toks = append(toks, token{kind: tokNumber, text: text[i : i+3], pos: i, num: uint64(text[i+1]), typ: Int32})
			i += 3
		case c == '%' && !endsOperand(toks) && i+1 < len(text) && isLetter(text[i+1]):
			end := wordEnd(text, i+1)
			toks = append(toks, token{kind: tokReg, text: text[i:end], pos: i})
			i = end
		default:
			p := punctAt(text[i:])
			if p == "" {
				r, _ := utf8.DecodeRuneInString(text[i:])
				return nil, &Error{Col: i + 1, Msg: fmt.Sprintf("unexpected character %q", r)}
			}
			toks = append(toks, token{kind: tokPunct, text: p, pos: i})
			i += len(p)
		}
	}
	return append(toks, token{kind: tokEnd, pos: len(text)}), nil
}

func punctAt(s string) string {
	for _, p := range puncts {
		if strings.HasPrefix(s, p) {
			return p
		}
	}
	return ""
}

// endsOperand says whether the tokens so far end with an operand, after which
// a % is the remainder operator.
func endsOperand(toks []token) bool {
	if len(toks) == 0 {
		return false
	}
	t := toks[len(toks)-1]
	return t.kind != tokPunct || t.text == ")" || t.text == "]"
}

// number reads a C integer constant and gives it the type that C does
// (C11 section 6.4.4.1), with a 64-bit long.
func number(s string) (uint64, *Type, string) {
	digits := strings.TrimRight(s, "uUlL")
	if strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X") || strings.HasPrefix(s, "0b") {
		digits = s[:2] + strings.TrimRight(s[2:], "uUlL")
	}
	suffix := strings.ToLower(s[len(digits):])
	n, err := strconv.ParseUint(digits, 0, 64)
	if err != nil || strings.Contains(digits, "_") || strings.HasPrefix(digits, "0o") {
		return 0, nil, fmt.Sprintf("%q is not a number", s)
	}
	switch suffix {
	case "", "u", "l", "ul", "lu", "ll", "ull", "llu":
	default:
		return 0, nil, fmt.Sprintf("%q is not a number", s)
	}
	unsigned, long := strings.Contains(suffix, "u"), strings.Contains(suffix, "l")
	decimal := digits[0] != '0' || digits == "0"
	switch {
	case !long && !unsigned && n < 1<<31:
		return n, Int32, ""
	case !long && n < 1<<32 && (unsigned || !decimal):
		return n, Uint32, ""
	case !unsigned && n < 1<<63:
		return n, Int64, ""
	}
	return n, Uint64, ""
}
