package producer

import (
	"errors"
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/ratelimit"
	"altavoz/producer/slots"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

func (in *Ingress) shareOf(caller *access.Caller) *slots.Share {
	return &slots.Share{Of: &in.shares, Caller: caller}
}

// take takes one of the slots of a kind for the caller, or answers why there is none.
func (in *Ingress) take(w http.ResponseWriter, caller *access.Caller, k access.Kind, from slots.Slots, share, busy es.Code) (give func(), no *answer) {
	by, a := in.shareOf(caller), later(codes.Busy, busy)
	err := by.Take(k, from)
	in.budgetOf(w, caller, k, cap(from))
	if err == nil {
		return func() { by.Give(k, from) }, nil
	}
	if errors.Is(err, slots.ErrShare) {
		a = overShare(share)
	}
	return nil, &a
}

// limited handles as many requests of a caller and a kind at once as it may make: what one waits for keeps no place from others.
func (in *Ingress) limited(k access.Kind, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
		if !in.shares.Take(caller, k, maxWaiting) {
			in.budgetOf(w, caller, k, maxWaiting)
			return overShare(es.ShareRequests).closing()
		}
		defer in.shares.Give(caller, k)
		in.budgetOf(w, caller, k, maxWaiting)
		return h(w, r, caller)
	}
}

// budgetOf says what a caller has at once of a kind, and what is left of it.
func (in *Ingress) budgetOf(w http.ResponseWriter, caller *access.Caller, k access.Kind, total int) {
	share, left := in.shares.Left(caller, k, total)
	ratelimit.Add(w.Header(), ratelimit.Budget{Name: k.Name(), Quota: uint64(share), Left: uint64(left)})
}

// overShare answers a caller who has as many of something at once as its key may.
func overShare(says es.Code) answer {
	a := refusal(http.StatusTooManyRequests, codes.Share, es.Say(says))
	a.retry = true
	return a
}

// overBudget reserves an order's recipients of its caller's day, or answers that there is no room for them, and when there will be.
func (in *Ingress) overBudget(o *order) (answer, bool) {
	if o.caller.PerDay == 0 {
		return answer{}, false
	}
	if !in.caughtUp() {
		return later(codes.Unavailable, es.StillReadingRetry), true
	}
	take := in.budget.Reserve
	if o.req.DryRun { //mutant:dry-run-takes-no-recipients
		take = in.budget.Ask
	}
	left, ok := take(o.caller, o.task, o.req.Total, access.Accepted{
		Recipients: in.ports.Tasks.Recipients,
		Seen: func(id schemas.TaskID) bool {
			s, known := in.ports.Statuses.Get(id)
			return known && s.GetPlan() != nil || in.ports.Tasks.Finished(id)
		},
	}, o.now)
	next := access.NextDay(o.now)
	o.budget = ratelimit.Budget{Name: "recipients", Quota: o.caller.PerDay, Window: 24 * time.Hour, Left: left, Reset: next.Sub(o.now)}
	if ok {
		return answer{}, false
	}
	a := refusal(http.StatusTooManyRequests, codes.Daily, es.Say(es.RecipientsToday, left, next.Format(time.RFC3339)))
	a.wait = next.Sub(o.now)
	return a, true
}
