package schemas

import (
	"log/slog"
	"strings"

	"altavoz/schemas/phone"
)

// Phone is a recipient as the Cloud API takes it: the digits of an E.164 number without "+", or a
// business-scoped user id. It prints masked; Digits returns it whole.
type Phone string

// ErrPhone is the error of text that is no phone number. It is always a *phone.Error, which says why.
var ErrPhone = phone.ErrInvalid

// ParsePhone reads a recipient in any usual writing: digits, "+57 300 123-4567", a national number of region
// (ISO 3166, e.g. "CO"), or a business-scoped user id.
func ParsePhone(text, region string) (Phone, error) {
	if digits, ok := phone.Colombian(text); ok {
		return Phone(digits), nil
	}
	digits, err := phone.Parse(text, region)
	return Phone(digits), err
}

// ParseUserID reads a business-scoped user id where nothing else can stand.
func ParseUserID(text string) (string, bool) { return phone.UserID(text) }

// Person returns what a recipient is counted as: the national writings of one line, as Mexico's 52 1 and 52, are one person.
func (p Phone) Person() Phone { return Phone(phone.Person(string(p))) }

// Digits returns the recipient whole, for the wire and for exports.
func (p Phone) Digits() string { return string(p) }

// String returns the recipient with all but the last four digits masked.
func (p Phone) String() string {
	if len(p) <= 4 {
		return strings.Repeat("*", len(p))
	}
	return strings.Repeat("*", len(p)-4) + string(p[len(p)-4:])
}

// LogValue masks the phone in logs.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.String()) }
