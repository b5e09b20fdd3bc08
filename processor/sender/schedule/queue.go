package schedule

import (
	"time"

	"altavoz/processor/sender/schedule/queue"
	"altavoz/processor/timers"
)

// link is a send's place in the queue that it is in.
type link = queue.Link[*Send]

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
