package repo

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"altavoz/processor"
	"altavoz/schemas"
	"altavoz/stream"
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
	files, err := filepath.Glob(Root + "/deploy/rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	boards, err := filepath.Glob(Root + "/deploy/grafana/dashboards/*.json")
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

// metricNames returns every name of a metric that stands in the sources, tests excluded.
func metricNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, s := range Sources(t) {
		ast.Inspect(s.Tree, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && s != "" && metricName.FindString(s) == s {
				names[s] = true
			}
			return true
		})
	}
	return names
}

// All stages commit through their group, so one package counts commits for all of them.
func TestCommitsAreCountedInOnePackage(t *testing.T) {
	t.Parallel()
	for _, s := range Sources(t) {
		ast.Inspect(s.Tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && s.Package != "kafka/group" && strings.Contains(metricName.FindString(lit.Value), "commit") {
				t.Errorf("%s has the metric %s: commits are counted in kafka/group", s.Path, lit.Value)
			}
			return true
		})
	}
}

// An alert without a runbook wakes somebody who does not know what to do.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	t.Parallel()
	rules, docs := readFile(t, "deploy/rules/altavoz.yml"), readFile(t, "docs/operate.md")
	alerts := regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(rules, -1)
	links := regexp.MustCompile(`(?m)^ +runbook_url: docs/operate\.md#(\S+)$`).FindAllStringSubmatch(rules, -1)
	if len(alerts) == 0 || len(alerts) != len(links) {
		t.Fatalf("%d alerts, %d links to runbooks; want other than 0, %v", len(alerts), len(links), len(links))
	}
	for i, a := range alerts {
		if want := strings.ToLower(a[1]); links[i][1] != want {
			t.Errorf("%s has the runbook %s; want %v", a[1], links[i][1], want)
		}
		_, text, ok := strings.Cut(docs, "\n### "+a[1]+"\n")
		if !ok {
			t.Errorf("docs/operate.md has no section %s", a[1])
			continue
		}
		text, _, _ = strings.Cut(text, "\n### ")
		for _, part := range []string{"*Means*: ", "*Look at*: ", "*Do*: "} {
			if !strings.Contains(text, part) {
				t.Errorf("the runbook of %s does not have %s", a[1], part)
			}
		}
	}
	for _, section := range regexp.MustCompile(`(?m)^### (Altavoz\w+)$`).FindAllStringSubmatch(docs, -1) {
		if !strings.Contains(rules, "- alert: "+section[1]+"\n") {
			t.Errorf("docs/operate.md has a runbook for %s, and there is no such alert", section[1])
		}
	}
	have := metricNames(t)
	for _, name := range metricName.FindAllString(docs, -1) {
		if !have[name] {
			t.Errorf("docs/operate.md: there is no metric %s", name)
		}
	}
}

// row returns the cells of the row of a Markdown table that begins with a name.
func row(t *testing.T, docs, name string) []string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \|(.*)\|$`).FindStringSubmatch(docs)
	if line == nil {
		t.Fatalf("docs/operate.md has no row %s", name)
	}
	cells := strings.Split(line[1], "|")
	for i, c := range cells {
		cells[i] = strings.TrimSpace(c)
	}
	return cells
}

func TestOperateNamesTheRetentionOfEveryTopic(t *testing.T) {
	t.Parallel()
	docs := readFile(t, "docs/operate.md")
	for _, s := range schemas.Topics() {
		cells := row(t, docs, "`"+string(s.Topic)+"`")
		kept := cells[len(cells)-1]
		want := fmt.Sprintf("%d days", s.Retention/(24*time.Hour))
		if s.Retention%(24*time.Hour) > 0 {
			want = fmt.Sprintf("%d hours", s.Retention/time.Hour)
		}
		if s.Compact != strings.HasPrefix(kept, "compacted") || s.Retention > 0 && !strings.HasSuffix(kept, want) {
			t.Errorf("%s is kept %q, which is not %s, compacted %v", s.Topic, kept, want, s.Compact)
		}
	}
}

// The rights of a user are set from this table: a topic too few stops a role, one too many is a way for whoever breaks in.
func TestOperateNamesTheTopicsOfEveryStage(t *testing.T) {
	t.Parallel()
	docs := readFile(t, "docs/operate.md")
	for _, stage := range processor.Topology() {
		cells := row(t, docs, stage.Name)
		for i, topics := range [][]stream.Topic{slices.Concat(stage.Consumes, stage.Reads), stage.Writes} {
			var names []string
			for _, topic := range topics {
				names = append(names, string(topic))
			}
			slices.Sort(names)
			written := strings.Split(cells[i], ", ")
			if slices.Sort(written); !slices.Equal(written, names) {
				t.Errorf("%s: %v are documented, and %v used; want %v", stage.Name, written, names, names)
			}
		}
		if want := map[bool]string{true: stage.Name}[len(stage.Consumes) > 0]; cells[2] != want {
			t.Errorf("the group of %s is documented as %q; want %q", stage.Name, cells[2], want)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
