package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// root is the repository, seen from this package.
const root = "../.."

// skipped are folders that hold nothing of the repository, or nothing that it wrote.
var skipped = []string{".git", ".cache", "altavoz-data", "bin", "testdata"}

// files returns every file of the repository whose name ends so, by its path.
func files(t *testing.T, endings ...string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(skipped, d.Name()) {
			return fs.SkipDir
		}
		if slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(at, e) }) {
			rel, err := filepath.Rel(root, at)
			if err != nil {
				return err
			}
			out = append(out, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatalf("the repository has no file that ends in %v", endings)
	}
	return out
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(at string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(at)))
	return err == nil
}

// document is a Markdown file in its parts.
type document struct {
	file     string
	headings []heading
	prose    []string // lines outside code blocks
	blocks   []string // code blocks, with the language behind the fence
}

type heading struct {
	level int
	text  string
}

func open(t *testing.T, file string) *document {
	t.Helper()
	d := &document{file: file}
	var block []string
	inBlock := false
	for line := range strings.Lines(read(t, file)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "```") && inBlock:
			d.blocks, block, inBlock = append(d.blocks, strings.Join(block, "\n")), nil, false
		case strings.HasPrefix(line, "```"):
			block, inBlock = []string{strings.TrimPrefix(line, "```")}, true
		case inBlock:
			block = append(block, line)
		default:
			d.prose = append(d.prose, line)
			if level := len(line) - len(strings.TrimLeft(line, "#")); level > 0 && strings.HasPrefix(line[level:], " ") {
				d.headings = append(d.headings, heading{level, strings.TrimSpace(line[level:])})
			}
		}
	}
	if inBlock {
		t.Errorf("%s: the last code block has no end", file)
	}
	return d
}

// anchor returns the fragment that leads to a heading on the hosting page: lower case, dashes for spaces, no punctuation.
func anchor(text string) string {
	var out strings.Builder
	for _, c := range strings.ToLower(text) {
		switch {
		case c == ' ':
			out.WriteByte('-')
		case c == '-' || c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c):
			out.WriteRune(c)
		}
	}
	return out.String()
}

func (d *document) hasAnchor(name string) bool {
	return slices.ContainsFunc(d.headings, func(h heading) bool { return anchor(h.text) == name })
}

var (
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeSpan   = regexp.MustCompile("`+[^`]+`+")
)

// links returns the targets of all links. What looks like one in code is none.
func (d *document) links() []string {
	var out []string
	for _, line := range d.prose {
		plain := codeSpan.ReplaceAllStringFunc(line, func(span string) string { return strings.Repeat("x", len(span)) })
		for _, m := range linkTarget.FindAllStringSubmatch(plain, -1) {
			out = append(out, m[1])
		}
	}
	return out
}

// names returns what stands in backticks in the prose.
func (d *document) names() []string {
	var out []string
	for _, line := range d.prose {
		for _, span := range codeSpan.FindAllString(line, -1) {
			out = append(out, strings.Trim(span, "`"))
		}
	}
	return out
}
