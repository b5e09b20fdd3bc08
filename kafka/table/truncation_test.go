package table_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka/kafkatest"
	"altavoz/kafka/records"
	"altavoz/kafka/table"
	"altavoz/schemas"
)

// cutView is a view of controls whose log is to lose its end, and the tasks that it reported.
type cutView struct {
	*table.Controls
	cluster   *kfake.Cluster
	publisher *records.Publisher
	registry  *prometheus.Registry
	tasks     []schemas.TaskID // with a control each, which was read
	reported  chan schemas.TaskID
}

func newCutView(t *testing.T, tasks int) *cutView {
	t.Helper()
	cluster, c := kafkatest.Embedded(t)
	v := &cutView{cluster: cluster, registry: prometheus.NewRegistry(), reported: make(chan schemas.TaskID, 1000)}
	c.Registerer = v.registry
	l := kafkatest.Layout(t, c)
	v.publisher, v.Controls = kafkatest.Publisher(t, c, l), kafkatest.Controls(t, c, l)
	v.Listen(func(id schemas.TaskID, _ schemas.Controls) { v.reported <- id })
	kafkatest.StartControls(t, v.Controls)
	for range tasks {
		id := schemas.NewTaskID()
		v.tasks = append(v.tasks, id)
		kafkatest.Publish(t, v.publisher, kafkatest.Control(id, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	}
	for _, id := range v.tasks {
		if got := kafkatest.Take(t, v.reported, "control"); got != id {
			t.Fatalf("reported %s, want %s", got, id)
		}
	}
	return v
}

// readsAgain fails unless all of the topic is read again from its start after 1 to cuts cuts, and is known whenever it is reported.
func (v *cutView) readsAgain(t *testing.T, cuts int) {
	t.Helper()
	for i, id := range v.tasks {
		if got := kafkatest.Take(t, v.reported, "control that is read again"); got != id {
			t.Fatalf("control %d is of %s: the topic is not read from its start; want %v", i, got, id)
		}
		if c, ok := v.Get(id); !ok || !c.Paused || c.Cuts < 1 || c.Cuts > cuts {
			t.Errorf("of %d is wanted %+v, %v; want a pause after 1 to %d cuts", i, c, ok, cuts)
		}
	}
}

// counts fails unless so many cuts are counted.
func (v *cutView) counts(t *testing.T, want float64) {
	t.Helper()
	if n := kafkatest.MetricValues(t, v.registry, "altavoz_view_log_cuts_total", "topic")[string(schemas.TopicControls)]; n != want {
		t.Errorf("%v cuts are counted, want %v", n, want)
	}
}

func (v *cutView) sync(t *testing.T) {
	t.Helper()
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A view's log loses its end while it is read: the library sets the view back to where the log ends now, and says so in passing.
func TestViewOfALogThatLosesItsEndIsReadAnew(t *testing.T) {
	t.Parallel()
	v := newCutView(t, 20)
	kafkatest.LoseLogEnds(v.cluster, 10)
	v.readsAgain(t, 1)
	v.counts(t, 1)
	kafkatest.Publish(t, v.publisher, kafkatest.Control(v.tasks[0], schemas.ControlKind_CONTROL_KIND_CANCEL, 0))
	v.sync(t)
	if c, _ := v.Get(v.tasks[0]); !c.Cancelled {
		t.Errorf("what was said since is not known: %+v", c)
	}
}

// Whoever takes a partition over waits until a view knows all that its topic holds. One that has read beyond the topic's end has read
// another log, and does not know what this one says.
func TestViewThatReadBeyondTheEndOfItsLogHasNotCaughtUp(t *testing.T) {
	t.Parallel()
	v := newCutView(t, 20)
	endAt(v.cluster, 10)
	v.sync(t)
	if len(v.reported) < 10 {
		t.Errorf("the view has caught up, and %d of the 10 controls that are there were read, want at least 10", len(v.reported))
	}
	v.readsAgain(t, 1)
	v.counts(t, 1)
}

// A log that loses its end again while a view reads it again ends below up to where that is to read: whoever waits does not wait for others
// to write up to there.
func TestViewOfALogThatLosesItsEndAgainWhileItIsReadAgainCatchesUp(t *testing.T) {
	t.Parallel()
	v := newCutView(t, 20)
	endAt(v.cluster, 50) // when the view asks for it because of the first cut; 20 are left by the second
	kafkatest.LoseLogEnds(v.cluster, 10)
	v.readsAgain(t, 2)
	v.sync(t)
	v.counts(t, 2)
}

// Records that are written and read while a Sync waits for where the topic ends are no sign that its log lost its end.
func TestRecordsReadWhileTheEndIsAskedForAreNoCut(t *testing.T) {
	t.Parallel()
	v := newCutView(t, 5)
	for end := range int64(20) {
		answering(v.cluster, 5+end, func() {
			if _, err := v.publisher.Publish(t.Context(), kafkatest.Control(schemas.NewTaskID(), schemas.ControlKind_CONTROL_KIND_PAUSE, 0)); err != nil {
				t.Error(err)
			}
			<-v.reported
		})
		v.sync(t)
	}
	v.counts(t, 0)
}

// Who asked for a topic's end before its log lost it waits for where the log ends now, and takes nothing that is not there for read.
func TestEndOfBeforeACutIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	v := newCutView(t, 5)
	endAt(v.cluster, 50)
	for range 2 {
		v.sync(t)
	}
	id := schemas.NewTaskID()
	kafkatest.Publish(t, v.publisher, kafkatest.Control(id, schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	v.sync(t)
	if got := kafkatest.Take(t, v.reported, "control"); got != id {
		t.Errorf("reported %s, want %s", got, id)
	}
	v.counts(t, 0)
}

// A task that was paused, resumed and paused again is paused while the controls are read again, for all who ask and all who listen.
func TestControlThatWasOverruledIsNotReportedAgainAfterACut(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p, v := kafkatest.Publisher(t, c, l), kafkatest.Controls(t, c, l)
	reported := make(chan schemas.Controls, 100)
	id := schemas.NewTaskID()
	v.Listen(func(id schemas.TaskID, c schemas.Controls) {
		if got, _ := v.Get(id); got != c {
			t.Errorf("reported %+v, and %+v is known; want %v", c, got, c)
		}
		reported <- c
	})
	kafkatest.StartControls(t, v)
	for _, kind := range []schemas.ControlKind{
		schemas.ControlKind_CONTROL_KIND_PAUSE, schemas.ControlKind_CONTROL_KIND_RESUME, schemas.ControlKind_CONTROL_KIND_PAUSE,
	} {
		kafkatest.Publish(t, p, kafkatest.Control(id, kind, 0))
		kafkatest.Take(t, reported, "control")
	}
	kafkatest.Publish(t, p, kafkatest.Control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 7))
	kafkatest.Take(t, reported, "control")
	endAt(cluster, 3)
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []schemas.Controls{
		{Paused: true, Speed: 7, HasSpeed: true, Next: 3, Cuts: 1}, {Paused: true, Speed: 7, HasSpeed: true, Next: 4, Cuts: 1},
	} {
		if got := kafkatest.Take(t, reported, "control after the cut"); got != want {
			t.Errorf("reported %+v, want %+v", got, want)
		}
	}
	if len(reported) > 0 {
		t.Errorf("reported one more: %+v", <-reported)
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
