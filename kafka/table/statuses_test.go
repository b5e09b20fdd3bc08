package table_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/records"
	"altavoz/kafka/table"
	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/stream"
)

func statuses(t *testing.T, c kafka.Config, l kafka.Layout) *table.Statuses {
	t.Helper()
	v, err := table.NewStatuses(c, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Stop)
	return v
}

func follow(t *testing.T, v *table.Statuses) {
	t.Helper()
	if err := v.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	kafkatest.Take(t, v.CaughtUp(), "catching up")
}

// ended is a finished task that takes so much room that a thousand of them are more than the view keeps in memory.
func ended(id schemas.TaskID, version uint64) *schemas.Status {
	return &schemas.Status{
		Task: id.Bytes(), Version: version, FinishedMs: 7, Why: strings.Repeat("x", 10_000),
		Plan: &schemas.TaskOpened{Total: 1, Origin: &schemas.Origin{Offset: int64(version)}}, Counts: []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 1}},
	}
}

// others are tasks that ended and that a test asks nothing of.
func others(n int) []*schemas.Status {
	all := make([]*schemas.Status, n)
	for i := range all {
		all[i] = ended(schemas.NewTaskID(), 1)
	}
	return all
}

func tell(t *testing.T, l kafka.Layout, p *records.Publisher, all ...*schemas.Status) {
	t.Helper()
	recs := make([]stream.Record, len(all))
	for i, s := range all {
		id := schemas.TaskID(s.GetTask())
		recs[i] = schemas.EncodeStatus(l.Home(schemas.TopicStatuses, []byte(id.String())), s)
	}
	for len(recs) > 0 {
		n := min(len(recs), 100)
		if _, err := p.Publish(t.Context(), recs[:n]...); err != nil {
			t.Fatal(err)
		}
		recs = recs[n:]
	}
}

// Beyond what is kept in memory every finished task is still known, and read back by its key.
func TestSimulatedFinishedTasksAreFoundBeyondTheMemory(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		p, v := kafkatest.Publisher(t, c, l), statuses(t, c, l)
		const n = 1500
		ids := make([]schemas.TaskID, n)
		all := make([]*schemas.Status, n)
		for i := range ids {
			ids[i] = schemas.NewTaskID()
			all[i] = ended(ids[i], 1)
		}
		open := schemas.NewTaskID()
		tell(t, l, p, &schemas.Status{Task: open.Bytes(), Version: 1, Plan: &schemas.TaskOpened{Total: 1}})
		tell(t, l, p, all...)
		follow(t, v)
		if size := v.Size(); size.Placed < 500 || size.Finished < 100 || size.Placed+size.Finished != n || size.Unfinished != 1 {
			t.Fatalf("the view holds %+v, want Placed at least 500, Finished at least 100, Unfinished 1", size)
		}
		inMemory := 0
		for _, id := range ids {
			if _, ok := v.Get(id); ok {
				inMemory++
			}
			s, err := v.Find(t.Context(), id)
			if err != nil || string(s.GetTask()) != string(id.Bytes()) || !v.Finished(id) {
				t.Fatalf("task %s is %v, %v", id, s, err)
			}
		}
		if inMemory == n {
			t.Error("all are in memory")
		}
		if _, ok := v.Get(open); !ok || v.Finished(open) {
			t.Error("a task that goes on is not in memory, or called finished")
		}
		if s, err := v.Find(t.Context(), schemas.NewTaskID()); s != nil || err != nil {
			t.Errorf("nobody's task is %v, %v", s, err)
		}
		changes, stop := v.Watch(ids[0])
		defer stop()
		tell(t, l, p, ended(ids[0], 2))
		kafkatest.Take(t, changes, "word of a correction of a task that is not in memory")
		if s, ok := v.Get(ids[0]); !ok || s.GetVersion() != 2 {
			t.Errorf("what was corrected is %v, want Version 2", s)
		}
		tombstone := schemas.EncodeStatus(l.Home(schemas.TopicStatuses, []byte(ids[1].String())), ended(ids[1], 1))
		tombstone.Value = nil
		kafkatest.Publish(t, p, tombstone)
		if err := v.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := v.Find(t.Context(), ids[1]); s != nil || err != nil {
			t.Errorf("a task that was taken away is %v, %v", s, err)
		}
	})
}

// The record that the index points at is the one that compaction keeps, also where it said nothing new.
func TestFinishedTasksAreFoundAfterCompaction(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p, v := kafkatest.Publisher(t, c, l), statuses(t, c, l)
	follow(t, v)
	a, b := schemas.NewTaskID(), schemas.NewTaskID()
	tell(t, l, p, ended(a, 1))
	tell(t, l, p, ended(b, 1))
	tell(t, l, p, ended(a, 2))
	tell(t, l, p, ended(b, 1))     // by somebody who did not know better
	tell(t, l, p, others(1500)...) // more than stay in memory
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	cluster.Compact()
	for id, version := range map[schemas.TaskID]uint64{a: 2, b: 1} {
		if _, ok := v.Get(id); ok {
			t.Error("it is still in memory")
		}
		if s, err := v.Find(t.Context(), id); err != nil || s.GetVersion() != version {
			t.Errorf("version %d is %v, %v; want %v", version, s.GetVersion(), err, version)
		}
	}
}

// A finished task whose record is gone is not called unknown: that would start it anew.
func TestLostStatusIsAnErrorAndNoUnknownTask(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p, v := kafkatest.Publisher(t, c, l), statuses(t, c, l)
	follow(t, v)
	id := schemas.NewTaskID()
	tell(t, l, p, ended(id, 1))
	tell(t, l, p, others(1500)...) // more than stay in memory
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	trim(t, c, l, schemas.TopicStatuses)
	if s, err := v.Find(t.Context(), id); !errors.Is(err, table.ErrUnreadable) || s != nil || !v.Finished(id) {
		t.Errorf("it is %v, %v; want %v", s, err, table.ErrUnreadable)
	}
}

// A topic that ends with offsets that hold no record, here the marker of a foreign transaction, is known whole all the same.
func TestViewOfATopicThatEndsWithoutARecord(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		id := schemas.NewTaskID()
		tell(t, l, kafkatest.Publisher(t, c, l), ended(id, 1))
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.TransactionalID(t.Name()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		home := l.Home(schemas.TopicStatuses, []byte(id.String()))
		foreign := &kgo.Record{Topic: c.Prefix + string(schemas.TopicStatuses), Partition: home, Key: []byte("foreign"), Value: []byte("x")}
		if err := cl.ProduceSync(t.Context(), foreign).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		v := statuses(t, c, l)
		ctx, cancel := context.WithTimeout(t.Context(), kafkatest.Patience)
		defer cancel()
		if err := v.Start(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := v.Sync(ctx); err != nil {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		if _, ok := v.Get(id); !ok {
			t.Error("what lies before it is not known")
		}
	})
}

// trim takes all records of a topic away.
func trim(t *testing.T, c kafka.Config, l kafka.Layout, topic stream.Topic) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kafkatest.Reader(t, c).Ends(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	cut := make(kadm.Offsets)
	for p := range l[topic] {
		cut.AddOffset(c.Prefix+string(topic), p, ends[p], -1)
	}
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkViewStart reads a topic with a million finished tasks of one phone each: time a status from the broker to the table, and
// bytes a task, but for those in memory.
func BenchmarkViewStart(b *testing.B) {
	const n, batch = 1_000_000, 1000
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	c := kafka.Config{Brokers: cluster.ListenAddrs(), Prefix: "t."}
	l, err := topics.Ensure(b.Context(), c, true)
	if err != nil {
		b.Fatal(err)
	}
	p, err := records.NewPublisher(c, l, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.Close(context.Background()) }()
	for i := 0; i < n; i += batch {
		recs := make([]stream.Record, batch)
		for j := range recs {
			id, origin := schemas.NewTaskID(), &schemas.Origin{Partition: int32(j % 12), Offset: int64(i + j)}
			recs[j] = schemas.EncodeStatus(l.Home(schemas.TopicStatuses, []byte(id.String())), &schemas.Status{
				Task: id.Bytes(), Version: 3, Cursor: 1, StartedMs: 1_800_000_000_000, UpdatedMs: 1_800_000_000_000, FinishedMs: 1_800_000_000_000,
				Plan: &schemas.TaskOpened{
					Total: 1, Origin: origin, Home: origin, RequestSha256: make([]byte, 32), Sender: "106540352242922", AcceptedMs: 1_800_000_000_000,
				},
				Counts: []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 1}},
			})
		}
		if _, err := p.Publish(b.Context(), recs...); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		v, err := table.NewStatuses(c, l)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if err := v.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		<-v.CaughtUp()
		size := v.Size()
		b.ReportMetric(float64(time.Since(began).Microseconds())/n, "µs/status")
		b.ReportMetric(float64(size.IndexBytes)/float64(size.Placed), "bytes/task")
		b.ReportMetric(float64(size.Finished), "in-memory")
		v.Stop()
	}
}

// A zombie may write an older status after a newer one.
func TestStatusesKeepTheHighestVersion(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		p := kafkatest.Publisher(t, c, l)
		task := schemas.NewTaskID()
		write := func(version uint64, cursor uint32) {
			if _, err := p.Publish(t.Context(), schemas.EncodeStatus(1, &schemas.Status{Task: task.Bytes(), Version: version, Cursor: cursor})); err != nil {
				t.Fatal(err)
			}
		}
		write(3, 30)
		write(2, 20)
		v, err := table.NewStatuses(c, l)
		if err != nil {
			t.Fatal(err)
		}
		reported := make(chan uint64, 10)
		v.Listen(func(_ schemas.TaskID, s *schemas.Status) { reported <- s.GetVersion() })
		changes, stop := v.Watch(task)
		defer stop()
		if err := v.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer v.Stop()
		kafkatest.Take(t, v.CaughtUp(), "catching up")
		kafkatest.Take(t, changes, "change")
		if s, ok := v.Get(task); !ok || s.GetCursor() != 30 {
			t.Errorf("the view says %v, want Cursor 30", s)
		}
		write(4, 40)
		if err := v.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, _ := v.Get(task); s.GetCursor() != 40 {
			t.Errorf("after Sync the view says %v, want Cursor 40", s)
		}
		if a, b := kafkatest.Take(t, reported, "status"), kafkatest.Take(t, reported, "status"); a != 3 || b != 4 {
			t.Errorf("reported %d and %d; want 3, 4", a, b)
		}
	})
}
