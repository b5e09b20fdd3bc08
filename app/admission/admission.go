// Package admission says who gets an answer before any route of a process is looked at, and who gets its metrics. The API asks for its
// keys itself.
package admission

import (
	"encoding/json"
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/connections"
	"altavoz/producer/guard"
	"altavoz/producer/ratelimit"
	"altavoz/schemas/es"
)

// OnlyLocal serves requests to a name of this machine. It stands where nobody is asked who he is: before everything, so that health
// checks say nothing either to a page that took the address over under a name of its own. With keys, or on an address that
// others reach, any name is served: a proxy's, or the address of a pod, by which a kubelet asks.
func OnlyLocal(addr string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if Local(r.Host, addr) {
			h.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Connection", "close")
		Answer(rw, http.StatusMisdirectedRequest, map[string]string{
			"error": "Este servicio no responde a ese nombre de host", "code": "misdirected",
			"hint": "use localhost o 127.0.0.1; con claves de API (ALTAVOZ_API_KEYS) responde a cualquier nombre",
		})
	})
}

// Metrics says who gets them.
type Metrics struct {
	Addr  string               // where they are asked for
	Keys  func() *access.Table // of nil: no keys are asked for
	Wrong *guard.Attempts
}

// Serve serves who has a key with the scope control or admin. Where no keys are asked for it serves, on loopback, whoever is on this
// machine: not what says that it came through a proxy, and not a page's request under a name of its own. With keys there is no such
// exception: many proxies add no header, so their clients look like this machine.
func (m Metrics) Serve(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		keys, secret := m.Keys(), access.Secret(r)
		hint := func(code string) string { return codes.Hint(code).In(es.Accepted(r.Header.Get("Accept-Language"))) }
		caller, known := (*access.Caller)(nil), false
		if keys != nil {
			caller, known = keys.Find(secret)
		}
		switch {
		case known && (caller.May(access.Control) || caller.May(access.Admin)):
			if !connections.TrustOwner(r.Context(), caller.Owner, func(total int) int { return caller.Share(access.Connections, total) }) {
				rw.Header().Set("Connection", "close")
				rw.Header().Set("Retry-After", "2")
				Answer(rw, http.StatusTooManyRequests, map[string]string{"error": es.Say(es.ConnectionsMost).Spanish(), "code": codes.Share, "hint": hint(codes.Share)})
				return
			}
			h.ServeHTTP(rw, r)
			return
		case keys == nil && m.local(r):
			h.ServeHTTP(rw, r)
			return
		case known:
			Answer(rw, http.StatusForbidden, map[string]string{"error": es.Say(es.NoScope, access.Control).Spanish(), "code": codes.Scope, "hint": hint(codes.Scope)})
			return
		}
		rw.Header().Set("Connection", "close")
		if keys != nil && secret != "" {
			wait := m.Wrong.Wrong(r, time.Now())
			ratelimit.Add(rw.Header(), m.Wrong.Budget(r, time.Now()))
			if wait > 0 {
				rw.Header().Set("Retry-After", ratelimit.RetryAfter(wait))
				Answer(rw, http.StatusTooManyRequests, map[string]string{"error": es.Say(es.WrongKeys).Spanish(), "code": codes.WrongKeys, "hint": hint(codes.WrongKeys)})
				return
			}
		}
		rw.Header().Set("WWW-Authenticate", "Bearer")
		Answer(rw, http.StatusUnauthorized, map[string]string{
			"error": es.Say(es.NoValidKey).Spanish(), "code": "unauthorized",
			"hint": es.Say(es.AdminKeyHint).In(es.Accepted(r.Header.Get("Accept-Language"))),
		})
	})
}

// local reports whether a request is of this machine.
func (m Metrics) local(r *http.Request) bool {
	return Loopback(m.Addr) && Local(r.Host, m.Addr) && !forwarded(r)
}

// forwarded reports whether a proxy says that the request is another's.
func forwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// Answer writes a small answer in the shape of the API's.
func Answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // texts and numbers always can be
		b = []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) // nobody is left to tell
}
