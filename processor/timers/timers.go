// Package timers keeps many times at which something goes on, the next one first. It knows no clock: who uses it tells it the time.
package timers

import (
	"container/heap"
	"time"
)

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Timer is a time at which something goes on: of what it belongs to.
type Timer[O any] struct {
	Of    O
	at    time.Time
	place int // 1 + index in its set; 0: not set
}

// Running reports whether it is set.
func (a *Timer[O]) Running() bool { return a.place > 0 }

// Set is the timers that are set.
type Set[O any] struct{ items order[O] }

type order[O any] []*Timer[O]

func (h order[O]) Len() int           { return len(h) }
func (h order[O]) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h order[O]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *order[O]) Push(x any) {
	a := x.(*Timer[O]) //nolint:forcetypeassert // only Start pushes
	*h = append(*h, a)
	a.place = len(*h)
}

func (h *order[O]) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	a.place = 0
	return a
}

// Start sets a timer, or sets it anew.
func (s *Set[O]) Start(a *Timer[O], of O, at time.Time) {
	a.at, a.Of = at, of
	if a.place > 0 {
		heap.Fix(&s.items, a.place-1)
		return
	}
	heap.Push(&s.items, a)
}

// StartBy sets a timer, unless it is set for an earlier time: what it is of is looked at by then in any case.
func (s *Set[O]) StartBy(a *Timer[O], of O, at time.Time) {
	if a.place == 0 || at.Before(a.at) { //mutant:earlier-timer-stays
		s.Start(a, of, at)
	}
}

// Stop takes a timer out, if it is set.
func (s *Set[O]) Stop(a *Timer[O]) {
	if a.place > 0 {
		heap.Remove(&s.items, a.place-1)
	}
}

// Next returns the time of the next one, and false if none is set.
func (s *Set[O]) Next() (at time.Time, some bool) {
	if len(s.items) == 0 {
		return time.Time{}, false
	}
	return s.items[0].at, true
}

// Due takes out the next one whose time has come.
func (s *Set[O]) Due(now time.Time) *Timer[O] {
	if len(s.items) == 0 || s.items[0].at.After(now) {
		return nil
	}
	a := s.items[0]
	heap.Pop(&s.items)
	return a
}
