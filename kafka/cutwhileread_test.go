package kafka_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/stream"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A log loses its end while it is read: the library learns it at the next election, and sets itself back. What it would hand over then has
// offsets that the stage knows as those of other records. So the stage loses everything first, and takes it over anew.
func TestLogThatLosesItsEndWhileItIsReadIsTakenOverAnew(t *testing.T) {
	const sent, left = 20, 10
	cluster, c := embedded(t)
	l := layout(t, c)
	pub := publisher(t, c, l)
	p := newProbe()
	member(t, c, l, p)
	until(t, "assigned", func() bool { return len(p.owned()) == 4 })
	for range sent {
		if _, err := pub.Publish(t.Context(), express("1")); err != nil {
			t.Fatal(err)
		}
	}
	for r := take(t, p.recs, "record"); r.Offset < sent-1; r = take(t, p.recs, "record") {
	}
	p.told()
	loseEnd(cluster, left)
	again := take(t, p.recs, "record that is handed over again")
	events := p.told()
	lost := slices.IndexFunc(events, func(e string) bool { return strings.HasPrefix(e, "lost ") })
	anew := slices.IndexFunc(events, func(e string) bool { return strings.HasPrefix(e, "assign ") })
	if lost < 0 || anew < lost {
		t.Errorf("offset %d was handed over again, and the stage was told %q: it takes it for the record that it knows", again.Offset, events)
	}
}

// loseEnd has a cluster say, at an election, that all logs end after so many records.
func loseEnd(cluster *kfake.Cluster, left int64) {
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

// stalled can't take over one partition: its second try lasts until it is cut short.
type stalled struct {
	*probe
	tries   int
	trying  chan struct{}
	cutoff  chan struct{}
	patient time.Duration
}

func (p *stalled) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	if pos.Partition.Partition != 2 {
		return p.probe.OnAssigned(ctx, pos)
	}
	if p.tries++; p.tries == 2 {
		close(p.trying)
		select {
		case <-ctx.Done():
			close(p.cutoff)
		case <-time.After(p.patient):
		}
	}
	return 0, errors.New("the leader is away")
}

// A try to take over a partition that is held may last longer than a rebalance waits: it gives way, or the member would be expelled.
func TestTryForAPartitionThatIsHeldGivesWayToARebalance(t *testing.T) {
	_, c := embedded(t)
	l := layout(t, c)
	p := &stalled{probe: newProbe(), trying: make(chan struct{}), cutoff: make(chan struct{}), patient: time.Minute}
	member(t, c, l, p)
	until(t, "three are taken over", func() bool { return len(p.owned()) == 3 })
	<-p.trying
	q := newProbe()
	join(t, c, l, q)
	until(t, "the other member has its part", func() bool { return len(q.owned()) > 0 })
	select {
	case <-p.cutoff:
	default:
		t.Error("the other member got its partitions, and the try was not cut short")
	}
}
