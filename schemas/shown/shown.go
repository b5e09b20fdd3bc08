// Package shown makes texts of others fit for the eyes of a person: on a terminal, in a log, in a table. Control characters move the
// cursor or colour what follows (C0, and C1, which terminals take for an escape and a letter), direction marks have a
// line read from its other end, and a line break makes a line that nobody wrote.
package shown

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hides reports whether a character is not seen itself and changes what is seen of others.
func hides(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// Line returns a text in one line, without what hides or turns others. Bytes that are no UTF-8 become U+FFFD: some terminals take
// 0x9b for an escape.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r', r == '\u2028', r == '\u2029', r == '\u0085':
			return ' '
		case hides(r):
			return -1
		}
		return r
	}, s)
}

// Text is Line for several lines of our own: line breaks and tabs stay.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && hides(r) {
			return -1
		}
		return r
	}, s)
}

// JSON returns JSON that says the same, with what hides or turns others as \u escapes: outside of strings it has none but white space.
func JSON(b []byte) []byte {
	var out []byte
	from := 0
	for i := 0; i < len(b); {
		if c := b[i]; c < utf8.RuneSelf && c != 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if hides(r) {
			out = fmt.Appendf(append(out, b[from:i]...), `\u%04x`, r) // all of them are below U+10000
			from = i + n
		}
		i += n
	}
	if from == 0 {
		return b
	}
	return append(out, b[from:]...)
}

// Writer returns a writer of whole records, as a log writes them, in which JSON has replaced what hides or turns others.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ to io.Writer }

// Write writes a record.
func (w writer) Write(b []byte) (int, error) {
	if _, err := w.to.Write(JSON(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}
