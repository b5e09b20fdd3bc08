package fanout

import (
	"time"

	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// Controls are what is asked of a task while it goes on.
//
// One is in force as soon as the partition's goroutine knows it: the task gets no quantum any more, or others. Then an update says
// so, and how many of the task's sends may still leave: those that were given a quantum and are not decided, one that is leased
// included. For that to be true this process must own the partition at that moment, or its successor might have given quanta of
// which it knows nothing. So the update waits for a commit that was asked for after the control was in force: the group would have
// refused it. Whoever takes over later has read the control before its first quantum.

// applyControls puts controls in force.
func (s *worker) applyControls(t *task.Task, c schemas.Controls, now time.Time) {
	was := t.Controls
	if !c.NewerThan(was) { //mutant:control-in-a-cut-log-counts
		return
	}
	t.Controls = c
	s.countControls(was, c)
	s.Evaluate(t, now)
}

// countControls counts controls that were put in force.
func (s *worker) countControls(was, c schemas.Controls) {
	m := s.st.metrics.controls
	for what, is := range map[string]bool{
		controlCancel: c.Cancelled && !was.Cancelled,
		controlPause:  c.Paused && !was.Paused,
		controlResume: c.Resumed && !was.Resumed,
		controlSpeed:  c.HasSpeed && (!was.HasSpeed || c.Speed != was.Speed),
	} {
		if is {
			m[what].Inc()
		}
	}
}

// setSpeed gives the task the speed that was asked for last.
func (s *worker) setSpeed(t *task.Task, now time.Time) {
	speed := float64(t.Asked)
	if t.Controls.HasSpeed {
		speed = float64(t.Controls.Speed)
	}
	if speed == t.Speed {
		return
	}
	if !t.Queued() {
		t.Speed = speed
		return
	}
	s.queue(t).SetSpeed(&t.Entry, speed, now)
}

// deleteControls takes the controls of a task that is over back.
func (s *worker) deleteControls(id schemas.TaskID) {
	if _, ok := s.st.ports.Controls.Get(id); ok {
		s.Publish(s.st.ports.Bulk, func(stream.Record) {}, schemas.ForgetControls(id)...)
	}
}
