// Package repo reads the files of this repository for tests that hold them to what they promise. Its own tests check who imports
// whom and how large packages are (layout_test.go), the deploy files (deploy_test.go, compose_test.go), where sentences for people stand (sentences_test.go) and the table of threats
// (threats_test.go); test/mutants changes the sources that it finds. Programs have no use for it.
package repo

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
	"strings"
	"sync"
	"testing"
)

// Root is the repository's folder, from the folder of a package below test.
const Root = "../.."

// noPackages are the names of folders that hold no package of altavoz.
var noPackages = []string{".git", ".cache", "tools", "deploy", "examples", "testdata", "altavoz-data", "bin"}

// Source is one Go file.
type Source struct {
	Path    string // from the root
	Package string // its folder, from the root
	Text    []byte
	Lines   int
	Code    int // lines without comments and empty ones
	Files   *token.FileSet
	Tree    *ast.File
}

// Sources reads every file that is built into altavoz, and those of the tests' own packages that are not named _test.go.
func Sources(t *testing.T) []Source {
	t.Helper()
	return wanted(t, func(name string) bool { return !strings.HasSuffix(name, "_test.go") })
}

// Tests reads every file of tests.
func Tests(t *testing.T) []Source {
	t.Helper()
	return wanted(t, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
}

func wanted(t *testing.T, is func(name string) bool) []Source {
	t.Helper()
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	var out []Source
	for _, s := range all {
		if is(s.Path) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		t.Fatal("no source found")
	}
	return out
}

// read reads all files, once for all tests of a package. It walks the folders itself: what a go command says may come from a cache.
var read = sync.OnceValues(func() (out []Source, err error) {
	err = filepath.WalkDir(Root, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(noPackages, d.Name()):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(at, ".go"):
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
		rel, err := filepath.Rel(Root, at)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		out = append(out, Source{
			Path: rel, Package: path.Dir(rel), Text: text, Lines: strings.Count(string(text), "\n"), Code: linesOfCode(text),
			Files: files, Tree: tree,
		})
		return nil
	})
	return out, err
})

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
