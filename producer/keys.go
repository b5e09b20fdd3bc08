package producer

import (
	"net/http"
	"strings"

	"altavoz/producer/access"
	"altavoz/producer/connections"
	"altavoz/schemas"
)

// caller returns who makes the request, and false for nobody we know.
func (in *Ingress) caller(r *http.Request) (*access.Caller, bool) {
	keys := in.cfg.Keys()
	if keys == nil {
		return in.local, true
	}
	secret := r.Header.Get("X-API-Key")
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		secret = strings.TrimSpace(token)
	}
	return keys.Find(schemas.Secret(secret))
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
func (in *Ingress) guarded(scope access.Scope, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
		caller, ok := in.caller(r)
		if !ok {
			a := refusal(http.StatusUnauthorized, codeUnauthorized, "Falta una clave de API válida", "Authorization: Bearer <clave>")
			a.close = true
			return a
		}
		if err := in.cross.Check(r); err != nil {
			a := refusal(http.StatusForbidden, codeForeign, "No se admiten solicitudes desde páginas de otro origen", "")
			a.close = true
			return a
		}
		if !caller.May(scope) {
			a := refusal(http.StatusForbidden, codeScope, "Esta clave de API no tiene el permiso '"+string(scope)+"'", "tiene: "+access.Names(caller.Scopes))
			a.close = true
			return a
		}
		connections.Trust(r.Context())
		return h(w, r, caller)
	}
}
