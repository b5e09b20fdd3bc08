// Package users makes the business-scoped user ids of the people whom the simulator knows, and finds whose an id is. It remembers nothing: an id
// is its phone, permuted.
package users

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

const (
	country   = "CO."
	linked    = "ENT." // of ids that linked portfolios have in common
	idDigits  = 16
	modulus   = 10_000_000_000_000_000 // of ids with so many digits
	factor    = 6_364_136_223_846_793  // without a divisor in common with it
	inverse   = 552_643_148_649_657    // of factor
	least     = 10_000_000             // a phone has 8 digits
	most      = 1_000_000_000_000_000  // or 15
	maxSuffix = 128
)

// ID returns the user id of a phone; of what is no phone, and has its own, that.
func ID(phone string) string { return of(country, phone) }

// Parent returns the id of a phone that linked portfolios have in common.
func Parent(phone string) string {
	return of(country+linked, phone)
}

func of(prefix, phone string) string {
	n, ok := number(phone)
	if !ok {
		return phone
	}
	return fmt.Sprintf("%s%0*d", prefix, idDigits, times(n, factor))
}

func number(phone string) (uint64, bool) {
	n, err := strconv.ParseUint(phone, 10, 64)
	return n, err == nil && n >= least && n < most
}

func times(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rest := bits.Div64(hi, lo, modulus)
	return rest
}

// Person returns the phone of whom an id, or a phone, is; the id itself where that is nobody's whom the simulator knows.
func Person(name string) string {
	digits, ok := strings.CutPrefix(name, country)
	if digits = strings.TrimPrefix(digits, linked); !ok || len(digits) != idDigits {
		return name
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	phone := strconv.FormatUint(times(n, inverse), 10)
	if _, ok = number(phone); err != nil || !ok {
		return name
	}
	return phone
}

// Valid reports whether it has the form of a user id: two capitals, a dot, letters and digits; ENT. may stand between.
func Valid(s string) bool {
	country, id, ok := strings.Cut(s, ".")
	if !ok || len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return false
	}
	id = strings.TrimPrefix(id, linked)
	for _, r := range id {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return id != "" && len(id) <= maxSuffix
}
