package optout

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strconv"

	"altavoz/schemas"
)

// MaxPairs is of how many user ids a set knows the phone, those of who opted out apart, of whom it knows all: 72 MiB.
const MaxPairs = 2_000_000

// Set is what is known of everybody who ever opted out, and of which user ids are whose phone. What is said of an id whose phone is known is
// said of the phone. It is not safe for concurrent use. A phone takes some 55 bytes.
type Set struct {
	businesses map[string]*members
	out        int // who has opted out now
	known      int
	pairs      int
	maxPairs   int
	seed       maphash.Seed
}

type members struct {
	phones map[uint64]times
	others map[string]times  // user ids whose phone is not known
	paired map[uint64]uint64 // phones, by the hash of a user id
}

// times are an Entry's in little memory: until the year 2106.
type times struct {
	out, in     uint32
	outBy, inBy uint8
}

// NewSet returns an empty one. It knows the phones of so many user ids, at most MaxPairs.
func NewSet(pairs int) *Set {
	return &Set{businesses: make(map[string]*members), maxPairs: min(pairs, MaxPairs), seed: maphash.MakeSeed()}
}

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

// resolve returns the phone that a person has, or is.
func (s *Set) resolve(m *members, person string) (phone uint64, ok bool) {
	if phone, ok = digitsOf(person); !ok {
		phone, ok = m.paired[maphash.String(s.seed, person)] //mutant:what-a-phone-says-holds-for-its-user-id
	}
	return phone, ok
}

// times returns what is known of a person.
func (s *Set) times(m *members, person string) (t times, known bool) {
	if phone, ok := s.resolve(m, person); ok {
		t, known = m.phones[phone]
	} else {
		t, known = m.others[person]
	}
	return t, known
}

func entryOf(person string, t times) Entry {
	return Entry{Person: person, OutS: int64(t.out), InS: int64(t.in), OutBy: schemas.OptOutSource(t.outBy), InBy: schemas.OptOutSource(t.inBy)}
}

// Get returns what is known of a person, under the name that Person gave; the zero times if nothing is.
func (s *Set) Get(business, person string) Entry {
	m := s.businesses[business]
	if m == nil || person == "" {
		return Entry{Person: person}
	}
	t, _ := s.times(m, person)
	e := entryOf(person, t)
	if phone, ok := s.resolve(m, person); ok && !IsPhone(person) {
		e.Phone = strconv.FormatUint(phone, 10)
	}
	return e
}

// Out reports whether a person has opted out.
func (s *Set) Out(business, person string) bool {
	m := s.businesses[business]
	if m == nil || person == "" {
		return false
	}
	t, _ := s.times(m, person)
	e := entryOf(person, t)
	return e.Out()
}

// Paired reports whether a user id is known to be a phone's.
func (s *Set) Paired(business, user, phone string) bool {
	m := s.businesses[business]
	n, ok := digitsOf(phone)
	if m == nil || !ok {
		return false
	}
	was, known := m.paired[maphash.String(s.seed, user)]
	return known && was == n
}

// Learns reports whether the set takes in another phone of a user id than what was known of the id has. Beyond the bound it learns only those of who
// opted out, and of ids that it knows: what is said of them would be said of whoever has the phone of before.
func (s *Set) Learns(was Entry, out bool) bool {
	return s.pairs < s.maxPairs || was.Phone != "" || out //mutant:pairs-are-bounded
}

// Pairs is of how many user ids the phone is known.
func (s *Set) Pairs() int { return s.pairs }

// OutOf returns the businesses that a person of several names has opted out of.
func (s *Set) OutOf(names ...string) (businesses []string) {
	for business := range s.businesses {
		if slices.ContainsFunc(names, func(name string) bool { return s.Out(business, name) }) {
			businesses = append(businesses, business)
		}
	}
	return businesses
}

// Apply takes in what a record says: of each time the later one. It reports whether the record says all that is known of the person: if it is
// the last one, compaction leaves nothing else.
func (s *Set) Apply(business string, is Entry) (whole bool) {
	is.OutS, is.InS = min(max(is.OutS, 0), math.MaxUint32), min(max(is.InS, 0), math.MaxUint32)
	m := s.businesses[business]
	if m == nil {
		m = &members{phones: make(map[uint64]times), others: make(map[string]times), paired: make(map[uint64]uint64)}
		s.businesses[business] = m
	}
	if is.Phone != "" {
		s.pair(business, m, is)
	}
	e := s.Get(business, is.Person)
	e, _ = e.With(true, is.OutS, is.OutBy)
	e, _ = e.With(false, is.InS, is.InBy)
	s.put(m, e)
	return e.OutS == is.OutS && e.InS == is.InS && (e.Phone == "" || e.Phone == is.Phone)
}

// pair remembers the phone of a user id, and puts together what was said of both.
func (s *Set) pair(business string, m *members, is Entry) {
	was, phone := s.Get(business, is.Person), s.Get(business, is.Phone)
	if was.Phone == is.Phone {
		return
	}
	e := was.Paired(phone)
	if !s.Learns(was, is.Out() || e.Out()) {
		return
	}
	if was.Phone == "" {
		s.pairs++
		s.drop(m, is.Person)
	}
	n, _ := digitsOf(is.Phone)
	m.paired[maphash.String(s.seed, is.Person)] = n
	s.put(m, e) //mutant:what-was-said-before-the-pair-was-known-holds
}

// put makes an entry what is known of its person.
func (s *Set) put(m *members, e Entry) {
	was, known := s.times(m, e.Person)
	t := times{out: uint32(e.OutS), in: uint32(e.InS), outBy: uint8(e.OutBy), inBy: uint8(e.InBy)} //nolint:gosec // Apply bounds them
	if t == (times{}) {
		return
	}
	if phone, ok := s.resolve(m, e.Person); ok {
		m.phones[phone] = t
	} else {
		m.others[e.Person] = t
	}
	if !known {
		s.known++
	}
	before := entryOf("", was)
	s.count(&before, -1)
	s.count(&e, +1)
}

// drop forgets what is kept under a user id.
func (s *Set) drop(m *members, user string) {
	if t, known := m.others[user]; known {
		delete(m.others, user)
		s.known--
		e := entryOf("", t)
		s.count(&e, -1)
	}
}

func (s *Set) count(e *Entry, n int) {
	if e.Out() {
		s.out += n
	}
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
