package litmus

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkCollection parses, assembles and explores the whole collection.
func BenchmarkCollection(b *testing.B) {
	files, err := filepath.Glob(dir + "/*.litmus")
	if err != nil || files == nil {
		b.Fatal("no tests", err)
	}
	n := 0
	for b.Loop() {
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				b.Fatal(err)
			}
			t, err := Parse(f, text)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := Run(context.Background(), t, Options{}); err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tests/s")
}
