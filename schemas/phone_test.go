package schemas_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"

	"altavoz/schemas"
)

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, region, want string }{
		{"573001234567", "CO", "573001234567"},
		{"+57 300 123 4567", "CO", "573001234567"},
		{"(57) 300-123-4567", "CO", "573001234567"},
		{"3001234567", "CO", "573001234567"},
		{"00573001234567", "CO", "573001234567"}, // not carrier 005, then Russia
		{"00 34 612 345 678", "CO", "34612345678"},
		{"0034612345678", "ES", "34612345678"},
		{"300 123 45 67", "CO", "573001234567"},
		{"573301234567", "CO", "573301234567"}, // a prefix the metadata does not call valid yet
		{"3301234567", "CO", "573301234567"},
		{"13105551234", "CO", "13105551234"},   // a United States number without "+"
		{"11987654321", "BR", "5511987654321"}, // national in Brazil, though it reads as +1 198...
		{"+5215512345678", "CO", "525512345678"},
		{"CO.1765ab", "CO", "CO.1765ab"},
		{"12345", "CO", ""},
		{"", "CO", ""},
		{"hola", "CO", ""},
		{"57300abc4567", "CO", ""},
		{"573001234567 ext 4", "CO", ""},
		{"5730012345678901", "CO", ""},
		{"+", "CO", ""},
		{"+310000000", "CO", ""}, // would lose a zero with every reading
		{"٥٧٣٠٠١٢٣٤٥٦٧", "CO", ""},
	} {
		p, err := schemas.ParsePhone(c.text, c.region)
		if p.Digits() != c.want || (err == nil) != (c.want != "") {
			t.Errorf("ParsePhone(%q, %s) = %q, %v; want %q", c.text, c.region, p.Digits(), err, c.want)
		}
		if err != nil && !errors.Is(err, schemas.ErrPhone) {
			t.Errorf("ParsePhone(%q): %v is not ErrPhone", c.text, err)
		}
	}
}

// The fast path must say what the library says.
func TestParsePhoneFastPathAgrees(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := "573" + rapid.StringMatching(`[0-9]{9}`).Draw(t, "rest")
		got, err := schemas.ParsePhone(text, "CO")
		if err != nil {
			t.Fatal(err)
		}
		n, err := phonenumbers.Parse("+"+text, "")
		if err != nil || !phonenumbers.IsPossibleNumber(n) {
			t.Fatalf("the library refuses %s: %v", text, err)
		}
		if want := phonenumbers.Format(n, phonenumbers.E164); "+"+got.Digits() != want {
			t.Fatalf("fast path %s, library %s", got.Digits(), want)
		}
	})
}

// Whatever is accepted is a fixed point: parsing it again changes nothing, so two writings of one phone meet.
func TestParsePhoneIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`\+?[0-9 ()-]{6,18}`).Draw(t, "text")
		p, err := schemas.ParsePhone(text, "CO")
		if err != nil {
			return
		}
		again, err := schemas.ParsePhone("+"+p.Digits(), "CO")
		if err != nil || again != p {
			t.Fatalf("%q gives %s, which gives %s, %v", text, p.Digits(), again.Digits(), err)
		}
	})
}

func TestPhoneMasksItself(t *testing.T) {
	t.Parallel()
	p := schemas.Phone("573001234567")
	for _, got := range []string{p.String(), fmt.Sprint(p), fmt.Sprintf("%v %s", p, p)[:12], p.LogValue().String()} {
		if got != "********4567" {
			t.Errorf("printed %q", got)
		}
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"573001234567", "+57 300", "CO.ENT.x", "\xff", "++57", "tel:+57;ext=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := schemas.ParsePhone(s, "CO")
		if (err == nil) != (p != "") {
			t.Fatalf("%q: %q, %v", s, p, err)
		}
	})
}
