package sender

import (
	"time"

	"altavoz/processor/sender/ledger"
	"altavoz/processor/timers"
)

// queue is sends in order. A send is in one queue at most.
type queue struct {
	head, tail *send
	n          int
}

type link struct {
	prev, next *send
	in         *queue
}

func (q *queue) push(e *send) {
	e.link = link{prev: q.tail, in: q}
	if q.tail != nil {
		q.tail.link.next = e
	} else {
		q.head = e
	}
	q.tail = e
	q.n++
}

// pushFront is for those that had their turn and got nothing out of it.
func (q *queue) pushFront(e *send) {
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
func (e *send) unlink() {
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

// timer is a time at which something goes on, timers are those that are set.
type (
	timer    = timers.Timer[timed]
	timerSet = timers.Set[timed]
)

// timed is what has a timer.
type timed interface {
	onTimer(st *Stage, now time.Time)
}

// cell is the ledger's entry of a send.
type cell = ledger.Cell[*send]

// lane is schemas.Lane as an index.
type lane uint8

const (
	express lane = iota
	bulk
	lanes
)
