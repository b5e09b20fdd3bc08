package kafka_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/schemas"
)

const cutsMetric = "altavoz_view_log_cuts_total"

// steeredView is a view of controls that has read orders for as many tasks, and what it hears from then on.
func steeredView(t *testing.T, c kafka.Config, tasks []schemas.TaskID) (*kafka.Controls, chan schemas.TaskID, *kafka.Publisher) {
	t.Helper()
	l := layout(t, c)
	p, v := publisher(t, c, l), controls(t, c, l)
	heard := make(chan schemas.TaskID, 1000)
	v.Listen(func(id schemas.TaskID, _ schemas.Controls) { heard <- id })
	begin(t, v)
	for i := range tasks {
		tasks[i] = schemas.NewTaskID()
		say(t, p, control(tasks[i], schemas.ControlKind_CONTROL_KIND_PAUSE, 0))
	}
	for _, id := range tasks {
		if got := take(t, heard, "order"); got != id {
			t.Fatalf("heard of %s, not %s", got, id)
		}
	}
	return v, heard, p
}

// readAnew fails unless all of the topic is read again, from its start, and that was said.
func readAnew(t *testing.T, v *kafka.Controls, heard chan schemas.TaskID, tasks []schemas.TaskID, reg *prometheus.Registry) {
	t.Helper()
	for i, id := range tasks {
		if got := take(t, heard, "order that is read again"); got != id {
			t.Fatalf("order %d is of %s: the topic is not read from its start", i, got)
		}
		if c, ok := v.Get(id); !ok || !c.Paused || c.Cuts != 1 {
			t.Errorf("of %d is wanted %+v, %v", i, c, ok)
		}
	}
	if n := series(t, reg, cutsMetric, "topic")[string(schemas.TopicControls)]; n != 1 {
		t.Errorf("%v cuts are counted", n)
	}
}

// A view's log loses its end while it is read: the library sets the view back to where the log ends now, and says so in passing.
func TestViewOfALogThatLosesItsEndIsReadAnew(t *testing.T) {
	t.Parallel()
	cluster, c := embedded(t)
	reg := prometheus.NewRegistry()
	c.Registerer = reg
	tasks := make([]schemas.TaskID, 20)
	v, heard, p := steeredView(t, c, tasks)
	loseEnd(cluster, 10)
	readAnew(t, v, heard, tasks, reg)
	say(t, p, control(tasks[0], schemas.ControlKind_CONTROL_KIND_CANCEL, 0))
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
	cluster, c := embedded(t)
	reg := prometheus.NewRegistry()
	c.Registerer = reg
	tasks := make([]schemas.TaskID, 20)
	v, heard, _ := steeredView(t, c, tasks)
	endAt(cluster, 10)
	if err := v.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(heard) < 10 {
		t.Errorf("the view has caught up, and %d of the 10 orders that are there were read", len(heard))
	}
	readAnew(t, v, heard, tasks, reg)
}

// endAt has a cluster say once where all logs end.
func endAt(cluster *kfake.Cluster, end int64) {
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
		return resp, nil, true
	})
}
