package connections

import (
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Limits of the server that NewServer makes: what a client may do before a handler sees it.
const (
	headerTimeout = 5 * time.Second
	// unreadTimeout is how long a body may take that no handler reads: net/http reads what is left of it, up to 256 KiB, before it
	// answers or takes the connection for another request. A handler that reads its body sets deadlines of its own (bodyReader).
	unreadTimeout  = 5 * time.Second
	idleTimeout    = 60 * time.Second
	maxHeaderBytes = 16 << 10
)

// NewServer returns a server of h with the limits that keep slow and idle clients from piling up. The caller gives it a
// listener and shuts it down.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: withUnreadDeadline(h), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// withUnreadDeadline ends the wait for bodies that nobody reads. ReadTimeout is no way to do that: it would also end uploads that are
// slow, and feeds, which have no end. net/http takes the deadline back when it has read a body to its end (1.26).
func withUnreadDeadline(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 { // -1: chunked
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadTimeout)) // not there in tests without a connection
		}
		h.ServeHTTP(w, r)
	})
}

// WithoutSlash takes a path with a slash at its end for the one without: there is one reading.
func WithoutSlash(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := strings.TrimRight(r.URL.Path, "/"); p != "" && p != r.URL.Path {
			u := *r.URL
			u.Path, u.RawPath = p, ""
			r = r.WithContext(r.Context()) // its own
			r.URL = &u
		}
		h.ServeHTTP(w, r)
	})
}
