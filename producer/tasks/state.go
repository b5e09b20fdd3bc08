package tasks

import (
	"cmp"
	"fmt"
	"time"

	"altavoz/schemas"
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

const (
	whyPaused    = "En pausa por solicitud"
	whyScheduled = "Espera su hora programada"
)

// StateOf says in a word how far a task is, and why it is not further where there is something to say. What stands for
// good is called an end only when everybody is decided: until then sends that were in the pipe may still leave.
func StateOf(s *schemas.Status, now time.Time) (State, string) {
	if s.GetPlan() == nil { // its results outran it
		return Pending, ""
	}
	phase, why, finished := s.GetPhase(), whyOf(s), s.GetFinishedMs() != 0
	switch {
	case phase == schemas.Phase_PHASE_FAILED, phase == schemas.Phase_PHASE_STOPPED && finished:
		return Failure, why
	case finished && (phase == schemas.Phase_PHASE_CANCELLED || count(s, schemas.OutcomeCancelled) > 0):
		return Revoked, ""
	case finished:
		return Success, ""
	case phase == schemas.Phase_PHASE_STOPPED:
		return Started, fmt.Sprintf("Deteniendo: quedan %d en curso; %s", InPipe(s), cmp.Or(why, schemas.Failed(schemas.CodeContent).Spanish()))
	case phase == schemas.Phase_PHASE_CANCELLED:
		return Started, fmt.Sprintf("Cancelando: quedan %d en curso", InPipe(s))
	case phase == schemas.Phase_PHASE_PAUSED:
		return Paused, cmp.Or(why, whyPaused)
	case scheduled(s, now) && phase == schemas.Phase_PHASE_WAITING:
		return Pending, cmp.Or(why, whyScheduled)
	case scheduled(s, now):
		return Pending, whyScheduled
	case phase == schemas.Phase_PHASE_WAITING:
		return Started, why
	case untouched(s):
		return Pending, ""
	}
	return Started, ""
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
	state, _ := StateOf(s, now)
	return state == Revoked || s.GetPhase() == schemas.Phase_PHASE_CANCELLED
}

// InPipe is how many sends of the task are dispatched and not decided, as far as the status knows.
func InPipe(s *schemas.Status) uint32 {
	if count(s, schemas.OutcomeCancelled) > 0 { // all who were not dispatched: they are decided beyond the cursor
		return pending(s)
	}
	cursor := min(s.GetCursor(), s.GetPlan().GetTotal())
	return cursor - min(cursor, s.Decided())
}

// Leaving is how many sends may leave at most after the controls that are in force. It is the word of who dispatches: the
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
