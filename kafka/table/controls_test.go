package table_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/table"
	"altavoz/schemas"
	"altavoz/stream"
)

func TestControlsAreFollowed(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		p, v := kafkatest.Publisher(t, c, l), kafkatest.Controls(t, c, l)
		reported := make(chan schemas.Controls, 10)
		v.Listen(func(_ schemas.TaskID, c schemas.Controls) { reported <- c })
		kafkatest.StartControls(t, v) // before the topic has a record
		a, b := schemas.NewTaskID(), schemas.NewTaskID()
		if _, ok := v.Get(a); ok {
			t.Error("an empty topic says something")
		}
		last := kafkatest.Publish(t, p, kafkatest.Control(a, schemas.ControlKind_CONTROL_KIND_PAUSE, 0), kafkatest.Control(b, schemas.ControlKind_CONTROL_KIND_CANCEL, 0),
			kafkatest.Control(a, schemas.ControlKind_CONTROL_KIND_SPEED, 7), kafkatest.Control(a, schemas.ControlKind_CONTROL_KIND_RESUME, 0))
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
			kafkatest.Take(t, reported, "control")
		}
		seen := 0
		v.Each(func(schemas.TaskID, schemas.Controls) bool { seen++; return false })
		if seen != 1 {
			t.Errorf("Each went on after it was told to stop: %d, want 1", seen)
		}
		kafkatest.Publish(t, p, append(schemas.ForgetControls(a), schemas.ForgetControls(b)...)...)
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
	cluster, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p, old := kafkatest.Publisher(t, c, l), kafkatest.Controls(t, c, l)
	kafkatest.StartControls(t, old)
	a, b, gone := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
	for _, rec := range []stream.Record{ // one batch each
		kafkatest.Control(a, schemas.ControlKind_CONTROL_KIND_SPEED, 3),
		kafkatest.Control(a, schemas.ControlKind_CONTROL_KIND_CANCEL, 0),
		kafkatest.Control(gone, schemas.ControlKind_CONTROL_KIND_PAUSE, 0),
		kafkatest.Control(b, schemas.ControlKind_CONTROL_KIND_PAUSE, 0),
		kafkatest.Control(a, schemas.ControlKind_CONTROL_KIND_PAUSE, 0),
		kafkatest.Control(b, schemas.ControlKind_CONTROL_KIND_RESUME, 0),
		kafkatest.Control(a, schemas.ControlKind_CONTROL_KIND_SPEED, 5),
		kafkatest.Control(a, schemas.ControlKind_CONTROL_KIND_RESUME, 0),
		schemas.ForgetControls(gone)[0], schemas.ForgetControls(gone)[1], schemas.ForgetControls(gone)[2],
		kafkatest.Control(b, schemas.ControlKind_CONTROL_KIND_PAUSE, 0),
	} {
		kafkatest.Publish(t, p, rec)
	}
	cluster.Compact()
	r := kafkatest.Reader(t, c)
	left := 0
	if err := r.Range(t.Context(), stream.TopicPartition{Topic: schemas.TopicControls}, 0, 12, func(stream.Record) error { left++; return nil }); err != nil {
		t.Fatal(err)
	}
	if left >= 12 {
		t.Fatalf("nothing was compacted: %d records, want less than 12", left)
	}
	young := kafkatest.Controls(t, c, l)
	kafkatest.StartControls(t, young)
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
		t.Errorf("the cancelled task: %+v, want Speed 5", c)
	}
	if c, _ := young.Get(b); !c.Paused {
		t.Errorf("the paused task: %+v", c)
	}
}

// A view that catches up while everything in the topic goes by age does not wait for what nobody will ever read.
func TestViewOfATopicThatWasEmptiedByAge(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	end := kafkatest.Publish(t, p, kafkatest.Control(schemas.NewTaskID(), schemas.ControlKind_CONTROL_KIND_PAUSE, 0)) + 1
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
	v := kafkatest.Controls(t, c, l)
	kafkatest.StartControls(t, v)
	last := schemas.NewTaskID()
	kafkatest.Publish(t, p, kafkatest.Control(last, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
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
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	kafkatest.WriteOversizedBatch(t, c, schemas.TopicControls, 0) // at the very start
	for range 2 {
		task := schemas.NewTaskID()
		foreign := kafkatest.Control(task, schemas.ControlKind_CONTROL_KIND_CANCEL, 0)
		foreign.Key = kafkatest.Control(schemas.NewTaskID(), schemas.ControlKind_CONTROL_KIND_CANCEL, 0).Key
		garbage := kafkatest.Control(task, schemas.ControlKind_CONTROL_KIND_CANCEL, 0)
		garbage.Value = []byte{0xff, 0xff}
		keyless := kafkatest.Control(task, schemas.ControlKind_CONTROL_KIND_CANCEL, 0)
		keyless.Key = []byte("?")
		kafkatest.Publish(t, p, foreign, garbage, keyless)
		kafkatest.WriteOversizedBatch(t, c, schemas.TopicControls, 0)
		kafkatest.WriteOversizedBatch(t, c, schemas.TopicControls, 0)
	}
	task := schemas.NewTaskID()
	v := kafkatest.Controls(t, c, l)
	kafkatest.StartControls(t, v) // the end of the topic is a bomb
	kafkatest.Publish(t, p, kafkatest.Control(task, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := 0
	v.Each(func(schemas.TaskID, schemas.Controls) bool { n++; return true })
	if c, _ := v.Get(task); !c.Paused || n != 1 {
		t.Errorf("the view says %+v of %d tasks; want 1", c, n)
	}

	home := l.Home(schemas.TopicStatuses, []byte(task.String()))
	kafkatest.WriteOversizedBatch(t, c, schemas.TopicStatuses, home)
	bad := schemas.EncodeStatus(home, &schemas.Status{Task: task.Bytes(), Version: 9})
	bad.Value = []byte{0xff}
	kafkatest.Publish(t, p, bad)
	kafkatest.WriteOversizedBatch(t, c, schemas.TopicStatuses, home)
	kafkatest.Publish(t, p, schemas.EncodeStatus(home, &schemas.Status{Task: task.Bytes(), Version: 2}))
	s, err := table.NewStatuses(c, l)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	kafkatest.Take(t, s.CaughtUp(), "catching up")
	if st, ok := s.Get(task); !ok || st.GetVersion() != 2 {
		t.Errorf("the view of statuses says %v, want Version 2", st)
	}
}
