package producer

import (
	"fmt"
	"net/http"
	"time"

	"altavoz/schemas"
)

// What a task is called, in the words of the public contract.
const (
	taskPending = "PENDING"
	taskStarted = "STARTED"
	taskSuccess = "SUCCESS"
	taskFailure = "FAILURE"
	taskRevoked = "REVOKED"
)

// clockSkew is how far ahead another ingress's clock may be for its ids to be called fresh.
const clockSkew = 5 * time.Second

func (in *Ingress) taskStatus(_ http.ResponseWriter, r *http.Request, _ string) answer {
	task, err := schemas.ParseTaskID(r.PathValue("task_id"))
	if err != nil {
		return unknownTask()
	}
	if s, ok := in.ports.Statuses.Get(task); ok {
		return answer{status: http.StatusOK, body: describe(task, s, time.Now())}
	}
	if !in.caughtUp() {
		return later(codeUnavailable, "El servicio aún está leyendo el estado de las tareas; intente de nuevo en unos segundos")
	}
	// An id that another ingress has just handed out may not have come round yet.
	made, ok := task.Time()
	if age := time.Since(made); ok && age < schemas.FreshTask && age > -clockSkew {
		return answer{status: http.StatusOK, body: taskBody{TaskID: task.String(), Status: taskPending}}
	}
	return unknownTask()
}

func unknownTask() answer {
	return refusal(http.StatusNotFound, codeNotFound, "No existe una tarea con ese 'task_id'", "")
}

// describe says how far a task is. The result is there as soon as it has started.
func describe(task schemas.TaskID, s *schemas.Status, now time.Time) taskBody {
	if s.GetPlan() == nil { // its results outran it
		return taskBody{TaskID: task.String(), Status: taskPending}
	}
	b := taskBody{TaskID: task.String(), Status: taskStarted, Result: resultOf(s)}
	if s.GetPhase() == schemas.Phase_PHASE_WAITING || s.GetPhase() == schemas.Phase_PHASE_FAILED {
		b.Why = s.GetWhy()
	}
	scheduled := s.GetPlan().GetScheduleMs()
	switch untouched := s.GetCursor() == 0 && b.Result.Pending == b.Result.Total; {
	case s.GetPhase() == schemas.Phase_PHASE_FAILED:
		b.Status = taskFailure
	case s.GetFinishedMs() != 0 && b.Result.Cancelled > 0:
		b.Status = taskRevoked
	case s.GetFinishedMs() != 0:
		b.Status, b.Why = taskSuccess, ""
	case untouched && scheduled > now.UnixMilli():
		b.Status, b.Result, b.ETA = taskPending, nil, eta(scheduled)
	case untouched && s.GetPhase() != schemas.Phase_PHASE_WAITING:
		b.Status, b.Result = taskPending, nil
	}
	return b
}

func eta(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// resultOf counts a status for people. Whatever did not succeed is failed to a client that knows only the two.
func resultOf(s *schemas.Status) *taskResult {
	r := &taskResult{Total: s.GetPlan().GetTotal(), Errors: make([]string, 0, len(s.GetErrors()))}
	decided := uint32(0)
	for _, c := range s.GetCounts() {
		m, n := schemas.Mark(c.GetMark()), c.GetCount()
		if !m.Decided() {
			continue
		}
		decided += n
		if m.Succeeded() {
			r.Successful += n
		} else {
			r.Failed += n
		}
		switch m.Outcome() {
		case schemas.OutcomeSkipped:
			r.Skipped += n
		case schemas.OutcomeExpired:
			r.Expired += n
		case schemas.OutcomeCancelled:
			r.Cancelled += n
		case schemas.OutcomeUnknown:
			r.Unknown += n
		case schemas.OutcomeUndelivered:
			r.Undelivered += n
		case schemas.OutcomeDelivered:
			r.Delivered += n
		case schemas.OutcomeRead:
			r.Read += n
		case schemas.OutcomePending, schemas.OutcomeFailed, schemas.OutcomeSent:
		}
	}
	if decided < r.Total {
		r.Pending = r.Total - decided
	}
	for _, e := range s.GetErrors() {
		r.Errors = append(r.Errors, "Error para "+phoneOf(e)+": "+reasonOf(e))
	}
	return r
}

// phoneOf names the recipient, by its place in the list where the phone is not known any more.
func phoneOf(e *schemas.ErrorLine) string {
	if e.GetPhone() != "" {
		return e.GetPhone()
	}
	return fmt.Sprintf("el destinatario %d", e.GetIndex()+1)
}

func reasonOf(e *schemas.ErrorLine) string {
	if e.GetReason() != "" {
		return e.GetReason()
	}
	return schemas.Mark(e.GetMark()).Spanish()
}
