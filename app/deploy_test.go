package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	metricName = regexp.MustCompile(`\baltavoz_[a-z0-9_]+\b`)
	// What Prometheus adds to the name of a histogram.
	seriesSuffix = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// A panel or an alert on a metric that nobody writes stays empty or silent for ever, and nobody is told.
func TestDeployNamesOnlyMetricsThatExist(t *testing.T) {
	t.Parallel()
	have := metricNames(t)
	if len(have) == 0 {
		t.Fatal("no metric found in the sources")
	}
	files, err := filepath.Glob("../deploy/rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	boards, err := filepath.Glob("../deploy/grafana/dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, boards...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := metricName.FindAllString(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s names no metric: is it still read right?", file)
		}
		for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
			if !have[name] && !have[seriesSuffix.ReplaceAllString(name, "")] {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}

// metricNames returns every name of a metric that stands in the rooms' sources, tests excluded.
func metricNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && s != "" && metricName.FindString(s) == s {
				names[s] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
