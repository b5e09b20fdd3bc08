// Package phone reads recipients as people, spreadsheets and other tools write them. It takes what can be understood in one way
// only, and says of everything else, in words for a person, why it is no recipient. It knows the numbering plans of the
// metadata library and nothing of broadcasts.
package phone

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

const (
	maxText       = 160 // bytes; a business-scoped user id has at most 135
	minDigits     = 8   // shortest international number in use, country code included
	maxDigits     = 15  // E.164
	minUnmarked   = 11  // digits that are taken for an international number although nothing marks them as one
	minNational   = 5   // shortest national number in use
	mexicanDigits = 10  // of a national number
	countryZeros  = "00"
)

// userID is the form of a business-scoped user id (Meta, since 2026). The country and ENT come in any case, the rest does not.
var userID = regexp.MustCompile(`^([A-Za-z]{2})\.((?i:ENT)\.)?([0-9A-Za-z]{1,128})$`)

// Parse reads a recipient: an international number, a national one of region (ISO 3166, as "CO"), or a business-scoped user id.
// It returns the digits of E.164 without "+", or the id. The error is an *Error.
func Parse(text, region string) (string, error) {
	if p, ok := Colombian(text); ok {
		return p, nil
	}
	if len(text) > maxText {
		return "", errText
	}
	text, err := fold(text)
	if err != nil {
		return "", err
	}
	if id, ok := parseUserID(text); ok {
		return id, nil
	}
	w, err := read(text)
	if err != nil {
		return "", err
	}
	if w.marked {
		return marked(w)
	}
	p, err := unmarked(w, region)
	if err != nil && !errors.Is(err, errAddress) && thousands.MatchString(w.text) {
		err = errIdentity
	}
	return p, err
}

// UserID reads a business-scoped user id where nothing else can stand.
func UserID(text string) (string, bool) {
	m := userID.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return "", false
	}
	return strings.ToUpper(m[1]) + "." + strings.ToUpper(m[2]) + m[3], true
}

// parseUserID tells ids from abbreviations and file names: written all in capitals it is one, otherwise it must have a digit, and
// more than a phone would have behind "No.".
func parseUserID(text string) (string, bool) {
	m := userID.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	rest := m[3]
	if strings.ToUpper(m[1]) != m[1] {
		digits := strings.Trim(rest, "0123456789")
		if !strings.ContainsAny(rest, "0123456789") || (digits == "" && len(rest) <= maxDigits) {
			return "", false
		}
	}
	return UserID(text)
}

// marked resolves a number that says itself that its country code is there: by a plus, or because WhatsApp wrote it. So it
// is also taken where the metadata, which lags behind newly opened ranges, knows it only as possible.
func marked(w writing) (string, error) {
	digits := strings.TrimPrefix(w.digits, countryZeros)
	if p, ok := Colombian(digits); ok {
		return p, nil
	}
	if w.trunk != "" { // +44 (0) 7911: without the zero first; in Italy it is a part of the number
		if p, ok := international(strings.TrimPrefix(w.trunk, countryZeros), true); ok {
			return p, nil
		}
	}
	switch p, ok := international(digits, true); {
	case ok:
		return p, nil
	case len(digits) > maxDigits:
		return "", tooLong(w.text)
	case len(digits) < minDigits:
		return "", errShort
	}
	if p, ok := international(digits, false); ok {
		return p, nil
	}
	return "", errNowhere
}

// unmarked resolves digits of which nobody said whose they are. A number of the region wins over one that happens to read as
// another country's; what is only possible is not guessed to be either.
func unmarked(w writing, region string) (string, error) {
	digits := w.digits
	if p, ok := Colombian(digits); ok {
		return p, nil
	}
	// Two zeros are what people write for "+". In Colombia they may also be the start of a carrier's prefix (005, 007, 009), by
	// which 0057 300 123 4567 would be a number in Russia.
	if rest, ok := strings.CutPrefix(digits, countryZeros); ok {
		if p, ok := international(rest, true); ok {
			return p, nil
		}
	}
	p, service := national(digits, region)
	if p != "" {
		return p, nil
	}
	abroad := ""
	if len(digits) >= minUnmarked && !taxNumber(digits, region) {
		abroad, _ = international(digits, true)
	}
	switch {
	case abroad != "" && dottedQuad(w.text):
		return "", errAddress
	case abroad != "" && (abroad == digits || !Fixed(abroad)): // a fixed line found by dropping a zero may as well be the number of a device or a product
		return abroad, nil
	case service:
		return "", errService
	case len(digits) > maxDigits:
		return "", tooLong(w.text)
	case len(digits) < minDigits:
		return "", errShort
	case taxNumber(digits, region):
		return "", errIdentity
	}
	return "", noCountry(region)
}

// Colombian is the fast path for what nearly every list is made of: 57 3XX XXX XXXX as bare digits.
// It agrees with the library (a test says so) at a thousandth of its cost.
func Colombian(s string) (string, bool) {
	if len(s) != 12 || s[0] != '5' || s[1] != '7' || s[2] != '3' {
		return "", false
	}
	for i := 3; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return "", false
		}
	}
	return s, true
}

// national reads a number as it is dialled within the region. Service reports one that nobody can have WhatsApp on.
func national(digits, region string) (p string, service bool) {
	if len(digits) < minNational {
		return "", false
	}
	home := phonenumbers.GetCountryCodeForRegion(region)
	// A second look without the trunk zero: in Colombia the library takes 03 for a carrier.
	for _, d := range slices.Compact([]string{mexican(digits, region), strings.TrimPrefix(digits, "0")}) {
		n, err := phonenumbers.Parse(d, region)
		if err != nil {
			continue
		}
		if !valid(n) {
			continue
		}
		if int(n.GetCountryCode()) == home && phonenumbers.IsValidNumber(n) && !subscriber(n) {
			service = true
			continue
		}
		if p, ok := e164(n); ok {
			return p, false
		}
	}
	return "", service
}

// mexican takes off what was dialled before Mexican numbers until 2019 and is in lists yet: 01, and 044 or 045 before mobiles.
func mexican(digits, region string) string {
	for _, trunk := range [...]string{"01", "044", "045"} {
		if rest, ok := strings.CutPrefix(digits, trunk); ok && len(rest) == mexicanDigits && region == "MX" {
			return rest
		}
	}
	return digits
}

// Fixed reports whether a recipient, as Parse returns it, is a fixed line and nothing else. In some countries numbers do not tell.
func Fixed(p string) bool {
	if _, ok := Colombian(p); ok {
		return false
	}
	n, err := phonenumbers.Parse("+"+p, "")
	return err == nil && phonenumbers.GetNumberType(n) == phonenumbers.FIXED_LINE
}

// subscriber reports whether the number is somebody's line: WhatsApp Business lives on landlines too.
func subscriber(n *phonenumbers.PhoneNumber) bool {
	kind := phonenumbers.GetNumberType(n)
	return kind == phonenumbers.MOBILE || kind == phonenumbers.FIXED_LINE || kind == phonenumbers.FIXED_LINE_OR_MOBILE
}

// international reads digits that carry their country code. Sure: only what the metadata calls valid.
func international(digits string, sure bool) (string, bool) {
	if len(digits) < minDigits || len(digits) > maxDigits+1 || digits[0] == '0' { // one more for a trunk zero
		return "", false
	}
	if rest, ok := strings.CutPrefix(digits, "521"); ok && len(rest) == mexicanDigits {
		// Old Mexican mobiles, as webhooks still write them: Meta accepts them for sending only without the 1.
		digits = "52" + rest
	} else if rest, ok := strings.CutPrefix(digits, "52"); ok {
		digits = "52" + mexican(rest, "MX")
	}
	n, err := phonenumbers.Parse("+"+digits, "")
	if err != nil {
		return "", false
	}
	if !sure {
		if len(digits) > maxDigits || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
			return "", false
		}
		return e164(n)
	}
	if valid(n) {
		return e164(n)
	}
	if p, ok := argentineOld(digits); ok {
		return p, true
	}
	// A trunk zero behind the country code, where the library reads it as something else.
	code := strconv.Itoa(int(n.GetCountryCode()))
	rest, ok := strings.CutPrefix(digits, code+"0")
	if !ok {
		return "", false
	}
	if n, err = phonenumbers.Parse("+"+code+rest, ""); err != nil || !phonenumbers.IsValidNumber(n) {
		return "", false
	}
	return e164(n)
}

// valid is the library's word, and beyond it numbers that are valid in the other writing of the same line.
func valid(n *phonenumbers.PhoneNumber) bool {
	if phonenumbers.IsValidNumber(n) {
		return true
	}
	twin, ok := brazilianTwin(strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+"))
	if !ok {
		return false
	}
	other, err := phonenumbers.Parse("+"+twin, "")
	return err == nil && phonenumbers.IsValidNumber(other)
}

// e164 writes a number the one way that events carry it. What would be read back as another number, or as none, is none: with a
// zero behind the country code, some are taken for a trunk prefix and lost one by one.
func e164(n *phonenumbers.PhoneNumber) (string, bool) {
	text := phonenumbers.Format(n, phonenumbers.E164)
	if len(text) > maxDigits+1 { // German numbers may be longer yet, by the metadata
		return "", false
	}
	again, err := phonenumbers.Parse(text, "")
	digits := strings.TrimPrefix(text, "+")
	if err != nil || len(digits) < minDigits || phonenumbers.Format(again, phonenumbers.E164) != text {
		return "", false
	}
	return digits, true
}
