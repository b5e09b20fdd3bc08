package aggregator

import (
	"time"

	"altavoz/processor/rate"
)

// rates is how many recipients of each task are decided a second.
type rates struct {
	of    map[*entry]struct{} // those with a meter
	endAt time.Time           // when the next of them may be 0
}

// countDecided counts recipients of an entry as decided now.
func (w *worker) countDecided(e *entry, now time.Time, n uint32) {
	if e.rate == nil {
		w.rates.add(e, rate.NewRecent(now, 0))
	}
	e.rate.Count(now, n)
}

func (r *rates) add(e *entry, m *rate.Recent) {
	e.rate = m
	r.of[e] = struct{}{}
	r.lookAt(m.Until())
}

func (r *rates) lookAt(at time.Time) {
	if r.endAt.IsZero() || at.Before(r.endAt) {
		r.endAt = at
	}
}

// currentRate is what the status of an entry says now. A finished task has none, so that its last status is its last.
func (e *entry) currentRate(now time.Time) float64 {
	if e.rate == nil || e.done {
		return 0
	}
	e.rate.Shown = e.rate.Rate(now)
	return e.rate.Shown
}

// endRates has the status of each task of which nothing was decided lately written once more, without a rate.
func (w *worker) endRates(now time.Time) {
	r := &w.rates
	if r.endAt.IsZero() || now.Before(r.endAt) {
		return
	}
	r.endAt = time.Time{}
	for e := range r.of {
		if at := e.rate.Until(); now.Before(at) && !e.done {
			r.lookAt(at)
			continue
		}
		shown := e.rate.Shown
		e.rate = nil
		delete(r.of, e)
		if shown != 0 && !e.done {
			w.markChanged(e, now)
		}
	}
}
