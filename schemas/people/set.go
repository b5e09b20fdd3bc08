package people

import (
	"cmp"
	"slices"
	"time"
)

// Set is the claims that were granted, as far as the log was read. It is not safe for concurrent use.
type Set struct {
	businesses map[string]*business
	read       int64     // the offset behind the last record
	begin      int64     // what lies below it is not in the log any more, or was not read
	readAt     time.Time // the latest time at which a record was written that was read
	count, max int       // people
}

// business is the people of one.
type business struct {
	claimed map[Person]uint32 // the minute of the last claim
	swept   uint32            // the minute up to which those are gone whose time is over
	oldest  uint32            // no claim is of an earlier minute
	recent  []position        // the claims of the last maxBehind records, in order
}

// position is where a claim lies, and how many places it asked for.
type position struct {
	offset int64
	places int
}

// NewSet returns one that has read nothing. Beyond so many people, of all businesses, it has no free place.
func NewSet(people int) *Set {
	return &Set{businesses: make(map[string]*business), max: people}
}

func minute(t time.Time) uint32 {
	return uint32(max(0, t.Unix()/60)) //nolint:gosec // there are enough for eight thousand years
}

// life is for how many minutes a claim takes its place: the one in which it was made counts as over only with the next.
const life = uint32((Window+Margin)/time.Minute) + 1

func (s *Set) of(name string) *business {
	b := s.businesses[name]
	if b == nil {
		b = &business{claimed: make(map[Person]uint32)}
		s.businesses[name] = b
	}
	return b
}

// sweep forgets people whose time is over.
func (s *Set) sweep(b *business, now time.Time) {
	m := minute(now)
	if m <= b.swept {
		return
	}
	if b.swept = m; m < b.oldest+life { // nobody's is
		return
	}
	b.oldest = m
	for p, at := range b.claimed {
		if m >= at+life {
			delete(b.claimed, p)
			s.count--
			continue
		}
		b.oldest = min(b.oldest, at)
	}
}

// Sweep forgets people whose time is over, and businesses without any.
func (s *Set) Sweep(now time.Time) {
	for name, b := range s.businesses {
		if s.sweep(b, now); len(b.claimed) == 0 && (len(b.recent) == 0 || b.recent[len(b.recent)-1].offset < s.read-maxBehind) {
			delete(s.businesses, name)
		}
	}
}

// Apply takes in the claim of a record that was written at a time, and reports whether it is granted. Records come in order; of a log that lost its
// end, and is read again from its start, what was claimed stays known.
//
// Where a log begins whose start is gone, nobody knows what came before a claim whose writer had not read up to there. It does not count: it is as old as
// what is gone, but for that of a process which had read nothing, and that has no people (Draw).
func (s *Set) Apply(c *Claim, offset int64, at, now time.Time) bool {
	if offset != s.read {
		s.begin = offset
		for _, b := range s.businesses {
			b.recent = nil
		}
	}
	if at.After(now) { // no clock takes a place for longer
		at = now
	}
	if s.read = offset + 1; at.After(s.readAt) { //mutant:an-earlier-time-is-not-behind
		s.readAt = at
	}
	b := s.of(c.Business)
	meanwhile := b.askedSince(c.Read)
	b.remember(position{offset, c.Places})
	if c.Read < s.begin || offset-c.Read > maxBehind { //mutant:nobody-grants-what-another-may-not-know
		return false
	}
	if meanwhile+c.Places > c.Free { //mutant:a-claim-counts-those-that-its-writer-had-not-read
		return false
	}
	s.sweep(b, now)
	m := minute(at)
	if m+life <= b.swept {
		return true
	}
	if len(b.claimed) == 0 || m < b.oldest {
		b.oldest = m
	}
	for _, p := range c.People {
		was, known := b.claimed[p]
		if !known {
			s.count++
		}
		b.claimed[p] = max(was, m) //mutant:a-later-message-takes-its-place-for-longer
	}
	return true
}

// askedSince is how many places claims asked for that lie at an offset or behind it, granted or not.
func (b *business) askedSince(offset int64) (n int) {
	for i := len(b.recent) - 1; i >= 0 && b.recent[i].offset >= offset; i-- {
		n += b.recent[i].places
	}
	return n
}

func (b *business) remember(p position) {
	old, _ := slices.BinarySearchFunc(b.recent, p.offset-maxBehind, func(of position, offset int64) int { return cmp.Compare(of.offset, offset) })
	b.recent = append(slices.Delete(b.recent, 0, old), p)
}

// Used is how many people a business has written to, or is about to.
func (s *Set) Used(of string, now time.Time) int {
	b := s.businesses[of]
	if b == nil {
		return 0
	}
	s.sweep(b, now)
	return len(b.claimed)
}

// Knows reports whether a person was written to within Window, and has a place: whoever's clock is ahead keeps it for as long as a message may leave
// on a claim that is made now.
func (s *Set) Knows(of string, p Person, now time.Time) bool {
	b := s.businesses[of]
	return b != nil && minute(now) < b.claimed[p]+uint32(Window/time.Minute) //mutant:a-place-that-ends-is-no-place
}

// Frees is about when the next place of a business gets free; no time where none is taken.
func (s *Set) Frees(of string) time.Time {
	if b := s.businesses[of]; b != nil && len(b.claimed) > 0 {
		return time.Unix(60*int64(b.oldest+life), 0)
	}
	return time.Time{}
}

// Behind reports whether no record that was read is of lately: what others wrote since may lie behind it.
func (s *Set) Behind(now time.Time) bool { return now.Sub(s.readAt) > Fresh }

// Draw makes a claim of places for people of a business that has a limit: for those of them who have one already, and for others, in order, as long as
// there are free ones. It reports who is in it. Nobody is in that of who is Behind: it shows how far the log goes.
func (s *Set) Draw(business string, limit int, wanted []Person, now time.Time) (c Claim, in []bool) {
	c = Claim{Business: business, Free: max(0, min(limit-s.Used(business, now), s.max-s.count)), Read: s.read} //mutant:no-more-people-than-the-limit
	in, drawn := make([]bool, len(wanted)), make(map[Person]bool, len(wanted))
	if s.Behind(now) { //mutant:who-is-behind-claims-nobody
		return c, in
	}
	for i, p := range wanted {
		switch {
		case drawn[p]:
		case len(c.People) == MaxClaim:
			continue
		case s.Knows(business, p, now): //mutant:who-has-a-place-needs-no-other
		case c.Places < c.Free:
			c.Places++
		default:
			continue
		}
		if in[i] = true; !drawn[p] {
			drawn[p] = true
			c.People = append(c.People, p)
		}
	}
	return c, in
}

// Size is how many people have a place, of all businesses.
func (s *Set) Size() int { return s.count }
