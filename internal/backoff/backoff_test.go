package backoff_test

import (
	"testing"
	"time"

	"altavoz/internal/backoff"
)

func TestWaitsDoubleUpToTheirLimit(t *testing.T) {
	t.Parallel()
	const base, limit = 100 * time.Millisecond, time.Second
	for tries, want := range map[int]time.Duration{-1: base, 0: base, 1: 2 * base, 3: 8 * base, 4: limit, 1 << 30: limit} {
		var longest time.Duration
		for range 1000 {
			d := backoff.Equal(base, limit, tries)
			if d < want/2 || d > want {
				t.Fatalf("Equal after %d tries: %v, want between %v and %v", tries, d, want/2, want)
			}
			longest = max(longest, d)
			if d := backoff.Full(base, limit, tries); d < 0 || d > want {
				t.Fatalf("Full after %d tries: %v, want at most %v", tries, d, want)
			}
		}
		if longest < want*3/4 {
			t.Errorf("Equal after %d tries never exceeded %v of %v: no jitter; want at least %v", tries, longest, want, want*3/4)
		}
	}
}
