package rules

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxFileName = 240 // bytes, as most file systems have it

// alike are endings that a type has besides its usual one.
var alike = map[string][]string{
	".jpg": {".jpeg", ".jpe"},
	".mp4": {".m4v"},
	".3gp": {".3gpp"},
	".txt": {".csv", ".tsv", ".json", ".log", ".md", ".ics", ".vcf", ".srt", ".yaml", ".yml"},
}

// FileName is a name as a recipient may see it: without path, controls and marks that turn text round, and with the ending of the
// file's type (".pdf"; empty: the type is not known), which is what their phone opens it by.
func FileName(name, ending string) string {
	if !utf8.ValidString(name) {
		return ""
	}
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") || strings.Contains(name, `\`) { // a path: the last of it
		name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), r == '/':
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	if Blank(name) {
		return ""
	}
	if has := strings.ToLower(path.Ext(name)); ending == "" || has == ending || slices.Contains(alike[ending], has) {
		ending = path.Ext(name)
		name = strings.TrimSuffix(name, ending)
	}
	for most := maxFileName - len(ending); len(name) > most; {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name + ending
}

// NameIn finds the file name among parameters as people write them, after the first part: name=mi factura.pdf;filename="a;b.pdf", quoted or
// not, percent-encoded or not, and filename*=UTF-8'es'mi%20factura.pdf. filename* wins over filename, and that over name.
func NameIn(parts string) string {
	best, rank := "", 0
	for _, p := range split(parts) {
		key, value, ok := strings.Cut(p, "=")
		of := map[string]int{"name": 1, "filename": 2, "filename*": 3}[strings.ToLower(strings.TrimSpace(key))]
		if !ok || of <= rank {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(value[1 : n-1])
		}
		if of == 3 { //nolint:mnd // filename*
			if _, rest, ok := strings.Cut(value, "'"); ok {
				_, value, _ = strings.Cut(rest, "'")
			}
		}
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		if utf8.ValidString(value) && !Blank(value) {
			best, rank = value, of
		}
	}
	return best
}

// split parts at semicolons outside of quotes.
func split(text string) (out []string) {
	quoted, from := false, 0
	for i := range len(text) {
		switch {
		case text[i] == '"' && (i == 0 || text[i-1] != '\\'):
			quoted = !quoted
		case text[i] == ';' && !quoted:
			out, from = append(out, text[from:i]), i+1
		}
	}
	return append(out, text[from:])
}
