package schedule

import (
	"time"

	"altavoz/processor/timers"
)

// queue is sends in order. A send is in one queue at most.
type queue struct {
	head, tail *Send
	n          int
}

type link struct {
	prev, next *Send
	in         *queue
}

func (q *queue) push(e *Send) {
	e.link = link{prev: q.tail, in: q}
	if q.tail != nil {
		q.tail.link.next = e
	} else {
		q.head = e
	}
	q.tail = e
	q.n++
}

// pushFront is for a send that had its turn and was not called.
func (q *queue) pushFront(e *Send) {
	e.link = link{next: q.head, in: q}
	if q.head != nil {
		q.head.link.prev = e
	} else {
		q.tail = e
	}
	q.head = e
	q.n++
}

// unlink takes the send out of its queue, if it is in one.
func (e *Send) unlink() {
	q := e.link.in
	if q == nil {
		return
	}
	if e.link.prev != nil {
		e.link.prev.link.next = e.link.next
	} else {
		q.head = e.link.next
	}
	if e.link.next != nil {
		e.link.next.link.prev = e.link.prev
	} else {
		q.tail = e.link.prev
	}
	q.n--
	e.link = link{}
}

// timer is a time at which a send, a number or a task goes on.
type timer = timers.Timer[timed]

// timed is what has a timer.
type timed interface {
	onTimer(s *Scheduler, now time.Time)
}

// Lane is schemas.Lane as an index.
type Lane uint8

// The lanes.
const (
	Express Lane = iota
	Bulk
	Lanes
)
