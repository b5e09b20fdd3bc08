package ids

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/kafka/registry"
	"altavoz/schemas"
)

// topic is a registry in memory. Reading and writing take a moment, so that starts get in each other's way.
type topic struct {
	mu      sync.Mutex
	recs    []schemas.Record
	failing int // so many of the next calls fail
}

var errAway = errors.New("kafka is away")

func (l *topic) fails() bool {
	time.Sleep(time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing--
	return l.failing >= 0
}

func (l *topic) Remembered(context.Context) (*registry.Registry, error) {
	if l.fails() {
		return nil, errAway
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := new(registry.Registry)
	for _, rec := range l.recs {
		if err := r.Fold(&rec); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (l *topic) publish(_ context.Context, recs ...schemas.Record) ([]schemas.Record, error) {
	if l.fails() {
		return nil, errAway
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recs = append(l.recs, recs...)
	return recs, nil
}

func (l *topic) open(t *testing.T, configured schemas.Secret) schemas.TaskID {
	t.Helper()
	ring, err := Open(t.Context(), configured, l, l.publish, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := ring.TaskIDs("tienda", "k")
	return id
}

// Processes that start for the first time at once, with a Kafka that fails now and then, make the same ids; so does every later one.
func TestStartsAgreeOnIds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &topic{failing: 3}
		got := make(chan schemas.TaskID, 5)
		for range cap(got) {
			go func() { got <- l.open(t, "") }()
		}
		want := <-got
		for range cap(got) - 1 {
			if id := <-got; id != want {
				t.Errorf("%s and %s are the ids of one key", want, id)
			}
		}
		written := len(l.recs)
		if id := l.open(t, ""); id != want || len(l.recs) != written {
			t.Errorf("a later start has %s and writes %d more", id, len(l.recs)-written)
		}
	})
}

// A configured secret makes ids from now on; what the one of the registry gave is looked up. Nothing is written for it.
func TestConfiguredSecretKeepsTheEarlierOne(t *testing.T) {
	t.Parallel()
	const configured schemas.Secret = "configured-and-of-more-than-32-bytes"
	l := new(topic)
	l.open(t, configured)
	if len(l.recs) != 0 {
		t.Error("a secret was made although one is configured")
	}
	before := l.open(t, "")
	ring, err := Open(t.Context(), configured, l, l.publish, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if id, earlier := ring.TaskIDs("tienda", "k"); len(earlier) != 1 || earlier[0] != before || id == before {
		t.Errorf("%s and before it %v, want %s among these", id, earlier, before)
	}
}

func TestStartWithoutTheSecretEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		l := &topic{failing: 1_000_000}
		if _, err := Open(ctx, "", l, l.publish, slog.New(slog.DiscardHandler)); !errors.Is(err, errAway) {
			t.Errorf("%v", err)
		}
	})
}

// TestThreatS13OwnerInAnUpstreamRecordIsNotBelieved: it is the topic's owner's, and said loudly where it claims to be proved.
func TestThreatS13OwnerInAnUpstreamRecordIsNotBelieved(t *testing.T) {
	t.Parallel()
	l := new(topic)
	ring, err := Open(t.Context(), "", l, l.publish, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	owner := Owners(ring, "erp", slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	b := &schemas.Broadcast{Task: schemas.NewTaskID().Bytes(), AcceptedMs: 1, RequestSha256: []byte("x")}
	if got := owner(b); got != "erp" {
		t.Errorf("nobody's is %q's", got)
	}
	b.Owner = "tienda"
	if got := owner(b); got != "erp" || log.Len() != 0 {
		t.Errorf("a claim makes it %q's; %s", got, log.String())
	}
	b.OwnerMac = []byte("made up")
	if got := owner(b); got != "erp" || !strings.Contains(log.String(), "not proved") {
		t.Errorf("a forged proof makes it %q's; %s", got, log.String())
	}
	ring.Sign(b, "tienda")
	if got := owner(b); got != "tienda" {
		t.Errorf("what an ingress signed is %q's", got)
	}
}
