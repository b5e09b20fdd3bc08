package pace

import (
	"math/rand/v2"
	"time"
)

// BackOff returns how long to wait after the given number of tries: between half and all of base doubled that often, so
// that those who failed together don't come back together.
func BackOff(base, most time.Duration, tries int) time.Duration {
	d := min(base<<min(tries, 20), most)
	return d/2 + rand.N(d/2+1)
}

// FullJitter returns how long to wait after the given number of tries: anything up to base doubled that often.
func FullJitter(base, most time.Duration, tries int) time.Duration {
	return rand.N(min(base<<min(tries, 20), most) + 1)
}
