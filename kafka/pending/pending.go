// Package pending watches what was handed to Kafka until it is answered.
//
// A client with idempotent writes can't take back a record that it has sent: the numbers of those behind it would have a
// gap, so it repeats the request until a broker answers, for as long as that takes. Its own time-out ends only what it has
// not sent yet. So the time is kept here: who waits hears after a fixed time that nobody knows, and until the answer comes
// nothing more is taken for the same partition, or every repeat would be one more copy behind the first.
package pending

import (
	"sync"
	"time"
)

// Set is the entries that have no answer. It is safe for concurrent use.
type Set[K comparable] struct {
	after   time.Duration
	expired func(key K, entries int)

	mu      sync.Mutex
	root    Entry[K] // of a ring in the order of their deadlines, which is that in which they came
	overdue map[K]int
	timer   *time.Timer
	armed   bool
	stopped bool
}

// Entry is one thing handed over.
type Entry[K comparable] struct {
	set        *Set[K]
	key        K
	due        time.Time
	expire     func()
	prev, next *Entry[K] // nil: not in the ring
	late       bool      // expire was called
}

// New returns a set whose entries expire after the given time; expired is told how many of a key did at once.
func New[K comparable](after time.Duration, expired func(key K, entries int)) *Set[K] {
	s := &Set[K]{after: after, expired: expired, overdue: make(map[K]int)}
	s.root.prev, s.root.next = &s.root, &s.root
	return s
}

// Add begins to watch. It reports false, and watches nothing, while an entry of the key is overdue. expire is called once,
// without a lock, if the entry does not end in time.
func (s *Set[K]) Add(key K, expire func()) (*Entry[K], bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overdue[key] > 0 {
		return nil, false
	}
	last := s.root.prev
	e := &Entry[K]{set: s, key: key, due: time.Now().Add(s.after), expire: expire, prev: last, next: &s.root}
	last.next, s.root.prev = e, e
	s.arm()
	return e, true
}

// End takes in the answer. It reports whether it came in time: whether expire was not called and will not be.
func (e *Entry[K]) End() bool {
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

func (e *Entry[K]) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next, e.expire = nil, nil, nil
}

// arm sets the timer for the first entry; the lock is held. A timer that is set for one which has ended finds the next.
func (s *Set[K]) arm() {
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

func (s *Set[K]) sweep() {
	var expire []func()
	counts := make(map[K]int)
	s.mu.Lock()
	now := time.Now()
	s.armed = false
	for e := s.root.next; e != &s.root && !e.due.After(now); e = s.root.next {
		expire = append(expire, e.expire)
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
	for _, f := range expire {
		f()
	}
}

// Stop ends the watching: nothing expires any more.
func (s *Set[K]) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
