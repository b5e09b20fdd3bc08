package rate

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// burst is what gathers at most, in seconds of the rate.
const burst = .05

// take takes a token; if there is none, it returns when there will be.
func take(b *Bucket, now time.Time) (at time.Time, ok bool) {
	if at = b.Ready(now, 1); at.After(now) {
		return at, false
	}
	b.Take(1)
	return at, true
}

// TestBucketGivesItsRateAndOneBurst: never more than the rate's share of time and one burst, never much less when asked often, and empty at first.
func TestBucketGivesItsRateAndOneBurst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_700_000_000, 0)
		now := start
		rate := rapid.Float64Range(0.5, 5000).Draw(t, "rate")
		var b Bucket
		b.Set(now, rate, max(1, rate*burst))
		if _, ok := take(&b, now); ok {
			t.Fatal("did not begin empty")
		}
		taken := 0
		for range 2000 {
			at, ok := take(&b, now)
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
		most := rate*now.Sub(start).Seconds() + max(1, rate*burst) + 1
		if float64(taken) > most {
			t.Fatalf("%d in %v at %v a second", taken, now.Sub(start), rate)
		}
	})
}

func TestBucketKeepsItsRate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	var b Bucket
	b.Set(now, 64, 64*burst)
	end, n := now.Add(10*time.Second), 0
	for now.Before(end) {
		at, ok := take(&b, now)
		if ok {
			n++
		}
		now = at
	}
	if n < 630 || n > 640 {
		t.Errorf("%d in 10 s at 64 a second, want at least 630, at most 640", n)
	}
}

func TestBucketWithoutALimitAlwaysGives(t *testing.T) {
	t.Parallel()
	var b Bucket
	for range 1000 {
		if _, ok := take(&b, time.Time{}); !ok {
			t.Fatal("limited")
		}
	}
	now := time.Unix(1_700_000_000, 0)
	b.Set(now, 10, 1)
	if at := b.Ready(now.Add(100*time.Millisecond), 1); at.After(now.Add(100 * time.Millisecond)) {
		t.Errorf("a limit that is set later makes up for what was taken without one: ready at %v", at)
	}
}

func TestSampleIsOfASecondAtLeast(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	var m Meter
	for i := range 10 {
		if r, ok := m.Add(now.Add(time.Duration(i)*90*time.Millisecond), 5); ok {
			t.Fatalf("a rate of %v after %d events in less than a second", r, 5*(i+1))
		}
	}
	if r, ok := m.Add(now.Add(2*time.Second), 50); !ok || r != 50 || m.Count() != 0 {
		t.Errorf("100 events in 2 s: %v a second (%v), %v left, want 50 and none left", r, ok, m.Count())
	}
}
