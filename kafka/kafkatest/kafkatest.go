package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/table"
	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/stream"
)

// OnBrokers runs a test on the embedded broker and, where one is given (ALTAVOZ_TEST_KAFKA=host:port), on a real one.
func OnBrokers(t *testing.T, run func(t *testing.T, c kafka.Config)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		_, c := Embedded(t)
		run(t, c)
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		addr := os.Getenv("ALTAVOZ_TEST_KAFKA")
		if addr == "" {
			t.Skip("ALTAVOZ_TEST_KAFKA is not set; make e2e sets it")
		}
		run(t, kafka.Config{Brokers: []string{addr}, Prefix: fmt.Sprintf("%s-%d.", t.Name()[:8], time.Now().UnixNano())})
	})
}

// Embedded starts a broker in this process.
func Embedded(t *testing.T) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, kafka.Config{Brokers: c.ListenAddrs(), Prefix: "t."}
}

// Layout creates the topics and returns their partitions.
func Layout(t *testing.T, c kafka.Config) kafka.Layout {
	t.Helper()
	l, err := topics.Ensure(t.Context(), c, true)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Publisher returns a publisher without linger.
func Publisher(t *testing.T, c kafka.Config, l kafka.Layout) *records.Publisher {
	t.Helper()
	p, err := records.NewPublisher(c, l, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

// Patience is how long a test waits for what must happen.
const Patience = 30 * time.Second

// Take receives from a channel, within Patience.
func Take[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(Patience):
		t.Fatalf("no %s in %v", what, Patience)
		panic("unreachable")
	}
}

// Until waits until a condition holds, within Patience.
func Until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s in %v", what, Patience)
		}
	}
}

// MetricValues returns the values of a metric by the value of a label.
func MetricValues(t *testing.T, reg *prometheus.Registry, name, label string) map[string]float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]float64)
	for _, f := range all {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == label {
					out[l.GetValue()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return out
}

// Reader returns a reader.
func Reader(t *testing.T, c kafka.Config) *records.Reader {
	t.Helper()
	r, err := records.NewReader(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// Controls returns a view of controls that is not started.
func Controls(t *testing.T, c kafka.Config, l kafka.Layout) *table.Controls {
	t.Helper()
	v, err := table.NewControls(c, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Stop)
	return v
}

// StartControls starts a view of controls and waits until it has caught up.
func StartControls(t *testing.T, v *table.Controls) {
	t.Helper()
	if err := v.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	Take(t, v.CaughtUp(), "catching up")
}

// Control returns a record of the topic controls.
func Control(task schemas.TaskID, kind schemas.ControlKind, speed uint32) stream.Record {
	return schemas.EncodeControl(&schemas.Control{Task: task.Bytes(), AtMs: 1, Kind: kind, Speed: speed})
}

// Publish publishes records and returns the offset of the last one.
func Publish(t *testing.T, p *records.Publisher, recs ...stream.Record) (last int64) {
	t.Helper()
	acked, err := p.Publish(t.Context(), recs...)
	if err != nil {
		t.Fatal(err)
	}
	return acked[len(acked)-1].Offset
}

// ExpressSend returns a record of the topic sends.express.
func ExpressSend(key string) stream.Record {
	return schemas.EncodeSend(schemas.LaneExpress, &schemas.Send{Task: schemas.NewTaskID().Bytes(), Phone: key})
}

// PublishSends publishes n sends and returns how many each partition got.
func PublishSends(t *testing.T, p *records.Publisher, n int) map[stream.TopicPartition]int64 {
	t.Helper()
	recs := make([]stream.Record, n)
	for i := range recs {
		recs[i] = ExpressSend(fmt.Sprint(i))
	}
	acked, err := p.Publish(t.Context(), recs...)
	if err != nil {
		t.Fatal(err)
	}
	ends := make(map[stream.TopicPartition]int64)
	for _, r := range acked {
		s := stream.TopicPartition{Topic: r.Topic, Partition: r.Partition}
		ends[s] = max(ends[s], r.Offset+1)
	}
	return ends
}

// LoseLogEnds has a cluster say, at an election, that all logs end after so many records.
func LoseLogEnds(cluster *kfake.Cluster, left int64) {
	cluster.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := kreq.(*kmsg.OffsetForLeaderEpochRequest)
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		for _, rt := range req.Topics {
			st := kmsg.NewOffsetForLeaderEpochResponseTopic()
			st.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				sp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				sp.Partition, sp.LeaderEpoch, sp.EndOffset = rp.Partition, rp.LeaderEpoch, left
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
	cluster.ShufflePartitionLeaders()
}

// ByNewerVersion is a record as the version after this one would write it.
func ByNewerVersion(rec stream.Record) stream.Record {
	rec.Headers = []stream.Header{{Key: schemas.VersionHeader, Value: []byte("3")}}
	return rec
}

// Journal is a log that a test reads.
type Journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *Journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// Count returns how often a text was logged.
func (j *Journal) Count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), text)
}

// NewerVersionLogged is how the log begins that a record of a newer version blocks a partition.
const NewerVersionLogged = `level=ERROR msg="a newer version of this program wrote the next record`

// TrimTo deletes what lies below an offset.
func TrimTo(t *testing.T, c kafka.Config, tp stream.TopicPartition, at int64) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	to := make(kadm.Offsets)
	to.AddOffset(c.Prefix+string(tp.Topic), tp.Partition, at, -1)
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), to); err != nil {
		t.Fatal(err)
	}
}
