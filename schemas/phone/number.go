package phone

import (
	"strconv"
	"strings"
)

const (
	// knownDigits are enough digits of a number in scientific notation that nobody rounded it: spreadsheets and libraries that round
	// show up to seven. What is missing to its end are then zeros that the writer saved.
	knownDigits  = 9
	missingZeros = 3
)

// Number returns the digits of a JSON number that has a whole value, however it is written: 573001234567.0 or 5.73001234567e11.
// What has none, or lost digits, it returns as it is: Parse says what is wrong with it.
func Number(literal string) string {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(literal), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	power := 0
	if scientific {
		var err error
		if power, err = strconv.Atoi(exponent); err != nil || power < 0 || power > maxDigits {
			return literal
		}
	}
	digits := whole + fraction
	point := len(whole) + power
	if missing := point - len(digits); missing > 0 {
		if missing > missingZeros || len(digits) < knownDigits {
			return literal
		}
		digits += strings.Repeat("0", missing)
	}
	if strings.Trim(digits[point:], "0") != "" {
		return literal
	}
	if digits = digits[:point]; scientific {
		digits = strings.TrimLeft(digits, "0")
	}
	return digits
}
