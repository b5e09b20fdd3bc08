package group_test

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

// What a newer version wrote is not handed over, and neither is what lies behind it, whatever the stage resumes; the member's other
// partitions go on. It is tried again, and read on where the record is gone.
func TestNewerRecordHoldsItsPartition(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	reg, j := prometheus.NewRegistry(), &kafkatest.Journal{}
	l := kafkatest.Layout(t, c)
	pub := kafkatest.Publisher(t, c, l)
	c.Registerer, c.Logger = reg, slog.New(slog.NewTextHandler(j, nil))
	p := kafkatest.NewProbe()
	g, leave := kafkatest.Join(t, c, p)
	kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
	held := func() float64 { return kafkatest.MetricValues(t, reg, "altavoz_partitions_held", "stage")["sender"] }
	tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: l.Home(schemas.TopicSendsExpress, []byte("1"))}
	kafkatest.Publish(t, pub, kafkatest.ExpressSend("1"), kafkatest.ExpressSend("1"), kafkatest.ByNewerVersion(kafkatest.ExpressSend("1")), kafkatest.ExpressSend("1"))
	kafkatest.Until(t, "held", func() bool { return held() == 1 })
	g.Pause(tp)
	g.Resume(tp) // as a stage does that has room again
	others := 0
	for n := range kafkatest.PublishSends(t, pub, 100) {
		if n != tp {
			others++
		}
	}
	if others != 3 {
		t.Fatalf("%d other partitions, want 3", others)
	}
	kafkatest.Until(t, "tried again", func() bool { return j.Count(kafkatest.NewerVersionLogged) >= 3 })
	seen, below := make(map[int32]bool), int64(0)
	for len(p.Records) > 0 {
		r := <-p.Records
		seen[r.Partition] = true
		if r.Partition == tp.Partition {
			if r.Offset != below {
				t.Errorf("offset %d was handed over after %d; want %v", r.Offset, below-1, below)
			}
			below++
		}
	}
	if len(seen) != 4 || below != 2 || held() != 1 {
		t.Errorf("records of %d partitions, %d below the newer one, %v held; want 4, 2, 1", len(seen), below, held())
	}
	kafkatest.TrimTo(t, c, tp, 3)
	for r := kafkatest.Take(t, p.Records, "record"); r.Partition != tp.Partition; r = kafkatest.Take(t, p.Records, "record") {
		continue
	}
	kafkatest.Until(t, "held no more", func() bool { return held() == 0 })
	kafkatest.Publish(t, pub, kafkatest.ByNewerVersion(kafkatest.ExpressSend("1")))
	kafkatest.Until(t, "held", func() bool { return held() == 1 })
	leave()
	if held() != 0 {
		t.Errorf("%v are held by a member that has left, want 0", held())
	}
}

// A stage that has enough when its partition is held is heard: it is not read on over its head.
func TestPausedPartitionStaysPausedAfterItWasHeld(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	reg := prometheus.NewRegistry()
	l := kafkatest.Layout(t, c)
	c.Registerer = reg
	p := &picky{kafkatest.NewProbe(), make(chan struct{})}
	g, _ := kafkatest.JoinAs(t, c, p)
	kafkatest.Until(t, "three are taken over", func() bool { return len(p.Owned()) == 3 })
	g.Pause(stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 2})
	close(p.mended)
	kafkatest.Until(t, "it is taken over", func() bool { return kafkatest.MetricValues(t, reg, "altavoz_partitions_held", "stage")["sender"] == 0 })
	kafkatest.PublishSends(t, kafkatest.Publisher(t, c, l), 100)
	for range 60 {
		if r := kafkatest.Take(t, p.Records, "record"); r.Partition == 2 {
			t.Fatalf("offset %d of a paused partition was handed over", r.Offset)
		}
	}
	g.Resume(stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 2})
	for kafkatest.Take(t, p.Records, "record").Partition != 2 {
		continue
	}
}
