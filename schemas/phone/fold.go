package phone

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Signs that stand for one of ASCII's, besides dashes (Pd) and blanks (Zs).
const (
	pluses      = "\uff0b\ufe62\u2795\u207a"
	minuses     = "\u2212\u2043\u02d7\u2796\u30fc\uff70" // the last two: how Japanese keyboards write a dash
	dots        = "\uff0e\u2024\u00b7\u2022\u2219"
	commas      = "\uff0c\u060c\u066b"
	opening     = "\uff08\ufe59"
	closing     = "\uff09\ufe5a"
	slashes     = "\uff0f\u2215\u2044"
	apostrophes = "\u2018\u2019\u02bc\u00b4`\uff07"
	quotes      = "\u201c\u201d\u201e\u00ab\u00bb\uff02"
	keycap      = '\u20e3' // around a digit
	// Not seen, though Unicode calls them letters, marks or symbols: the grapheme joiner, fillers of Hangul, Khmer's inherent vowels, Braille's blank.
	unseen = "\u034f\u115f\u1160\u3164\uffa0\u17b4\u17b5\u2800"
)

// fold writes a text in ASCII as far as it can be: digits of any script, dashes, blanks and signs of any kind, and without what is not
// seen. What has no counterpart stays.
func fold(text string) (string, error) {
	plain := true
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return trimmed(text)
	}
	if !utf8.ValidString(text) {
		return "", errEncoding
	}
	return trimmed(strings.Map(ascii, text))
}

func trimmed(text string) (string, error) {
	if text = strings.TrimSpace(text); text == "" {
		return "", errEmpty
	}
	return text, nil
}

func ascii(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		if r == '\t' {
			return ' '
		}
		return r
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r), r == keycap, strings.ContainsRune(unseen, r):
		return -1
	case unicode.Is(unicode.Nd, r):
		return '0' + digit(r)
	case unicode.Is(unicode.Pd, r), strings.ContainsRune(minuses, r):
		return '-'
	case unicode.Is(unicode.Zs, r):
		return ' '
	}
	for _, s := range [...]struct {
		of   string
		sign rune
	}{{pluses, '+'}, {dots, '.'}, {commas, ','}, {opening, '('}, {closing, ')'}, {slashes, '/'}, {apostrophes, '\''}, {quotes, '"'}, {"\uff1a", ':'}, {"\uff20", '@'}, {"\uff1d", '='}} {
		if strings.ContainsRune(s.of, r) {
			return s.sign
		}
	}
	return r
}

// digit is the value of a decimal digit of any script: Unicode keeps each script's ten together, in order, and its tables name them in
// runs of whole tens (a test says so).
func digit(r rune) rune {
	for _, in := range unicode.Nd.R16 {
		if r <= rune(in.Hi) {
			return (r - rune(in.Lo)) % 10
		}
	}
	for _, in := range unicode.Nd.R32 {
		if r <= rune(in.Hi) {
			return (r - rune(in.Lo)) % 10
		}
	}
	return 0
}
