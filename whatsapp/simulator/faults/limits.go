package faults

import "time"

const (
	// Pair limit: a message every 6 seconds to one phone, up to 45 of them ahead of time (Meta, "About the platform").
	pairEvery = 6 * time.Second
	pairBurst = 45

	pruneEvery = 10_000 // messages between two looks for phones whose pair limit is over
)

// Limits are the limits of one number. Both count as a bucket that drains (GCRA): one instant is all there is to keep.
// Not safe for concurrent use.
type Limits struct {
	next  time.Time            // when the number's rate is used up to
	pairs map[uint64]time.Time // the same, by phone
	seen  int
}

// NewLimits returns limits of which nothing is used up.
func NewLimits() *Limits { return &Limits{pairs: map[uint64]time.Time{}} }

// TooFast takes a place in the number's rate, a second's worth of which may come at once; true where there is none.
func (l *Limits) TooFast(now time.Time, perSecond float64) bool {
	if perSecond <= 0 {
		return false
	}
	next := l.next
	if next.Before(now) {
		next = now
	}
	next = next.Add(time.Duration(float64(time.Second) / perSecond))
	if next.Sub(now) > time.Second+time.Duration(float64(time.Second)/perSecond) {
		return true
	}
	l.next = next
	return false
}

// TooOften takes a place in the pair limit of a phone, given by its hash; true where there is none.
func (l *Limits) TooOften(now time.Time, phone uint64) bool {
	if l.seen++; l.seen%pruneEvery == 0 {
		for p, t := range l.pairs {
			if t.Before(now) {
				delete(l.pairs, p)
			}
		}
	}
	next := l.pairs[phone]
	if next.Before(now) {
		next = now
	}
	next = next.Add(pairEvery)
	if next.Sub(now) > pairBurst*pairEvery {
		return true
	}
	l.pairs[phone] = next
	return false
}
