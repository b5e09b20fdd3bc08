// Package backoff computes how long to wait before another try: exponential back-off with jitter, so that those that failed together
// do not come back together. It knows no clock and does not wait: the caller does.
package backoff

import (
	"math/rand/v2"
	"time"
)

// maxDoublings bounds the doubling: a base of up to two hours times 2^20 still fits a Duration.
const maxDoublings = 20

// Equal returns the wait after a number of failed tries beyond the first ("equal jitter"): between half and all of base doubled that
// often, and at most limit. A wait of at least half of it is certain, for what must not be asked too soon.
func Equal(base, limit time.Duration, tries int) time.Duration {
	d := exponential(base, limit, tries)
	return d/2 + rand.N(d/2+1)
}

// Full returns the wait with "full jitter": anything up to base doubled that often, and at most limit. It spreads a crowd best.
func Full(base, limit time.Duration, tries int) time.Duration {
	return rand.N(exponential(base, limit, tries) + 1)
}

func exponential(base, limit time.Duration, tries int) time.Duration {
	return min(base<<min(max(tries, 0), maxDoublings), limit)
}
