package kafka_test

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

func controls(t *testing.T, c kafka.Config, l kafka.Layout) *kafka.Controls {
	t.Helper()
	v, err := kafka.NewControls(c, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Stop)
	return v
}

func begin(t *testing.T, v *kafka.Controls) {
	t.Helper()
	if err := v.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	take(t, v.CaughtUp(), "catching up")
}

func control(task schemas.TaskID, kind schemas.ControlKind, speed uint32) stream.Record {
	return schemas.EncodeControl(&schemas.Control{Task: task.Bytes(), AtMs: 1, Kind: kind, Speed: speed})
}

func say(t *testing.T, p *kafka.Publisher, recs ...stream.Record) (last int64) {
	t.Helper()
	acked, err := p.Publish(t.Context(), recs...)
	if err != nil {
		t.Fatal(err)
	}
	return acked[len(acked)-1].Offset
}

func TestControlsAreFollowed(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		l := layout(t, c)
		p, v := publisher(t, c, l), controls(t, c, l)
		heard := make(chan schemas.Controls, 10)
		v.Listen(func(_ schemas.TaskID, c schemas.Controls) { heard <- c })
		begin(t, v) // before the topic has a record
		a, b := schemas.NewTaskID(), schemas.NewTaskID()
		if _, ok := v.Get(a); ok {
			t.Error("an empty topic says something")
		}
		last := say(t, p, control(a, schemas.ControlKind_CONTROL_KIND_PAUSE, 0), control(b, schemas.ControlKind_CONTROL_KIND_CANCEL, 0),
			control(a, schemas.ControlKind_CONTROL_KIND_SPEED, 7), control(a, schemas.ControlKind_CONTROL_KIND_RESUME, 0))
		if err := v.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := make(map[schemas.TaskID]schemas.Controls)
		v.Each(func(t schemas.TaskID, c schemas.Controls) bool { got[t] = c; return true })
		want := map[schemas.TaskID]schemas.Controls{
			a: {Resumed: true, Speed: 7, HasSpeed: true, Next: last + 1}, b: {Cancelled: true, Next: last - 1},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for range 4 {
			take(t, heard, "control")
		}
		seen := 0
		v.Each(func(schemas.TaskID, schemas.Controls) bool { seen++; return false })
		if seen != 1 {
			t.Errorf("Each went on after it was told to stop: %d", seen)
		}
		say(t, p, append(schemas.ForgetControls(a), schemas.ForgetControls(b)...)...)
		if err := v.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, task := range []schemas.TaskID{a, b} {
			if c, ok := v.Get(task); ok {
				t.Errorf("what was taken back still stands: %+v", c)
			}
		}
	})
}

// Compaction keeps the last record of each key. What a view that starts then makes of them is what one that was there all
// the time knows: a cancel stands, whatever was said after it.
func TestControlsOutliveCompaction(t *testing.T) {
	t.Parallel()
	cluster, c := embedded(t)
	l := layout(t, c)
	p, old := publisher(t, c, l), controls(t, c, l)
	begin(t, old)
	a, b, gone := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
	for _, rec := range []stream.Record{ // one batch each
		control(a, schemas.ControlKind_CONTROL_KIND_SPEED, 3),
		control(a, schemas.ControlKind_CONTROL_KIND_CANCEL, 0),
		control(gone, schemas.ControlKind_CONTROL_KIND_PAUSE, 0),
		control(b, schemas.ControlKind_CONTROL_KIND_PAUSE, 0),
		control(a, schemas.ControlKind_CONTROL_KIND_PAUSE, 0),
		control(b, schemas.ControlKind_CONTROL_KIND_RESUME, 0),
		control(a, schemas.ControlKind_CONTROL_KIND_SPEED, 5),
		control(a, schemas.ControlKind_CONTROL_KIND_RESUME, 0),
		schemas.ForgetControls(gone)[0], schemas.ForgetControls(gone)[1], schemas.ForgetControls(gone)[2],
		control(b, schemas.ControlKind_CONTROL_KIND_PAUSE, 0),
	} {
		say(t, p, rec)
	}
	cluster.Compact()
	r := reader(t, c)
	left := 0
	if err := r.Range(t.Context(), stream.TopicPartition{Topic: schemas.TopicControls}, 0, 12, func(stream.Record) error { left++; return nil }); err != nil {
		t.Fatal(err)
	}
	if left >= 12 {
		t.Fatalf("nothing was compacted: %d records", left)
	}
	young := controls(t, c, l)
	begin(t, young)
	if err := old.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, task := range []schemas.TaskID{a, b, gone} {
		x, inOld := old.Get(task)
		y, inYoung := young.Get(task)
		if diff := cmp.Diff(x, y); diff != "" || inOld != inYoung {
			t.Errorf("before compaction %v, after it %v: %s", inOld, inYoung, diff)
		}
	}
	if c, _ := young.Get(a); !c.Cancelled || c.Paused || c.Speed != 5 {
		t.Errorf("the cancelled task: %+v", c)
	}
	if c, _ := young.Get(b); !c.Paused {
		t.Errorf("the paused task: %+v", c)
	}
}

// A view that catches up while everything in the topic goes by age does not wait for what nobody will ever read.
func TestViewOfATopicThatWasEmptiedByAge(t *testing.T) {
	t.Parallel()
	_, c := embedded(t)
	l := layout(t, c)
	p := publisher(t, c, l)
	end := say(t, p, control(schemas.NewTaskID(), schemas.ControlKind_CONTROL_KIND_PAUSE, 0)) + 1
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	cut := make(kadm.Offsets)
	cut.AddOffset(c.Prefix+string(schemas.TopicControls), 0, end, -1)
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	v := controls(t, c, l)
	begin(t, v)
	last := schemas.NewTaskID()
	say(t, p, control(last, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, _ := v.Get(last); !c.Paused {
		t.Errorf("the view says %+v", c)
	}
}

// What can't be read in a topic of a view, and what can't even be unpacked, is passed over; what lies behind is read.
func TestViewsPassOverWhatTheyCannotRead(t *testing.T) {
	t.Parallel()
	_, c := embedded(t)
	l := layout(t, c)
	p := publisher(t, c, l)
	bomb(t, c, schemas.TopicControls, 0) // at the very start
	for range 2 {
		task := schemas.NewTaskID()
		foreign := control(task, schemas.ControlKind_CONTROL_KIND_CANCEL, 0)
		foreign.Key = control(schemas.NewTaskID(), schemas.ControlKind_CONTROL_KIND_CANCEL, 0).Key
		garbage := control(task, schemas.ControlKind_CONTROL_KIND_CANCEL, 0)
		garbage.Value = []byte{0xff, 0xff}
		keyless := control(task, schemas.ControlKind_CONTROL_KIND_CANCEL, 0)
		keyless.Key = []byte("?")
		say(t, p, foreign, garbage, keyless)
		bomb(t, c, schemas.TopicControls, 0)
		bomb(t, c, schemas.TopicControls, 0)
	}
	task := schemas.NewTaskID()
	v := controls(t, c, l)
	begin(t, v) // the end of the topic is a bomb
	say(t, p, control(task, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := 0
	v.Each(func(schemas.TaskID, schemas.Controls) bool { n++; return true })
	if c, _ := v.Get(task); !c.Paused || n != 1 {
		t.Errorf("the view says %+v of %d tasks", c, n)
	}

	home := l.Home(schemas.TopicStatuses, []byte(task.String()))
	bomb(t, c, schemas.TopicStatuses, home)
	bad := schemas.EncodeStatus(home, &schemas.Status{Task: task.Bytes(), Version: 9})
	bad.Value = []byte{0xff}
	say(t, p, bad)
	bomb(t, c, schemas.TopicStatuses, home)
	say(t, p, schemas.EncodeStatus(home, &schemas.Status{Task: task.Bytes(), Version: 2}))
	s, err := kafka.NewStatuses(c, l)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	take(t, s.CaughtUp(), "catching up")
	if st, ok := s.Get(task); !ok || st.GetVersion() != 2 {
		t.Errorf("the view of statuses says %v", st)
	}
}

// bomb writes a batch that unpacks to more than anybody may be made to hold.
func bomb(t *testing.T, c kafka.Config, topic stream.Topic, partition int32) {
	t.Helper()
	spoil(t, c, stream.TopicPartition{Topic: topic, Partition: partition}, explosive{})
}

// spoil writes a batch of one record, of which the compressor makes what it likes.
func spoil(t *testing.T, c kafka.Config, s stream.TopicPartition, with kgo.Compressor) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.WithCompressor(with))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	rec := &kgo.Record{Topic: c.Prefix + string(s.Topic), Partition: s.Partition, Value: make([]byte, 5000)} // or it would go as it is
	if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// explosive is a kgo.Compressor: whatever the one record of a batch was, it is 40 MB of zeros in a few KB.
type explosive struct{}

func (explosive) Compress(*bytes.Buffer, []byte, ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	return packedZeros(), kgo.CodecZstd
}

// packedZeros is one valid record, made once: a real broker looks into what it takes.
var packedZeros = sync.OnceValue(func() []byte {
	rec := kmsg.Record{Key: []byte("bomb"), Value: make([]byte, 40<<20)}
	rec.Length = int32(len(rec.AppendTo(nil)) - 1) // the length of nothing takes a byte
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return z.EncodeAll(rec.AppendTo(nil), nil)
})
