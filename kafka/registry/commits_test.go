package registry_test

import (
	"errors"
	"testing"
	"time"

	"altavoz/kafka/registry"
	"altavoz/schemas"
	"altavoz/stream"
)

// What can't be written rests, and nobody who commits waits for it again.
func TestBegunIsWrittenOnceAndRestsAfterAFailure(t *testing.T) {
	t.Parallel()
	var b registry.CommitTracker
	var wrote []string
	fail := errors.New("no leader")
	now := time.Now()
	at := func(p int32) []stream.Position {
		return []stream.Position{{Partition: stream.TopicPartition{Topic: schemas.TopicResults, Partition: p}}}
	}
	write := func(after time.Duration, fails error, want ...string) {
		t.Helper()
		wrote = nil
		err := b.Write("aggregator", now.Add(after), func(recs ...stream.Record) error {
			for _, r := range recs {
				wrote = append(wrote, string(r.Key))
			}
			return fails
		})
		if len(wrote) != len(want) || len(want) == 1 && wrote[0] != want[0] {
			t.Errorf("after %v it wrote %v, not %v", after, wrote, want)
		}
		if len(want) > 0 && !errors.Is(err, fails) {
			t.Errorf("after %v it failed with %v", after, err)
		}
	}
	committed := func(p int32, refused, want bool) {
		t.Helper()
		why := map[stream.TopicPartition]error{}
		if refused {
			why[at(p)[0].Partition] = fail
		}
		if got := b.Committed(at(p), why); got != want {
			t.Errorf("of %d it says %v; want %v", p, got, want)
		}
	}
	write(0, nil)
	committed(1, true, false)
	write(0, nil)
	committed(1, false, true)
	write(0, nil, "begun/aggregator/results/1")
	committed(1, false, false)
	write(0, nil)
	committed(2, false, true)
	write(0, fail, "begun/aggregator/results/2")
	committed(2, false, false)
	committed(3, false, false) // known to be in vain
	write(29*time.Second, nil)
	write(30*time.Second, fail, "2", "3")
	write(59*time.Second, nil)
	write(60*time.Second, nil, "2", "3")
	write(200*time.Second, nil)
	committed(4, false, true)
	write(200*time.Second, nil, "begun/aggregator/results/4")
}
