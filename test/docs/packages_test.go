package docs

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The table of packages in DESIGN.md: its first column names a package, its third one those below it.
func TestDesignNamesEveryPackageAndNoOther(t *testing.T) {
	t.Parallel()
	_, table, ok := strings.Cut(read(t, "DESIGN.md"), "\n## Packages\n")
	if !ok {
		t.Fatal("DESIGN.md has no section Packages")
	}
	table, _, _ = strings.Cut(table, "\nWhich package may import which")
	var named []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		above := strings.Trim(cells[1], " `")
		named = append(named, above)
		for part := range strings.SplitSeq(cells[3], ";") {
			names, _, _ := strings.Cut(part, ":")
			for _, span := range codeSpan.FindAllString(names, -1) {
				named = append(named, path.Join(above, strings.Trim(span, "`")))
			}
		}
	}
	have := packages(t)
	for _, name := range have {
		if !slices.Contains(named, name) {
			t.Errorf("the table of packages in DESIGN.md does not name %s", name)
		}
	}
	for _, name := range named {
		if !slices.Contains(have, name) && !slices.ContainsFunc(have, func(p string) bool { return strings.HasPrefix(p, name+"/") }) {
			t.Errorf("the table of packages in DESIGN.md names %s, which is no package", name)
		}
	}
}

// packages returns the folders of the repository that hold a package.
func packages(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, f := range files(t, ".go") {
		if !strings.HasPrefix(f, "tools/") {
			out = append(out, path.Dir(f))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	// goFile finds names of Go files in a package comment: "fold.go", "turns/queue.go".
	goFile = regexp.MustCompile(`[\w./-]*\w\.go\b`)
	// packagePath finds paths of packages in it: "kafka/group".
	packagePath = regexp.MustCompile(`\b[a-z][\w-]*(?:/[a-z]\w*)+\b`)
)

func TestEachFileAndPackageThatAPackageCommentNamesExists(t *testing.T) {
	t.Parallel()
	for _, file := range files(t, ".go") {
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if tree.Doc == nil {
			continue
		}
		text, folder := tree.Doc.Text(), path.Dir(file)
		for _, name := range goFile.FindAllString(text, -1) {
			if !exists(path.Join(folder, name)) && !exists(name) {
				t.Errorf("%s: the package comment names %s, which does not exist", file, name)
			}
		}
		for _, name := range packagePath.FindAllString(text, -1) {
			if first, _, _ := strings.Cut(name, "/"); exists(first) && !exists(name) && !exists(name+".go") && !exists(name+".md") && !exists(path.Join(folder, name)) {
				t.Errorf("%s: the package comment names %s, which does not exist", file, name)
			}
		}
	}
}

// aTest is the name of a test, a benchmark or an example in backticks.
var aTest = regexp.MustCompile(`^(Test|Benchmark|Example)[A-Z]\w+$`)

func TestEachTestThatADocumentNamesExists(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, f := range files(t, "_test.go") {
		code.WriteString(read(t, f))
	}
	for _, file := range files(t, ".md") {
		for _, name := range open(t, file).names() {
			if aTest.MatchString(name) && !strings.Contains(code.String(), "func "+name+"(") {
				t.Errorf("%s names %s, which is no test", file, name)
			}
		}
	}
}
