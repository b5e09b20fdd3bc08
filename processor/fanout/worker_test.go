package fanout

import (
	"testing"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/task"
	"altavoz/processor/fanout/tracking"
	"altavoz/processor/partition"
	"altavoz/stream"
)

// A partition whose last commit got no answer waits to be taken away. One that had something to commit looked for it again and
// again, without a pause: a core was busy until then (simulation, seed 23).
func TestPartitionWhoseLastCommitIsUnknownSleeps(t *testing.T) {
	t.Parallel()
	w := &worker{members: tracking.New(stream.Position{}, &ledger.Ledger{}, tracking.Doubt{}), numbers: schedule.NewNumbers[*task.Task](nil), Engine: partition.NewEngine(stream.TopicPartition{}, partition.Config{}), synced: true, commits: commits{dirty: true, commitBy: time.Now().Add(-time.Second)}}
	if w.nextWake().IsZero() {
		t.Fatal("a ledger that is due wakes nobody")
	}
	w.dead = true
	if at := w.nextWake(); !at.IsZero() {
		t.Errorf("a dead partition wakes at %v", at)
	}
}
