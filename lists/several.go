package lists

import (
	"regexp"
	"strings"
	"unicode"

	"altavoz/schemas/phone"
)

// twoPhones are the digits that two phones have at least.
const twoPhones = 16

// The ways in which people part phones in one cell, the surest first.
var parted = []*regexp.Regexp{
	regexp.MustCompile(`[;/|,&\n]+|\s(?i:y|e|and)\s|\s[-–—]\s`),
	regexp.MustCompile(`\s+`),
}

// several takes a cell with more than one phone apart: 573001112233 / 573004445566. Each part has to be a phone by itself; what is
// else between them may change what they mean, and then it is one entry, which is none. Nil: it is one entry.
func several(text, region string) []string {
	if len(text) < twoPhones { // nearly every one
		return nil
	}
	digits := 0
	for _, r := range text {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits < twoPhones {
		return nil
	}
	if _, err := phone.Parse(text, region); err == nil {
		return nil
	}
	for _, p := range parted {
		if parts := phones(p.Split(text, -1), region); len(parts) > 1 {
			return parts
		}
	}
	return nil
}

// phones returns the parts that are not blank, if each is a phone.
func phones(parts []string, region string) (out []string) {
	for _, part := range parts {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if _, err := phone.Parse(part, region); err != nil {
			return nil
		}
		out = append(out, part)
	}
	return out
}
