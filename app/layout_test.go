package app

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// plan says which of our rooms each room may import. A folder with Go files that is not here may not exist; the plan itself
// is explained in DESIGN.md.
var plan = map[string][]string{
	"stream":              {},
	"schemas":             {"stream", "schemas/hours", "schemas/phone", "schemas/rules", "schemas/version"},
	"schemas/request":     {"schemas", "schemas/datauri", "schemas/hours", "schemas/phone", "schemas/rules", "schemas/split"},
	"schemas/blob":        {"stream", "schemas"},
	"schemas/taskids":     {"schemas"},
	"schemas/phone":       {},
	"schemas/standing":    {"stream", "schemas"},
	"schemas/rules":       {},
	"schemas/datauri":     {"schemas/rules"},
	"schemas/split":       {},
	"schemas/hours":       {},
	"schemas/shown":       {},
	"schemas/version":     {},
	"producer":            {"stream", "schemas", "schemas/request", "schemas/taskids", "producer/access", "producer/connections", "producer/draft", "producer/feed", "producer/guard", "producer/identity", "producer/seldom", "producer/slots", "producer/tasks", "producer/underway", "producer/upload"},
	"producer/access":     {"schemas"},
	"producer/identity":   {"schemas", "schemas/taskids"},
	"producer/draft":      {"schemas"},
	"producer/upload":     {"stream", "schemas", "schemas/request", "schemas/blob"},
	"producer/feed":       {},
	"producer/tasks":      {"schemas", "schemas/request", "schemas/shown"},
	"processor/partition": {"stream"},
	"producer/seldom":     {},
	"producer/slots":      {"producer/access", "producer/underway"},
	"producer/underway":   {},
	"producer/guard":      {"producer/seldom"},
	"app/admission":       {"producer", "producer/access", "producer/connections", "producer/guard"},
	"processor/fanout": {
		"stream", "schemas", "processor/partition", "processor/fanout/canary", "processor/fanout/ledger", "processor/fanout/recipients", "processor/fanout/rewrite",
		"processor/fanout/list", "processor/fanout/status",
		"processor/fanout/turns", "schemas/blob", "schemas/request", "schemas/taskids",
	},
	"processor/fanout/canary":     {"schemas"},
	"producer/connections":        {"producer/seldom"},
	"processor/fanout/ledger":     {"stream", "schemas"},
	"processor/fanout/recipients": {"schemas"},
	"processor/fanout/list":       {"stream", "schemas", "schemas/blob", "processor/fanout/rewrite"},
	"processor/fanout/rewrite":    {"stream", "schemas", "schemas/blob", "schemas/request"},
	"processor/fanout/status":     {"schemas"},
	"processor/fanout/turns":      {"schemas"},
	"processor/sender": {
		"stream", "schemas", "processor/sender/breaker", "processor/sender/ledger", "processor/sender/limits", "processor/sender/pace", "processor/sender/replaced",
		"processor/sender/timers", "schemas/request", "schemas/standing",
	},
	"processor/sender/breaker":    {"schemas"},
	"processor/sender/timers":     {},
	"processor/sender/ledger":     {"stream"},
	"processor/sender/limits":     {"schemas"},
	"processor/sender/pace":       {},
	"processor/sender/replaced":   {"schemas", "processor/sender/limits"},
	"processor/aggregator":        {"stream", "schemas", "processor/partition", "processor/aggregator/cold", "processor/aggregator/own", "processor/aggregator/pace", "processor/aggregator/recall", "processor/aggregator/tally"},
	"processor/aggregator/cold":   {"schemas", "schemas/taskindex"},
	"processor/aggregator/tally":  {"schemas"},
	"processor/aggregator/recall": {"stream"},
	"processor/aggregator/own":    {"stream"},
	"processor/aggregator/pace":   {},
	"processor":                   {"stream", "schemas", "kafka", "processor/fanout", "processor/sender", "processor/aggregator"},
	"kafka":                       {"stream", "schemas", "kafka/balance", "kafka/health", "kafka/held", "kafka/librarylog", "kafka/membership", "kafka/offsets", "kafka/pending", "kafka/registry", "kafka/settings", "kafka/stable", "kafka/table", "kafka/tlsdial", "kafka/unpack"},
	"kafka/registry":              {"stream", "schemas"},
	"kafka/settings":              {"stream", "schemas"},
	"kafka/stable":                {"stream", "schemas"},
	"kafka/health":                {"schemas/refused"},
	"schemas/refused":             {},
	"kafka/held":                  {"stream", "schemas"},
	"kafka/balance":               {},
	"kafka/librarylog":            {},
	"kafka/pending":               {},
	"kafka/tlsdial":               {},
	"schemas/taskindex":           {},
	"kafka/table":                 {"stream", "schemas", "schemas/standing", "schemas/taskindex"},
	"kafka/membership":            {},
	"kafka/offsets":               {"stream"},
	"kafka/unpack":                {},
	"kafka/rejects":               {"stream", "schemas", "schemas/shown"},
	"redis":                       {"schemas", "schemas/refused"},
	"whatsapp":                    {"stream", "schemas", "whatsapp/account"},
	"whatsapp/account":            {"stream", "schemas", "schemas/standing"},
	"whatsapp/media":              {"schemas", "schemas/rules", "whatsapp/media/seal"},
	"whatsapp/media/seal":         {"schemas"},
	"whatsapp/simulator":          {"whatsapp/simulator/faults", "whatsapp/simulator/ledger", "whatsapp/simulator/h2", "whatsapp/simulator/pages", "whatsapp/simulator/server", "whatsapp/simulator/webhooks"},
	"whatsapp/simulator/faults":   {"whatsapp/simulator/ledger"},
	"whatsapp/simulator/h2":       {},
	"whatsapp/simulator/ledger":   {},
	"whatsapp/simulator/pages":    {},
	"whatsapp/simulator/server":   {"whatsapp/simulator/h2"},
	"whatsapp/simulator/webhooks": {"whatsapp/simulator/faults", "whatsapp/simulator/ledger"},
	"app/embedded":                {"whatsapp/simulator"},
	"app/environment":             {"app/filewatch", "schemas", "schemas/rules"},
	"app/numbers":                 {"app/environment", "app/filewatch", "schemas"},
	"app/keys":                    {"app/environment", "app/filewatch", "app/secure", "producer/access", "schemas"},
	"app/ids":                     {"stream", "kafka", "kafka/registry", "producer/identity", "schemas"},
	"app/filewatch":               {},
	"app/readiness":               {},
	"app/version":                 {},
	"app/operator":                {"stream", "kafka", "kafka/rejects", "processor", "schemas", "schemas/shown"},
	"app/secure":                  {"schemas", "schemas/rules"},
	"test/chaos":                  {},                                    // tests only, of the binary
	"test/witness":                {"stream", "processor/sender/ledger"}, // for tests
	"app": {
		"stream", "app/admission", "app/embedded", "app/environment", "app/ids", "app/keys", "app/numbers", "app/readiness", "app/secure", "app/version", "schemas", "schemas/blob", "schemas/request", "schemas/shown", "producer", "producer/access", "producer/connections", "producer/guard", "producer/identity", "processor", "processor/partition", "processor/fanout", "processor/sender", "processor/aggregator", "kafka", "kafka/health", "kafka/rejects", "redis",
		"whatsapp", "whatsapp/media", "whatsapp/simulator",
	},
	"lists":               {"schemas/phone"},
	"cmd/altavoz":         {"schemas", "schemas/request", "schemas/shown", "app", "app/version", "lists", "cmd/altavoz/client", "cmd/altavoz/operate", "cmd/altavoz/phones"},
	"cmd/altavoz/operate": {"app", "app/operator", "schemas", "schemas/shown"},
	"cmd/altavoz/client":  {"schemas", "schemas/shown", "app"},
	"cmd/altavoz/phones":  {"lists"},
}

// What fits on a screen, in a sitting and in a head. Tests and generated code are not counted, and in a room neither are
// comments and empty lines: explaining must not cost anything.
const (
	maxFunctionLines = 80
	maxFileLines     = 400
	maxRoomLines     = 1500
)

// crowded are the rooms that hold more than a room should, with what they hold. The numbers may only go down.
var crowded = map[string]int{
	"kafka": 2180, "processor/fanout": 2786, "processor/sender": 2802, "processor/aggregator": 2315,
}

// lived is what stands in a folder besides rooms.
var lived = []string{".git", ".cache", "tools", "deploy", "examples", "testdata", "altavoz-data", "bin"}

// source is one file of a room.
type source struct {
	path  string
	room  string
	lines int
	code  int // lines without comments and empty ones
	files *token.FileSet
	tree  *ast.File
}

// sources reads every file that is built into altavoz. It walks the folders itself: what a go command says may come from
// a cache.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir("..", func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(lived, d.Name()):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(at, ".go") || strings.HasSuffix(at, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		tree, err := parser.ParseFile(files, at, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", at)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		out = append(out, source{rel, path.Dir(rel), strings.Count(string(text), "\n"), linesOfCode(text), files, tree})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no source found")
	}
	return out
}

// linesOfCode counts the lines on which a token of the language stands.
func linesOfCode(text []byte) int {
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0) // comments are passed over
	n, last := 0, 0
	for {
		at, what, lit := s.Scan()
		if what == token.EOF {
			return n
		}
		if what == token.SEMICOLON && lit == "\n" { // not in the text: the end of a line
			continue
		}
		first := file.Line(at)
		end := first + strings.Count(lit, "\n")
		n += max(0, end-max(first-1, last))
		last = max(last, end)
	}
}

func TestRoomsImportOnlyWhatThePlanAllows(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		may, ok := plan[s.room]
		if !ok {
			t.Errorf("%s: there is no room %s on the plan", s.path, s.room)
			continue
		}
		for _, i := range s.tree.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if dep, ours := strings.CutPrefix(name, "altavoz/"); ours && !slices.Contains(may, dep) {
				t.Errorf("%s: %s may not import %s", s.path, s.room, dep)
			}
		}
	}
}

func TestFunctionsFilesAndRoomsStaySmall(t *testing.T) {
	t.Parallel()
	rooms := make(map[string]int)
	for _, s := range sources(t) {
		if ast.IsGenerated(s.tree) {
			continue
		}
		rooms[s.room] += s.code
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d", s.path, s.lines, maxFileLines)
		}
		for _, d := range s.tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.files.Position(f.End()).Line - s.files.Position(f.Pos()).Line + 1; n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, more than %d", s.path, f.Name.Name, n, maxFunctionLines)
			}
		}
	}
	for room, n := range rooms {
		if most := max(maxRoomLines, crowded[room]); n > most {
			t.Errorf("the room %s has %d lines of code, more than %d", room, n, most)
		}
		if crowded[room] > 0 && n <= maxRoomLines {
			t.Errorf("the room %s is not crowded any more: take it off the list", room)
		}
	}
}

func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	said := make(map[string]bool)
	for _, s := range sources(t) {
		said[s.room] = said[s.room] || s.tree.Doc != nil
	}
	for room, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", room)
		}
	}
}

// A global is state that two processes in one test would share. Tables that nobody writes to, and errors, are none.
func TestNobodyInitialises(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && !ast.IsGenerated(s.tree) {
				t.Errorf("%s: wiring is explicit, there is no init", s.path)
			}
		}
	}
}
