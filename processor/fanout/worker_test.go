package fanout

import (
	"testing"
	"time"

	"altavoz/processor/partition"
	"altavoz/stream"
)

// A slot whose last commit got no answer waits to be taken away. One that had something to commit looked for it again and
// again, without a pause: a core was busy until then (simulation, seed 23).
func TestDeadSlotSleeps(t *testing.T) {
	t.Parallel()
	s := &worker{Engine: partition.NewEngine(stream.TopicPartition{}, partition.Config{}), synced: true, dirty: true, commitBy: time.Now().Add(-time.Second)}
	if s.nextWake().IsZero() {
		t.Fatal("a ledger that is due wakes nobody")
	}
	s.dead = true
	if at := s.nextWake(); !at.IsZero() {
		t.Errorf("a dead slot wakes at %v", at)
	}
}
