package optout

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"altavoz/schemas"
)

// Set is what is known of everybody who ever opted out. It is not safe for concurrent use. A phone takes some 55 bytes.
type Set struct {
	businesses map[string]*members
	out        int // who has opted out now
	known      int
}

type members struct {
	phones map[uint64]times
	others map[string]times
}

// times are an Entry's in little memory: until the year 2106.
type times struct {
	out, in     uint32
	outBy, inBy uint8
}

// NewSet returns an empty one.
func NewSet() *Set { return &Set{businesses: make(map[string]*members)} }

// maxDigits fit into 64 bits; a phone has 15 at most.
const maxDigits = 18

// digitsOf returns the number that a phone's digits are, and false for what is none.
func digitsOf(person string) (uint64, bool) {
	if len(person) > maxDigits || person[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(person, 10, 64)
	return n, err == nil
}

func (s *Set) get(business, person string) (times, bool) {
	m := s.businesses[business]
	if m == nil || person == "" {
		return times{}, false
	}
	if n, ok := digitsOf(person); ok {
		t, ok := m.phones[n]
		return t, ok
	}
	t, ok := m.others[person]
	return t, ok
}

func entryOf(person string, t times) Entry {
	return Entry{Person: person, OutS: int64(t.out), InS: int64(t.in), OutBy: schemas.OptOutSource(t.outBy), InBy: schemas.OptOutSource(t.inBy)}
}

// Get returns what is known of a person, under the name that Person gave; the zero times if nothing is.
func (s *Set) Get(business, person string) Entry {
	t, _ := s.get(business, person)
	return entryOf(person, t)
}

// Out reports whether a person has opted out.
func (s *Set) Out(business, person string) bool {
	t, ok := s.get(business, person)
	e := entryOf(person, t)
	return ok && e.Out()
}

// OutOf returns the businesses that a person has opted out of.
func (s *Set) OutOf(person string) (businesses []string) {
	for business := range s.businesses {
		if s.Out(business, person) {
			businesses = append(businesses, business)
		}
	}
	return businesses
}

// Apply takes in what a record says: of each time the later one. It reports whether the record says all that is known of the person: if it is
// the last one, compaction leaves nothing else.
func (s *Set) Apply(business string, is Entry) (whole bool) {
	t, known := s.get(business, is.Person)
	e := entryOf(is.Person, t)
	was := e.Out()
	is.OutS, is.InS = min(max(is.OutS, 0), math.MaxUint32), min(max(is.InS, 0), math.MaxUint32)
	e, _ = e.With(true, is.OutS, is.OutBy)
	e, _ = e.With(false, is.InS, is.InBy)
	m := s.businesses[business]
	if m == nil {
		m = &members{phones: make(map[uint64]times), others: make(map[string]times)}
		s.businesses[business] = m
	}
	t = times{out: uint32(e.OutS), in: uint32(e.InS), outBy: uint8(e.OutBy), inBy: uint8(e.InBy)} //nolint:gosec // bounded above
	if n, ok := digitsOf(is.Person); ok {
		m.phones[n] = t
	} else {
		m.others[is.Person] = t
	}
	if !known {
		s.known++
	}
	switch now := e.Out(); {
	case now && !was:
		s.out++
	case was && !now:
		s.out--
	}
	return e.OutS == is.OutS && e.InS == is.InS
}

// Size is how many have opted out, and of how many something is known.
func (s *Set) Size() (out, known int) { return s.out, s.known }

// After returns everybody of a business who has opted out and comes behind a name, in order: phones by their number, then other names.
// "" is before all. It has nothing but names, so that a lock need not be held while they are sorted and read.
func (s *Set) After(business, person string) Names {
	m := s.businesses[business]
	if m == nil {
		return Names{}
	}
	from, isPhone := uint64(0), person == ""
	if person != "" {
		from, isPhone = digitsOf(person)
	}
	var n Names
	if isPhone {
		for p, t := range m.phones {
			if e := entryOf("", t); p > from && e.Out() {
				n.phones = append(n.phones, p)
			}
		}
	}
	for p, t := range m.others {
		if e := entryOf("", t); (isPhone || cmp.Compare(p, person) > 0) && e.Out() {
			n.others = append(n.others, p)
		}
	}
	return n
}

// Names are some people of a business.
type Names struct {
	phones []uint64
	others []string
}

// Len is how many they are.
func (n *Names) Len() int { return len(n.phones) + len(n.others) }

// Sort puts them in order.
func (n *Names) Sort() {
	slices.Sort(n.phones)
	slices.Sort(n.others)
}

// At is the one at a place.
func (n *Names) At(i int) string {
	if i < len(n.phones) {
		return strconv.FormatUint(n.phones[i], 10)
	}
	return n.others[i-len(n.phones)]
}
