package schedule

import (
	"time"

	"altavoz/schemas"
)

// Numbers are the queues of the sender numbers of a partition: two a number, one a lane.
type Numbers[T any] struct {
	known func(sender string) (rate float64, ours bool)
	all   map[string]*number[T]
}

// number is a sender number and its two queues.
type number[T any] struct {
	meter         Meter
	express, bulk *Queue[T]
}

// NewNumbers returns no numbers. known says of one how many sends a second it may make (0: no limit), as it is configured now, and
// whether it is one of ours.
func NewNumbers[T any](known func(sender string) (rate float64, ours bool)) *Numbers[T] {
	return &Numbers[T]{known: known, all: make(map[string]*number[T])}
}

// Queue returns the queue of a lane of a sender number, which every task has, also one that fails for its number.
func (n *Numbers[T]) Queue(sender string, lane schemas.Lane) *Queue[T] {
	return n.number(sender).lane(lane)
}

func (x *number[T]) lane(lane schemas.Lane) *Queue[T] {
	if lane == schemas.LaneExpress {
		return x.express
	}
	return x.bulk
}

func (n *Numbers[T]) number(sender string) *number[T] {
	x := n.all[sender]
	if x == nil {
		x = &number[T]{meter: Meter{Rate: StartRate}, express: NewQueue[T](schemas.LaneExpress), bulk: NewQueue[T](schemas.LaneBulk)}
		n.all[sender] = x
		n.resize(sender, x)
	}
	return x
}

// resize fits the windows to the number's rate.
func (n *Numbers[T]) resize(sender string, x *number[T]) {
	rate, _ := n.known(sender)
	if rate <= 0 {
		rate = x.meter.Rate
	}
	x.express.Resize(rate)
	x.bulk.Resize(rate)
}

// AddDecided counts recipients of the number that came to an outcome.
func (n *Numbers[T]) AddDecided(sender string, k int, now time.Time) {
	x := n.number(sender)
	if k >= 0 && x.meter.Add(now, k, x.express.Limited || x.bulk.Limited) {
		x.express.Limited, x.bulk.Limited = false, false
		n.resize(sender, x)
	}
}

// Release drops an unconfigured number when its last task is gone: callers may name any.
func (n *Numbers[T]) Release(sender string) {
	if _, ours := n.known(sender); ours {
		return
	}
	if x := n.all[sender]; x.express.Size()+x.bulk.Size() == 0 {
		delete(n.all, sender)
	}
}

// Each calls do for every queue.
func (n *Numbers[T]) Each(do func(*Queue[T])) {
	for _, x := range n.all {
		do(x.express)
		do(x.bulk)
	}
}

// Load returns how many recipients are in flight on a lane, and how many may be, over the numbers that have tasks.
func (n *Numbers[T]) Load(lane schemas.Lane) (inFlight, window int) {
	for _, x := range n.all {
		if q := x.lane(lane); q.Size() > 0 {
			inFlight, window = inFlight+q.InFlight(), window+q.Window
		}
	}
	return inFlight, window
}
