package repo

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

const (
	// threats is how many there are in the table of RELIABILITY.md.
	threats = 25
	// untested is the one that no test attacks, because there is nothing to attack yet.
	untested = "S18"
)

var threatTest = regexp.MustCompile(`^Test(?:EndToEnd|Real|Sim)?ThreatS(\d\d)\w+$`)

// The table of threats is a promise: each has tests that attack it; one says why not.
func TestEveryThreatHasItsTests(t *testing.T) {
	t.Parallel()
	docs, have := readFile(t, "RELIABILITY.md"), threatTests(t)
	for n := 1; n <= threats; n++ {
		id := fmt.Sprintf("S%02d", n)
		line := regexp.MustCompile(`(?m)^\| ` + id + ` \|([^|]+)\|([^|]+)\|([^|]+)\|$`).FindStringSubmatch(docs)
		if line == nil {
			t.Errorf("RELIABILITY.md has no row %s", id)
			continue
		}
		named := regexp.MustCompile(`\bTest\w+`).FindAllString(line[3], -1)
		if len(named) == 0 && (id != untested || !strings.Contains(line[3], "none: ")) {
			t.Errorf("%s names no test; only %s may, and says why", id, untested)
		}
		for _, name := range named {
			match := threatTest.FindStringSubmatch(name)
			if match == nil || "S"+match[1] != id {
				t.Errorf("%s: %s is not named for it; want %v", id, name, "S"+match[1])
			}
			if !have[name] {
				t.Errorf("%s: there is no test %s", id, name)
			}
		}
	}
	for name := range have {
		if match := threatTest.FindStringSubmatch(name); match == nil || !strings.Contains(docs, "\n| S"+match[1]+" |") {
			t.Errorf("%s is of no threat of the table", name)
		}
	}
}

// threatTests returns every test that is named for a threat.
func threatTests(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, s := range Tests(t) {
		for _, d := range s.Tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && regexp.MustCompile(`ThreatS\d`).MatchString(f.Name.Name) {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
