package producer

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/headers"
	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// list is GET tasks.
func (in *Ingress) list(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	query, err := tasks.ReadQuery(r.URL.Query())
	var field *request.FieldError
	switch {
	case errors.As(err, &field):
		return fieldError(field)
	case !in.caughtUp():
		return later(codes.Unavailable, es.StillReadingRetry)
	}
	give, no := in.take(w, caller, access.Lists, in.listing, es.ShareLists, es.BusyLists)
	if no != nil {
		return *no
	}
	defer give()
	l := headers.Language(r.Header)
	page := query.Page(caller.Sees, in.ports.Tasks.Each, time.Now(), l)
	for i := range page.Tasks {
		in.mark(&page.Tasks[i].Why, l)
	}
	return answer{status: http.StatusOK, body: page}
}

// mark says, wherever people read why, that all that answers is a simulator.
func (in *Ingress) mark(why *string, l es.Language) {
	if in.cfg.Simulated && *why != "" {
		*why = es.Say(es.Simulated, *why).In(l)
	}
}

// task is GET tasks/{task_id}.
func (in *Ingress) task(_ http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	task, s, no := in.find(r, caller)
	if no != nil {
		return *no
	}
	l := headers.Language(r.Header)
	a := answer{status: http.StatusOK, body: in.detail(task, s, l)}
	if s == nil {
		return a
	}
	// Weak: two versions that are the same may tell a schedule differently, before and after it.
	return a.tagged(r, `W/"`+strconv.FormatUint(s.GetVersion(), 10)+etagEnds[l]+`"`)
}

// etagEnds tell the languages of one version apart.
var etagEnds = map[es.Language]string{es.English: "-en"}

func (in *Ingress) detail(task schemas.TaskID, s *schemas.Status, l es.Language) tasks.Detail {
	d := tasks.DetailOf(task, s, in.cfg.Rate(s.GetPlan().GetSender()), time.Now(), l)
	in.mark(&d.Why, l)
	return d
}

// tagged names the version of what is shown; a client that has it gets no body.
func (a answer) tagged(r *http.Request, tag string) answer {
	if a.etag = tag; headers.Matches(r.Header, tag) {
		a.status, a.body, a.text = http.StatusNotModified, nil, ""
	}
	return a
}
