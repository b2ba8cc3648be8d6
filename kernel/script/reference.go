package script

import (
	"fmt"
	"strings"
)

// Reference is the command reference in Markdown, made from the table.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Commands\n\nThe commands of `klpsim step`, of its scripts and of a scenario's `run` block.\nAn unambiguous beginning of a command is enough; an empty line repeats the last\none. This file is made from the command table: `make docs`.\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n", strings.ToUpper(g[:1])+g[1:])
		for i := range commands {
			if c := &commands[i]; c.Group == g {
				fmt.Fprintf(&b, "\n```\n%s```\n", c.Text())
			}
		}
	}
	b.WriteString("\n## info\n\n| info | tells |\n|---|---|\n")
	for _, i := range infos {
		fmt.Fprintf(&b, "| `%s` | %s |\n", i.name, i.help)
	}
	b.WriteString("\n## Places\n\n`klp_patch_task`, `klp_patch_task+0x12`, `*0xffffffff81000123`, `*%rip`,\n`transition.s:42`, and ``klp_patch_task:`mov klp_target_state, %r12d` ``, the\ninstruction's own text as the source or the disassembly has it; behind each\n`before` (understood) or `after`.\n")
	return b.String()
}
