package producer

import (
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/headers"
	"altavoz/producer/senders"
	"altavoz/schemas/es"
)

// senders is GET senders.
func (in *Ingress) senders(_ http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	if !isClosed(in.ports.Numbers.CaughtUp()) {
		return later(codes.Unavailable, es.StillReadingRetry)
	}
	now := time.Now()
	list := senders.Of(in.cfg.Senders(), caller.Senders, in.ports.Numbers.Number, now, headers.Language(r.Header))
	if caller.May(access.Admin) && in.caughtUp() { //mutant:prices-of-others-are-an-administrators
		list.Price(in.ports.Prices, now)
	}
	return answer{status: http.StatusOK, body: list}
}

// listTemplates is GET templates: those of a number's account.
func (in *Ingress) listTemplates(_ http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	page, err := in.templates.List(r, caller)
	if err != nil {
		return bodyError(err)
	}
	return answer{status: http.StatusOK, body: page}
}
