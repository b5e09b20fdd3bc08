package requestid

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswerAndLogNameTheRequest(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := Logger(slog.New(slog.NewTextHandler(&log, nil))).With("a", 1).WithGroup("g")
	h := Wrap(Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { logger.InfoContext(r.Context(), "said") })))
	ask := func(ids ...string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		for _, id := range ids {
			r.Header.Add(Header, id)
		}
		w := httptest.NewRecorder()
		log.Reset()
		h.ServeHTTP(w, r)
		got := w.Header().Values(Header)
		if len(got) != 1 || !strings.Contains(log.String(), "request_id="+got[0]) && !strings.Contains(log.String(), `request_id="`+got[0]+`"`) {
			t.Errorf("the answer says %v and the log %s; want one id in both", got, log.String())
		}
		return w.Header().Get(Header)
	}
	for _, id := range []string{"a", "0192f0c0-0000-7000-8000-000000000001", "A.b_c~d:e+f/g=h@i", strings.Repeat("x", Max)} {
		if got := ask(id); got != id {
			t.Errorf("the id of %q is %q; want that", id, got)
		}
	}
	seen := map[string]bool{}
	for _, ids := range [][]string{nil, {""}, {"a b"}, {"a\nb"}, {"ñ"}, {"a\"b"}, {"a,b"}, {strings.Repeat("x", Max+1)}, {"a", "b"}} {
		got := ask(ids...)
		if len(got) < 16 || len(got) > Max || seen[got] || strings.ContainsFunc(got, foreign) {
			t.Errorf("the id of %q is %q; want a new one", ids, got)
		}
		seen[got] = true
	}
}

// What is written for no request names none.
func TestLineWithoutARequest(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	Logger(slog.New(slog.NewTextHandler(&log, nil))).InfoContext(t.Context(), "said")
	if strings.Contains(log.String(), "request_id") {
		t.Error(log.String())
	}
}
