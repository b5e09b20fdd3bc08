package group_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

// A partition of which no broker says where its log begins, because it has no leader for now, is held; the others of the assignment are
// taken over at once, the member stays who it is, and the one follows when it has a leader.
func TestPartitionWithoutALeaderHoldsNoOther(t *testing.T) {
	t.Parallel()
	for _, why := range []*kerr.Error{kerr.LeaderNotAvailable, kerr.NotLeaderForPartition} {
		t.Run(why.Message, func(t *testing.T) {
			t.Parallel()
			alone(t, func(*kafka.Config) {}, func(h *kafkatest.Process, _ func() string) {
				p := kafkatest.Publisher(h.T, h.Config, h.Layout)
				kafkatest.PublishSends(h.T, p, 100)
				_ = p.Close(h.T.Context())
				h.Leave()
				leaderless := h.Cluster.Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: h.Config.Prefix + string(schemas.TopicSendsExpress), Partitions: []int32{2}, Err: why, Count: -1,
				})
				defer leaderless.Remove()
				h.Probe = kafkatest.NewProbe()
				began := time.Now()
				h.Group, h.Leave = kafkatest.Join(h.T, h.Config, h.Probe)
				kafkatest.Until(h.T, "three are taken over", func() bool { return len(h.Probe.Owned()) == 3 })
				if took := time.Since(began); took > 15*time.Second {
					h.T.Errorf("that took %v", took)
				}
				member := h.Group.Generation().Member
				time.Sleep(time.Minute)
				if again := h.Group.Generation().Member; again != member || len(h.Probe.Owned()) != 3 {
					h.T.Errorf("it joined again, and owns %v", h.Probe.Owned())
				}
				leaderless.Remove()
				time.Sleep(2 * time.Minute) // the longest wait for the next try, and the tries
				if n := len(h.Probe.Owned()); n != 4 {
					h.T.Errorf("%d partitions are taken over", n)
				}
				if n := len(h.Probe.Records); n != 100 {
					h.T.Errorf("%d records were handed over, not 100", n)
				}
			})
		})
	}
}

// What the group remembers of itself is no part of a commit: where it can't be written, one commit waits for it, and it is written once that is
// possible.
func TestRegistryWithoutALeaderDelaysOneCommit(t *testing.T) {
	t.Parallel()
	alone(t, func(*kafka.Config) {}, func(h *kafkatest.Process, _ func() string) {
		leaderless := h.Cluster.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Topic: h.Config.Prefix + string(schemas.TopicRegistry), Err: kerr.NotLeaderForPartition, Count: -1,
		})
		defer leaderless.Remove()
		slow := 0
		for range 100 {
			for _, tp := range h.Probe.Owned() {
				began := time.Now()
				commits(h.T, h.Group, "l", tp)
				if took := time.Since(began); took > 100*time.Millisecond {
					slow++
				}
			}
			time.Sleep(time.Second)
		}
		if slow > 1 {
			h.T.Errorf("%d commits waited for the registry", slow)
		}
		leaderless.Remove()
		time.Sleep(40 * time.Second) // the rest after a failure, and the next look at it
		r := kafkatest.Reader(h.T, h.Config)
		defer r.Close()
		tp := stream.TopicPartition{Topic: schemas.TopicRegistry}
		ends, err := r.Ends(h.T.Context(), tp.Topic)
		if err != nil {
			h.T.Fatal(err)
		}
		begun := map[string]bool{}
		if err := r.Range(h.T.Context(), tp, 0, ends[0], func(rec stream.Record) error {
			begun[string(rec.Key)] = true
			return nil
		}); err != nil {
			h.T.Fatal(err)
		}
		for _, s := range h.Probe.Owned() {
			if !begun["begun/sender/"+s.String()] {
				h.T.Errorf("of %s it is not remembered that the group has committed there", s)
			}
		}
	})
}
