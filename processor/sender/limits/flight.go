package limits

import (
	"math"
	"time"
)

const (
	// flightSpare is how much more than rate x latency a number may have under way: calls don't take equally long. All that is
	// under way when a process dies is unknown, and all of it hangs when the API hangs.
	flightSpare = 1.5
	// FlightLeast is what every number may have under way, and express beyond what bulk fills.
	FlightLeast = 8
	// flightFirst is what a call is taken to last while none has ended: most end sooner.
	flightFirst = time.Second
	// flightWeight is what a call's duration weighs against those before it: the mean follows within some 16 calls.
	flightWeight = 1.0 / 8
)

// Flight knows how long the calls of a number last, and so how many of them its rate needs at a time.
type Flight struct{ seconds float64 }

// Took takes in how long a call lasted.
func (f *Flight) Took(d time.Duration) {
	if f.seconds == 0 {
		f.seconds = d.Seconds()
		return
	}
	f.seconds += (d.Seconds() - f.seconds) * flightWeight
}

// Most returns how many calls the number may have under way, at a rate of calls a second (0: no limit) and at most so many.
func (f *Flight) Most(rate float64, ceiling int) int {
	if rate <= 0 {
		return ceiling
	}
	return f.calls(rate, flightSpare, ceiling)
}

// Usual returns how many calls the number usually has under way. While the last answer was none, more are not begun: what hangs
// piles up to Most.
func (f *Flight) Usual(rate float64, ceiling int) int {
	if rate <= 0 {
		return ceiling
	}
	return f.calls(rate, 1, ceiling)
}

func (f *Flight) calls(rate, spare float64, ceiling int) int {
	last := f.seconds
	if last == 0 {
		last = flightFirst.Seconds()
	}
	return min(max(int(math.Ceil(rate*last*spare)), FlightLeast), ceiling)
}
