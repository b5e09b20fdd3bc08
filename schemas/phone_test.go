package schemas_test

import (
	"errors"
	"fmt"
	"testing"

	"altavoz/schemas"
)

// The readings themselves are tested in schemas/phone.
func TestPhonesAreReadAsDigits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"fast path", "573001234567", "573001234567"},
		{"national", "300 123 4567", "573001234567"},
		{"Mexico's old 1", "+5215512345678", "525512345678"},
		{"user id", "co.1765ab", "CO.1765ab"},
		{"date", "28/11/2026", ""},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := schemas.ParsePhone(c.text, "CO")
			if p.Digits() != c.want || (err == nil) != (c.want != "") {
				t.Errorf("ParsePhone(%q) = %q, %v; want %q", c.text, p.Digits(), err, c.want)
			}
			if err != nil && !errors.Is(err, schemas.ErrPhone) {
				t.Errorf("ParsePhone(%q): %v is not ErrPhone", c.text, err)
			}
		})
	}
}

func TestThreatS16PhoneMasksItself(t *testing.T) {
	t.Parallel()
	p := schemas.Phone("573001234567")
	for _, got := range []string{p.String(), fmt.Sprint(p), fmt.Sprintf("%v %s", p, p)[:12], p.LogValue().String()} {
		if got != "********4567" {
			t.Errorf("printed %q, want %q", got, "********4567")
		}
	}
}
