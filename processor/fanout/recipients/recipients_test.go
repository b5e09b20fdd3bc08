package recipients

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

// Whoever is written twice, in whatever way, is the same; nobody else is.
func TestRepeatsAreFound(t *testing.T) {
	t.Parallel()
	ways := []func(string) string{
		func(s string) string { return s },
		func(s string) string { return "+" + s },
		func(s string) string { return "+" + s[:2] + " " + s[2:5] + " " + s[5:] },
	}
	rapid.Check(t, func(t *rapid.T) {
		n, known := NewSeen(), make(map[string]bool)
		for range rapid.IntRange(1, 60).Draw(t, "recipients") {
			text := rapid.SampledFrom([]string{"573001234567", "573001234568", "573109876543", "CO.abc", "CO.abd", "no"}).Draw(t, "who")
			want := schemas.MarkPending
			switch {
			case text == "no":
				want = schemas.Failed(schemas.CodeInvalidPhone)
			case known[text]:
				want = schemas.MarkDuplicate
			}
			known[text] = true
			if strings.HasPrefix(text, "57") {
				text = rapid.SampledFrom(ways).Draw(t, "way")(text)
			}
			if phone, mark := n.Judge(text, "CO"); mark != want || (phone != "") != (mark == schemas.MarkPending) {
				t.Fatalf("%q is %q, %s; want %s", text, phone, mark.Label(), want.Label())
			}
		}
	})
}

// A mask says of each recipient what any of the parts said, whatever run it is asked for.
func TestMaskIsWhatThePartsSaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, n := rapid.Uint32Range(0, 3*schemas.PartRecipients).Draw(t, "from"), rapid.Uint32Range(1, 1000).Draw(t, "n")
		m, decided := NewMask(from, n), make(map[uint32]bool)
		for range rapid.IntRange(0, 4).Draw(t, "records") {
			part := rapid.Uint32Range(0, 4).Draw(t, "part")
			first := part * schemas.PartRecipients
			covers := first < from+n && first+schemas.PartRecipients > from
			if m.Covers(part) != covers {
				t.Fatalf("part %d of [%d, %d): covered %t", part, from, from+n, !covers)
			}
			marks := make([]byte, rapid.IntRange(0, schemas.PartRecipients).Draw(t, "marks"))
			for range rapid.IntRange(0, 50).Draw(t, "outcomes") {
				if len(marks) > 0 {
					at := rapid.IntRange(0, len(marks)-1).Draw(t, "at")
					marks[at] = byte(schemas.MarkSent)
				}
			}
			for i, x := range marks {
				decided[first+uint32(i)] = decided[first+uint32(i)] || x > 0
			}
			m.Fold(part, marks)
		}
		moved := rapid.Uint32Range(0, n).Draw(t, "moved")
		for i, pending := range m.Pending(from+moved, n-moved) {
			if at := from + moved + uint32(i); pending == decided[at] || m.Decided(at-from) != decided[at] {
				t.Fatalf("recipient %d: pending %t, decided %t", at, pending, decided[at])
			}
		}
	})
}

// One person gets one message, in whichever national writings the list has them: the one that was given first.
func TestNationalWritingsOfALineAreOneRecipient(t *testing.T) {
	t.Parallel()
	n := NewSeen()
	for _, c := range []struct {
		text string
		want schemas.Phone
	}{
		{"551187654321", "551187654321"},
		{"5511987654321", ""},
		{"+55 11 8765-4321", ""},
		{"551133334444", "551133334444"},
		{"+55 11 93333 4444", "5511933334444"}, // landlines have no twin
		{"541155551234", "541155551234"},
		{"5491155551234", ""},
		{"+54 11 15 5555-1234", ""},
		{"5215512345678", "525512345678"},
		{"525512345678", ""},
		{"573001234567.0", "573001234567"},
		{"3001234567", ""},
	} {
		phone, mark := n.Judge(c.text, "CO")
		if phone != c.want || (mark == schemas.MarkPending) != (c.want != "") {
			t.Errorf("%s is %s, %s; want %s", c.text, phone.Digits(), mark.Label(), c.want.Digits())
		}
	}
}
