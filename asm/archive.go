package asm

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// archiveMagic begins a static library (System V ar format).
const archiveMagic = "!<arch>\n"

// arHeader is the length of a member's header.
const arHeader = 60

// readArchive reads the objects of a static library, in order.
func readArchive(name string, data []byte) ([]*Object, error) {
	var objs []*Object
	var long []byte
	for p := len(archiveMagic); p+arHeader <= len(data); {
		h := data[p : p+arHeader]
		size, err := strconv.Atoi(strings.TrimSpace(string(h[48:58])))
		if err != nil || size < 0 || size > len(data)-p-arHeader || h[58] != '`' {
			return nil, fmt.Errorf("%s: %w: bad archive member header at %d", name, ErrFormat, p)
		}
		body := data[p+arHeader : p+arHeader+size]
		member := strings.TrimRight(string(h[:16]), " ")
		p += arHeader + size + size&1
		switch {
		case member == "//":
			long = body
			continue
		case member == "/" || member == "/SYM64/" || strings.HasPrefix(member, "__.SYMDEF"):
			continue
		}
		if !bytes.HasPrefix(body, []byte("\x7fELF")) {
			continue
		}
		o, err := ReadELF(name+"("+memberName(member, long)+")", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		objs = append(objs, o)
	}
	return objs, nil
}

// memberName resolves "/123", an offset in the table of long names.
func memberName(member string, long []byte) string {
	if n, err := strconv.Atoi(strings.TrimPrefix(member, "/")); err == nil && n >= 0 && n < len(long) {
		member = string(long[n:])
		if i := strings.IndexByte(member, '\n'); i >= 0 {
			member = member[:i]
		}
	}
	return strings.TrimSuffix(member, "/")
}
