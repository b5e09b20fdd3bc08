package media

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatHangsKeepsOnlyItsOwnWaiting: one number's uploads hang; another's has a place at once, and the first one's next goes when one of
// them is over. All places together are bounded.
func TestWhatHangsKeepsOnlyItsOwnWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(5, 3)
		var mu sync.Mutex
		working, most := map[string]int{}, 0
		var running sync.WaitGroup
		work := func(share string, d time.Duration) {
			running.Go(func() {
				release, err := p.take(t.Context(), share)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				working[share]++
				most = max(most, working["a"]+working["b"]+working["c"])
				mu.Unlock()
				time.Sleep(d)
				mu.Lock()
				working[share]--
				mu.Unlock()
				release()
			})
		}
		for range 7 {
			work("a", time.Hour)
		}
		time.Sleep(time.Second)
		begin := time.Now()
		release, err := p.take(t.Context(), "b")
		if err != nil || time.Since(begin) > 0 {
			t.Errorf("another's waits %v: %v; want 0", time.Since(begin), err)
		}
		release()
		for range 4 {
			work("b", time.Minute)
			work("c", time.Minute)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := p.take(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waits for a place beyond its time: %v, want %v", err, context.DeadlineExceeded)
		}
		running.Wait()
		if took := time.Since(begin); most != 5 || took < 3*time.Hour-time.Minute || took > 3*time.Hour+time.Minute {
			t.Errorf("at most %d at a time, %v for all", most, took)
		}
		if p.total != 0 || len(p.busy) != 0 {
			t.Errorf("%d places are not given back, %v; want 0, none", p.total, p.busy)
		}
	})
}
