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

// Concurrency averages how long the calls of a number last, and derives how many of them may be under way at a time: of a number
// with a limit as many as its rate needs, of one without, where others wait, as many as make it faster.
type Concurrency struct {
	seconds float64
	search  search
}

// Observe records the end of a call that began at a time, when so many were under way, itself included, of at most so many.
func (f *Concurrency) Observe(began, now time.Time, underWay, ceiling int) {
	took := now.Sub(began)
	f.search.observe(began, now, underWay, ceiling)
	if f.seconds == 0 {
		f.seconds = took.Seconds()
		return
	}
	f.seconds += (took.Seconds() - f.seconds) * latencyWeight
}

// Max returns how many calls the number may have under way, at a rate of calls a second (0: no limit) and at most so many. While the last
// answer was none (doubtful), a number with a limit has no more than it usually has: what hangs piles up to Max. One without a limit has all
// of them, unless it is to have few: no more than make it faster.
func (f *Concurrency) Max(rate float64, ceiling int, doubtful, few bool) int {
	switch {
	case rate > 0 && doubtful:
		return f.calls(rate, 1, 0, ceiling)
	case rate > 0:
		return max(f.calls(rate, spareFactor, 0, ceiling), f.calls(rate, 1, rate*callGap(rate).Seconds(), ceiling))
	case few: //mutant:bulk-has-few-calls-of-a-near-api
		return min(f.search.calls(), ceiling)
	}
	return ceiling
}

// CallsIn is how many calls end in a time at most, if so many are under way; at least one.
func (f *Concurrency) CallsIn(d time.Duration, underWay int) int {
	return max(1, int(float64(underWay)*d.Seconds()/max(f.seconds, leastLatency.Seconds())))
}

// calls is how many calls a rate has under way, with some to spare, where so many of them begin together.
func (f *Concurrency) calls(rate, spare, together float64, ceiling int) int {
	last := f.seconds
	if last == 0 {
		last = assumedLatency.Seconds()
	}
	return min(max(int(math.Ceil(rate*last*spare+together)), MinConcurrency), ceiling)
}
