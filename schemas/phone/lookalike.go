package phone

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

var (
	scientific = regexp.MustCompile(`^\+?(\d+)(?:[.,](\d+))?[eE]\+?(\d{1,3})$`)
	decimal    = regexp.MustCompile(`^(\+?\d+)[.,](\d+)$`)
	oneDigit   = regexp.MustCompile(`^(.*\d)[.,](\d)$`)
	thousands  = regexp.MustCompile(`^(\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:,\d{3}){2,})(?:[.,](\d+))?$`)
	dottedID   = regexp.MustCompile(`^\d{1,2}\.\d{3}\.\d{3}$`)
	// A day, a month and a year in any order, with a time behind or without.
	dayFirst  = regexp.MustCompile(`^(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(?:[ T]+\d{1,2}:.*)?$`)
	yearFirst = regexp.MustCompile(`^(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})(?:[ T]+\d{1,2}:.*)?$`)
	monthYear = regexp.MustCompile(`^(?:(\d{1,2})[-/. ](\d{4})|(\d{4})[-/. ](\d{1,2}))$`)
	named     = regexp.MustCompile(`(?i)^(?:\d{1,2}[-/. ]+(?:de )?)?(?:ene|jan|feb|mar|abr|apr|may|jun|jul|ago|aug|sep|oct|nov|dic|dec)[a-z]*\.?[-/. ]+(?:\d{1,2},? )?(?:de )?\d{2,4}$`)
	// Identity and tax numbers end in a check digit of its own (NIT, RUT, CUIT, cédula), or have groups that no phone has (CPF, CNPJ, SSN);
	// some begin or end with a letter.
	checkDigit = regexp.MustCompile(`^[\d. ]*\d[\d. -]*-[\dkK]$`)
	grouped    = regexp.MustCompile(`^(?:\d{3}\.\d{3}\.\d{3}-\d{2}|\d{2}\.?\d{3}\.?\d{3}/\d{4}-\d{2}|\d{3}-\d{2}-\d{4})$`)
	lettered   = regexp.MustCompile(`(?i)^(?:(?:C\.?C|C\.?E|T\.?I|NIT|RUT|DNI|RUC|CUIT|CUIL|CPF|CNPJ|CI|[A-Z])[-.: ]*\d[\d.]{4,14}(?:-\d)?|\d{7,8}-?[A-Z]|[A-Z]{3,4}\d{6}[A-Z\d]{3,8})$`)
)

// dottedQuad reports whether a text reads as an IPv4 address too.
func dottedQuad(text string) bool {
	ip, err := netip.ParseAddr(text)
	return err == nil && ip.Is4()
}

const (
	integerDigits = 7 // of a number behind which a point is a decimal one; before fewer, it parts an area code from the rest
	lastYear      = 2199
	firstYear     = 1800
)

// amount reads what a spreadsheet made of a phone that it took for a number: 573001234567.0, 573.001.234.567,00 or
// 5.73001234567E+11. It returns the text with the same digits as a person would write it; empty: it is nothing of the kind.
func amount(text string) (string, error) {
	if m := scientific.FindStringSubmatch(text); m != nil {
		power, err := strconv.Atoi(m[3])
		switch {
		case err != nil || len(m[2]) < power:
			return "", errRounded
		case strings.Trim(m[2][power:], "0") != "":
			return "", errFraction
		}
		return m[1] + m[2][:power], nil
	}
	if m := thousands.FindStringSubmatch(text); m != nil {
		if strings.Trim(m[2], "0") != "" {
			return "", errFraction
		}
		if strings.Contains(m[1], ",") || m[2] != "" {
			return strings.NewReplacer(".", "", ",", "").Replace(m[1]), nil
		}
		return "", nil // points may be all that there is to see, of an identity number too
	}
	m := decimal.FindStringSubmatch(text)
	if m == nil {
		m = oneDigit.FindStringSubmatch(text) // no phone ends in a group of one
	}
	switch {
	case m == nil, len(m[2]) >= integerDigits: // as many behind as before: two numbers
	case countDigits(m[1]) < integerDigits && strings.Contains(text, ","), countDigits(m[1]) >= integerDigits && strings.Trim(m[2], "0") != "":
		return "", errFraction
	case countDigits(m[1]) >= integerDigits:
		return m[1], nil
	}
	return "", nil
}

// lookalike refuses what is written as something else is, before its digits are tried as a phone's.
func lookalike(text string) error {
	switch {
	case isDate(text):
		return errDate
	case checkDigit.MatchString(text), grouped.MatchString(text), dottedID.MatchString(text), lettered.MatchString(text):
		return errIdentity
	}
	return nil
}

func isDate(text string) bool {
	if m := dayFirst.FindStringSubmatch(text); m != nil {
		return dayAndMonth(m[1], m[2]) && (len(m[3]) == 2 || isYear(m[3]))
	}
	if m := yearFirst.FindStringSubmatch(text); m != nil {
		return isYear(m[1]) && dayAndMonth(m[2], m[3])
	}
	if m := monthYear.FindStringSubmatch(text); m != nil {
		return isYear(m[2]+m[3]) && dayAndMonth(m[1]+m[4], "1")
	}
	return named.MatchString(text)
}

func isYear(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= firstYear && n <= lastYear
}

// dayAndMonth takes either first, as people do.
func dayAndMonth(a, b string) bool {
	x, _ := strconv.Atoi(a) // digits, by their pattern
	y, _ := strconv.Atoi(b)
	const months, days = 12, 31
	return min(x, y) >= 1 && min(x, y) <= months && max(x, y) <= days
}

// taxNumber reports whether bare digits, which some country may well have as a phone, have the check digits of the region's tax
// number: one phone in a hundred has them by chance, or in eleven.
func taxNumber(digits, region string) bool {
	const length = 11
	if len(digits) != length {
		return false
	}
	switch region {
	case "BR":
		return checkedBy(digits[:10], digits[9], []int{10, 9, 8, 7, 6, 5, 4, 3, 2}) && checkedBy(digits, digits[10], []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2})
	case "AR", "PE":
		return checkedBy(digits, digits[10], []int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2})
	}
	return false
}

// checkedBy weighs the digits modulo eleven.
func checkedBy(digits string, check byte, weights []int) bool {
	sum := 0
	for i, w := range weights {
		sum += int(digits[i]-'0') * w
	}
	const modulus = 11
	want := (modulus - sum%modulus) % modulus
	if want == modulus-1 {
		want = 0
	}
	return int(check-'0') == want
}

func letter(r rune) bool { return unicode.IsLetter(r) }

// tooLong tells two numbers in one entry from one with too many digits.
func tooLong(text string) *Error {
	if i := strings.IndexAny(text[min(minNational, len(text)):], " -/+.,("); i >= 0 {
		if i += minNational; countDigits(text[:i]) >= integerDigits && countDigits(text[i:]) >= integerDigits {
			return errSeveral
		}
	}
	return errLong
}
