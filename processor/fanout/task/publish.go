package task

import (
	"cmp"
	"strings"
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
// and speed are the queue's.
func (r *Run) Publish(l *Lifecycle, now time.Time, st *schemas.Status, total uint32, inFlight int, speed float64) *Publication {
	want, controls := r.Blocked.Status, r.Controls.Next > r.ControlsPublished
	switch {
	case want == r.Published && !controls, r.Failure != "":
		return nil
	case l.state == Closing, l.state == Closed && st.GetCursor() < total:
		return nil // what an earlier owner published may still be on its way: it knew better how many had their quantum
	}
	u := &schemas.TaskUpdate{Phase: want.Phase, Why: want.Why}
	if want.Phase == 0 && r.Published.Phase != 0 {
		u.Phase = schemas.Phase_PHASE_RUNNING
	}
	if controls {
		u.Controls, u.Pipe, u.Speed = r.Controls.Next, uint32(inFlight), uint32(speed)
	}
	p := &Publication{Update: u, Terminal: want.IsTerminal(), Changed: want != r.Published, Proof: controls || want.IsTerminal()}
	r.Published, r.ControlsPublished = want, r.Controls.Next
	p.At = r.UpdateTime(now, st)
	return p
}

// Repeat is the update that was published last, as it stands. It changes nothing.
func (r *Run) Repeat() *schemas.TaskUpdate {
	return &schemas.TaskUpdate{Phase: cmp.Or(r.Published.Phase, schemas.Phase_PHASE_RUNNING), Why: r.Published.Why}
}

// StopWaiting is the update of a task that waited, and does not any more because it closes; nil: it did not wait.
func (r *Run) StopWaiting() *schemas.TaskUpdate {
	if r.Published == (Status{}) || r.Published.IsTerminal() || r.Failure != "" {
		return nil
	}
	r.Published = Status{}
	return &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_RUNNING}
}

// UpdateTime is the time of an update: of two the later counts, whatever the clocks of those who wrote them say.
func (r *Run) UpdateTime(now time.Time, st *schemas.Status) time.Time {
	r.PublishedMs = max(now.UnixMilli(), r.PublishedMs+1, st.GetPhaseMs()+1)
	return time.UnixMilli(r.PublishedMs)
}

// Adopt takes in what the Status says of the task as a whole, and reports whether the task ends by it. Where a sender published
// something after this stage, its update gives way to ours again, if ours is that the task waits or is paused.
func (r *Run) Adopt(l *Lifecycle, st *schemas.Status) (ends bool) {
	shown := Status{st.GetPhase(), st.GetWhy()}
	switch {
	case shown.IsTerminal() && r.Terminal.Phase != shown.Phase:
		// Another owner was quicker, for its own reasons. An update that is to be seen must say the same.
		r.endAs(l, shown)
		return true
	case st.GetPhaseMs() <= r.PublishedMs, shown == r.Published:
	case shown.IsFanouts():
		r.Published = shown
	default:
		r.Published = Status{}
	}
	return false
}

func (r *Run) endAs(l *Lifecycle, shown Status) {
	l.BecomeEnded()
	r.Terminal, r.Published = shown, shown
}

// Restore takes up what earlier owners published of the task.
func (r *Run) Restore(l *Lifecycle, st *schemas.Status) {
	shown := Status{st.GetPhase(), st.GetWhy()}
	r.PublishedMs, r.ControlsPublished = st.GetPhaseMs(), st.GetControls()
	switch {
	case shown.IsTerminal():
		r.endAs(l, shown)
	case shown.IsFanouts():
		r.Published = shown
		r.MediaPending = shown.Why == WhyMedia
	}
	if canary, _, _ := strings.Cut(WhyCanary, "%"); shown.Phase == schemas.Phase_PHASE_PAUSED && strings.HasPrefix(shown.Why, canary) {
		r.CanaryReason = shown.Why
	}
}

// Cancelled is why the recipients that are left get no message.
func (r *Run) Cancelled() string {
	if r.Terminal.Phase == schemas.Phase_PHASE_STOPPED {
		return r.Terminal.Why
	}
	return schemas.StateCancelled.Spanish()
}
