package request

import "strings"

// How a caller asks that unknown members be passed over: a header of HTTP (RFC 7240), and of the same name and value on a record.
const (
	PreferHeader  = "Prefer"
	PreferLenient = "handling=lenient"
)

// PrefersLenient reports whether a value of PreferHeader asks for it, maybe among other things.
func PrefersLenient(value string) bool {
	for p := range strings.SplitSeq(value, ",") {
		p, _, _ = strings.Cut(p, ";")
		if strings.EqualFold(strings.NewReplacer(" ", "", `"`, "").Replace(p), PreferLenient) {
			return true
		}
	}
	return false
}
