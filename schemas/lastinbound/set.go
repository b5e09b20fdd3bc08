package lastinbound

import (
	"math"
	"strconv"
	"time"

	"altavoz/schemas/optout"
)

const (
	// MaxPeople is of how many people a set knows when they wrote, one who wrote to two numbers counted twice: phones take 72 MiB.
	MaxPeople = 2_000_000
	// maxNumbers is to how many sender numbers they wrote, and personBits what is left of 64 bits for a phone: 15 digits.
	maxNumbers = 1<<(64-personBits) - 1
	personBits = 50
	maxDigits  = 15
	// shards bounds what one Sweep looks at: 16,000 people.
	shards = 128
)

// Set is when people wrote last. It is not safe for concurrent use. TestSimulatedMillionPeopleFitInMemory has what one takes.
type Set struct {
	numbers map[string]uint64 // a sender number's part of the keys of phones
	phones  [shards]map[uint64]uint32
	users   map[string]uint32 // who is no phone: by number, slash and business-scoped user id
	count   int
	swept   int // the shard that comes next
	max     int
}

// NewSet returns one that knows nobody. It keeps at most so many people, at most MaxPeople.
func NewSet(people int) *Set {
	s := &Set{numbers: make(map[string]uint64), users: make(map[string]uint32), max: min(people, MaxPeople)}
	for i := range s.phones {
		s.phones[i] = make(map[uint64]uint32)
	}
	return s
}

// key returns where a phone is kept; false for a user id, and where there is no room for another sender number: those are kept by name.
func (s *Set) key(number, person string, add bool) (uint64, bool) {
	if person == "" || len(person) > maxDigits || person[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(person, 10, 64)
	if err != nil {
		return 0, false
	}
	of, known := s.numbers[number]
	if !known {
		if !add || len(s.numbers) >= maxNumbers {
			return 0, false
		}
		of = uint64(len(s.numbers)) << personBits
		s.numbers[number] = of
	}
	return of | n, true
}

func (s *Set) shard(key uint64) map[uint64]uint32 {
	const odd = 0x9e3779b97f4a7c15 // spreads neighbours
	return s.phones[key*odd>>57]
}

// Apply takes an entry in, at a time. It reports whether there was room. Who wrote later than now did so now: a clock that is ahead opens no
// window for longer.
func (s *Set) Apply(e Entry, now time.Time) bool {
	//mutant:a-clock-that-is-ahead-opens-no-longer-window
	e.AtS = min(e.AtS, now.Unix())
	at := uint32(min(max(e.AtS, 0), math.MaxUint32)) //nolint:gosec // bounded
	if int64(at) <= now.Add(-Window).Unix() {
		return true
	}
	if k, ok := s.key(e.Number, e.Person, true); ok {
		return put(s, s.shard(k), k, at)
	}
	return put(s, s.users, e.Number+"/"+e.Person, at)
}

func put[K comparable](s *Set, into map[K]uint32, k K, at uint32) bool {
	was, known := into[k]
	if !known {
		if s.count >= s.max { //mutant:who-wrote-is-bounded
			return false
		}
		s.count++
	}
	into[k] = max(was, at) //mutant:the-later-message-counts
	return true
}

// At returns when the person of a recipient wrote to a sender number last; false where nothing is known of that.
func (s *Set) At(number, recipient string) (time.Time, bool) {
	person, ok := optout.Person(recipient)
	if !ok {
		return time.Time{}, false
	}
	var at uint32
	if k, phone := s.key(number, person, false); phone {
		at, ok = s.shard(k)[k]
	} else {
		at, ok = s.users[number+"/"+person]
	}
	return time.Unix(int64(at), 0), ok
}

// Sweep forgets, in one of the parts that the set has, who wrote so long ago that the window is over. Sweeps is how many parts there are.
func (s *Set) Sweep(now time.Time) {
	over := now.Add(-Window).Unix()
	if s.swept == 0 {
		sweep(s, s.users, over)
	}
	sweep(s, s.phones[s.swept], over)
	s.swept = (s.swept + 1) % shards
}

// Sweeps is after how many of them all has been looked at.
const Sweeps = shards

func sweep[K comparable](s *Set, all map[K]uint32, over int64) {
	for k, at := range all {
		if int64(at) <= over {
			delete(all, k)
			s.count--
		}
	}
}

// Size is how many people it knows.
func (s *Set) Size() int { return s.count }
