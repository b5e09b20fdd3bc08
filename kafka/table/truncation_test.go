package table_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/records"
	"altavoz/kafka/table"
	"altavoz/schemas"
)

// cuts is how many times the view of controls found that its log had lost its end.
func cuts(t *testing.T, reg *prometheus.Registry) float64 {
	t.Helper()
	return kafkatest.MetricValues(t, reg, "altavoz_view_log_cuts_total", "topic")[string(schemas.TopicControls)]
}

// steeredView is a view of controls that has read orders for as many tasks, and what it hears from then on.
func steeredView(t *testing.T, c kafka.Config, tasks []schemas.TaskID) (*table.Controls, chan schemas.TaskID, *records.Publisher) {
	t.Helper()
	l := kafkatest.Layout(t, c)
	p, v := kafkatest.Publisher(t, c, l), kafkatest.Controls(t, c, l)
	heard := make(chan schemas.TaskID, 1000)
	v.Listen(func(id schemas.TaskID, _ schemas.Controls) { heard <- id })
	kafkatest.StartControls(t, v)
	for i := range tasks {
		tasks[i] = schemas.NewTaskID()
		kafkatest.Publish(t, p, kafkatest.Control(tasks[i], schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	}
	for _, id := range tasks {
		if got := kafkatest.Take(t, heard, "order"); got != id {
			t.Fatalf("heard of %s, not %s", got, id)
		}
	}
	return v, heard, p
}

// readAnew fails unless all of the topic is read again, from its start, and that was said.
func readAnew(t *testing.T, v *table.Controls, heard chan schemas.TaskID, tasks []schemas.TaskID, reg *prometheus.Registry) {
	t.Helper()
	for i, id := range tasks {
		if got := kafkatest.Take(t, heard, "order that is read again"); got != id {
			t.Fatalf("order %d is of %s: the topic is not read from its start; want %v", i, got, id)
		}
		if c, ok := v.Get(id); !ok || !c.Paused || c.Cuts != 1 {
			t.Errorf("of %d is wanted %+v, %v", i, c, ok)
		}
	}
	if n := cuts(t, reg); n != 1 {
		t.Errorf("%v cuts are counted, want 1", n)
	}
}

// A view's log loses its end while it is read: the library sets the view back to where the log ends now, and says so in passing.
func TestViewOfALogThatLosesItsEndIsReadAnew(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	reg := prometheus.NewRegistry()
	c.Registerer = reg
	tasks := make([]schemas.TaskID, 20)
	v, heard, p := steeredView(t, c, tasks)
	kafkatest.LoseLogEnds(cluster, 10)
	readAnew(t, v, heard, tasks, reg)
	kafkatest.Publish(t, p, kafkatest.Control(tasks[0], schemas.ControlKind_CONTROL_KIND_CANCEL, 0))
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, _ := v.Get(tasks[0]); !c.Cancelled {
		t.Errorf("what was said since is not known: %+v", c)
	}
}

// Whoever takes a partition over waits until a view knows all that its topic holds. One that has read beyond the topic's end has read
// another log, and does not know what this one says.
func TestViewThatReadBeyondTheEndOfItsLogHasNotCaughtUp(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	reg := prometheus.NewRegistry()
	c.Registerer = reg
	tasks := make([]schemas.TaskID, 20)
	v, heard, _ := steeredView(t, c, tasks)
	endAt(cluster, 10)
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(heard) < 10 {
		t.Errorf("the view has caught up, and %d of the 10 orders that are there were read, want at least 10", len(heard))
	}
	readAnew(t, v, heard, tasks, reg)
}

// A log that loses its end again while a view reads it again ends below up to where that is to read: whoever waits does not wait for others
// to write up to there.
func TestViewOfALogThatLosesItsEndAgainWhileItIsReadAgainCatchesUp(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	reg := prometheus.NewRegistry()
	c.Registerer = reg
	tasks := make([]schemas.TaskID, 20)
	v, heard, _ := steeredView(t, c, tasks)
	endAt(cluster, 50) // when the view asks for it because of the first cut; 20 are left by the second
	kafkatest.LoseLogEnds(cluster, 10)
	for i, id := range tasks {
		if got := kafkatest.Take(t, heard, "order that is read again"); got != id {
			t.Fatalf("order %d is of %s: the topic is not read from its start; want %v", i, got, id)
		}
	}
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := cuts(t, reg); n != 2 {
		t.Errorf("%v cuts are counted, want 2", n)
	}
}

// Records that are written and read while a Sync waits for where the topic ends are no sign that its log lost its end.
func TestRecordsReadWhileTheEndIsAskedForAreNoCut(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	reg := prometheus.NewRegistry()
	c.Registerer = reg
	v, heard, p := steeredView(t, c, make([]schemas.TaskID, 5))
	for end := range int64(20) {
		answering(cluster, 5+end, func() {
			if _, err := p.Publish(t.Context(), kafkatest.Control(schemas.NewTaskID(), schemas.ControlKind_CONTROL_KIND_PAUSE, 0)); err != nil {
				t.Error(err)
			}
			<-heard
		})
		if err := v.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := cuts(t, reg); n != 0 {
		t.Errorf("%v cuts are counted, and there was none, want 0", n)
	}
}

// Who asked for a topic's end before its log lost it waits for where the log ends now, and takes nothing that is not there for read.
func TestEndOfBeforeACutIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	reg := prometheus.NewRegistry()
	c.Registerer = reg
	v, heard, p := steeredView(t, c, make([]schemas.TaskID, 5))
	endAt(cluster, 50)
	for range 2 {
		if err := v.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	id := schemas.NewTaskID()
	kafkatest.Publish(t, p, kafkatest.Control(id, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := kafkatest.Take(t, heard, "order"); got != id {
		t.Errorf("heard of %s, not %s", got, id)
	}
	if n := cuts(t, reg); n != 0 {
		t.Errorf("%v cuts are counted, and there was none, want 0", n)
	}
}

// A task that was paused, resumed and paused again is paused while the orders are read again, for all who ask and all who listen.
func TestOrderThatWasOverruledIsNotHeardAgainAfterACut(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p, v := kafkatest.Publisher(t, c, l), kafkatest.Controls(t, c, l)
	heard := make(chan schemas.Controls, 100)
	id := schemas.NewTaskID()
	v.Listen(func(id schemas.TaskID, c schemas.Controls) {
		if got, _ := v.Get(id); got != c {
			t.Errorf("heard is %+v, and %+v is known; want %v", c, got, c)
		}
		heard <- c
	})
	kafkatest.StartControls(t, v)
	for _, kind := range []schemas.ControlKind{
		schemas.ControlKind_CONTROL_KIND_PAUSE, schemas.ControlKind_CONTROL_KIND_RESUME, schemas.ControlKind_CONTROL_KIND_PAUSE,
	} {
		kafkatest.Publish(t, p, kafkatest.Control(id, kind, 0))
		kafkatest.Take(t, heard, "order")
	}
	kafkatest.Publish(t, p, kafkatest.Control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 7))
	kafkatest.Take(t, heard, "order")
	endAt(cluster, 3)
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []schemas.Controls{
		{Paused: true, Speed: 7, HasSpeed: true, Next: 3, Cuts: 1}, {Paused: true, Speed: 7, HasSpeed: true, Next: 4, Cuts: 1},
	} {
		if got := kafkatest.Take(t, heard, "order after the cut"); got != want {
			t.Errorf("heard is %+v, not %+v", got, want)
		}
	}
	if len(heard) > 0 {
		t.Errorf("heard is more: %+v", <-heard)
	}
}

// endAt has a cluster say once where all logs end.
func endAt(cluster *kfake.Cluster, end int64) { answering(cluster, end, func() {}) }

// answering is endAt with something that happens while the answer is on its way.
func answering(cluster *kfake.Cluster, end int64, meanwhile func()) {
	cluster.ControlKey(int16(kmsg.ListOffsets), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		req := kreq.(*kmsg.ListOffsetsRequest)
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, rt := range req.Topics {
			st := kmsg.NewListOffsetsResponseTopic()
			st.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				sp := kmsg.NewListOffsetsResponseTopicPartition()
				sp.Partition, sp.Offset = rp.Partition, end
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		cluster.SleepControl(meanwhile)
		return resp, nil, true
	})
}
