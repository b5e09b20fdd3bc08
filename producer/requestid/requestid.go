// Package requestid gives every request an id: the one that its caller or a proxy names in X-Request-Id, or else a new one. The answer
// repeats it, and so does every line of the log that is written for the request, so that a caller's report leads to the lines.
package requestid

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
)

// Header names the id in requests and answers.
const Header = "X-Request-Id"

// Max is the longest id that is taken from a request, in bytes: a UUID has 36, a trace context 55.
const Max = 128

type key struct{}

// Wrap has every answer of h name the id of its request. A request that has an id already keeps it.
func Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := Of(r.Context())
		if id == "" {
			if id = named(r.Header.Values(Header)); id == "" {
				id = rand.Text()
			}
			r = r.WithContext(context.WithValue(r.Context(), key{}, id))
		}
		w.Header().Set(Header, id)
		h.ServeHTTP(w, r)
	})
}

// Of returns the id of a request, "" where there is none.
func Of(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// named is the id that a request names, "" where that is none: it is written to logs and headers as it is.
func named(values []string) string {
	if len(values) != 1 || len(values[0]) > Max || strings.ContainsFunc(values[0], foreign) {
		return ""
	}
	return values[0]
}

func foreign(c rune) bool {
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	return !letter && !strings.ContainsRune("-._~:+/=@", c)
}

// Logger has each line that is written for a request name its id.
func Logger(l *slog.Logger) *slog.Logger { return slog.New(handler{l.Handler()}) }

type handler struct{ slog.Handler }

// Handle is slog.Handler's.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := Of(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is slog.Handler's.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup is slog.Handler's.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
