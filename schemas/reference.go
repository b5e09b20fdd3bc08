package schemas

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxReference is the most bytes of what a caller calls a broadcast.
const MaxReference = 128

// ValidReference reports whether a text can be what a caller calls a broadcast: UTF-8 without control characters, MaxReference bytes at most.
func ValidReference(text string) bool {
	return len(text) <= MaxReference && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
