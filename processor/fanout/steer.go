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

// steer puts controls in force.
func (s *slot) steer(t *task, c schemas.Controls, now time.Time) {
	was := t.controls
	if !c.NewerThan(was) { //mutant:order-in-a-cut-log-counts
		return
	}
	t.controls = c
	s.count(was, c)
	s.pace(t, now)
	s.look(t, now)
}

// count counts controls that were put in force.
func (s *slot) count(was, c schemas.Controls) {
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

// pace gives the task the speed that was asked for last.
func (s *slot) pace(t *task, now time.Time) {
	speed := float64(t.asked)
	if t.controls.HasSpeed {
		speed = float64(t.controls.Speed)
	}
	if speed == t.Speed {
		return
	}
	if !t.entered {
		t.Speed = speed
		return
	}
	s.queue(t).Pace(&t.Entry, speed, now)
}

// say writes a Note, if there is something new to say: what the task does, or controls that are in force now.
func (s *slot) say(t *task, now time.Time) {
	want, steered := t.hold.stance, t.controls.Next > t.steered
	switch {
	case want == t.said && !steered, t.why != "":
		return
	case t.state == stateClosing, t.state == stateClosed && t.status.GetCursor() < t.Total:
		return // what an earlier owner said may still be on its way: it knew better how many had their turn
	}
	note := &schemas.TaskUpdate{Phase: want.phase, Why: want.why}
	if want.phase == 0 && t.said.phase != 0 {
		note.Phase = schemas.Phase_PHASE_RUNNING
	}
	proof := uint64(0)
	if steered {
		//mutant:pipe-counts-leased-turns
		note.Controls, note.Pipe, note.Speed = t.controls.Next, uint32(t.InPipe()), uint32(t.Speed)
	}
	if steered || want.standing() {
		proof = s.asks + 1 //mutant:controls-are-said-with-proof
	}
	if want != t.said {
		s.log.Info("broadcast steered", "task", t.id.String(), "phase", note.GetPhase().String(), "why", want.why, "pipe", t.InPipe())
	}
	t.said, t.steered = want, t.controls.Next
	rec := t.note(t.noteAt(now), note)
	s.whenPlanned(t, func() {
		done := func(stream.Record) {
			if want.standing() {
				t.told = true
				s.look(t, time.Now())
			}
		}
		s.enqueue(&writing{proof: proof, Write: partition.Write{To: s.logOf(t), Records: []stream.Record{rec}, Done: done}})
	})
}

// noteAt is the time of a note: of two the later counts, whatever the clocks of those who wrote them say.
func (t *task) noteAt(now time.Time) time.Time {
	t.notedMs = max(now.UnixMilli(), t.notedMs+1, t.status.GetPhaseMs()+1)
	return time.UnixMilli(t.notedMs)
}

// shows takes in what the Status says of the task as a whole. Where a sender said something after this stage, its words
// give way to ours again, if ours are that the task waits or is paused.
func (s *slot) shows(t *task) {
	shown := stance{t.status.GetPhase(), t.status.GetWhy()}
	switch {
	case shown.standing() && t.ending.phase != shown.phase:
		// Another owner was quicker, for its own reasons. A note that is to be seen must say the same.
		t.ending, t.said, t.told = shown, shown, true
		if t.marker != 0 {
			t.marker, t.busy = 0, false
		}
	case t.status.GetPhaseMs() <= t.notedMs, shown == t.said:
	case shown.ours():
		t.said = shown
	default:
		t.said = stance{}
	}
}

// wind cancels the rest of a task that is to end, in one event, once that it ends was said and no turn of it is under way:
// nobody who has a send is called cancelled.
func (s *slot) wind(t *task, now time.Time) {
	//mutant:rest-waits-for-the-turn
	//mutant:rest-waits-until-the-end-was-said
	if t.ending.phase == 0 || !t.told || t.state != stateOpen || t.turn != nil || t.lease > 0 {
		return
	}
	why := schemas.StateCancelled.Spanish()
	if t.ending.phase == schemas.Phase_PHASE_STOPPED {
		why = t.ending.why
	}
	s.end(t, now, schemas.StateCancelled, why)
}

// forget takes the controls of a task that is over back.
func (s *slot) forget(id schemas.TaskID) {
	if _, ok := s.st.ports.Controls.Get(id); ok {
		s.write(s.st.ports.Bulk, func(stream.Record) {}, schemas.ForgetControls(id)...)
	}
}

// pausing counts paused tasks.
func (s *slot) pausing(t *task, paused bool) {
	if paused != t.paused {
		t.paused = paused
		s.paused += map[bool]int{true: 1, false: -1}[paused]
	}
}

// resume takes up what earlier owners said of the task, and what was asked of it before it was here.
func (s *slot) resume(t *task, now time.Time) {
	st := t.status
	shown := stance{st.GetPhase(), st.GetWhy()}
	t.notedMs, t.steered = st.GetPhaseMs(), st.GetControls()
	switch {
	case shown.standing():
		t.ending, t.said, t.told = shown, shown, true
	case shown.ours():
		t.said = shown
		t.grounded = shown.why == whyMedia
	}
	if canary, _, _ := strings.Cut(whyCanary, "%"); shown.phase == schemas.Phase_PHASE_PAUSED && strings.HasPrefix(shown.why, canary) {
		t.alarmed = shown.why
	}
	if c, ok := s.st.ports.Controls.Get(t.id); ok {
		if t.controls = c; c.Next > t.steered {
			s.count(schemas.Controls{}, c)
		}
	}
	s.pace(t, now)
}
