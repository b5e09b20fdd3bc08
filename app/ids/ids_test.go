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
	"google.golang.org/protobuf/proto"

	"altavoz/kafka/registry"
	"altavoz/producer/identity"
	"altavoz/schemas"
	"altavoz/stream"
)

// topic is a registry in memory. Reading and writing take a moment, so that starts get in each other's way.
type topic struct {
	mu      sync.Mutex
	recs    []stream.Record
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

func (l *topic) publish(_ context.Context, recs ...stream.Record) ([]stream.Record, error) {
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
	ring, err := Open(t.Context(), configured, l.Remembered, l.publish, slog.New(slog.DiscardHandler))
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
				t.Errorf("%s and %s are the ids of one key; want %v", want, id, want)
			}
		}
		written := len(l.recs)
		if id := l.open(t, ""); id != want || len(l.recs) != written {
			t.Errorf("a later start has %s and writes %d more; want %v", id, len(l.recs)-written, want)
		}
	})
}

const mine, other schemas.Secret = "configured-and-of-more-than-32-bytes", "another-one-that-has-more-than-32-bytes"

// What was used first makes the ids: processes with a configured secret and without one make the same, or do not start.
func TestProcessesWithOtherSecretsMakeTheSameIdsOrDoNotStart(t *testing.T) {
	t.Parallel()
	l := new(topic)
	before := l.open(t, "")
	if id := l.open(t, mine); id != before {
		t.Errorf("beside %s a process with a configured secret makes %s; want %v", before, id, before)
	}

	l = new(topic)
	before = l.open(t, mine)
	for _, configured := range []schemas.Secret{"", other} {
		if _, err := Open(t.Context(), configured, l.Remembered, l.publish, slog.New(slog.DiscardHandler)); !errors.Is(err, errSecrets) {
			t.Errorf("beside a configured secret: %v, want %v", err, errSecrets)
		}
	}
	if id := l.open(t, mine+","+other); id != before {
		t.Errorf("with a new secret behind: %s, not %s", id, before)
	}
	ring, err := Open(t.Context(), other+","+mine, l.Remembered, l.publish, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if id, earlier := ring.TaskIDs("tienda", "k"); len(earlier) != 1 || earlier[0] != before || id == before {
		t.Errorf("%s and before it %v, want %s among these", id, earlier, before)
	}
	if id := l.open(t, other); id == before {
		t.Error("the old secret is in use without being there")
	}
}

// First starts at once, with a configured secret and without one: those that start make the same ids.
func TestFirstStartsWithAndWithoutAConfiguredSecretAgree(t *testing.T) {
	t.Parallel()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			l := &topic{failing: 2}
			got := make(chan schemas.TaskID, 6)
			for i := range cap(got) {
				configured := mine
				if i%2 == 0 {
					configured = ""
				}
				go func() {
					ring, err := Open(t.Context(), configured, l.Remembered, l.publish, slog.New(slog.DiscardHandler))
					if err != nil {
						got <- schemas.TaskID{}
						return
					}
					id, _ := ring.TaskIDs("tienda", "k")
					got <- id
				}()
			}
			made := make(map[schemas.TaskID]bool)
			for range cap(got) {
				made[<-got] = true
			}
			delete(made, schemas.TaskID{})
			if len(made) != 1 {
				t.Errorf("%d ids of one key, want 1", len(made))
			}
		})
	}
}

// TestBroadcastOfAnIngressOfBeforeOwnersIsNobodys: while processes are replaced it signed nothing, and is no upstream's. Later nothing
// of that kind comes any more but from who imitates it.
func TestBroadcastOfAnIngressOfBeforeOwnersIsNobodys(t *testing.T) {
	t.Parallel()
	ring := identity.NewRing(mine)
	owner := Owners(ring, "erp", slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	b := &schemas.Broadcast{Task: schemas.NewTaskID().Bytes(), AcceptedMs: 1, RequestSha256: []byte("x")}
	now := time.Now()
	for _, tt := range []struct {
		began, at time.Time
		want      string
	}{
		{now, now.Add(-schemas.TaskLife), ""},
		{now, now, ""},
		{now.Add(-time.Hour), now.Add(-time.Minute), ""},
		{now.Add(-time.Hour), now, "erp"}, // all processes were replaced before
		{now.Add(-24 * time.Hour), now, "erp"},
		{now.Add(-24 * time.Hour), now.Add(-23*time.Hour - time.Minute), ""}, // it is read again
		{now.Add(-schemas.TaskLife), now.Add(-schemas.TaskLife), ""},
		{now.Add(-schemas.TaskLife - time.Hour), now.Add(-schemas.TaskLife - time.Hour), "erp"}, // dated back: its task would be over
		{time.Time{}, now, "erp"},
	} {
		ring.Began = tt.began
		if got := owner(b, tt.at); got != tt.want {
			t.Errorf("of %s, since %s: %q, want %q", tt.at, tt.began, got, tt.want)
		}
		if got := owner(&schemas.Broadcast{Task: b.GetTask()}, tt.at); got != "erp" {
			t.Errorf("an upstream's: %q, want %q", got, "erp")
		}
		moved := proto.CloneOf(b)
		moved.Origin = &schemas.Origin{Partition: 1}
		if got := owner(moved, tt.at); got != "erp" {
			t.Errorf("an upstream's that was put in order: %q, want %q", got, "erp")
		}
	}
}

func TestStartWithoutTheSecretEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		l := &topic{failing: 1_000_000}
		if _, err := Open(ctx, "", l.Remembered, l.publish, slog.New(slog.DiscardHandler)); !errors.Is(err, errAway) {
			t.Errorf("got %v, want %v", err, errAway)
		}
	})
}

// TestThreatS13OwnerInAnUpstreamRecordIsNotBelieved: it is the topic's owner's, and said loudly where it claims to be proved.
func TestThreatS13OwnerInAnUpstreamRecordIsNotBelieved(t *testing.T) {
	t.Parallel()
	l := new(topic)
	ring, err := Open(t.Context(), "", l.Remembered, l.publish, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	owner := Owners(ring, "erp", slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	b := &schemas.Broadcast{Task: schemas.NewTaskID().Bytes(), AcceptedMs: 1, RequestSha256: []byte("x")}
	if got := owner(b, time.Now()); got != "erp" {
		t.Errorf("nobody's is %q's, want %q", got, "erp")
	}
	b.Owner = "tienda"
	if got := owner(b, time.Now()); got != "erp" || log.Len() != 0 {
		t.Errorf("a claim makes it %q's; %s; want %q", got, log.String(), "erp")
	}
	b.OwnerMac = []byte("made up")
	if got := owner(b, time.Now()); got != "erp" || !strings.Contains(log.String(), "not proved") {
		t.Errorf("a forged proof makes it %q's; %s; want %q, %q in it", got, log.String(), "erp", "not proved")
	}
	ring.Sign(b, "tienda")
	if got := owner(b, time.Now()); got != "tienda" {
		t.Errorf("what an ingress signed is %q's, want %q", got, "tienda")
	}
}
