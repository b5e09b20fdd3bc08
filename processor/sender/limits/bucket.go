package limits

import "time"

// Burst is what a number may send at once after it was idle, as time of its rate: it has to cover the time between two
// commits, and no more, because every owner of a partition has a burst of its own.
const Burst = 50 * time.Millisecond

// bucket is a rate: tokens that come with time, one for each call. It begins empty, so that a process that just took
// partitions over does not add its burst to that of the last owner. The zero bucket has no limit.
type bucket struct {
	rate   float64 // tokens a second; 0: no limit
	tokens float64
	filled time.Time
}

// set changes the rate from now on.
func (b *bucket) set(now time.Time, rate float64) {
	b.fill(now)
	b.rate = rate
}

func (b *bucket) fill(now time.Time) {
	if b.rate > 0 && now.After(b.filled) {
		most := max(1, b.rate*Burst.Seconds())
		b.tokens = min(most, b.tokens+now.Sub(b.filled).Seconds()*b.rate)
	}
	b.filled = now
}

// take takes a token; if there is none, it returns when there will be.
func (b *bucket) take(now time.Time) (at time.Time, ok bool) {
	if b.rate == 0 {
		return now, true
	}
	b.fill(now)
	const almost = 1 - 1e-6 // a rounding error is no reason to wait
	if b.tokens >= almost {
		b.tokens--
		return now, true
	}
	return now.Add(time.Duration((1-b.tokens)/b.rate*float64(time.Second)) + time.Microsecond), false
}

// put gives back a token that was not used.
func (b *bucket) put() { b.tokens++ }
