package partition

import (
	"context"
	"time"

	"altavoz/internal/backoff"
)

const (
	// What failed is tried again after 100 ms, then twice that, up to 5 s; half of it is drawn.
	backOffFirst = 100 * time.Millisecond
	// MostBackOff is the longest back-off.
	MostBackOff = 5 * time.Second
)

// BackOff is how long to wait after the given number of failures but one: 0 after the first.
func BackOff(try int) time.Duration {
	return backoff.Equal(backOffFirst, MostBackOff, try)
}

// Background runs f on a goroutine of its own, again after a back-off until it succeeds or its error is final, and then done on the
// partition's goroutine. Both are given up when the partition ends, whose Over waits for f.
func (e *Engine) Background(f func(context.Context) error, final func(error) bool, done func(error)) {
	e.work.Go(func() {
		for try := 0; ; try++ {
			err := f(e.ctx)
			if e.ctx.Err() != nil {
				return
			}
			if err == nil || final(err) {
				e.Post(func() { done(err) })
				return
			}
			e.cfg.Logger.Warn("retrying background work", "try", try, "error", err)
			select {
			case <-time.After(BackOff(try)):
			case <-e.ctx.Done():
				return
			}
		}
	})
}

// After calls f on the partition's goroutine after a while, unless the partition has ended by then.
func (e *Engine) After(d time.Duration, f func()) { time.AfterFunc(d, func() { e.Post(f) }) }
