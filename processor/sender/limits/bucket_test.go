package limits

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBucket: never more than the rate's share of time and one burst, never much less when asked often, and empty at first.
func TestBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_700_000_000, 0)
		now := start
		rate := rapid.Float64Range(0.5, 5000).Draw(t, "rate")
		var b bucket
		b.set(now, rate)
		if _, ok := b.take(now); ok {
			t.Fatal("did not begin empty")
		}
		taken := 0
		for range 2000 {
			at, ok := b.take(now)
			switch {
			case ok:
				taken++
			case !at.After(now):
				t.Fatalf("says to come back at once")
			default:
				now = at
			}
			if rapid.IntRange(0, 50).Draw(t, "idle") == 0 {
				now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "ms")) * time.Millisecond)
			}
		}
		most := rate*now.Sub(start).Seconds() + max(1, rate*Burst.Seconds()) + 1
		if float64(taken) > most {
			t.Fatalf("%d in %v at %v a second", taken, now.Sub(start), rate)
		}
	})
}

func TestBucketKeepsItsRate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	var b bucket
	b.set(now, 64)
	end, n := now.Add(10*time.Second), 0
	for now.Before(end) {
		at, ok := b.take(now)
		if ok {
			n++
		}
		now = at
	}
	if n < 630 || n > 640 {
		t.Errorf("%d in 10 s at 64 a second", n)
	}
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	var b bucket
	for range 1000 {
		if _, ok := b.take(time.Time{}); !ok {
			t.Fatal("limited")
		}
	}
}
