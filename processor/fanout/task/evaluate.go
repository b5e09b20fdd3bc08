package task

import (
	"fmt"
	"strings"
	"time"

	"altavoz/processor/fanout/canary"
	"altavoz/schemas"
)

// What a person reads of a task that is not scheduled, or no more.
const (
	WhyPaused    = "En pausa por solicitud"
	WhyCanary    = "En pausa: los primeros mensajes no se entregan: %s"
	WhyCancelled = "Cancelado por solicitud"
	WhyScheduled = "Programado para %s"
	WhyClosed    = "Fuera del horario de envío; abre %s"
	WhyNever     = "Fuera del horario de envío; no abre antes de que venza"
	WhyMedia     = "Esperando a que se pueda preparar el archivo del encabezado"
)

// Status is what people are told of a task as a whole. The zero one says nothing: the task goes on.
type Status struct {
	Phase schemas.Phase
	Why   string
}

// IsFanouts reports whether the status is one that only the fanout publishes; senders publish others.
func (x Status) IsFanouts() bool {
	scheduled, _, _ := strings.Cut(WhyScheduled, "%")
	closed, _, _ := strings.Cut(WhyClosed, "%")
	return x.Phase == schemas.Phase_PHASE_PAUSED || x.Phase == schemas.Phase_PHASE_WAITING &&
		(x.Why == WhyMedia || strings.HasPrefix(x.Why, scheduled) || strings.HasPrefix(x.Why, closed))
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
}

// Run is what a task does as a whole, and what was published of it.
type Run struct {
	Deadline          time.Time // nothing is dispatched at it or after; of a closed task, when it is given up
	Failure           string    // set: the task is to fail, and this is what the person reads
	Blocked           Blocked   // what the last evaluation found
	Controls          schemas.Controls
	Terminal          Status // of a task that ends early
	CanaryReason      string // why its first recipients have paused it; empty: they have not
	MediaPending      bool   // its file can't be uploaded at present, or takes long
	Published         Status // last, as far as it still stands
	PublishedMs       int64  // the time of the last update
	ControlsPublished int64  // those below this offset were published to be in force

	opens, closes time.Time     // the opening of the window that goes on, or the next
	waitLimit     time.Duration // how long, ...
	waitStart     time.Time     // ... and since when, the task waits for its first recipients
}

// Inputs is what an evaluation depends on beside the task.
type Inputs struct {
	Now        time.Time
	Total, End uint32 // recipients, and how many of them were given a quantum
	Direct     bool   // somebody waits for its end
	Counts     []*schemas.StateCount
	Predicts   func(code int) bool // whether a code that refuses one recipient would refuse all; nil: none does
	Receipts   bool                // they are to be expected
}

// Evaluate decides whether the task may be scheduled and when to ask again, first things first. It reports what the first
// recipients led to, once.
func (r *Run) Evaluate(s *Spec, l *Lifecycle, in Inputs) (canary.Do, time.Time) {
	v := in.verdict(r.Controls.Resumed)
	did := r.judge(l, v)
	r.Blocked = r.blockedBy(s, l, v, in.Now)
	next := r.Deadline
	if until := r.Blocked.Until; !until.IsZero() && until.Before(next) {
		next = until
	}
	return did, next
}

// blockedBy is the rule of what a task has to wait for.
func (r *Run) blockedBy(s *Spec, l *Lifecycle, v canary.Verdict, now time.Time) Blocked {
	switch {
	case l.ending != Running:
		return Blocked{Status: r.Terminal, Held: true}
	case !l.Open():
		return Blocked{}
	case r.Controls.Paused:
		return Blocked{Status: Status{schemas.Phase_PHASE_PAUSED, WhyPaused}, Held: true}
	case r.CanaryReason != "":
		return Blocked{Status: Status{schemas.Phase_PHASE_PAUSED, r.CanaryReason}, Held: true}
	case now.UnixMilli() < s.Schedule:
		at := time.UnixMilli(s.Schedule)
		return waitingUntil(fmt.Sprintf(WhyScheduled, s.localTime(at)), at)
	}
	closes := r.Deadline
	if s.Window != nil {
		opens, ends, ok := r.opening(s.Window, now)
		switch {
		case !ok:
			return waitingUntil(WhyNever, r.Deadline)
		case now.Before(opens):
			return waitingUntil(fmt.Sprintf(WhyClosed, s.localTime(opens)), opens)
		}
		closes = ends
	}
	b := Blocked{Until: closes}
	if r.MediaPending {
		b.Status = Status{schemas.Phase_PHASE_WAITING, WhyMedia}
	}
	if until := r.canaryWait(v, now); now.Before(until) {
		b.Held, b.Until = true, earliest(until, closes)
	}
	return b
}

func waitingUntil(why string, until time.Time) Blocked {
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

// localTime shows a moment by the clock that the broadcast goes by.
func (s *Spec) localTime(at time.Time) string {
	zone, err := time.LoadLocation(s.Window.GetTimezone()) // UTC if there is none
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).Format("2006-01-02 15:04") + " (" + zone.String() + ")"
}

// judge decides whether the task is to end, or to be paused, though nobody asked for it now.
func (r *Run) judge(l *Lifecycle, v canary.Verdict) canary.Do {
	switch {
	case l.ending != Running:
	case r.Controls.Cancelled:
		l.BecomeEnding()
		r.Terminal = Status{schemas.Phase_PHASE_CANCELLED, WhyCancelled}
	case !l.Open():
	case v.Do == canary.Stop:
		l.BecomeEnding()
		r.Terminal = Status{schemas.Phase_PHASE_STOPPED, v.Mark.Spanish()}
		return canary.Stop
	case r.Controls.Resumed:
		r.CanaryReason = ""
	case v.Do == canary.Pause && r.CanaryReason == "":
		r.CanaryReason = fmt.Sprintf(WhyCanary, v.Mark.Spanish())
		return canary.Pause
	}
	return canary.Go
}

// verdict is the canary's on a long list.
func (in Inputs) verdict(resumed bool) canary.Verdict {
	if in.Total <= schemas.ExpressRecipients {
		return canary.Verdict{}
	}
	return canary.Judge(canary.Task{
		End: in.End, Counts: in.Counts, Predicts: in.Predicts,
		Receipts: in.Receipts && !in.Direct, // somebody waits
		Resumed:  resumed,
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

// Schedulable reports whether nothing keeps the task from its next quantum.
func Schedulable(l *Lifecycle, p *Progress, r *Run) bool {
	return l.state == Waiting && !r.Blocked.Held && l.membership != Overflow && p.Lease == 0
}

// QuantumLimit is how many recipients the next quantum of a task may have.
func QuantumLimit(total, end uint32) uint32 {
	if total > schemas.ExpressRecipients && end < canary.First {
		return canary.First - end
	}
	return total - end
}
