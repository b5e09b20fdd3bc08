package producer

import (
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/bodies"
	"altavoz/producer/codes"
	"altavoz/producer/headers"
	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

func (in *Ingress) taskStatus(_ http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	task, s, no := in.find(r, caller)
	if no != nil {
		return *no
	}
	l := headers.Language(r.Header)
	b := tasks.BriefOf(task, s, time.Now(), l)
	in.mark(&b.Why, l)
	return answer{status: http.StatusOK, body: b}
}

// find returns the task that the path names and its status, which is nil for one that may have been made a moment ago; or
// the answer that there is no such task. Another's task is none.
func (in *Ingress) find(r *http.Request, caller *access.Caller) (schemas.TaskID, *schemas.Status, *answer) {
	task, err := schemas.ParseTaskID(r.PathValue("task_id"))
	if err == nil {
		s, unread := in.lookup(r.Context(), task)
		if unread != nil {
			a := later(codes.Unavailable, es.StatusUnreadable)
			return task, nil, &a
		}
		if s != nil && caller.Sees(s.GetPlan().GetOwner()) { //mutant:anothers-task-is-not-shown
			return task, s, nil
		}
		if s == nil && !in.caughtUp() {
			a := later(codes.Unavailable, es.StillReadingRetry)
			return task, nil, &a
		}
		if s.GetPlan() == nil && task.Fresh() { // whose it is will be known in a moment
			return task, nil, nil
		}
	}
	a := refusal(http.StatusNotFound, codes.NotFound, es.Say(es.NoTask))
	return task, nil, &a
}

// openAPI is GET openapi.json: the document of the API, for everybody. It may be kept, and is asked about again by its tag.
func openAPI(_ http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
	return answer{status: http.StatusOK, text: schemas.OpenAPI, kind: bodies.JSON}.tagged(r, bodies.OpenAPITag())
}
