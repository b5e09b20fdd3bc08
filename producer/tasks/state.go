package tasks

import (
	"cmp"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// State is what a task is called, in the words of the public contract.
type State string

// The states. The last three are ends.
const (
	Pending State = "PENDING" // accepted, nothing dispatched yet
	Started State = "STARTED"
	Paused  State = "PAUSED"
	Success State = "SUCCESS" // everybody is decided, whatever the outcomes
	Failure State = "FAILURE" // the task itself could not start, or was stopped by what its first recipients met
	Revoked State = "REVOKED" // cancelled, and everybody is decided
)

// states lists them in the order of a task's life.
var states = []State{Pending, Started, Paused, Success, Failure, Revoked}

// Over reports whether nothing more will be sent.
func (s State) Over() bool { return s == Success || s == Failure || s == Revoked }

// StateOf says in a word how far a task is. What stands for good is called an end only when everybody is decided: until then sends that were
// in flight may still leave.
func StateOf(s *schemas.Status, now time.Time) State {
	if s.GetPlan() == nil { // its results came before it
		return Pending
	}
	phase, finished := s.GetPhase(), s.GetFinishedMs() != 0
	switch {
	case phase == schemas.Phase_PHASE_FAILED, phase == schemas.Phase_PHASE_STOPPED && finished:
		return Failure
	case finished && (phase == schemas.Phase_PHASE_CANCELLED || count(s, schemas.OutcomeCancelled) > 0):
		return Revoked
	case finished:
		return Success
	case phase == schemas.Phase_PHASE_STOPPED, phase == schemas.Phase_PHASE_CANCELLED:
		return Started
	case phase == schemas.Phase_PHASE_PAUSED:
		return Paused
	case scheduled(s, now), untouched(s) && phase != schemas.Phase_PHASE_WAITING:
		return Pending
	}
	return Started
}

// WhyOf says why the task is not further, or why it ended as it did, where there is something to say.
func WhyOf(s *schemas.Status, now time.Time, l es.Language) string {
	phase, state := s.GetPhase(), StateOf(s, now)
	switch {
	case s.GetPlan() == nil, state == Revoked, state == Success:
		return ""
	case state == Failure:
		return reasonOf(s, l)
	case phase == schemas.Phase_PHASE_STOPPED:
		return es.Say(es.Stopping, InPipe(s), cmp.Or(reasonOf(s, l), schemas.Failed(schemas.CodeContent).In(l))).In(l)
	case phase == schemas.Phase_PHASE_CANCELLED:
		return es.Say(es.Cancelling, InPipe(s)).In(l)
	case state == Paused:
		return cmp.Or(reasonOf(s, l), es.Say(es.Paused).In(l))
	case scheduled(s, now) && phase == schemas.Phase_PHASE_WAITING:
		return cmp.Or(reasonOf(s, l), es.Say(es.ScheduledSome).In(l))
	case scheduled(s, now):
		return es.Say(es.ScheduledSome).In(l)
	case phase == schemas.Phase_PHASE_WAITING:
		return reasonOf(s, l)
	}
	return ""
}

// Closed reports whether no control changes the task any more: it is over, or on its way there and nothing brings it back.
func Closed(s *schemas.Status) bool {
	switch s.GetPhase() {
	case schemas.Phase_PHASE_FAILED, schemas.Phase_PHASE_STOPPED, schemas.Phase_PHASE_CANCELLED:
		return true
	case schemas.Phase_PHASE_NONE, schemas.Phase_PHASE_WAITING, schemas.Phase_PHASE_RUNNING, schemas.Phase_PHASE_PAUSED:
	}
	return s.GetFinishedMs() != 0
}

// Cancelled reports whether the task was cancelled as a whole, be it over yet or not.
func Cancelled(s *schemas.Status, now time.Time) bool {
	return StateOf(s, now) == Revoked || s.GetPhase() == schemas.Phase_PHASE_CANCELLED
}

// InPipe is how many sends of the task are dispatched and not decided, as far as the status knows.
func InPipe(s *schemas.Status) uint32 {
	if count(s, schemas.OutcomeCancelled) > 0 { // all who were not dispatched: they are decided beyond the cursor
		return pending(s)
	}
	cursor := min(s.GetCursor(), s.GetPlan().GetTotal())
	return cursor - min(cursor, s.Decided())
}

// Leaving is how many sends may leave at most after the controls that are in force. The fanout says how many, because the
// cursor of a status comes a moment later than the sends.
func Leaving(s *schemas.Status) uint32 { return min(s.GetPipe(), pending(s)) }

func pending(s *schemas.Status) uint32 {
	total := s.GetPlan().GetTotal()
	return total - min(total, s.Decided())
}

// untouched reports whether nothing of the task was dispatched, and nobody is decided.
func untouched(s *schemas.Status) bool { return s.GetCursor() == 0 && s.Decided() == 0 }

// scheduled reports whether the task waits for its time to come.
func scheduled(s *schemas.Status, now time.Time) bool {
	return untouched(s) && s.GetPlan().GetScheduleMs() > now.UnixMilli()
}

// count is how many recipients have an outcome.
func count(s *schemas.Status, o schemas.OutcomeClass) (n uint32) {
	for _, c := range s.GetCounts() {
		if schemas.RecipientState(c.GetMark()).Outcome() == o {
			n += c.GetCount()
		}
	}
	return n
}

// Clock writes a time as answers do; 0 is none.
func Clock(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}
