// Package rules is what texts, links, file names and member names of a request may be, as pure functions of strings: one place for
// everything that comes in, over HTTP, as JSON or as Protobuf. It knows neither requests nor events.
package rules

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unseen are letters and symbols by name that show nothing: fillers of Hangul and Braille's blank.
const unseen = "\u115f\u1160\u3164\uffa0\u2800"

// Blank reports whether a reader would see nothing: blanks, controls, and what is invisible by nature.
func Blank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Cf, r) && !strings.ContainsRune(unseen, r)
	})
}

// OneLine reports whether a text has neither breaks of a line nor tabs, nor any other control.
func OneLine(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}

// filled are words that stand for what differs from one recipient to the next.
const filled = `nombres?|apellidos?|name|first ?name|last ?name|fname|lname|cliente|customer|empresa|company|link|enlace|url|fecha|date|hora|ciudad|city|monto|valor|saldo|total|` +
	`c[oó]digo|code|cup[oó]n|product[oa]?|pedido|order|factura|tel[eé]fono|phone|correo|email|id`

var (
	// Placeholders of templates and mailing tools. Nobody means these as text.
	unfilled = regexp.MustCompile(`\{\{[^{}]{0,100}\}\}|\{%[^{}\n]{1,100}%\}|\$\{[^{}\n]{1,100}\}|\{![^{}\n]{1,100}\}|<%[^<>\n]{1,100}%>|<\?[^<>\n]{1,100}\?>|` +
		`%%[\pL\d_.-]{1,60}%%|@@[\pL\d_.-]{1,60}@@|##[\pL\d_.-]{1,60}##|\*\|[\pL\d_:.-]{1,60}\|\*|%\([\pL_][\pL\d_]{0,60}\)s|\[object Object\]`)
	// These may be text all the same.
	doubtful = regexp.MustCompile(`\{ ?\$?[\pL_][\pL\d_.|: -]{0,60}\}|\{\d{0,2}\}|\[\[[^\[\]\n]{1,100}\]\]|<<[\pL_][\pL\d_. -]{0,60}>>|%[\pL_]{3,60}%|%\d\$[sd]|(?:^|\s)%[sd](?:$|[\s,.!?:;])|` +
		`\[[\pL\d]+_[\pL\d_]+\]|[\[<«](?i:` + filled + `)(?: del? (?:la )?[\pL]{1,30})?[\]>»]|\$[\pL_]{3,60}\b|\b(?:undefined|null|NaN)\b`)
)

// Placeholder finds what a program or a person should have filled in. Sure: nobody means it as text.
func Placeholder(text string) (found string, sure bool) {
	if found = unfilled.FindString(text); found != "" {
		return found, true
	}
	return doubtful.FindString(text), false
}

// marks are what every placeholder that Placeholder is sure of begins with.
var marks = []string{"{{", "{%", "${", "{!", "<%", "<?", "%%", "@@", "##", "*|", "%(", "[object Object]", "%7B", "%7b"}

// Marked reports whether a text may have a placeholder that Placeholder or LinkPlaceholder is sure of. It is much faster than these.
func Marked(text string) bool {
	return slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(text, mark) })
}

// Cut shortens text that is too long to at most limit bytes and shows that it did, so that a cut phone is no phone either.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const more = "…"
	end := limit - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
