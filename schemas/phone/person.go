package phone

import (
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Lengths of numbers that have two writings, country code included.
const (
	argentineMobile   = 13 // 54 9, area and subscriber: ten digits
	argentineDomestic = 14 // 54, area, 15 and subscriber: how it is dialled within Argentina
	brazilianMobile   = 13 // 55, area, 9 and eight digits
	brazilianOld      = 12 // the same without the 9
	brazilianArea     = 4  // where the subscriber's digits begin: behind 55 and two of the area
)

// Person returns the one writing under which a recipient counts, whichever of its national writings it is given in: Mexico's
// 52 1, Argentina's 54 9 and Brazil's ninth digit are the same line as without. It is for telling repeats only: what is sent
// stays as it was given.
func Person(p string) string {
	switch {
	case len(p) == len("521")+mexicanDigits && strings.HasPrefix(p, "521"):
		return "52" + p[3:]
	case len(p) == argentineMobile && strings.HasPrefix(p, "549"):
		return "54" + p[3:]
	case len(p) == brazilianMobile && strings.HasPrefix(p, "55"):
		if twin, ok := brazilianTwin(p); ok {
			return twin
		}
	}
	return p
}

// Notations returns every one of a person's, the given one first: each is a key of its own.
func Notations(p string) []string {
	all := []string{p}
	add := func(twin string) {
		if twin != p && !slices.Contains(all, twin) && Person(twin) == Person(p) {
			all = append(all, twin)
		}
	}
	person := Person(p)
	add(person)
	switch {
	case strings.HasPrefix(person, "52"):
		add("521" + person[2:])
	case strings.HasPrefix(person, "54"):
		add("549" + person[2:])
	}
	if twin, ok := brazilianTwin(person); ok {
		add(twin)
	}
	return all
}

// brazilianTwin adds the ninth digit of a Brazilian mobile, or takes it away. Subscribers of eight digits that begin with 2 to
// 5 are fixed lines, which never got one.
func brazilianTwin(p string) (string, bool) {
	if !strings.HasPrefix(p, "55") {
		return "", false
	}
	switch {
	case len(p) == brazilianMobile && p[brazilianArea] == '9' && p[brazilianArea+1] >= '6' && p[brazilianArea+1] <= '9':
		return p[:brazilianArea] + p[brazilianArea+1:], true
	case len(p) == brazilianOld && p[brazilianArea] >= '6' && p[brazilianArea] <= '9':
		return p[:brazilianArea] + "9" + p[brazilianArea:], true
	}
	return "", false
}

// argentineOld reads 54, area, 15 and subscriber where the library does not know the area, which may have been cut anew since:
// 2944 15 ... is 9 294 4... now. It must fit in one place only.
func argentineOld(digits string) (found string, ok bool) {
	const shortest, longest = 4, 6 // of 54 and an area
	if len(digits) != argentineDomestic || !strings.HasPrefix(digits, "54") {
		return "", false
	}
	for area := shortest; area <= longest; area++ {
		rest, is := strings.CutPrefix(digits[area:], "15")
		if !is {
			continue
		}
		n, err := phonenumbers.Parse("+549"+digits[2:area]+rest, "")
		if err != nil || !phonenumbers.IsValidNumber(n) {
			continue
		}
		if found != "" {
			return "", false
		}
		found, _ = e164(n)
	}
	return found, found != ""
}
