package sender

import (
	"testing"
	"time"

	"altavoz/schemas"
)

// callExpress produces direct sends of a task and returns after how long each of them was called.
func (w *world) callExpress(first, n uint32) (after []time.Duration) {
	task, begin := schemas.NewTaskID(), time.Now()
	for i := range n {
		w.produce(expressPartition, task, first+i)
	}
	for i := range n {
		w.until("express", func() bool { return w.attempts[who{task, first + i}] == 1 })
		after = append(after, time.Since(begin))
	}
	return after
}

// TestEveryPhoneOfADirectBroadcastIsCalledAtOnceBesideBulk: the first send of express leaves bulk few calls, but the next one does not wait until
// those that bulk has under way have ended.
func TestEveryPhoneOfADirectBroadcastIsCalledAtOnceBesideBulk(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return 2 * time.Second }
		w.produceAll(bulkPartition, schemas.NewTaskID(), 8000)
		w.start(both, rate(0), partitions(1, 1))
		w.rest(5 * time.Second)
		for i, after := range w.callExpress(100_000, 8) {
			if after > 100*time.Millisecond {
				t.Errorf("phone %d was called after %v, want at most 100 ms", i+1, after)
			}
		}
	})
}

// TestExpressIsCalledBesideABusyNumber: answers to calls of another number, every few milliseconds, do not put off the time at which a number is
// looked at.
func TestExpressIsCalledBesideABusyNumber(t *testing.T) {
	bubble(t, func(w *world) {
		const busy = "2"
		w.latency = func(c *apiCall) time.Duration {
			if c.sender == busy {
				return 3 * time.Millisecond
			}
			return 100 * time.Millisecond
		}
		w.produceAll(bulkPartition, schemas.NewTaskID(), 1000)
		other := schemas.NewTaskID()
		for i := range uint32(7000) {
			w.produce(bulkPartition, other, 200_000+i, by(busy))
		}
		w.start(both, inFlight(8), partitions(1, 1), func(c *Config) {
			c.Numbers = []string{testNumber, busy}
			c.Number = func(id string) (NumberConfig, bool) {
				if id == busy {
					return NumberConfig{}, true
				}
				return NumberConfig{Rate: 80}, true
			}
		})
		w.rest(700 * time.Millisecond)
		for i := range uint32(5) {
			if after := w.callExpress(100_000+i, 1)[0]; after > 100*time.Millisecond {
				t.Errorf("direct send %d was called after %v, want at most 100 ms", i+1, after)
			}
		}
	})
}
