package es

import (
	"strconv"
	"strings"
)

// maxRanges is how many languages of a header are looked at.
const maxRanges = 16

// Accepted returns the language that a caller would rather read, by the value of Accept-Language: of Spanish and English the one with the
// greater weight, the earlier of two with the same. Where neither is asked for it is Spanish.
func Accepted(header string) Language {
	best, weight := Spanish, 0.0
	for i, r := range strings.Split(header, ",") {
		if i == maxRanges {
			break
		}
		tag, params, _ := strings.Cut(r, ";")
		tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		var l Language
		switch tag {
		case "es", "*":
			l = Spanish
		case "en":
			l = English
		default:
			continue
		}
		if q := quality(params); q > weight {
			best, weight = l, q
		}
	}
	return best
}

// quality reads ";q=0.8"; what is none counts as 1.
func quality(params string) float64 {
	name, value, _ := strings.Cut(strings.ReplaceAll(params, " ", ""), "=")
	q, err := strconv.ParseFloat(value, 64)
	if !strings.EqualFold(name, "q") || err != nil || q < 0 || q > 1 { // NaN is none either: it compares with nothing
		return 1
	}
	return q
}
