package main

import (
	"fmt"
	"io/fs"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"klpsim/kernel/session"
	"klpsim/programs"
)

func newList(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the bundled scenarios and programs",
		Example: "  klpsim list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var entries []entry
			for _, n := range scenarioNames() {
				sc, err := session.Open(n)
				if err != nil {
					return err
				}
				entries = append(entries, entry{n, sc.Title})
			}
			sources, err := programEntries()
			if err != nil {
				return err
			}
			entries = append(entries, sources...)
			width := 0
			for _, e := range entries {
				width = max(width, len(e.name))
			}
			for _, e := range entries {
				fmt.Fprintf(s.out, "%-*s  %s\n", width, e.name, e.about)
			}
			return nil
		},
	}
}

// entry is a line of the list.
type entry struct{ name, about string }

// programEntries lists the bundled sources, each with the first sentence of
// the comment at its head. fs.WalkDir goes in order of names.
func programEntries() ([]entry, error) {
	var entries []entry
	err := fs.WalkDir(programs.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".s") {
			return err
		}
		text, err := programs.Read(path)
		entries = append(entries, entry{path, firstSentence(string(text))})
		return err
	})
	return entries, err
}

// firstSentence is the beginning of a source's leading comment, up to the
// first full stop, colon or empty line, without the final stop.
func firstSentence(text string) string {
	var words []string
	for _, line := range strings.Split(text, "\n") {
		line, ok := strings.CutPrefix(line, "#")
		if !ok || strings.TrimSpace(line) == "" {
			break
		}
		for _, w := range strings.Fields(line) {
			words = append(words, w)
			if strings.HasSuffix(w, ".") || strings.HasSuffix(w, ":") {
				return strings.TrimRight(strings.Join(words, " "), ".:")
			}
		}
	}
	return strings.Join(words, " ")
}

// scenarioNames returns the names of the bundled scenarios in order.
func scenarioNames() []string {
	var names []string
	for n := range session.Bundled() {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// completeScenario completes the first argument of a command.
func completeScenario(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return scenarioNames(), cobra.ShellCompDirectiveDefault
}
