package budget

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/kafka/trim"
	"altavoz/producer/codes"
	"altavoz/schemas"
	"altavoz/stream"
)

// kept is a budget of 1,000 bytes with a log that has as many records.
func kept(t *testing.T, size *int64) (*Budget, *logs) {
	t.Helper()
	of := stream.TopicPartition{Topic: schemas.TopicBroadcasts}
	l := &logs{have: []trim.Log{{Partition: of, Bytes: 1000, End: 1000, Committed: 1000}}, since: make(map[stream.Topic]time.Time)}
	return New(Config{
		Bytes: 1000, Size: func() (int64, error) { return *size, nil }, Logs: l, Tasks: make(tasks), Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}), l
}

func TestTrimmingBeginsAtFourFifthsAndGoesDownToSevenTenths(t *testing.T) {
	t.Parallel()
	size := int64(799)
	b, l := kept(t, &size)
	if b.pass(t.Context()); l.deleted != nil {
		t.Errorf("below: %v is trimmed, want nothing", l.deleted)
	}
	size = 800
	b.pass(t.Context())
	if got := l.deleted[l.have[0].Partition]; got != 101 {
		t.Errorf("trimmed up to %d, want 101", got)
	}
}

func TestAFullBudgetRefusesBroadcastsUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	size := int64(1000)
	b, _ := kept(t, &size)
	for _, step := range []struct {
		size int64
		full bool
	}{{999, false}, {1000, true}, {960, true}, {949, false}, {990, false}} {
		size = step.size
		b.pass(t.Context())
		no := b.Room()
		if got := no != nil; got != step.full || b.Full().IsZero() == step.full || (b.Relay() != nil) != step.full {
			t.Fatalf("at %d bytes refused is %v, want %v", size, got, step.full)
		}
		if no != nil && (no.Status != http.StatusServiceUnavailable || no.Code != codes.DataFull || no.Wait != RetryAfter || !strings.Contains(no.Error(), "por ciento")) {
			t.Errorf("got %+v", no)
		}
	}
	if (*Budget)(nil).Room() != nil {
		t.Error("no budget refuses")
	}
}

func TestFolderSizeCountsFiles(t *testing.T) {
	t.Parallel()
	if _, err := FolderSize(t.TempDir() + "/none"); err != nil {
		t.Error(err)
	}
}
