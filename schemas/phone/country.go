package phone

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Country returns the country of a recipient, two capital letters: that of a business-scoped user id stands in it, that of a phone in its first
// digits. Empty: it has none, as satellite networks, or nobody knows it.
func Country(p string) string {
	if country, _, is := strings.Cut(p, "."); is {
		return country
	}
	for n := 1; n <= 3 && n < len(p); n++ { // no calling code is the beginning of another
		code, err := strconv.Atoi(p[:n])
		if err != nil {
			return ""
		}
		regions := phonenumbers.GetRegionCodesForCountryCode(code)
		switch {
		case len(regions) == 0:
			continue
		case len(regions) == 1:
			return territory(regions[0])
		}
		number, err := phonenumbers.Parse("+"+p, "")
		if err != nil {
			return ""
		}
		return territory(phonenumbers.GetRegionCodeForNumber(number))
	}
	return ""
}

// territory returns a region that is a country's; the others have three digits.
func territory(region string) string {
	if len(region) == 2 && region != phonenumbers.UNKNOWN_REGION {
		return region
	}
	return ""
}
