package sender

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// TestNumberWithoutALimitStartsAfterItWasIdle: whatever few calls a second it was known to take, what comes after nothing happened for a while starts at
// once, and everything as fast as its calls allow, without waiting for anything else to be committed.
func TestNumberWithoutALimitStartsAfterItWasIdle(t *testing.T) {
	t.Parallel()
	for _, calls := range []int{11, 18} { // a second: ten times as many
		inBubble(t, func(w *world) {
			w.latency = func(*apiCall) time.Duration { return 100 * time.Millisecond }
			w.produceAll(bulkPartition, schemas.NewTaskID(), uint32(calls*25))
			w.start([]stream.TopicPartition{bulkPartition}, rate(0), inFlight(calls), partitions(1, 1))
			begin := time.Now()
			w.until("the first broadcast", func() bool { return w.count(schemas.OutcomeSent) == calls*25 })
			if took := time.Since(begin); took > 3*time.Second { // at ten times as many calls a second, two and a half
				t.Errorf("%d calls took %v", calls*25, took)
			}
			w.rest(time.Minute)
			begin = time.Now()
			w.produceAll(bulkPartition, schemas.NewTaskID(), uint32(calls))
			w.until("the second one", func() bool { return w.count(schemas.OutcomeSent) == calls*26 })
			if took := time.Since(begin); took > time.Second {
				t.Errorf("%d calls took %v", calls, took)
			}
		})
	}
}
