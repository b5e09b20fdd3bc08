package group_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/kafka/kafkatest"
	"altavoz/stream"
)

// A log loses its end while it is read: the library learns it at the next election, and sets itself back. What it would hand over then has
// offsets that the stage knows as those of other records. So the stage loses everything first, and takes it over anew.
func TestLogThatLosesItsEndWhileItIsReadIsTakenOverAnew(t *testing.T) {
	const sent, left = 20, 10
	cluster, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	pub := kafkatest.Publisher(t, c, l)
	p := kafkatest.NewProbe()
	kafkatest.JoinAs(t, c, p)
	kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
	for range sent {
		if _, err := pub.Publish(t.Context(), kafkatest.ExpressSend("1")); err != nil {
			t.Fatal(err)
		}
	}
	for r := kafkatest.Take(t, p.Records, "record"); r.Offset < sent-1; r = kafkatest.Take(t, p.Records, "record") {
	}
	p.Received()
	kafkatest.LoseLogEnds(cluster, left)
	again := kafkatest.Take(t, p.Records, "record that is handed over again")
	events := p.Received()
	lost := slices.IndexFunc(events, func(e string) bool { return strings.HasPrefix(e, "lost ") })
	anew := slices.IndexFunc(events, func(e string) bool { return strings.HasPrefix(e, "assign ") })
	if lost < 0 || anew < lost {
		t.Errorf("offset %d was handed over again, and the stage was told %q: it takes it for the record that it knows", again.Offset, events)
	}
}

// stalled can't take over one partition: its second try lasts until it is cut short.
type stalled struct {
	*kafkatest.Probe
	tries   int
	trying  chan struct{}
	cutoff  chan struct{}
	patient time.Duration
}

func (p *stalled) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	if pos.Partition.Partition != 2 {
		return p.Probe.OnAssigned(ctx, pos)
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
	_, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	p := &stalled{Probe: kafkatest.NewProbe(), trying: make(chan struct{}), cutoff: make(chan struct{}), patient: time.Minute}
	kafkatest.JoinAs(t, c, p)
	kafkatest.Until(t, "three are taken over", func() bool { return len(p.Owned()) == 3 })
	<-p.trying
	q := kafkatest.NewProbe()
	kafkatest.Join(t, c, q)
	kafkatest.Until(t, "the other member has its part", func() bool { return len(q.Owned()) > 0 })
	select {
	case <-p.cutoff:
	default:
		t.Error("the other member got its partitions, and the try was not cut short")
	}
}
