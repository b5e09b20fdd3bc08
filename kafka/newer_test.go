package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

// newer is a record as the version after this one would write it.
func newer(rec stream.Record) stream.Record {
	rec.Headers = []stream.Header{{Key: schemas.VersionHeader, Value: []byte("2")}}
	return rec
}

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), text)
}

const heldText = `level=ERROR msg="a newer version of this program wrote the next record`

// What a newer version wrote is not handed over, and neither is what lies behind it, whatever the stage resumes; the member's other
// partitions go on. It is tried again, and read on where the record is gone.
func TestNewerRecordHoldsItsPartition(t *testing.T) {
	t.Parallel()
	_, c := embedded(t)
	reg, j := prometheus.NewRegistry(), &journal{}
	l := layout(t, c)
	pub := publisher(t, c, l)
	c.Registerer, c.Logger = reg, slog.New(slog.NewTextHandler(j, nil))
	p := newProbe()
	g, leave := join(t, c, l, p)
	until(t, "assigned", func() bool { return len(p.owned()) == 4 })
	held := func() float64 { return series(t, reg, "altavoz_partitions_held", "stage")["sender"] }
	slot := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: l.Home(schemas.TopicSendsExpress, []byte("1"))}
	say(t, pub, express("1"), express("1"), newer(express("1")), express("1"))
	until(t, "held", func() bool { return held() == 1 })
	g.Pause(slot)
	g.Resume(slot) // as a stage does that has room again
	others := 0
	for n := range fillSends(t, pub, 100) {
		if n != slot {
			others++
		}
	}
	if others != 3 {
		t.Fatalf("%d other partitions", others)
	}
	until(t, "tried again", func() bool { return j.count(heldText) >= 3 })
	seen, below := make(map[int32]bool), int64(0)
	for len(p.recs) > 0 {
		r := <-p.recs
		seen[r.Partition] = true
		if r.Partition == slot.Partition {
			if r.Offset != below {
				t.Errorf("offset %d was handed over after %d", r.Offset, below-1)
			}
			below++
		}
	}
	if len(seen) != 4 || below != 2 || held() != 1 {
		t.Errorf("records of %d partitions, %d below the newer one, %v held", len(seen), below, held())
	}
	trimTo(t, c, slot, 3)
	for r := take(t, p.recs, "record"); r.Partition != slot.Partition; r = take(t, p.recs, "record") {
		continue
	}
	until(t, "held no more", func() bool { return held() == 0 })
	say(t, pub, newer(express("1")))
	until(t, "held", func() bool { return held() == 1 })
	leave()
	if held() != 0 {
		t.Errorf("%v are held by a member that has left", held())
	}
}

// trimTo deletes what lies below an offset.
func trimTo(t *testing.T, c kafka.Config, slot stream.TopicPartition, at int64) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	to := make(kadm.Offsets)
	to.AddOffset(c.Prefix+string(slot.Topic), slot.Partition, at, -1)
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), to); err != nil {
		t.Fatal(err)
	}
}

// A stage that has enough when its partition is held is heard: it is not read on over its head.
func TestPausedPartitionStaysPausedAfterItWasHeld(t *testing.T) {
	t.Parallel()
	_, c := embedded(t)
	reg := prometheus.NewRegistry()
	l := layout(t, c)
	c.Registerer = reg
	p := &picky{newProbe(), make(chan struct{})}
	g, _ := member(t, c, l, p)
	until(t, "three are taken over", func() bool { return len(p.owned()) == 3 })
	g.Pause(stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 2})
	close(p.mended)
	until(t, "it is taken over", func() bool { return series(t, reg, "altavoz_partitions_held", "stage")["sender"] == 0 })
	fillSends(t, publisher(t, c, l), 100)
	for range 60 {
		if r := take(t, p.recs, "record"); r.Partition == 2 {
			t.Fatalf("offset %d of a paused partition was handed over", r.Offset)
		}
	}
	g.Resume(stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 2})
	for take(t, p.recs, "record").Partition != 2 {
		continue
	}
}

// A view neither passes over what a newer version wrote nor says that it knows all: who asks waits, and it says so.
func TestViewsHoldWhereANewerVersionWrote(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]struct {
		topic stream.Topic
		rec   func(schemas.TaskID, int32) stream.Record
		open  func(kafka.Config, kafka.Layout) (view, error)
	}{
		"statuses": {
			schemas.TopicStatuses,
			func(id schemas.TaskID, home int32) stream.Record {
				return schemas.EncodeStatus(home, &schemas.Status{Task: id.Bytes(), Version: 9})
			},
			func(c kafka.Config, l kafka.Layout) (view, error) { return kafka.NewStatuses(c, l) },
		},
		"controls": {
			schemas.TopicControls,
			func(id schemas.TaskID, _ int32) stream.Record {
				return control(id, schemas.ControlKind_CONTROL_KIND_CANCEL, 0)
			},
			func(c kafka.Config, l kafka.Layout) (view, error) { return kafka.NewControls(c, l) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := embedded(t)
			l := layout(t, c)
			pub := publisher(t, c, l)
			reg, j := prometheus.NewRegistry(), &journal{}
			c.Registerer, c.Logger = reg, slog.New(slog.NewTextHandler(j, nil))
			v, err := with.open(c, l)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Start(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
			defer v.Stop()
			take(t, v.CaughtUp(), "catching up")
			id := schemas.NewTaskID()
			rec := with.rec(id, l.Home(with.topic, []byte(id.String())))
			partition := say(t, pub, rec)
			if err := v.Sync(t.Context()); err != nil {
				t.Fatal(err, partition)
			}
			say(t, pub, newer(rec), rec)
			until(t, "tried again", func() bool { return j.count(heldText) >= 2 })
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := v.Sync(ctx); err == nil {
				t.Error("it says that it knows all")
			}
			if held := series(t, reg, "altavoz_view_partitions_held", "topic"); held[string(with.topic)] != 1 {
				t.Errorf("held: %v", fmt.Sprint(held))
			}
		})
	}
}

type view interface {
	Start(context.Context) error
	CaughtUp() <-chan struct{}
	Sync(context.Context) error
	Stop()
}
