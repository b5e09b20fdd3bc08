package producer

import (
	"context"
	"net/http"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/headers"
	"altavoz/producer/history"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

// history is GET recipients/{phone}: what a person got lately.
func (in *Ingress) history(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	query, err := history.ReadQuery(r.PathValue("phone"), r.URL.Query(), in.ports.Sends.Region)
	if err != nil {
		return bodyError(err)
	}
	if !in.caughtUp() {
		return later(codes.Unavailable, es.StillReadingRetry)
	}
	//mutant:searches-for-a-phone-are-shared
	give, no := in.take(w, caller, access.Histories, in.histories, es.ShareHistories, es.BusyHistories)
	if no != nil {
		return *no
	}
	defer give()
	ctx, cancel := context.WithTimeout(r.Context(), historyLife)
	defer cancel()
	query.Language = headers.Language(r.Header)
	person, err := in.ports.Sends.Read(ctx, query, seer{in, caller})
	if err != nil {
		in.cfg.Logger.WarnContext(ctx, "sends of a phone not read", "error", err)
		return later(codes.Unavailable, es.SendsUnreadable)
	}
	return answer{status: http.StatusOK, body: person}
}

// seer is a caller as history knows one.
type seer struct {
	in     *Ingress
	caller *access.Caller
}

// Status returns that of a task that the caller sees, nil of another.
func (s seer) Status(ctx context.Context, id schemas.TaskID) (*schemas.Status, error) {
	st, err := s.in.lookup(ctx, id)
	if err != nil || st.GetPlan() == nil || !s.caller.Sees(st.GetPlan().GetOwner()) { //mutant:sends-of-anothers-task-are-not-shown
		return nil, err
	}
	return st, nil
}
