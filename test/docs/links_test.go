package docs

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEachLinkOfTheDocumentsResolves(t *testing.T) {
	t.Parallel()
	for _, file := range files(t, ".md") {
		for _, link := range open(t, file).links() {
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			at, fragment, _ := strings.Cut(link, "#")
			target := file
			if at != "" {
				target = path.Join(path.Dir(file), at)
			}
			switch {
			case !exists(target):
				t.Errorf("%s: the link %s leads to no file", file, link)
			case fragment != "" && !open(t, target).hasAnchor(fragment):
				t.Errorf("%s: the link %s leads to no heading", file, link)
			}
		}
	}
}

func TestAnchorsAreMadeAsTheHostingPageMakesThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Phones that fail by design":                "phones-that-fail-by-design",
		"Owners: why nobody touches another's task": "owners-why-nobody-touches-anothers-task",
		"Qué se ve": "qué-se-ve",
		"When log and offsets do not agree, and `ledger`": "when-log-and-offsets-do-not-agree-and-ledger",
	} {
		if got := anchor(text); got != want {
			t.Errorf("%q has the anchor %q, want %q", text, got, want)
		}
	}
}

// aFile is a name in backticks that is a file's, and aPath one that is a file's or a folder's with its place.
var (
	aFile = regexp.MustCompile(`^[\w./-]+\.(go|md|proto|yml|yaml|txtar)$`)
	aPath = regexp.MustCompile(`^\.?[\w-]+(/[\w.-]+)+/?$`)
)

// made is what deploy/new-secrets makes, and git ignores.
const made = "deploy/secrets"

// looksLikePath reports whether a name in backticks is that of a file or folder of the repository: one with an ending that its files have,
// or one that begins in a folder at its top.
func looksLikePath(name string) bool {
	if aFile.MatchString(name) {
		return true
	}
	first, _, _ := strings.Cut(name, "/")
	return aPath.MatchString(name) && exists(first) && !strings.HasPrefix(name, made)
}

func TestEachFileAndPackageThatADocumentNamesExists(t *testing.T) {
	t.Parallel()
	var all []string
	for _, f := range files(t, ".go", ".md", ".proto", ".yml", ".yaml", ".txtar") {
		all = append(all, path.Base(f))
	}
	for _, file := range files(t, ".md") {
		if file == "CHANGELOG.md" { // says what was
			continue
		}
		for _, name := range open(t, file).names() {
			if !looksLikePath(name) {
				continue
			}
			near := path.Join(path.Dir(file), name)
			if !exists(name) && !exists(near) && (strings.Contains(name, "/") || !slices.Contains(all, name)) {
				t.Errorf("%s names %s, which does not exist", file, name)
			}
		}
	}
}
