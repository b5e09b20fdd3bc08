package budget

import (
	"context"
	"errors"
	"testing"
	"time"

	"altavoz/kafka/trim"
	"altavoz/schemas"
	"altavoz/stream"
)

type tasks map[schemas.TaskID]*schemas.Status

func (ts tasks) Each(each func(schemas.TaskID, *schemas.Status) bool) {
	for id, s := range ts {
		if !each(id, s) {
			return
		}
	}
}

func (ts tasks) Find(_ context.Context, id schemas.TaskID) (*schemas.Status, error) {
	return ts[id], nil
}

func (ts tasks) Sync(context.Context) error { return nil }

var now = time.UnixMilli(1_800_000_000_000)

// plan0 is the plan of a task that was accepted so long ago, with its record at an offset.
func plan0(ago time.Duration, offset int64) *schemas.TaskOpened {
	return &schemas.TaskOpened{AcceptedMs: now.Add(-ago).UnixMilli(), Origin: &schemas.Origin{Partition: 1, Offset: offset}}
}

func TestTheOldestUnfinishedTaskCounts(t *testing.T) {
	t.Parallel()
	copied := plan0(time.Hour, 700)
	copied.Home = &schemas.Origin{Partition: 2, Offset: 900}
	u, err := tasksOf(t.Context(), tasks{
		schemas.NewTaskID(): {Plan: plan0(20*time.Hour, 10), FinishedMs: 1},
		schemas.NewTaskID(): {Plan: plan0(2*time.Hour, 800)},
		schemas.NewTaskID(): {Plan: copied},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	at := func(p int32) int64 {
		return u.broadcasts[stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: p}]
	}
	if want := now.Add(-2 * time.Hour).UnixMilli(); u.accepted != want || at(1) != 700 || at(2) != 900 {
		t.Errorf("accepted %d, records %d and %d; want %d, 700 and 900", u.accepted, at(1), at(2), want)
	}
}

// A retry reads the list of the first task of its chain. Where that is not known any more it is the oldest that it can be.
func TestAnUnfinishedRetryNeedsTheListOfTheFirstTask(t *testing.T) {
	t.Parallel()
	first, second := schemas.NewTaskID(), schemas.NewTaskID()
	one, two := plan0(time.Hour, 9), plan0(2*time.Hour, 8)
	one.RetryOf, two.RetryOf = second.Bytes(), first.Bytes()
	all := tasks{first: {Plan: plan0(50*time.Hour, 7), FinishedMs: 1}, second: {Plan: two, FinishedMs: 1}, schemas.NewTaskID(): {Plan: one}}
	u, err := tasksOf(t.Context(), all, now)
	if want := now.Add(-50 * time.Hour).UnixMilli(); err != nil || u.accepted != want {
		t.Errorf("accepted %d (%v), want %d", u.accepted, err, want)
	}
	delete(all, first)
	u, err = tasksOf(t.Context(), all, now)
	if want := now.Add(-time.Hour - schemas.TaskLife).UnixMilli(); err != nil || u.accepted != want {
		t.Errorf("without the first task: accepted %d (%v), want %d", u.accepted, err, want)
	}
}

func TestATaskOfUnknownAgeStopsTheTrimming(t *testing.T) {
	t.Parallel()
	if _, err := tasksOf(t.Context(), tasks{schemas.NewTaskID(): {}}, now); err == nil {
		t.Error("no error; want one")
	}
}

// logs are those of a Kafka whose offsets are minutes ago, and that keep what was asked to be removed.
type logs struct {
	have    []trim.Log
	written time.Time
	since   map[stream.Topic]time.Time
	deleted map[stream.TopicPartition]int64
	broken  error // of Delete
	hangs   bool  // Delete does
}

func (l *logs) Logs(context.Context, ...stream.Topic) ([]trim.Log, error) { return l.have, nil }

func (l *logs) Since(_ context.Context, of stream.Topic, moment time.Time) (map[int32]int64, error) {
	l.since[of] = moment
	return map[int32]int64{0: 100}, nil
}

func (l *logs) Written(context.Context, stream.TopicPartition, int64) (time.Time, error) {
	if l.written.IsZero() {
		return l.written, errors.New("gone")
	}
	return l.written, nil
}

func (l *logs) Delete(ctx context.Context, before map[stream.TopicPartition]int64) error {
	if l.hangs {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if l.broken == nil {
		l.deleted = before
	}
	return l.broken
}

// A broadcast that no fanout has read may point at a list that is older than all tasks that are known.
func TestBroadcastsThatWaitForAFanoutKeepTheirLists(t *testing.T) {
	t.Parallel()
	of := stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: 1}
	l := &logs{have: []trim.Log{{Partition: of, End: 50, Committed: 40}}, written: now.Add(-5 * time.Hour), since: make(map[stream.Topic]time.Time)}
	u := unfinished{accepted: now.Add(-time.Hour).UnixMilli(), broadcasts: map[stream.TopicPartition]int64{of: 30}}
	need, err := needsOf(t.Context(), l, l.have, u, now)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.since[schemas.TopicBlobs], now.Add(-5*time.Hour-uploadTime); !got.Equal(want) {
		t.Errorf("blobs are needed since %s, want %s", got, want)
	}
	if got, want := l.since[schemas.TopicResults], now.Add(-time.Hour-clockSkew); !got.Equal(want) {
		t.Errorf("results are needed since %s, want %s", got, want)
	}
	if need[of] != 30 {
		t.Errorf("broadcasts are needed from %d, want 30", need[of])
	}
	l.written = time.Time{}
	if _, err := needsOf(t.Context(), l, l.have, u, now); err == nil {
		t.Error("a record that can't be read: no error, want one")
	}
}
