package task

import (
	"cmp"
	"time"

	"altavoz/schemas"
)

// Publication is an update of a task that is due.
type Publication struct {
	Update   *schemas.TaskUpdate
	At       time.Time
	Proof    bool // it waits for a commit that was asked for later: the partition was ours when it became true
	Terminal bool // once it is acknowledged the end is announced
	Changed  bool // the task does something else than before
}

// Publish returns what is to be published now: what the task does, or controls that are in force; nil: nothing is new. inFlight
// is how many of its sends may still leave.
func (t *Task) Publish(now time.Time, inFlight int) *Publication {
	want, controls := t.Blocked.Status, t.Controls.Next > t.ControlsPublished
	switch {
	case want == t.Published && !controls, !t.Failure.None():
		return nil
	case t.state == Closing, t.state == Closed && t.Status.GetCursor() < t.Total:
		return nil // what an earlier owner published may still be on its way: it knew better how many had their quantum
	}
	u := want.Update()
	if want.Phase == 0 && t.Published.Phase != 0 {
		u.Phase = schemas.Phase_PHASE_RUNNING
	}
	if controls {
		u.Controls, u.Pipe, u.Speed = t.Controls.Next, uint32(inFlight), uint32(t.Speed)
		t.PublishedPipe, t.PublishedSpeed = u.Pipe, u.Speed
	}
	p := &Publication{Update: u, Terminal: want.IsTerminal(), Changed: want != t.Published, Proof: controls || want.IsTerminal()}
	t.Published, t.ControlsPublished = want, t.Controls.Next
	p.At = t.UpdateTime(now)
	return p
}

// Repeat is the update that was published last, as it stands, with the controls that are in force. It changes nothing.
func (r *Run) Repeat() *schemas.TaskUpdate {
	u := Status{cmp.Or(r.Published.Phase, schemas.Phase_PHASE_RUNNING), r.Published.Why}.Update()
	u.Controls, u.Pipe, u.Speed = r.ControlsPublished, r.PublishedPipe, r.PublishedSpeed //mutant:a-repeated-end-has-its-controls
	return u
}

// StopWaiting is the update of a task that waited, and does not any more because it closes; nil: it did not wait.
func (r *Run) StopWaiting() *schemas.TaskUpdate {
	if r.Published == (Status{}) || r.Published.IsTerminal() || !r.Failure.None() {
		return nil
	}
	r.Published = Status{}
	return &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_RUNNING}
}

// UpdateTime is the time of an update: of two the later counts, whatever the clocks of those who wrote them say.
func (t *Task) UpdateTime(now time.Time) time.Time {
	t.PublishedMs = max(now.UnixMilli(), t.PublishedMs+1, t.Status.GetPhaseMs()+1)
	return time.UnixMilli(t.PublishedMs)
}

// Adopt takes in what the Status says of the task as a whole, and reports whether the task ends by it. Where a sender published
// something after this stage, its update gives way to ours again, if ours is that the task waits or is paused.
func (t *Task) Adopt() (ends bool) {
	shown := Of(t.Status)
	switch {
	case shown.IsTerminal() && t.Terminal.Phase != shown.Phase:
		// Another owner was quicker, for its own reasons. An update that is to be seen must say the same.
		t.endAs(shown)
		return true
	case t.Status.GetPhaseMs() <= t.PublishedMs, shown == t.Published:
	case shown.IsFanouts():
		t.Published = shown
	default:
		t.Published = Status{}
	}
	return false
}

func (t *Task) endAs(shown Status) {
	t.BecomeEnded()
	t.Terminal, t.Published = shown, shown
}

// Restore takes up what earlier owners published of the task.
func (t *Task) Restore() {
	shown := Of(t.Status)
	t.PublishedMs, t.ControlsPublished = t.Status.GetPhaseMs(), t.Status.GetControls()
	t.PublishedPipe, t.PublishedSpeed = t.Status.GetPipe(), t.Status.GetSpeed()
	switch {
	case shown.IsTerminal():
		t.endAs(shown)
	case shown.IsFanouts():
		t.Published = shown
		t.MediaPending = shown.Why == MediaIsPending
	}
	if shown.Phase == schemas.Phase_PHASE_PAUSED && shown.Why.Reason() == schemas.Reason_REASON_CANARY {
		t.CanaryReason = shown.Why
	}
}

// Cancelled is why the recipients that are left get no message.
func (r *Run) Cancelled() string {
	if r.Terminal.Phase == schemas.Phase_PHASE_STOPPED {
		return cmp.Or(r.Terminal.Why.Words(), schemas.Failed(int(r.Terminal.Why.Cause().GetCode())).Spanish())
	}
	return schemas.StateCancelled.Spanish()
}
