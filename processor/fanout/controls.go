package fanout

import (
	"strings"
	"time"

	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// Controls, and what is said of them.
//
// A control is in force as soon as the slot has heard of it: the task takes no turn any more, or others. Then a Note says
// so, and how many of the task's sends may still leave: those that had their turn and are not decided, a turn that is
// leased included. For that to be true the slot must own the partition at that moment, or its successor might have given
// turns of which it knows nothing. So the Note waits for a commit that was asked for after the control was in force: the
// group would have refused it. Whoever takes over later has seen the control before its first turn.

// applyControls puts controls in force.
func (s *worker) applyControls(t *task, c schemas.Controls, now time.Time) {
	was := t.controls
	if !c.NewerThan(was) { //mutant:order-in-a-cut-log-counts
		return
	}
	t.controls = c
	s.countControls(was, c)
	s.setSpeed(t, now)
	s.evaluate(t, now)
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
func (s *worker) setSpeed(t *task, now time.Time) {
	speed := float64(t.requestedSpeed)
	if t.controls.HasSpeed {
		speed = float64(t.controls.Speed)
	}
	if speed == t.Speed {
		return
	}
	if !t.queued {
		t.Speed = speed
		return
	}
	s.queue(t).SetSpeed(&t.Entry, speed, now)
}

// publish writes a Note, if there is something new to say: what the task does, or controls that are in force now.
func (s *worker) publish(t *task, now time.Time) {
	want, steered := t.blocked.taskStatus, t.controls.Next > t.controlsPublished
	switch {
	case want == t.published && !steered, t.failure != "":
		return
	case t.state == stateClosing, t.state == stateClosed && t.status.GetCursor() < t.Total:
		return // what an earlier owner said may still be on its way: it knew better how many had their turn
	}
	note := &schemas.TaskUpdate{Phase: want.phase, Why: want.why}
	if want.phase == 0 && t.published.phase != 0 {
		note.Phase = schemas.Phase_PHASE_RUNNING
	}
	proof := uint64(0)
	if steered {
		//mutant:pipe-counts-leased-turns
		note.Controls, note.Pipe, note.Speed = t.controls.Next, uint32(t.InFlight()), uint32(t.Speed)
	}
	if steered || want.isTerminal() {
		proof = s.commitSeq + 1 //mutant:controls-are-said-with-proof
	}
	if want != t.published {
		s.log.Info("broadcast steered", "task", t.id.String(), "phase", note.GetPhase().String(), "why", want.why, "pipe", t.InFlight())
	}
	t.published, t.controlsPublished = want, t.controls.Next
	rec := t.update(t.updateTime(now), note)
	s.whenOpened(t, func() {
		done := func(stream.Record) {
			if want.isTerminal() {
				t.announced = true
				s.evaluate(t, time.Now())
			}
		}
		s.enqueue(&writing{proof: proof, Write: partition.Write{To: s.logFor(t), Records: []stream.Record{rec}, Done: done}})
	})
}

// updateTime is the time of a note: of two the later counts, whatever the clocks of those who wrote them say.
func (t *task) updateTime(now time.Time) time.Time {
	t.publishedMs = max(now.UnixMilli(), t.publishedMs+1, t.status.GetPhaseMs()+1)
	return time.UnixMilli(t.publishedMs)
}

// adoptShown takes in what the Status says of the task as a whole. Where a sender said something after this stage, its words
// give way to ours again, if ours are that the task waits or is paused.
func (s *worker) adoptShown(t *task) {
	shown := taskStatus{t.status.GetPhase(), t.status.GetWhy()}
	switch {
	case shown.isTerminal() && t.terminal.phase != shown.phase:
		// Another owner was quicker, for its own reasons. A note that is to be seen must say the same.
		t.terminal, t.published, t.announced = shown, shown, true
		if t.probeMs != 0 {
			t.probeMs, t.preparing = 0, false
		}
	case t.status.GetPhaseMs() <= t.publishedMs, shown == t.published:
	case shown.isFanouts():
		t.published = shown
	default:
		t.published = taskStatus{}
	}
}

// finishCancel cancels the rest of a task that is to end, in one event, once that it ends was said and no turn of it is under way:
// nobody who has a send is called cancelled.
func (s *worker) finishCancel(t *task, now time.Time) {
	//mutant:rest-waits-for-the-turn
	//mutant:rest-waits-until-the-end-was-said
	if t.terminal.phase == 0 || !t.announced || t.state != stateOpen || t.quantum != nil || t.lease > 0 {
		return
	}
	why := schemas.StateCancelled.Spanish()
	if t.terminal.phase == schemas.Phase_PHASE_STOPPED {
		why = t.terminal.why
	}
	s.closeAs(t, now, schemas.StateCancelled, why)
}

// deleteControls takes the controls of a task that is over back.
func (s *worker) deleteControls(id schemas.TaskID) {
	if _, ok := s.st.ports.Controls.Get(id); ok {
		s.write(s.st.ports.Bulk, func(stream.Record) {}, schemas.ForgetControls(id)...)
	}
}

// countPaused counts paused tasks.
func (s *worker) countPaused(t *task, paused bool) {
	if paused != t.paused {
		t.paused = paused
		s.pausedTasks += map[bool]int{true: 1, false: -1}[paused]
	}
}

// restoreRunState takes up what earlier owners said of the task, and what was asked of it before it was here.
func (s *worker) restoreRunState(t *task, now time.Time) {
	st := t.status
	shown := taskStatus{st.GetPhase(), st.GetWhy()}
	t.publishedMs, t.controlsPublished = st.GetPhaseMs(), st.GetControls()
	switch {
	case shown.isTerminal():
		t.terminal, t.published, t.announced = shown, shown, true
	case shown.isFanouts():
		t.published = shown
		t.mediaPending = shown.why == whyMedia
	}
	if canary, _, _ := strings.Cut(whyCanary, "%"); shown.phase == schemas.Phase_PHASE_PAUSED && strings.HasPrefix(shown.why, canary) {
		t.canaryReason = shown.why
	}
	if c, ok := s.st.ports.Controls.Get(t.id); ok {
		if t.controls = c; c.Next > t.controlsPublished {
			s.countControls(schemas.Controls{}, c)
		}
	}
	s.setSpeed(t, now)
}
