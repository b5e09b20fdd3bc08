package outbox_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"altavoz/processor/aggregator/outbox"
	"altavoz/stream"
)

// Whatever fails, and in whatever order writes end: every record is written, and those of a key in their order.
func TestEventsOfATaskDoNotOvertakeEachOther(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var q outbox.Queue
		now := time.Unix(0, 0)
		want, got := make(map[string][]string), make(map[string][]string)
		done := 0
		for n := range 200 {
			key := fmt.Sprint("task ", rng.IntN(8))
			want[key] = append(want[key], fmt.Sprint(n))
			q.Put(stream.Record{Key: []byte(key), Value: []byte(fmt.Sprint(n))}, nil, func() { done++ })
			if n == 150 {
				q.Await()
			}
		}
		for !q.Empty() {
			now = now.Add(10 * time.Second)
			type end struct {
				rec stream.Record
				end func(error)
			}
			var ends []end
			q.Batch(now, func(rec stream.Record, e func(error)) { ends = append(ends, end{rec, e}) })
			rng.Shuffle(len(ends), func(i, j int) { ends[i], ends[j] = ends[j], ends[i] })
			for _, e := range ends {
				if rng.IntN(3) == 0 {
					e.end(errors.New("not written"))
					continue
				}
				got[string(e.rec.Key)] = append(got[string(e.rec.Key)], string(e.rec.Value))
				e.end(nil)
			}
		}
		for key := range want {
			if !slices.Equal(want[key], got[key]) {
				t.Fatalf("seed %d: of %s %v was put, and %v written", seed, key, want[key], got[key])
			}
		}
		if done != 200 || q.Awaited() != 0 {
			t.Fatalf("seed %d: %d of 200 were told to be done, and %d are awaited; want 0", seed, done, q.Awaited())
		}
	}
}

// A takeover after a long standstill puts millions. What one batch costs does not depend on how many wait.
func BenchmarkBatchOfALongQueue(b *testing.B) {
	for _, waiting := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			var q outbox.Queue
			for n := range waiting {
				q.Put(stream.Record{Key: fmt.Append(nil, n/3)}, nil, nil)
			}
			var ends []func(error)
			b.ReportAllocs()
			for b.Loop() {
				ends = ends[:0]
				q.Batch(time.Unix(0, 0), func(rec stream.Record, end func(error)) {
					q.Put(rec, nil, nil)
					ends = append(ends, end)
				})
				for _, end := range ends {
					end(nil)
				}
			}
		})
	}
}
