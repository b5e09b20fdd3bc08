// Package rules is what texts, links, file names and member names of a request may be, as pure functions of strings: one place for
// everything that comes in, over HTTP, as JSON or as Protobuf. It knows neither requests nor events.
package rules

import (
	"regexp"
	"strings"
	"unicode"
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

var (
	// Placeholders of templates and mailing tools. Nobody means these as text.
	unfilled = regexp.MustCompile(`\{\{[^{}\n]{0,100}\}\}|\{%[^{}\n]{1,100}%\}|\$\{[^{}\n]{1,100}\}|<%[^<>\n]{1,100}%>|%%[\pL\d_.-]{1,60}%%|\*\|[\pL\d_:.-]{1,60}\|\*`)
	// These may be text all the same.
	doubtful = regexp.MustCompile(`\{[\pL_][\pL\d_. -]{0,60}\}|\[\[[^\[\]\n]{1,100}\]\]|%[\pL_]{3,60}%|<(?i:nombre|name|cliente|empresa|link|url|fecha)>`)
)

// Placeholder finds what a program or a person should have filled in. Sure: nobody means it as text.
func Placeholder(text string) (found string, sure bool) {
	if found = unfilled.FindString(text); found != "" {
		return found, true
	}
	return doubtful.FindString(text), false
}
