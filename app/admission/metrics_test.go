package admission_test

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/app/admission"
	"altavoz/producer/access"
	"altavoz/producer/connections"
)

// A connection that shows a valid key for the metrics is not a stranger's any more: others who come do not close it. One of an owner that
// has its share of connections is answered 429.
func TestThreatS06ScraperWithAKeyKeepsItsConnection(t *testing.T) {
	t.Parallel()
	callers, err := access.ParseShort("ops:a-key-of-the-scraper,crm:a-key-of-another")
	if err != nil {
		t.Fatal(err)
	}
	table, err := access.NewTable(callers...)
	if err != nil {
		t.Fatal(err)
	}
	metrics := admission.Metrics{Addr: "127.0.0.1:0", Keys: func() *access.Table { return table }}
	h := metrics.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	srv := &http.Server{} //nolint:gosec // it serves nothing
	set := connections.New(connections.Config{Server: "api", Most: 4, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	set.Attach(srv)
	open := func(key string) (net.Conn, int) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
		r := httptest.NewRequestWithContext(srv.ConnContext(t.Context(), ours), http.MethodGet, "http://localhost/metrics", nil)
		if key != "" {
			r.Header.Set("X-API-Key", key)
		}
		w := httptest.NewRecorder()
		if key != "" {
			h.ServeHTTP(w, r)
		}
		go func() { _, _ = theirs.Write([]byte("x")) }() // fails where ours was closed, and waits where it was not
		return ours, w.Code
	}
	first, code := open("a-key-of-the-scraper")
	if code != http.StatusOK {
		t.Fatalf("got %v, want %v", code, http.StatusOK)
	}
	for range 10 {
		open("")
	}
	if n, err := first.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("strangers closed the scraper's connection: %v", err)
	}
	if _, code := open("a-key-of-the-scraper"); code != http.StatusOK {
		t.Errorf("a second connection of two: %d, want %v", code, http.StatusOK)
	}
	if _, code := open("a-key-of-the-scraper"); code != http.StatusTooManyRequests {
		t.Errorf("a third connection of two: %d, want %v", code, http.StatusTooManyRequests)
	}
}
