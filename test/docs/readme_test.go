package docs

import (
	"slices"
	"strings"
	"testing"
)

// shape is what has to be the same in both languages: the levels of the headings, the code blocks, the links but those from one language to
// the other, and how many rows, points and numbered promises there are.
func shape(d *document) (levels []int, links []string, rows int) {
	for _, h := range d.headings {
		levels = append(levels, h.level)
	}
	for _, link := range d.links() {
		if !strings.HasPrefix(link, "README") {
			links = append(links, link)
		}
	}
	for _, line := range d.prose {
		if strings.HasPrefix(line, "|") || strings.HasPrefix(line, "- ") || len(line) > 2 && line[0] >= '1' && line[0] <= '9' && line[1] == '.' {
			rows++
		}
	}
	return levels, links, rows
}

func TestBothREADMEsSayTheSame(t *testing.T) {
	t.Parallel()
	en, es := open(t, "README.md"), open(t, "README.es.md")
	levels, links, rows := shape(en)
	levelsES, linksES, rowsES := shape(es)
	if !slices.Equal(levels, levelsES) {
		t.Errorf("the headings of README.md have the levels %v, those of README.es.md %v; want %v", levels, levelsES, levelsES)
	}
	if !slices.Equal(links, linksES) {
		t.Errorf("README.md links to %q, README.es.md to %q; want %v", links, linksES, linksES)
	}
	if rows != rowsES {
		t.Errorf("README.md has %d rows and points, README.es.md %d; want %v", rows, rowsES, rowsES)
	}
	if len(en.blocks) == 0 || len(en.blocks) != len(es.blocks) {
		t.Fatalf("README.md has %d code blocks, README.es.md %d; want other than 0, %v", len(en.blocks), len(es.blocks), len(es.blocks))
	}
	for i, block := range en.blocks {
		if block != es.blocks[i] {
			t.Errorf("code block %d is not the same in README.md and README.es.md:\n%s\n---\n%s", i+1, block, es.blocks[i])
		}
	}
	for _, d := range []*document{en, es} {
		if !slices.ContainsFunc(d.links(), func(l string) bool { return strings.HasPrefix(l, "README") }) {
			t.Errorf("%s does not link to the other language", d.file)
		}
	}
}

// A newcomer reads it in one sitting; the rest stands in docs.
func TestTheREADMEIsShort(t *testing.T) {
	t.Parallel()
	const most = 130 // lines
	for _, file := range []string{"README.md", "README.es.md"} {
		if n := strings.Count(read(t, file), "\n"); n > most {
			t.Errorf("%s has %d lines, more than %d: what is not needed on the first day stands in docs", file, n, most)
		}
	}
}
