package limits

import (
	"math"
	"time"
)

const (
	// spareFactor is how much more than rate x latency a number may have under way: calls don't take equally long. All that is
	// under way when a process dies is unknown, and all of it hangs when the API hangs.
	spareFactor = 1.5
	// MinConcurrency is what every number may have under way, and express beyond what bulk fills.
	MinConcurrency = 8
	// assumedLatency is what a call is taken to last while none has ended: most end sooner.
	assumedLatency = time.Second
	// leastLatency is what a call is taken to last at least.
	leastLatency = time.Millisecond
	// latencyWeight is what a call's duration weighs against those before it: the mean follows within some 16 calls.
	latencyWeight = 1.0 / 8
)

// Concurrency averages how long the calls of a number last, and derives how many of them its rate needs at a time.
type Concurrency struct{ seconds float64 }

// Observe records how long a call lasted.
func (f *Concurrency) Observe(d time.Duration) {
	if f.seconds == 0 {
		f.seconds = d.Seconds()
		return
	}
	f.seconds += (d.Seconds() - f.seconds) * latencyWeight
}

// Max returns how many calls the number may have under way, at a rate of calls a second (0: no limit) and at most so many.
func (f *Concurrency) Max(rate float64, ceiling int) int {
	if rate <= 0 {
		return ceiling
	}
	return f.calls(rate, spareFactor, ceiling)
}

// Usual returns how many calls the number usually has under way. While the last answer was none, more are not begun: what hangs
// piles up to Most.
func (f *Concurrency) Usual(rate float64, ceiling int) int {
	if rate <= 0 {
		return ceiling
	}
	return f.calls(rate, 1, ceiling)
}

// CallsIn is how many calls end in a time at most, if so many are under way; at least one.
func (f *Concurrency) CallsIn(d time.Duration, underWay int) int {
	return max(1, int(float64(underWay)*d.Seconds()/max(f.seconds, leastLatency.Seconds())))
}

func (f *Concurrency) calls(rate, spare float64, ceiling int) int {
	last := f.seconds
	if last == 0 {
		last = assumedLatency.Seconds()
	}
	return min(max(int(math.Ceil(rate*last*spare)), MinConcurrency), ceiling)
}
