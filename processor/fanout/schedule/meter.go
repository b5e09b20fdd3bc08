package schedule

import (
	"time"

	"altavoz/processor/rate"
)

// StartRate is what a number without a limit is taken to do, in sends a second, until it was measured.
const StartRate = 4096

// Meter measures how fast a number's recipients are decided. A sample below what is known counts only if the window was
// full meanwhile: a number that had little to do says nothing about what it could.
type Meter struct {
	Rate   float64
	sample rate.Meter
}

// Add counts n recipients and reports whether the rate was measured anew.
func (m *Meter) Add(now time.Time, n int, limited bool) (sampled bool) {
	if m.Rate == 0 {
		m.Rate = StartRate
	}
	sample, ok := m.sample.Add(now, float64(n))
	if ok && (sample > m.Rate || limited) {
		m.Rate += (sample - m.Rate) / 2
	}
	return ok
}
