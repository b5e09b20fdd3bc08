// Package personal makes the message of one recipient of a broadcast: the content that all have, what the recipient has of its own, and
// the values of its variables. Pure functions.
//
//	Content ──► members of Own in the place of its own ──► {{name}} replaced by values ──► held to the rules ──► Content of one recipient
//
// A text is read for placeholders once, and what is put in is never read again: a value that looks like a placeholder is text.
package personal

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxName is how long the name of a variable may be, in bytes.
	MaxName = 64
	// MaxVariables is how many variables a content may have.
	MaxVariables = 100
	// MaxValue is how long a value may be, in bytes: more than the longest text that a message may have, at three bytes a character.
	MaxValue = 4 << 10

	opening, closing = "{{", "}}"
	blanks           = " \t\u00a0"
	linkBlank        = "%20" // as clean links have them
	// maxWithin is how many bytes may stand between the braces, blanks included.
	maxWithin = 100
	// maxPut is how many bytes of values are put into a text. With more it is longer than any may be, at three bytes a character.
	maxPut = 8 << 10
)

// ValidName reports whether a variable may have the name: letters, their marks, digits and _, of any script.
func ValidName(name string) bool {
	return name != "" && len(name) <= MaxName && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && !unicode.In(r, unicode.L, unicode.M, unicode.N)
	})
}

// next finds the first placeholder of a text: {{name}}, with blanks around the name or without. Of {{{name}}} it is the inner one. after is
// what stands behind it.
func next(text string) (before, name, after string, ok bool) {
	for at := 0; ; {
		end := strings.Index(text[at:], closing)
		if end < 0 {
			return text, "", "", false
		}
		end += at
		from := max(0, end-maxWithin-len(opening))
		if begin := strings.LastIndex(text[from:end], opening); begin >= 0 {
			begin += from
			if name = trim(text[begin+len(opening) : end]); ValidName(name) {
				return text[:begin], name, text[end+len(closing):], true
			}
		}
		at = end + 1
	}
}

func trim(within string) string {
	return strings.Trim(strings.TrimSuffix(strings.TrimPrefix(within, linkBlank), linkBlank), blanks)
}

// Placeholders returns the names of the variables that texts have placeholders for, each once, in the order in which they come.
func Placeholders(texts ...string) (names []string) {
	for _, text := range texts {
		for {
			_, name, after, ok := next(text)
			if !ok {
				break
			}
			if text = after; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// fill replaces each placeholder of a text by what value returns for its name. It returns the name that there is no value for, if any.
func fill(text string, value func(name string) (string, bool)) (filled, missing string) {
	before, name, after, ok := next(text)
	if !ok {
		return text, ""
	}
	var out strings.Builder
	for put := 0; ok && put <= maxPut; before, name, after, ok = next(text) {
		v, has := value(name)
		if !has {
			return "", name
		}
		out.WriteString(before)
		out.WriteString(v)
		put += len(v)
		text = after //mutant:value-is-not-read-again
	}
	out.WriteString(text)
	return out.String(), ""
}

// Literals returns a text without its placeholders.
func Literals(text string) string {
	rest, _ := fill(text, func(string) (string, bool) { return "", true })
	return rest
}
