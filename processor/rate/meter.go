package rate

import "time"

// window is how long a sample takes at least.
const window = time.Second

// Meter counts events and samples their rate, once a second at most.
type Meter struct {
	since time.Time
	count float64
}

// Add counts n events. If the sample is over it returns its rate, in events a second, and begins another.
func (m *Meter) Add(now time.Time, n float64) (perSecond float64, ok bool) {
	if m.since.IsZero() {
		m.since = now
	}
	m.count += n
	took := now.Sub(m.since)
	if took < window {
		return 0, false
	}
	perSecond = m.count / took.Seconds()
	m.since, m.count = now, 0
	return perSecond, true
}

// Count is how many events the present sample has so far.
func (m *Meter) Count() float64 { return m.count }
