package producer

import (
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/connections"
	"altavoz/producer/headers"
	"altavoz/schemas/es"
)

// caller returns who makes the request, and false for nobody we know.
func (in *Ingress) caller(r *http.Request) (*access.Caller, bool) {
	keys := in.cfg.Keys()
	if keys == nil {
		return in.local, true
	}
	return keys.Find(access.Secret(r))
}

// stranger answers who has no valid key. Only wrong ones count: who shows none tries none.
func (in *Ingress) stranger(r *http.Request) answer {
	a := refusal(http.StatusUnauthorized, codes.Unauthorized, es.Say(es.NoValidKey)).hinted(es.Say(es.BearerHint))
	if access.Secret(r) != "" {
		if wait := in.cfg.WrongKeys.Wrong(r, time.Now()); wait > 0 {
			a = refusal(http.StatusTooManyRequests, codes.WrongKeys, es.Say(es.WrongKeysRetry))
			a.wait = wait
		}
		a.budget = in.cfg.WrongKeys.Budget(r, time.Now())
	}
	a.close = true
	return a
}

// holds reports whether the caller of an answer that goes on may still have it: keys change.
func (in *Ingress) holds(caller *access.Caller, scope access.Scope) bool {
	keys := in.cfg.Keys()
	if keys == nil {
		return caller == in.local
	}
	return keys.Holds(caller, scope)
}

// guarded lets only known callers in that have the scope, and no page in somebody's browser to a service that has no keys.
func (in *Ingress) guarded(m method) handler {
	scope, h := m.scope, in.limited(m.of, m.handle)
	return func(w http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
		caller, ok := in.caller(r)
		if !ok {
			return in.stranger(r)
		}
		if err := in.cross.Check(r); err != nil {
			return refusal(http.StatusForbidden, codes.Foreign, es.Say(es.CrossOrigin)).closing()
		}
		if !caller.May(scope) {
			return refusal(http.StatusForbidden, codes.Scope, es.Say(es.NoScope, scope)).hinted(es.Say(es.HasScopes, access.Names(caller.Scopes))).closing()
		}
		if !connections.TrustOwner(r.Context(), caller.Owner, func(total int) int { return caller.Share(access.Connections, total) }) {
			return overShare(es.ShareConnections).closing()
		}
		if scope == access.Send && in.cfg.Room != nil { //mutant:a-full-budget-is-refused-before-the-body
			if no := in.cfg.Room(); no != nil {
				return refusedBy(no)
			}
		}
		if err := headers.UnknownParameter(r, m.query); err != nil {
			return fieldError(err)
		}
		return h(w, r, caller)
	}
}
