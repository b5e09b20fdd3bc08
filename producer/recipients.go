package producer

import (
	"context"
	"errors"
	"net/http"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/export"
	"altavoz/producer/headers"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

// recipients is GET tasks/{task_id}/recipients: a page of JSON, or the whole list as NDJSON or CSV.
func (in *Ingress) recipients(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	query, err := export.ReadQuery(r.URL.Query(), r.Header.Get("Accept"), in.ports.Recipients.Region)
	if err != nil {
		return bodyError(err)
	}
	id, s, no := in.find(r, caller)
	if no != nil {
		return *no
	}
	if s.GetPlan() == nil {
		return later(codes.Unavailable, es.TaskNotKnownYet)
	}
	//mutant:exports-are-shared
	give, no := in.take(w, caller, access.Exports, in.exports, es.ShareExports, es.BusyExports)
	if no != nil {
		return *no
	}
	ctx, cancel := context.WithTimeout(r.Context(), exportLife)
	done, goesOn := func() { cancel(); give() }, false
	defer func() {
		if !goesOn {
			done()
		}
	}()
	query.Language = headers.Language(r.Header)
	task, page, err := in.ports.Recipients.Read(ctx, id, s, query, func() (*schemas.Status, error) { return in.lookup(ctx, id) })
	if errors.Is(err, export.ErrExpired) { //mutant:list-that-is-gone-is-410
		return listExpired(id)
	}
	if err != nil {
		in.cfg.Logger.WarnContext(ctx, "recipients not read", "task", id.String(), "error", err)
		return later(codes.Unavailable, es.RecipientsUnreadable)
	}
	task.Head(w.Header())
	if page != nil {
		return answer{status: http.StatusOK, body: page}
	}
	goesOn = true
	return answer{status: http.StatusOK, stream: func(w http.ResponseWriter) {
		defer done()
		if err := task.Write(ctx, w, query, func() bool { return in.holds(caller, access.Read) }); err != nil {
			in.cfg.Logger.WarnContext(ctx, "recipients were not written to the end", "task", id.String(), "error", err)
			panic(http.ErrAbortHandler) // only a broken connection says that a list is not all
		}
	}}
}
