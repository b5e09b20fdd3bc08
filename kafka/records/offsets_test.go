package records_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
)

// Who only watches learns the same as who asks for each topic.
func TestWatchedEndsAreTheEnds(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		p, r := kafkatest.Publisher(t, c, l), kafkatest.Reader(t, c)
		kafkatest.PublishSends(t, p, 20)
		all, err := r.WatchEnds(t.Context(), schemas.TopicSendsExpress, schemas.TopicSendsBulk, schemas.TopicMarks)
		if err != nil || len(all) != 3 {
			t.Fatalf("%d topics, %v; want three", len(all), err)
		}
		for topic, got := range all {
			want, err := r.Ends(t.Context(), topic)
			if err != nil || !maps.Equal(got, want) || len(got) != int(l[topic]) {
				t.Errorf("%s: %v, want %v (%v)", topic, got, want, err)
			}
		}
		if _, err := r.WatchEnds(t.Context(), "none"); err == nil {
			t.Error("the ends of a topic that does not exist are known")
		}
	})
}

// Whoever watches asks each leader once for all topics, and nobody who the leaders are until one says that it is not.
func TestWatchingAsksLeadersOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster, c := kafkatest.Brokers(t, 3)
		l := kafkatest.Layout(t, c)
		r, err := records.NewReader(c)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		topics := []stream.Topic{schemas.TopicStatuses, schemas.TopicMarks}
		kafkatest.Spread(t, cluster, c, l, topics[0])
		watch := func() {
			t.Helper()
			for range 5 {
				time.Sleep(2 * time.Second)
				all, err := r.WatchEnds(t.Context(), topics...)
				if err != nil || len(all[topics[0]]) != int(l[topics[0]]) || len(all[topics[1]]) != int(l[topics[1]]) {
					t.Fatalf("%v, %v; want the ends of two topics", all, err)
				}
			}
		}
		watch()
		count := func(key kmsg.Key) *kfake.FaultHandle {
			return cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Count: -1, Observe: true})
		}
		metadata, lists := count(kmsg.Metadata), count(kmsg.ListOffsets)
		watch()
		if m, n := metadata.Hits(), lists.Hits(); m != 0 || n != 5*3 {
			t.Errorf("%d requests for metadata and %d for ends; want 0, 15", m, n)
		}
		name := c.TopicName(topics[0])
		for p := range l[topics[0]] {
			if err := cluster.MoveTopicPartition(name, p, (cluster.LeaderFor(name, p)+1)%3); err != nil {
				t.Fatal(err)
			}
		}
		watch()
		if m := metadata.Hits(); m != 1 {
			t.Errorf("%d requests for metadata after the leaders moved, want 1", m)
		}
	})
}

// A topic without one of its partitions is left out, with an error; the others are known.
func TestWatchedTopicsAreWhole(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	r := kafkatest.Reader(t, c)
	topics := []stream.Topic{schemas.TopicStatuses, schemas.TopicMarks}
	leaderless := cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: c.TopicName(topics[0]), Partitions: []int32{2}, Err: kerr.NotLeaderForPartition, Count: -1,
	})
	all, err := r.WatchEnds(t.Context(), topics...)
	if _, ok := all[topics[0]]; ok || err == nil || len(all) != 1 {
		t.Errorf("%v, %v; want one topic, and an error", all, err)
	}
	leaderless.Remove()
	if all, err := r.WatchEnds(t.Context(), topics...); err != nil || len(all) != 2 {
		t.Errorf("%v, %v; want two topics", all, err)
	}
	cluster.Close()
	if all, err := r.WatchEnds(t.Context(), topics...); err == nil || len(all) > 0 {
		t.Errorf("%v, %v; want an error", all, err)
	}
}
