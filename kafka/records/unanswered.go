package records

import (
	"sync"
	"time"
)

// unanswered is the records handed to the client library that have no answer yet. It is safe for concurrent use.
//
// An idempotent producer cannot cancel a record that it has sent: the sequence numbers of those behind it would have a gap, so it repeats the request
// until a broker answers, for as long as that takes. Its own timeout fails only what it has not sent yet. So the time is kept here: the writer
// learns after a fixed time that the outcome is not known, and until the answer comes nothing more is accepted for the same partition, or every
// repeat would be one more copy behind the first.
type unanswered[K comparable] struct {
	after   time.Duration
	expired func(key K, entries int)

	mu      sync.Mutex
	root    entry[K] // of a ring in the order of their deadlines, which is that in which they came
	overdue map[K]int
	timer   *time.Timer
	armed   bool
	stopped bool
}

// expirer is told, once and without a lock, that its entry has no answer in time.
type expirer interface{ expire() }

// entry is one record that was handed to the library. It is part of what is kept of that record.
type entry[K comparable] struct {
	set        *unanswered[K]
	key        K
	due        time.Time
	expirer    expirer
	prev, next *entry[K] // nil: not in the ring
	late       bool      // it has expired
}

// newUnanswered returns a set whose entries expire after the given time; expired is called with how many of a key did at once.
func newUnanswered[K comparable](after time.Duration, expired func(key K, entries int)) *unanswered[K] {
	s := &unanswered[K]{after: after, expired: expired, overdue: make(map[K]int)}
	s.root.prev, s.root.next = &s.root, &s.root
	return s
}

// add adds an entry. It reports false, and adds nothing, while an entry of the key is overdue.
func (s *unanswered[K]) add(e *entry[K], key K, to expirer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overdue[key] > 0 {
		return false
	}
	last := s.root.prev
	*e = entry[K]{set: s, key: key, due: time.Now().Add(s.after), expirer: to, prev: last, next: &s.root}
	last.next, s.root.prev = e, e
	s.arm()
	return true
}

// answer removes the entry. It reports whether the answer came in time: then it has not expired and will not.
func (e *entry[K]) answer() bool {
	s := e.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.late {
		if s.overdue[e.key]--; s.overdue[e.key] <= 0 {
			delete(s.overdue, e.key)
		}
		return false
	}
	e.unlink()
	return true
}

func (e *entry[K]) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next, e.expirer = nil, nil, nil
}

// arm sets the timer for the first entry; called with mu held. A timer of an entry that was removed is set for the next one when it fires.
func (s *unanswered[K]) arm() {
	first := s.root.next
	if s.armed || s.stopped || first == &s.root {
		return
	}
	s.armed = true
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Until(first.due), s.sweep)
		return
	}
	s.timer.Reset(time.Until(first.due))
}

func (s *unanswered[K]) sweep() {
	var expired []expirer
	counts := make(map[K]int)
	s.mu.Lock()
	now := time.Now()
	s.armed = false
	for e := s.root.next; e != &s.root && !e.due.After(now); e = s.root.next {
		expired = append(expired, e.expirer)
		counts[e.key]++
		s.overdue[e.key]++
		e.late = true
		e.unlink()
	}
	s.arm()
	s.mu.Unlock()
	for key, n := range counts {
		s.expired(key, n)
	}
	for _, of := range expired {
		of.expire()
	}
}

// stop ends the timer: nothing expires any more.
func (s *unanswered[K]) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
