package places

import (
	"iter"
	"slices"
	"strconv"
	"time"

	"altavoz/processor/sender/report"
	"altavoz/processor/sender/schedule/queue"
	"altavoz/schemas"
	"altavoz/schemas/people"
)

const (
	// askTimeout is how long a verdict is waited for. Then the same is asked once more, which costs no other place.
	askTimeout = 10 * time.Second
	// recheck is how soon it is looked again whether there is a place.
	recheck = time.Second
	// Valid is how long after it was asked for a claim lets a send start: what is left of people.Fresh is for a commit and a call.
	Valid = people.Fresh - 30*time.Second
	// maxScan bounds the waiting sends of a number that are looked at for people who have a place, while there is no other.
	maxScan = 4096
	// aheadFor is how long a number's rate takes for what is asked for ahead, and leastAhead how many those are at least.
	aheadFor   = 2 * time.Second
	leastAhead = 32
)

// Send is one that may have to wait.
type Send[S any] interface {
	Link() *queue.Link[S] // its place in a queue
	Person() people.Person
	NumberID() string
	Urgent() bool // it waits for no others to be asked for with it
}

// View is what was read of the topic people.
type View interface {
	// Follow has it read: it does nothing before.
	Follow()
	Behind(now time.Time) bool
	Draw(business string, limit int, wanted []people.Person, now time.Time) (people.Claim, []bool)
	Knows(business string, p people.Person, now time.Time) bool
	Used(business string, now time.Time) (used int, frees time.Time)
}

// Gate is the sends that wait, by sender number.
type Gate[S Send[S]] struct {
	view       View
	process    string
	claims     uint64 // that were made
	numbers    map[string]*number[S]
	businesses map[string]*business[S]
}

// number is a sender number whose business has a limit, or had.
type number[S any] struct {
	of      *business[S]
	waiting queue.Priority[S]
}

// business is what sender numbers have in common.
type business[S any] struct {
	name    string
	limit   int // 0: none
	numbers []string
	again   time.Time // nothing is asked for before
	full    time.Time // since when somebody waits for want of a place

	claim   uint64 // the one under way; 0: none
	asked   time.Time
	claimed queue.Queue[S]
}

// New returns a gate of a process that everybody passes.
func New[S Send[S]](view View, process string) *Gate[S] {
	return &Gate[S]{view: view, process: process, numbers: make(map[string]*number[S]), businesses: make(map[string]*business[S])}
}

// Limit has a number belong to a business, which may write to so many people; 0: to as many as it likes.
func (g *Gate[S]) Limit(id, of string, people int) {
	n := g.numbers[id]
	switch {
	case n == nil && people == 0:
		return
	case n == nil:
		n = new(number[S])
		g.numbers[id] = n
	case n.of.name != of:
		n.of.numbers = slices.DeleteFunc(n.of.numbers, func(other string) bool { return other == id })
		n.of = nil
	}
	b := g.businesses[of]
	if b == nil {
		b = &business[S]{name: of}
		g.businesses[of] = b
	}
	if n.of == nil {
		n.of = b
		b.numbers = append(b.numbers, id)
	}
	if b.limit = people; people > 0 {
		g.view.Follow()
	}
}

// Limited reports whether messages of a number to people outside their windows need a place.
func (g *Gate[S]) Limited(id string) bool {
	n := g.numbers[id]
	return n != nil && n.of.limit > 0
}

// Wait has a send of a number wait for a place.
func (g *Gate[S]) Wait(id string, s S) { g.numbers[id].waiting.Push(s.Link(), s, s.Urgent()) }

// All gives all that wait.
func (g *Gate[S]) All() iter.Seq[S] {
	return func(yield func(S) bool) {
		for _, n := range g.numbers {
			for s := range n.waiting.All() {
				if !yield(s) {
					return
				}
			}
		}
		for _, b := range g.businesses {
			for s := range b.claimed.All() {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Ask makes claims for those who wait, of each number as many as room says, and calls write with each. It returns those who need no place any more.
func (g *Gate[S]) Ask(now time.Time, room func(number string) int, write func(*people.Claim)) (free []S) {
	for _, b := range g.businesses {
		if b.claim != 0 && now.Sub(b.asked) >= askTimeout {
			g.giveBack(b)
		}
		switch {
		case b.limit == 0:
			g.giveBack(b)
			for _, id := range b.numbers {
				for s := range g.numbers[id].waiting.All() {
					s.Link().Unlink()
					free = append(free, s)
				}
			}
			b.full = time.Time{}
		case b.claim == 0 && !b.again.After(now):
			g.ask(b, now, room, write)
		}
	}
	return free
}

func (g *Gate[S]) ask(b *business[S], now time.Time, room func(number string) int, write func(*people.Claim)) {
	wanted := g.candidates(b, now, room)
	if len(wanted) == 0 {
		return
	}
	persons := make([]people.Person, len(wanted))
	for i, s := range wanted {
		persons[i] = s.Person()
	}
	c, in := g.view.Draw(b.name, b.limit, persons, now)
	if len(c.People) == 0 && !g.view.Behind(now) {
		return
	}
	g.claims++
	c.Process, c.Number = g.process, g.claims
	b.claim, b.asked = g.claims, now
	for i, s := range wanted {
		if in[i] {
			s.Link().Unlink()
			b.claimed.Push(s.Link(), s)
		}
	}
	b.numbers = append(b.numbers[1:], b.numbers[0]) // another one comes first in the next
	write(&c)
}

// candidates returns sends for whom there may be places, in order.
func (g *Gate[S]) candidates(b *business[S], now time.Time, room func(number string) int) (out []S) {
	used, _ := g.view.Used(b.name, now)
	left, full, all, waits := b.limit-used, false, 0, 0
	for _, id := range b.numbers {
		if n := g.numbers[id].waiting.Len(); n > 0 {
			waits++
			all += n
		}
	}
	share := max(1, left/max(1, waits)) // of what is left; the others' is there for the next claim
	for _, id := range b.numbers {
		n := g.numbers[id]
		if n.waiting.Len() == 0 { // its room, which is counted, is nobody's
			continue
		}
		more, seen, places := room(id), 0, 0
		for s := range n.waiting.All() {
			if seen++; more <= 0 && !s.Urgent() || seen > maxScan || len(out) == people.MaxClaim {
				break
			}
			if !g.view.Knows(b.name, s.Person(), now) { //mutant:who-has-a-place-does-not-wait-for-others
				if left <= 0 {
					full = true
					continue
				}
				if places == share { //mutant:numbers-share-what-is-left
					continue
				}
				places++
				left--
			}
			out = append(out, s)
			more--
		}
	}
	switch {
	case full && b.full.IsZero():
		b.full = now
	case !full && (left > 0 || all == len(out)):
		b.full = time.Time{}
	}
	if len(out) == 0 && full {
		b.again = now.Add(recheck)
	}
	return out
}

// Ahead is how many more places are asked for, ahead of their turns, for a number with a rate (0: without a limit) of which so many sends have one: as many
// as it takes in a while, once half of them are used up.
func Ahead(rate float64, ready int) int {
	most := people.MaxClaim
	if rate > 0 {
		most = min(max(int(rate*aheadFor.Seconds()), leastAhead), most)
	}
	if ready > most/2 {
		return 0
	}
	return most - ready
}

// Count is how many have a place of those that are ready, where they are in front of others.
func Count[S interface{ Placed() bool }](ready iter.Seq[S]) (n int) {
	seen := 0
	for s := range ready {
		if seen++; seen > people.MaxClaim {
			break
		}
		if s.Placed() { //mutant:who-needs-no-place-keeps-nobody-waiting-for-one
			n++
		}
	}
	return n
}

// Verdict is that on a claim. It returns who goes on, in order, and when it was asked for them.
func (g *Gate[S]) Verdict(claim uint64, granted bool, now time.Time) (on []S, asked time.Time) {
	for _, b := range g.businesses {
		if b.claim != claim {
			continue
		}
		if !granted || now.Sub(b.asked) >= Valid { //mutant:who-was-refused-waits
			g.giveBack(b)
			return nil, time.Time{}
		}
		b.claim = 0
		for s := range b.claimed.All() {
			s.Link().Unlink()
			on = append(on, s)
		}
		return on, b.asked
	}
	return nil, time.Time{}
}

// giveBack has those of the claim under way wait again.
func (g *Gate[S]) giveBack(b *business[S]) {
	b.claim = 0
	for b.claimed.Len() > 0 {
		s := b.claimed.Last()
		s.Link().Unlink()
		g.numbers[s.NumberID()].waiting.PushFront(s.Link(), s, s.Urgent())
	}
}

// Cause is why sends of a number wait, where that is for want of places; nil: it is not.
func (g *Gate[S]) Cause(id, label string, now time.Time) *schemas.Cause {
	n := g.numbers[id]
	if n == nil || n.of.full.IsZero() || now.Sub(n.of.full) < report.AnnounceAfter {
		return nil
	}
	c := &schemas.Cause{Reason: schemas.Reason_REASON_PEOPLE_IN_FLIGHT, SinceMs: n.of.full.UnixMilli(), Number: label, Detail: strconv.Itoa(n.of.limit)}
	if _, frees := g.view.Used(n.of.name, now); !frees.IsZero() {
		c.UntilMs = frees.UnixMilli()
	}
	return c
}

// Tally is how far a business's people of a day are used up.
type Tally struct {
	Business    string
	Limit, Used int
}

// Tallies are those of the businesses that have a limit.
func (g *Gate[S]) Tallies(now time.Time) (out []Tally) {
	for _, b := range g.businesses {
		if b.limit > 0 {
			used, _ := g.view.Used(b.name, now)
			out = append(out, Tally{b.name, b.limit, used})
		}
	}
	return out
}
