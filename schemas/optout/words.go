package optout

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Wish is what a message says of being written to.
type Wish uint8

// The wishes.
const (
	WishNone Wish = iota
	WishOut
	WishIn
)

// The words, folded.
var (
	wordsOut = []string{"STOP", "BAJA", "SALIR", "CANCELAR", "UNSUBSCRIBE"}
	wordsIn  = []string{"START", "ALTA"}
)

// maxWord is the bytes of the longest text that is looked at: a word with what people put around it.
const maxWord = 128

// Read returns what a message says that is one of the words as a whole, whatever its case and accents, and whatever space, punctuation and
// symbols stand around it. A sentence with a word in it says nothing.
func Read(text string) Wish {
	if len(text) > maxWord {
		return WishNone
	}
	around := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	word := strings.ToUpper(strings.TrimFunc(norm.NFKD.String(text), around))
	word = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) { // accents, and what nobody sees
			return -1
		}
		return r
	}, word)
	switch {
	case slices.Contains(wordsOut, word):
		return WishOut
	case slices.Contains(wordsIn, word):
		return WishIn
	}
	return WishNone
}
