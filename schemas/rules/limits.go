package rules

import "unicode/utf16"

// Lengths of what a recipient reads, in characters, as the Cloud API has them.
const (
	MaxBodyText   = 1024
	MaxHeaderText = 60
	MaxButtonText = 20
	MaxFooterText = 60
	MaxURL        = 2000
)

// Characters counts as the Cloud API is feared to: it does not say what a character is, so UTF-16 units, the larger count.
func Characters(text string) int {
	n := 0
	for _, c := range text {
		n += utf16.RuneLen(c)
	}
	return n
}
