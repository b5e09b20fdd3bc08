package recipients

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

// Whoever is written twice, in whatever way, is the same; nobody else is.
func TestRecipientsThatRepeatAreFound(t *testing.T) {
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
			want := schemas.StatePending
			switch {
			case text == "no":
				want = schemas.Failed(schemas.CodeInvalidPhone)
			case known[text]:
				want = schemas.StateDuplicate
			}
			known[text] = true
			if strings.HasPrefix(text, "57") {
				text = rapid.SampledFrom(ways).Draw(t, "way")(text)
			}
			if phone, mark := n.Judge(text, "CO", "", nil); mark != want || (phone != "") != (mark == schemas.StatePending) {
				t.Fatalf("%q is %q, %s; want %s", text, phone, mark.Label(), want.Label())
			}
		}
	})
}

// TestBothNamesOfAPersonAreOneRecipient: where the phone of a user id is known when the second one comes, whichever that is; a user id that was seen
// before its phone was known stays one.
func TestBothNamesOfAPersonAreOneRecipient(t *testing.T) {
	t.Parallel()
	known := map[schemas.Phone]schemas.Phone{"CO.1": "573001234561", "CO.ENT.1": "573001234561", "MX.2": "5215512345672"}
	phones := func(number string, id schemas.Phone) schemas.Phone {
		if number != "100" {
			return ""
		}
		return known[id]
	}
	n := NewSeen()
	judge := func(text string, want schemas.RecipientState) {
		t.Helper()
		if _, mark := n.Judge(text, "CO", "100", phones); mark != want {
			t.Errorf("%s is %s; want %s", text, mark.Label(), want.Label())
		}
	}
	judge("CO.1", schemas.StatePending)
	judge("573001234561", schemas.StateDuplicate)
	judge("CO.ENT.1", schemas.StateDuplicate)
	judge("525512345672", schemas.StatePending)
	judge("MX.2", schemas.StateDuplicate)
	judge("CO.3", schemas.StatePending)
	judge("573001234563", schemas.StatePending)
	known["CO.3"], known["CO.4"] = "573001234563", "573001234564"
	judge("CO.3", schemas.StateDuplicate)
	judge("CO.4", schemas.StatePending)
	judge("CO.4", schemas.StateDuplicate)
}

// A mask says of each recipient what any of the parts said, whatever run it is asked for.
func TestMaskIsWhatThePartsSaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, n := rapid.Uint32Range(0, 3*schemas.PageRecipients).Draw(t, "from"), rapid.Uint32Range(1, 1000).Draw(t, "n")
		m, decided := NewMask(from, n), make(map[uint32]bool)
		for range rapid.IntRange(0, 4).Draw(t, "records") {
			part := rapid.Uint32Range(0, 4).Draw(t, "part")
			first := part * schemas.PageRecipients
			covers := first < from+n && first+schemas.PageRecipients > from
			if m.Covers(part) != covers {
				t.Fatalf("part %d of [%d, %d): covered %t", part, from, from+n, !covers)
			}
			marks := make([]byte, rapid.IntRange(0, schemas.PageRecipients).Draw(t, "marks"))
			for range rapid.IntRange(0, 50).Draw(t, "outcomes") {
				if len(marks) > 0 {
					at := rapid.IntRange(0, len(marks)-1).Draw(t, "at")
					marks[at] = byte(schemas.StateSent)
				}
			}
			for i, x := range marks {
				decided[first+uint32(i)] = decided[first+uint32(i)] || x > 0
			}
			m.Fold(part, marks)
		}
		undecided := make(map[uint32]bool)
		for _, r := range m.Undecided() {
			for at := r.From; at < r.To; at++ {
				undecided[from+at] = true
			}
		}
		moved := rapid.Uint32Range(0, n).Draw(t, "moved")
		for i, pending := range m.Pending(from+moved, n-moved) {
			if at := from + moved + uint32(i); pending == decided[at] || undecided[at] == decided[at] {
				t.Fatalf("recipient %d: pending %t, decided %t; want other than %v, other than %v", at, pending, decided[at], decided[at], undecided[at])
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
		t.Run(c.text, func(t *testing.T) {
			phone, mark := n.Judge(c.text, "CO", "", nil)
			if phone != c.want || (mark == schemas.StatePending) != (c.want != "") {
				t.Errorf("%s is %s, %s; want %s", c.text, phone.Digits(), mark.Label(), c.want.Digits())
			}
		})
	}
}

// A set that is made again after a takeover, out of everybody who had a turn before, goes on as the old one would have.
func TestSimulatedSetMadeAgainIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		list := make([]string, rapid.IntRange(1, 2000).Draw(t, "recipients"))
		for i := range list {
			switch n := r.IntN(500); r.IntN(4) {
			case 0:
				list[i] = fmt.Sprintf("57300%07d", n)
			case 1:
				list[i] = fmt.Sprintf("+49 1512 %07d", n)
			case 2:
				list[i] = fmt.Sprintf("CO.%dabc", n)
			default:
				list[i] = fmt.Sprintf("no phone %d", n)
			}
		}
		cut := rapid.IntRange(0, len(list)).Draw(t, "cut")
		old, again := NewSeen(), NewSeen()
		for _, text := range list[:cut] {
			old.Judge(text, "CO", "", nil)
			again.Judge(text, "CO", "", nil)
		}
		known := make(map[schemas.Phone]bool)
		for i, text := range list {
			if i < cut {
				p, _ := schemas.ParsePhone(text, "CO")
				known[p.Person()] = true
				continue
			}
			p, mark := old.Judge(text, "CO", "", nil)
			if q, same := again.Judge(text, "CO", "", nil); p != q || mark != same {
				t.Fatalf("%q is %s, and made again %s", text, mark.Label(), same.Label())
			}
			person, err := schemas.ParsePhone(text, "CO")
			if want := err == nil && known[person.Person()]; (mark == schemas.StateDuplicate) != want {
				t.Fatalf("%q is %s; came before: %t; want %v", text, mark.Label(), want, mark == schemas.StateDuplicate)
			}
			known[person.Person()] = true
		}
	})
}

// Ids are kept whole: those that differ in one letter, in its case or in their length are different people, and a set of many
// says what it takes.
func TestSimulatedUserIDsAreKeptWhole(t *testing.T) {
	s := NewSeen()
	long := "CO." + strings.Repeat("7a", 64)
	for _, id := range []string{"CO.1abc", "CO.1abC", "CO.1abcd", "CO.1ab", "US.1abc", "CO.123456789012", "US.123456789012", long, long[:len(long)-1]} {
		if _, mark := s.Judge(id, "CO", "", nil); mark != schemas.StatePending {
			t.Errorf("%s is %s", id, mark.Label())
		}
		if _, mark := s.Judge(id, "CO", "", nil); mark != schemas.StateDuplicate {
			t.Errorf("%s again is %s", id, mark.Label())
		}
	}
	before, had := heap(), s.Bytes()
	const n = 200_000 // more than the 131,072 that were once the limit
	for i := range n {
		s.Judge(fmt.Sprintf("CO.%dx", i), "CO", "", nil)
	}
	took, says := heap()-before, s.Bytes()-had
	if _, mark := s.Judge("CO.0x", "CO", "", nil); mark != schemas.StateDuplicate {
		t.Error("the first of many is forgotten")
	}
	if float64(took) > 1.5*float64(says) {
		t.Errorf("%d ids take %d bytes, not %d", n, took, says)
	}
	runtime.KeepAlive(s)
}
