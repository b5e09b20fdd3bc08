package budget

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/internal/testio"
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

// late is a view that knows what Sync showed it, and a Kafka in which a task gets its status, and its broadcast is committed, just before the
// watermarks are asked for.
type late struct {
	*logs
	tasks
	written tasks
}

func (l *late) Logs(ctx context.Context, of ...stream.Topic) ([]trim.Log, error) {
	l.written = tasks{schemas.NewTaskID(): {Plan: &schemas.TaskOpened{AcceptedMs: time.Now().UnixMilli(), Origin: &schemas.Origin{Offset: 5}}}}
	return l.logs.Logs(ctx, of...)
}

func (l *late) Sync(context.Context) error {
	l.tasks = l.written
	return nil
}

// A task below a watermark is known by its status alone, so the statuses are read after the watermarks.
func TestATaskThatIsCommittedMeanwhileIsNotTrimmed(t *testing.T) {
	t.Parallel()
	size := int64(1000)
	b, inner := kept(t, &size)
	l := &late{logs: inner}
	b.cfg.Logs, b.cfg.Tasks = l, l
	b.pass(t.Context())
	if got := inner.deleted[inner.have[0].Partition]; got != 5 {
		t.Errorf("trimmed up to %d, want 5, where the task is", got)
	}
}

// What fails is said, and tried again; meanwhile broadcasts are refused by the size that was measured last.
func TestFailuresOfMeasuringAndTrimmingAreHarmless(t *testing.T) {
	t.Parallel()
	size, failure := int64(1000), error(nil)
	b, l := kept(t, &size)
	var log testio.Buffer
	b.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	b.cfg.Size = func() (int64, error) { return size, failure }
	l.broken = errors.New("no answer")
	b.pass(t.Context())
	if l.deleted != nil || b.Room() == nil {
		t.Errorf("a trimming that failed: %v is trimmed, refused: %v; want nothing, and broadcasts refused", l.deleted, b.Room() != nil)
	}
	if !strings.Contains(log.String(), "no answer") {
		t.Errorf("the log has no failure: %s", log.String())
	}
	size, failure, l.broken = 0, errors.New("no folder"), nil
	b.pass(t.Context())
	if b.Room() == nil || b.size.Load() != 1000 {
		t.Errorf("measuring failed: %d bytes, refused: %v; want those of before", b.size.Load(), b.Room() != nil)
	}
	size, failure = 900, nil
	b.pass(t.Context())
	if l.deleted == nil || b.Room() != nil {
		t.Errorf("it works again: %v is trimmed, refused: %v; want something, and broadcasts taken", l.deleted, b.Room() != nil)
	}
}

// A trimming that takes longer than it may is a failure like others; the end of the process is none.
func TestATrimmingThatTakesTooLongIsSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		size := int64(900)
		b, l := kept(t, &size)
		var log testio.Buffer
		b.cfg.Logger, l.hangs = slog.New(slog.NewTextHandler(&log, nil)), true
		b.pass(t.Context())
		if !strings.Contains(log.String(), "too long") {
			t.Errorf("the log: %q, want that it takes too long", log.String())
		}
	})
}
