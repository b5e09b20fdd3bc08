package schedule

import "time"

const (
	// StartRate is what a number without a limit is taken to do, in sends a second, until it was measured.
	StartRate  = 4096
	meterEvery = time.Second
)

// Meter measures how fast a number's recipients are decided. A sample below what is known counts only if the pipe was
// full meanwhile: a number that had little to do says nothing about what it could.
type Meter struct {
	Rate  float64
	since time.Time
	count float64
}

// Add counts n recipients and reports whether the rate was measured anew.
func (m *Meter) Add(now time.Time, n int, limited bool) (sampled bool) {
	if m.Rate == 0 {
		m.Rate = StartRate
	}
	if m.since.IsZero() {
		m.since = now
	}
	m.count += float64(n)
	took := now.Sub(m.since)
	if took < meterEvery {
		return false
	}
	if sample := m.count / took.Seconds(); sample > m.Rate || limited {
		m.Rate += (sample - m.Rate) / 2
	}
	m.since, m.count = now, 0
	return true
}
