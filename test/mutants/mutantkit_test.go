package mutants

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"altavoz/test/repo"
)

// A marker is a comment, at the end of a line or above it, that names the statement, case or expression that begins there.
var markerForm = regexp.MustCompile(`//mutant:([a-z0-9]+(?:-[a-z0-9]+)*)(?:\s|$)`)

const (
	markerStart = "//mutant:"
	mutantVar   = "ALTAVOZ_TEST_MUTANT" // which mutant a test binary runs with; empty: none
	mutantFunc  = "mutantIsOn"
)

// change is what a mutant does to the code at its marker. In its text "$" is what stands there.
type change struct {
	where changePlace
	word  string
	text  string
}

type changePlace uint8

const (
	placeWhole     changePlace = iota // all of it
	placeCondition                    // of an if, a for or a case, or the expression itself
	placePart                         // the operand of the condition's && and || that has the word
	placeValue                        // the right side of an assignment, or of that in an if; what is returned
)

func drop() change                         { return change{where: placeWhole} }
func whole(text string) change             { return change{where: placeWhole, text: text} }
func makeFalse() change                    { return condition("($) && false") }
func makeTrue() change                     { return condition("($) || true") }
func condition(text string) change         { return change{where: placeCondition, text: text} }
func operandWith(word, text string) change { return change{where: placePart, word: word, text: text} }
func value(text string) change             { return change{where: placeValue, text: text} }

// marked is one file with markers.
type marked struct {
	path    string // absolute
	pkg     string // from the root
	text    []byte
	files   *token.FileSet
	tree    *ast.File
	markers []marker
}

type marker struct {
	name string
	line int // where what it marks begins
}

// parseMarked finds the markers of a file. A comment on lines of its own marks the line that follows it.
func parseMarked(at string, text []byte) (*marked, error) {
	m := &marked{path: at, text: text, files: token.NewFileSet()}
	var err error
	if m.tree, err = parser.ParseFile(m.files, at, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
		return nil, err
	}
	for _, group := range m.tree.Comments {
		first := m.offset(group.Pos())
		line := m.line(group.Pos())
		if len(bytes.TrimSpace(text[bytes.LastIndexByte(text[:first], '\n')+1:first])) == 0 {
			line = m.line(group.End()) + 1
		}
		for _, c := range group.List {
			if !strings.HasPrefix(c.Text, markerStart) {
				continue
			}
			found := markerForm.FindStringSubmatch(c.Text)
			if found == nil {
				return nil, fmt.Errorf("%s: %q is no marker: %sthe-safeguard", m.files.Position(c.Pos()), c.Text, markerStart)
			}
			m.markers = append(m.markers, marker{found[1], line})
		}
	}
	return m, nil
}

func (m *marked) offset(p token.Pos) int { return m.files.Position(p).Offset }
func (m *marked) line(p token.Pos) int   { return m.files.Position(p).Line }

// find returns the function around a marker and the outermost statement, case or expression that begins on its line.
func (m *marked) find(at marker) (f *ast.FuncDecl, node ast.Node, err error) {
	for _, d := range m.tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && m.line(fn.Body.Lbrace) <= at.line && at.line <= m.line(fn.Body.Rbrace) {
			f = fn
		}
	}
	if f == nil {
		return nil, nil, fmt.Errorf("%s: the marker %s is in no function", m.path, at.name)
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if n == nil || node != nil {
			return false
		}
		if _, block := n.(*ast.BlockStmt); block || m.line(n.Pos()) != at.line {
			return true
		}
		switch n.(type) {
		case ast.Stmt, ast.Expr:
			node = n
		}
		return node == nil
	})
	if node == nil {
		return nil, nil, fmt.Errorf("%s:%d: nothing begins where the marker %s stands", m.path, at.line, at.name)
	}
	return f, node, nil
}

// span is a place in a file.
type span struct{ from, to int }

func (m *marked) span(n ast.Node) span { return span{m.offset(n.Pos()), m.offset(n.End())} }

// spots returns what a change replaces of a node.
func (m *marked) spots(n ast.Node, c change) []span {
	switch c.where {
	case placeWhole:
		all := m.span(n)
		if _, expr := n.(ast.Expr); expr && c.text == "" { // an argument or element goes with its comma
			if rest := bytes.TrimLeft(m.text[all.to:], " \t"); len(rest) > 0 && rest[0] == ',' {
				all.to = len(m.text) - len(rest) + 1
			}
		}
		return []span{all}
	case placeValue:
		return m.values(n)
	case placePart:
		for _, cond := range conditions(n) {
			if at := operand(cond, c.word); at != nil {
				return []span{m.span(at)}
			}
		}
	case placeCondition:
		var out []span
		for _, cond := range conditions(n) {
			out = append(out, m.span(cond))
		}
		return out
	}
	return nil
}

func (m *marked) values(n ast.Node) []span {
	var of []ast.Expr
	switch n := n.(type) {
	case *ast.AssignStmt:
		of = n.Rhs
	case *ast.IfStmt:
		if n.Init != nil {
			return m.values(n.Init)
		}
	case *ast.ReturnStmt:
		of = n.Results
	case *ast.KeyValueExpr:
		of = []ast.Expr{n.Value}
	}
	if len(of) == 0 {
		return nil
	}
	return []span{{m.offset(of[0].Pos()), m.offset(of[len(of)-1].End())}}
}

func conditions(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.IfStmt:
		return []ast.Expr{n.Cond}
	case *ast.ForStmt:
		if n.Cond != nil {
			return []ast.Expr{n.Cond}
		}
	case *ast.CaseClause:
		return n.List
	case *ast.ReturnStmt:
		if len(n.Results) == 1 {
			return n.Results
		}
	case *ast.AssignStmt:
		if len(n.Rhs) == 1 {
			return n.Rhs
		}
	case ast.Expr:
		return []ast.Expr{n}
	}
	return nil
}

// operand returns the first operand of && and || in which an identifier stands.
func operand(e ast.Expr, word string) ast.Expr {
	if p, ok := e.(*ast.ParenExpr); ok {
		return operand(p.X, word)
	}
	if b, ok := e.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
		if at := operand(b.X, word); at != nil {
			return at
		}
		return operand(b.Y, word)
	}
	has := false
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		has = has || ok && id.Name == word
		return !has
	})
	if has {
		return e
	}
	return nil
}

// changed returns the body of a function, without its braces, with a change made at a marker.
func (m *marked) changed(f *ast.FuncDecl, n ast.Node, c change) (string, error) {
	spots := m.spots(n, c)
	if len(spots) == 0 {
		return "", fmt.Errorf("%s: what the marker marks has no place for %+v", m.files.Position(n.Pos()), c)
	}
	body := span{m.offset(f.Body.Lbrace) + 1, m.offset(f.Body.Rbrace)}
	var out strings.Builder
	at := body.from
	for _, s := range spots {
		out.Write(m.text[at:s.from])
		out.WriteString(strings.ReplaceAll(c.text, "$", string(m.text[s.from:s.to])))
		at = s.to
	}
	out.Write(m.text[at:body.to])
	return out.String(), nil
}

// with returns the file with all its mutants in it, each as a second body of its function that runs when it is on.
func (m *marked) with(changes map[string]change) ([]byte, error) {
	type insertion struct {
		at   int
		text string
	}
	var all []insertion
	for _, mk := range m.markers {
		f, n, err := m.find(mk)
		if err != nil {
			return nil, err
		}
		body, err := m.changed(f, n, changes[mk.name])
		if err != nil {
			return nil, err
		}
		call, after := "func()", "; return"
		if f.Type.Results != nil {
			s := m.span(f.Type.Results)
			call, after = "return func() "+string(m.text[s.from:s.to]), ""
		}
		// A body that does not build says which mutant it is; what comes after it has the lines that it had.
		all = append(all, insertion{m.offset(f.Body.Lbrace) + 1, fmt.Sprintf("\nif %s(%q) { %s {\n//line mutant:%s:1\n%s\n}()%s }\n//line %s:%d\n",
			mutantFunc, mk.name, call, mk.name, body, after, m.path, m.line(f.Body.Lbrace))})
	}
	slices.SortStableFunc(all, func(a, b insertion) int { return a.at - b.at })
	var out bytes.Buffer
	at := 0
	for _, i := range all {
		out.Write(m.text[at:i.at])
		out.WriteString(i.text)
		at = i.at
	}
	out.Write(m.text[at:])
	return out.Bytes(), nil
}

// markedFiles are the files of the tree that have markers.
func markedFiles(t *testing.T) []*marked {
	t.Helper()
	var out []*marked
	for _, s := range repo.Sources(t) {
		if !bytes.Contains(s.Text, []byte(markerStart)) {
			continue
		}
		at, err := filepath.Abs(filepath.Join(repo.Root, filepath.FromSlash(s.Path)))
		if err != nil {
			t.Fatal(err)
		}
		m, err := parseMarked(at, s.Text)
		if err != nil {
			t.Fatal(err)
		}
		m.pkg = s.Package
		out = append(out, m)
	}
	return out
}

// pairUp returns where each mutant is. Each has one marker, and each marker one mutant.
func pairUp(files []*marked, all []mutant) (packages map[string]string, errs []error) {
	packages = make(map[string]string)
	wanted := make(map[string]bool)
	for _, m := range all {
		if wanted[m.marker] {
			errs = append(errs, fmt.Errorf("two mutants have the marker %s", m.marker))
		}
		wanted[m.marker] = true
	}
	for _, f := range files {
		for _, mk := range f.markers {
			switch _, twice := packages[mk.name]; {
			case twice:
				errs = append(errs, fmt.Errorf("%s:%d: the marker %s stands twice", f.path, mk.line, mk.name))
			case !wanted[mk.name]:
				errs = append(errs, fmt.Errorf("%s:%d: the marker %s has no mutant", f.path, mk.line, mk.name))
			}
			packages[mk.name] = f.pkg
		}
	}
	for _, m := range all {
		if packages[m.marker] == "" {
			errs = append(errs, fmt.Errorf("the mutant %s has no marker in the code", m.marker))
		}
	}
	return packages, errs
}

// overlay writes the changed files, and in each of their packages the function that says which mutant is on, beside the
// tree. It returns the file for go test -overlay.
func overlay(t *testing.T, dir string, files []*marked, all []mutant) string {
	t.Helper()
	changes := make(map[string]change)
	for _, m := range all {
		changes[m.marker] = m.change
	}
	replace := make(map[string]string)
	put := func(at string, text []byte) {
		to := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
		replace[at] = to
	}
	for _, f := range files {
		text, err := f.with(changes)
		if err != nil {
			t.Fatal(err)
		}
		put(f.path, text)
		at := filepath.Join(filepath.Dir(f.path), "mutant_on.go")
		if replace[at] == "" {
			put(at, fmt.Appendf(nil, "package %s\n\nimport \"os\"\n\nvar mutantOn = os.Getenv(%q)\n\nfunc %s(name string) bool { return name == mutantOn }\n",
				f.tree.Name.Name, mutantVar, mutantFunc))
		}
	}
	paths, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, paths, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Every safeguard that is marked has its mutant, and every mutant a place in the code that it can change.
func TestEachMarkerHasItsMutant(t *testing.T) {
	t.Parallel()
	files, all := markedFiles(t), mutants()
	_, errs := pairUp(files, all)
	for _, err := range errs {
		t.Error(err)
	}
	if !t.Failed() {
		overlay(t, t.TempDir(), files, all)
	}
}

// A marker that moves to another package leaves its mutant's test behind, unless the mutant says where that is.
func TestEachMutantNamesATestOfItsPackage(t *testing.T) {
	t.Parallel()
	have := make(map[string]bool)
	for _, s := range repo.Tests(t) {
		for _, d := range s.Tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				have[s.Package+"."+f.Name.Name] = true
			}
		}
	}
	packages, _ := pairUp(markedFiles(t), mutants())
	for _, m := range mutants() {
		if pkg := m.pkg(packages); !have[pkg+"."+m.test] {
			t.Errorf("the mutant %s: there is no %s in %s; say with in where it is", m.marker, m.test, pkg)
		}
	}
}

func TestMarkersWithoutMutantsAreFound(t *testing.T) {
	t.Parallel()
	parse := func(text string) *marked {
		m, err := parseMarked("x.go", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		m.pkg = "x"
		return m
	}
	files := []*marked{parse("package x\n\nfunc f() {\n\tg() //mutant:one\n\tg() //mutant:two\n\tg() //mutant:two\n\tg() //mutant:none\n}\n")}
	_, errs := pairUp(files, []mutant{{marker: "one"}, {marker: "two"}, {marker: "three"}, {marker: "three"}})
	var said []string
	for _, err := range errs {
		said = append(said, err.Error())
	}
	want := []string{
		"two mutants have the marker three", "x.go:6: the marker two stands twice", "x.go:7: the marker none has no mutant",
		"the mutant three has no marker in the code", "the mutant three has no marker in the code",
	}
	if !slices.Equal(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
	if _, err := parseMarked("x.go", []byte("package x\n\nfunc f() {\n\tg() //mutant:No Name\n}\n")); err == nil {
		t.Error("a marker without a proper name is taken")
	}
}

// What a mutant changes is found by the syntax, so the code around it may be moved and worded anew.
func TestMutantsChangeWhatIsMarked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code   string
		change change
		want   string
	}{
		"statement":       {"a()\n\tb(1, 2) //mutant:m", drop(), "a()\n\t //mutant:m"},
		"statement above": {"//mutant:m\n\t// why\n\tb(1,\n\t\t2)\n\tc()", drop(), "//mutant:m\n\t// why\n\t\n\tc()"},
		"argument":        {"b(1,\n\t\t2, //mutant:m\n\t\t3)", drop(), "b(1,\n\t\t //mutant:m\n\t\t3)"},
		"replaced":        {"b() //mutant:m", whole("$\n\tc()"), "b()\n\tc() //mutant:m"},
		"if":              {"if x := a(); x > 1 { //mutant:m\n\t}", makeFalse(), "if x := a(); (x > 1) && false { //mutant:m\n\t}"},
		"else if":         {"if a {\n\t} else if b { //mutant:m\n\t}", makeTrue(), "if a {\n\t} else if (b) || true { //mutant:m\n\t}"},
		"case":            {"switch {\n\tcase a, b: //mutant:m\n\t}", condition("false"), "switch {\n\tcase false, false: //mutant:m\n\t}"},
		"loop":            {"for a < b { //mutant:m\n\t}", makeFalse(), "for (a < b) && false { //mutant:m\n\t}"},
		"operand":         {"if a || (b && !c.x) || d { //mutant:m\n\t}", operandWith("x", "true"), "if a || (b && true) || d { //mutant:m\n\t}"},
		"returned":        {"return a && b //mutant:m", operandWith("b", "true"), "return a && true //mutant:m"},
		"own line":        {"if a ||\n\t\tb > 1 || //mutant:m\n\t\tc {\n\t}", makeFalse(), "if a ||\n\t\t(b > 1) && false || //mutant:m\n\t\tc {\n\t}"},
		"value":           {"x, err := f(1) //mutant:m", value("0, nil"), "x, err := 0, nil //mutant:m"},
		"value in if":     {"if err := f(1); err != nil { //mutant:m\n\t}", value("error(nil)"), "if err := error(nil); err != nil { //mutant:m\n\t}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := parseMarked("x.go", []byte("package x\n\nfunc f() {\n\t"+c.code+"\n}\n"))
			if err != nil {
				t.Fatal(err)
			}
			f, n, err := m.find(m.markers[0])
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.changed(f, n, c.change)
			if err != nil {
				t.Fatal(err)
			}
			if want := "\n\t" + c.want + "\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			text, err := m.with(map[string]change{"m": c.change})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.ParseFile(token.NewFileSet(), "x.go", text, 0); err != nil {
				t.Errorf("does not parse: %v\n%s", err, text)
			}
		})
	}
}

// testPackages returns the packages whose tests the mutants need, and those tests.
func testPackages(packages map[string]string, all []mutant) (names []string, tests map[string][]string) {
	tests = make(map[string][]string)
	for _, m := range all {
		pkg := m.pkg(packages)
		if !slices.Contains(tests[pkg], m.test) {
			tests[pkg] = append(tests[pkg], m.test)
		}
	}
	return slices.Sorted(maps.Keys(tests)), tests
}
