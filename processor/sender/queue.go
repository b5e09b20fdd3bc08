package sender

import (
	"container/heap"
	"time"
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

// alarm is a time at which something goes on.
type alarm struct {
	at    time.Time
	place int // 1 + index in its alarms; 0: not set
	of    ringer
}

// ringer is what has an alarm.
type ringer interface {
	ring(st *Stage, now time.Time)
}

// alarms are those that are set, the next one first.
type alarms struct{ items []*alarm }

func (h *alarms) Len() int           { return len(h.items) }
func (h *alarms) Less(i, j int) bool { return h.items[i].at.Before(h.items[j].at) }
func (h *alarms) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.items[i].place, h.items[j].place = i+1, j+1
}

// Push is heap.Interface's; use set.
func (h *alarms) Push(x any) {
	a := x.(*alarm) //nolint:forcetypeassert // only set pushes
	h.items = append(h.items, a)
	a.place = len(h.items)
}

// Pop is heap.Interface's; use unset.
func (h *alarms) Pop() any {
	last := len(h.items) - 1
	a := h.items[last]
	h.items[last] = nil
	h.items = h.items[:last]
	a.place = 0
	return a
}

// set sets the alarm of an object, or sets it anew.
func (h *alarms) set(a *alarm, of ringer, at time.Time) {
	a.at, a.of = at, of
	if a.place > 0 {
		heap.Fix(h, a.place-1)
		return
	}
	heap.Push(h, a)
}

func (h *alarms) unset(a *alarm) {
	if a.place > 0 {
		heap.Remove(h, a.place-1)
	}
}

// due takes out the next alarm whose time has come.
func (h *alarms) due(now time.Time) *alarm {
	if len(h.items) == 0 || h.items[0].at.After(now) {
		return nil
	}
	a := h.items[0]
	heap.Pop(h)
	return a
}

// lane is schemas.Lane as an index.
type lane uint8

const (
	express lane = iota
	bulk
	lanes
)
