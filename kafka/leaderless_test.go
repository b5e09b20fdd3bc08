package kafka_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
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
			alone(t, func(*kafka.Config) {}, func(h *house, _ func() string) {
				p := publisher(h.t, h.c, h.l)
				fillSends(h.t, p, 100)
				_ = p.Close(h.t.Context())
				h.leave()
				leaderless := h.cluster.Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: h.c.Prefix + string(schemas.TopicSendsExpress), Partitions: []int32{2}, Err: why, Count: -1,
				})
				defer leaderless.Remove()
				h.probe = newProbe()
				began := time.Now()
				h.g, h.leave = join(h.t, h.c, h.l, h.probe)
				until(h.t, "three are taken over", func() bool { return len(h.probe.owned()) == 3 })
				if took := time.Since(began); took > 15*time.Second {
					h.t.Errorf("that took %v", took)
				}
				member := h.g.Generation().Member
				time.Sleep(time.Minute)
				if again := h.g.Generation().Member; again != member || len(h.probe.owned()) != 3 {
					h.t.Errorf("it joined again, and owns %v", h.probe.owned())
				}
				leaderless.Remove()
				time.Sleep(2 * time.Minute) // the longest wait for the next try, and the tries
				if n := len(h.probe.owned()); n != 4 {
					h.t.Errorf("%d partitions are taken over", n)
				}
				if n := len(h.probe.recs); n != 100 {
					h.t.Errorf("%d records were handed over, not 100", n)
				}
			})
		})
	}
}

// What the group remembers of itself is no part of a commit: where it can't be written, one commit waits for it, and it is written once that is
// possible.
func TestRegistryWithoutALeaderDelaysOneCommit(t *testing.T) {
	t.Parallel()
	alone(t, func(*kafka.Config) {}, func(h *house, _ func() string) {
		leaderless := h.cluster.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Topic: h.c.Prefix + string(schemas.TopicRegistry), Err: kerr.NotLeaderForPartition, Count: -1,
		})
		defer leaderless.Remove()
		slow := 0
		for range 100 {
			for _, slot := range h.probe.owned() {
				began := time.Now()
				commits(h.t, h.g, "l", slot)
				if took := time.Since(began); took > 100*time.Millisecond {
					slow++
				}
			}
			time.Sleep(time.Second)
		}
		if slow > 1 {
			h.t.Errorf("%d commits waited for the registry", slow)
		}
		leaderless.Remove()
		time.Sleep(40 * time.Second) // the rest after a failure, and the next look at it
		r := reader(h.t, h.c)
		defer r.Close()
		slot := stream.TopicPartition{Topic: schemas.TopicRegistry}
		ends, err := r.Ends(h.t.Context(), slot.Topic)
		if err != nil {
			h.t.Fatal(err)
		}
		begun := map[string]bool{}
		if err := r.Range(h.t.Context(), slot, 0, ends[0], func(rec stream.Record) error {
			begun[string(rec.Key)] = true
			return nil
		}); err != nil {
			h.t.Fatal(err)
		}
		for _, s := range h.probe.owned() {
			if !begun["begun/sender/"+s.String()] {
				h.t.Errorf("of %s it is not remembered that the group has committed there", s)
			}
		}
	})
}
