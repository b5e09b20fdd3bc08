package outbox

import (
	"cmp"
	"slices"

	"altavoz/processor/aggregator/fold"
	"altavoz/schemas"
)

// maxEvents is how many events of a task its Status has. More would have to come between two commits to be lost in a crash.
const maxEvents = 32

// Life is what was told of a task's life. The zero value: nothing.
type Life struct {
	accepted, started, paused, finished bool

	events []*schemas.TaskEvent
}

// Restore returns what was told of a task whose Status has all of the head, and these events.
func Restore(h *fold.Head, events []*schemas.TaskEvent) Life {
	return Life{
		accepted: h.Plan != nil, started: h.Plan != nil && (h.StartedMs != 0 || h.FinishedMs != 0), finished: h.Plan != nil && h.FinishedMs != 0,
		paused: h.Phase == schemas.Phase_PHASE_PAUSED, events: slices.Clone(events),
	}
}

// Events are those that the Status has.
func (l *Life) Events() []*schemas.TaskEvent { return l.events }

// Next returns what of the task was not told yet, in order, and takes it as told. Results were read up to position, and committed up to
// committed. Until a takeover has caught up the end is not told: states that were written before the crash may show it before the results
// that came first.
func (l *Life) Next(t *fold.Task, position, committed int64, caughtUp bool) (out []*schemas.TaskEvent) {
	ended, paused := t.FinishedMs != 0 && caughtUp, t.Phase == schemas.Phase_PHASE_PAUSED
	begun := t.StartedMs != 0 || ended
	if t.Plan == nil || l.accepted && l.started == begun && l.paused == paused && l.finished == ended {
		return nil
	}
	add := func(kind schemas.TaskEventKind, at int64) *schemas.TaskEvent {
		e := &schemas.TaskEvent{Kind: kind, AtMs: at, Position: position}
		out = append(out, e)
		l.Add(e, committed)
		return e
	}
	if !l.accepted {
		l.accepted = true
		add(schemas.TaskEventKind_TASK_EVENT_KIND_ACCEPTED, t.Plan.GetAcceptedMs())
	}
	if !l.started && begun {
		l.started = true
		add(schemas.TaskEventKind_TASK_EVENT_KIND_STARTED, cmp.Or(t.StartedMs, t.FinishedMs))
	}
	if l.paused != paused && !l.finished {
		l.paused = paused
		switch t.Phase {
		case schemas.Phase_PHASE_PAUSED:
			add(schemas.TaskEventKind_TASK_EVENT_KIND_PAUSED, t.PhaseMs())
		case schemas.Phase_PHASE_RUNNING, schemas.Phase_PHASE_WAITING:
			add(schemas.TaskEventKind_TASK_EVENT_KIND_RESUMED, t.PhaseMs())
		case schemas.Phase_PHASE_NONE, schemas.Phase_PHASE_FAILED, schemas.Phase_PHASE_STOPPED, schemas.Phase_PHASE_CANCELLED: // its end says so
		}
	}
	if !l.finished && ended {
		l.finished = true
		e := add(schemas.TaskEventKind_TASK_EVENT_KIND_FINISHED, t.FinishedMs)
		e.Failed, e.Unknown = shortfall(&t.Counts)
	}
	return out
}

// Add takes an event as told. What a commit lies behind is in the topic and need not be kept, but for the last.
func (l *Life) Add(e *schemas.TaskEvent, committed int64) {
	kept := slices.DeleteFunc(slices.Clone(l.events), func(old *schemas.TaskEvent) bool { return old.GetPosition() < committed })
	kept = append(kept, e)
	l.events = kept[max(0, len(kept)-maxEvents):]
}

// Merge takes over what another process told of the task by its Status, which the head has by now. It returns the events that are new here and
// that no commit lies behind: that process may not have written them.
func (l *Life) Merge(h *fold.Head, theirs *schemas.Status, committed int64) (out []*schemas.TaskEvent) {
	for _, e := range theirs.GetEvents() {
		if e.GetPosition() < committed || slices.ContainsFunc(l.events, func(own *schemas.TaskEvent) bool { return Same(own, e) }) {
			continue
		}
		out = append(out, e)
		l.Add(e, committed)
	}
	SortEvents(l.events)
	ended := theirs.GetFinishedMs() != 0
	if theirs.GetPlan() == nil {
		return out
	}
	l.accepted, l.started, l.finished = true, l.started || ended || theirs.GetStartedMs() != 0, l.finished || ended
	if h.Phase == theirs.GetPhase() && h.PhaseMs() == theirs.GetPhaseMs() {
		l.paused = h.Phase == schemas.Phase_PHASE_PAUSED
	}
	return out
}

// Same reports whether two are one event.
func Same(a, b *schemas.TaskEvent) bool {
	return a.GetKind() == b.GetKind() && a.Name() == b.Name()
}

// SortEvents puts events in the order in which they were told.
func SortEvents(events []*schemas.TaskEvent) {
	slices.SortStableFunc(events, func(a, b *schemas.TaskEvent) int {
		return cmp.Or(cmp.Compare(a.GetPosition(), b.GetPosition()), cmp.Compare(a.GetKind(), b.GetKind()))
	})
}

// Correction returns the event that late receipts make due, nil if the numbers are those that were told last. Results were read up to position.
func (l *Life) Correction(t *fold.Task, at, position int64) *schemas.TaskEvent {
	if !l.finished || len(l.events) == 0 {
		return nil
	}
	last := l.events[len(l.events)-1]
	failed, unknown := shortfall(&t.Counts)
	if !numbered(last) || last.GetFailed() == failed && last.GetUnknown() == unknown {
		return nil
	}
	return &schemas.TaskEvent{
		Kind: schemas.TaskEventKind_TASK_EVENT_KIND_CORRECTED, AtMs: max(at, last.GetAtMs()+1), Position: position, Failed: failed, Unknown: unknown,
		Number: last.GetNumber() + 1,
	}
}

// ToldMs is when something was told last, unix milliseconds.
func (l *Life) ToldMs() int64 {
	if len(l.events) == 0 {
		return 0
	}
	return l.events[len(l.events)-1].GetAtMs()
}

// Uncorrected reports whether the numbers of a Status are others than those that its last event told.
func Uncorrected(s *schemas.Status) bool {
	events := s.GetEvents()
	if len(events) == 0 || s.GetFinishedMs() == 0 {
		return false
	}
	last, counts := events[len(events)-1], fold.Histogram(s.GetCounts())
	failed, unknown := shortfall(&counts)
	return numbered(last) && (last.GetFailed() != failed || last.GetUnknown() != unknown)
}

func numbered(e *schemas.TaskEvent) bool {
	k := e.GetKind()
	return k == schemas.TaskEventKind_TASK_EVENT_KIND_FINISHED || k == schemas.TaskEventKind_TASK_EVENT_KIND_CORRECTED
}

// shortfall is how many recipients failed, undelivered ones included, and of how many it is not known.
func shortfall(counts *[256]uint32) (failed, unknown uint32) {
	for m, n := range counts {
		if n == 0 {
			continue
		}
		switch o := schemas.RecipientState(m).Outcome(); o {
		case schemas.OutcomeFailed, schemas.OutcomeUndelivered:
			failed += n
		case schemas.OutcomeUnknown:
			unknown += n
		case schemas.OutcomePending, schemas.OutcomeSkipped, schemas.OutcomeExpired, schemas.OutcomeCancelled, schemas.OutcomeSent, schemas.OutcomeDelivered, schemas.OutcomeRead:
		}
	}
	return failed, unknown
}
