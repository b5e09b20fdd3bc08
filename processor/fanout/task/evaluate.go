package task

import (
	"slices"
	"time"

	"altavoz/processor/fanout/canary"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/standing"
)

// Why a task is not scheduled, or no more, where neither a time nor a code belongs to it.
var (
	PausedByRequest    = schemas.Because(schemas.Reason_REASON_PAUSED, es.Sentence{})
	CancelledByRequest = schemas.Because(schemas.Reason_REASON_CANCELLED, es.Sentence{})
	WindowNeverOpens   = schemas.Because(schemas.Reason_REASON_WINDOW_NEVER, es.Sentence{})
	MediaIsPending     = schemas.Because(schemas.Reason_REASON_MEDIA_PENDING, es.Sentence{})
)

// waits are the reasons for which only the fanout has a task wait.
var waits = []schemas.Reason{
	schemas.Reason_REASON_SCHEDULED, schemas.Reason_REASON_WINDOW, schemas.Reason_REASON_WINDOW_NEVER, schemas.Reason_REASON_MEDIA_PENDING,
	schemas.Reason_REASON_TEMPLATE,
}

// firstRecipients go ahead of the others of a long list.
const firstRecipients = canary.First

// Status is what people are told of a task as a whole. The zero one says nothing: the task goes on.
type Status struct {
	Phase schemas.Phase
	Why   schemas.Explanation
}

// Of is what a Status says of its task as a whole.
func Of(st *schemas.Status) Status {
	return Status{st.GetPhase(), schemas.ExplanationOf(st).Known()}
}

// Update says it.
func (x Status) Update() *schemas.TaskUpdate {
	return &schemas.TaskUpdate{Phase: x.Phase, Why: x.Why.Words(), Cause: x.Why.Cause()}
}

// IsFanouts reports whether the status is one that only the fanout publishes; senders publish others.
func (x Status) IsFanouts() bool {
	return x.Phase == schemas.Phase_PHASE_PAUSED || x.Phase == schemas.Phase_PHASE_WAITING && slices.Contains(waits, x.Why.Reason())
}

// IsTerminal reports whether nothing more of the task is dispatched.
func (x Status) IsTerminal() bool {
	return x.Phase == schemas.Phase_PHASE_CANCELLED || x.Phase == schemas.Phase_PHASE_STOPPED
}

// Blocked is what an evaluation finds: what to publish, and whether the task is kept from being scheduled.
type Blocked struct {
	Status
	Held  bool
	Until time.Time // when it may be otherwise, though nothing happens; zero: never
	// Stalled says that what was dispatched waits: for the same, if the task is held.
	Stalled bool
}

// Run is what a task does as a whole, and what was published of it.
type Run struct {
	Deadline          time.Time           // nothing is dispatched at it or after; of a closed task, when it is given up
	Failure           schemas.Explanation // set: the task is to fail, for this reason
	Blocked           Blocked             // what the last evaluation found
	Controls          schemas.Controls
	Terminal          Status              // of a task that ends early
	CanaryReason      schemas.Explanation // why its first recipients have paused it; none: they have not
	MediaPending      bool                // its file can't be uploaded at present, or takes long
	Published         Status              // last, as far as it still stands
	PublishedMs       int64               // the time of the last update
	ControlsPublished int64               // those below this offset were published to be in force
	PublishedPipe     uint32              // what was published with them: how many may still leave
	PublishedSpeed    uint32              // and how many a second

	opens, closes time.Time     // the opening of the window that goes on, or the next
	waitLimit     time.Duration // how long, ...
	waitStart     time.Time     // ... and since when, the task waits for its first recipients
}

// Inputs is what an evaluation depends on beside the task.
type Inputs struct {
	Predicts func(code int) bool // whether a code that refuses one recipient would refuse all; nil: none does
	Receipts bool                // they are to be expected
	// Number is what was said of the task's number, with the templates of its account.
	Number standing.State
}

// Evaluate decides whether the task may be scheduled and when to ask again, first things first. It reports what the first
// recipients led to, once.
func (t *Task) Evaluate(now time.Time, in Inputs) (canary.Do, time.Time) {
	v := t.verdict(in)
	did := t.judge(v, in)
	if t.Blocked = t.blockedBy(v, now); t.Unprompted {
		t.blockedOutside(in.Number, now)
	}
	next := t.Deadline
	if until := t.Blocked.Until; !until.IsZero() {
		next = earliest(until, next)
	}
	if t.Unprompted && t.InFlight() > 0 {
		next = earliest(now.Add(standing.PauseRecheck), next)
	}
	return did, next
}

// blockedBy is the rule of what a task has to wait for.
func (t *Task) blockedBy(v canary.Verdict, now time.Time) Blocked {
	switch {
	case t.ending != Running:
		return Blocked{Status: t.Terminal, Held: true}
	case !t.Open():
		return Blocked{Held: true}
	case t.Controls.Paused:
		return Blocked{Status: Status{schemas.Phase_PHASE_PAUSED, PausedByRequest}, Held: true}
	case !t.CanaryReason.None():
		return Blocked{Status: Status{schemas.Phase_PHASE_PAUSED, t.CanaryReason}, Held: true}
	case now.UnixMilli() < t.Schedule:
		at := time.UnixMilli(t.Schedule)
		return waitingUntil(schemas.Until(schemas.Reason_REASON_SCHEDULED, at, t.Window.GetTimezone()), at)
	}
	closes := t.Deadline
	if t.Window != nil {
		opens, ends, ok := t.opening(t.Window, now)
		switch {
		case !ok:
			return waitingUntil(WindowNeverOpens, t.Deadline)
		case now.Before(opens):
			return waitingUntil(schemas.Until(schemas.Reason_REASON_WINDOW, opens, t.Window.GetTimezone()), opens)
		}
		closes = ends
	}
	b := Blocked{Until: closes}
	if t.MediaPending {
		b.Status = Status{schemas.Phase_PHASE_WAITING, MediaIsPending}
	}
	if until := t.canaryWait(v, now); now.Before(until) {
		b.Held, b.Until = true, earliest(until, closes)
	}
	return b
}

// blockedOutside has a task that reaches people outside their windows take nothing of the window from others where the number's business may not
// write to more people now, so that what it has in flight may wait, be it over or not; and wait for its template, if it may be scheduled. It asks
// again soon: nothing wakes it up when that changes.
func (t *Task) blockedOutside(n standing.State, now time.Time) {
	b := &t.Blocked
	b.Stalled = n.Full(now)                                         //mutant:what-waits-for-places-takes-no-window
	if t.ending != Running || !t.Open() || b.Held && b.Phase != 0 { // it waits for something else
		return
	}
	b.Until = earliest(now.Add(standing.PauseRecheck), b.Until)
	if e := n.Templates.Held(t.Template, now); e != nil { //mutant:nothing-is-dispatched-while-its-template-is-paused
		b.Held, b.Stalled, b.Status = true, true, Status{schemas.Phase_PHASE_WAITING, schemas.Explain(standing.WaitsForTemplate(schemas.Reason_REASON_TEMPLATE, e))}
	}
}

// Meta's codes of a message whose template can't be sent any more.
const (
	codeNoTemplate       = 132001
	codeTemplateDisabled = 132016
)

// endedTemplate explains that a task's template can't be sent any more.
func endedTemplate(e *schemas.NumberEvent) schemas.Explanation {
	code := int32(codeNoTemplate)
	if e.GetStatus() == "DISABLED" {
		code = codeTemplateDisabled
	}
	return schemas.Explain(&schemas.Cause{Reason: schemas.Reason_REASON_REFUSED, Code: code})
}

func waitingUntil(why schemas.Explanation, until time.Time) Blocked {
	return Blocked{Status: Status{schemas.Phase_PHASE_WAITING, why}, Held: true, Until: until}
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// opening is the window's. An answer holds until the opening ends.
func (r *Run) opening(w *schemas.Window, now time.Time) (from, to time.Time, ok bool) {
	if !now.Before(r.closes) {
		r.opens, r.closes, ok = w.Opening(now)
		return r.opens, r.closes, ok
	}
	return r.opens, r.closes, true
}

// met explains what the first recipients came to.
func met(r schemas.Reason, state schemas.RecipientState) schemas.Explanation {
	code, _ := state.Code()
	return schemas.Explain(&schemas.Cause{Reason: r, Code: int32(code)})
}

// judge decides whether the task is to end, or to be paused, though nobody asked for it now.
func (t *Task) judge(v canary.Verdict, in Inputs) canary.Do {
	ended := in.Number.Templates.Ended(t.Template, t.Accepted)
	switch {
	case t.ending != Running:
	case t.Controls.Cancelled:
		t.BecomeEnding()
		t.Terminal = Status{schemas.Phase_PHASE_CANCELLED, CancelledByRequest}
	case !t.Open():
	case ended != nil:
		t.BecomeEnding()
		t.Terminal = Status{schemas.Phase_PHASE_STOPPED, endedTemplate(ended)}
	case v.Do == canary.Stop:
		t.BecomeEnding()
		t.Terminal = Status{schemas.Phase_PHASE_STOPPED, met(schemas.Reason_REASON_REFUSED, v.Mark)}
		return canary.Stop
	case t.Controls.Resumed:
		t.CanaryReason = schemas.Explanation{}
	case v.Do == canary.Pause && t.CanaryReason.None():
		t.CanaryReason = met(schemas.Reason_REASON_CANARY, v.Mark)
		return canary.Pause
	}
	return canary.Go
}

// verdict is the canary's on a long list.
func (t *Task) verdict(in Inputs) canary.Verdict {
	if t.Total <= schemas.ExpressRecipients {
		return canary.Verdict{}
	}
	return canary.Judge(canary.Task{
		End: t.End, Counts: t.Status.GetCounts(), Predicts: in.Predicts, Personal: t.Personal, TwoWays: t.TwoWays,
		Receipts: in.Receipts && !t.Direct, // somebody waits
		Resumed:  t.Controls.Resumed,
	})
}

// canaryWait returns until when the task waits for its first recipients.
func (r *Run) canaryWait(v canary.Verdict, now time.Time) time.Time {
	if v.Do != canary.Wait {
		return time.Time{}
	}
	if r.waitLimit != v.Within {
		r.waitLimit, r.waitStart = v.Within, now
	}
	return r.waitStart.Add(v.Within)
}

// IsPaused reports whether the task waits for somebody to resume it.
func (r *Run) IsPaused() bool { return r.Blocked.Phase == schemas.Phase_PHASE_PAUSED }

// Waits reports whether the task has to wait for longer than that, or nobody knows how long.
func (r *Run) Waits(now time.Time, longer time.Duration) bool {
	b := r.Blocked
	return b.Held && b.Phase != 0 && (b.Until.IsZero() || b.Until.Sub(now) > longer)
}
