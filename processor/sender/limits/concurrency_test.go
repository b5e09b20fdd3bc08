package limits

import (
	"testing"
	"time"
)

// TestConcurrencyFollowsLatency: what a number may have under way follows its rate and how long its calls last, between its bounds.
func TestConcurrencyFollowsLatency(t *testing.T) {
	t.Parallel()
	var f Concurrency
	if got := f.Max(64, 256, false, false); got != 96 { // nothing is known yet: a second
		t.Errorf("%d at first, want 96", got)
	}
	for _, c := range []struct {
		took        time.Duration
		rate        float64
		most, usual int
	}{
		{100 * time.Millisecond, 100, 18, 10}, // 8 begin together
		{200 * time.Millisecond, 100, 30, 20},
		{10 * time.Second, 100, 256, 256},
		{50 * time.Millisecond, 10, MinConcurrency, MinConcurrency},
		{time.Second, 100, 150, 100},
	} {
		for range 200 {
			f.Observe(time.Time{}, time.Time{}.Add(c.took), 1, 256)
		}
		if most, usual := f.Max(c.rate, 256, false, false), f.Max(c.rate, 256, true, false); most != c.most || usual != c.usual {
			t.Errorf("%v at %v a second: %d, usually %d; want %v, %v", c.took, c.rate, most, usual, c.most, c.usual)
		}
	}
	before := f.Max(100, 1000, false, false)
	for range 16 {
		f.Observe(time.Time{}, time.Time{}.Add(100*time.Millisecond), 1, 256)
	}
	if after := f.Max(100, 1000, false, false); after > before/3 {
		t.Errorf("%d after sixteen faster calls, %d before; want at most %v", after, before, before/3)
	}
}
