package sender

import "time"

const (
	// cutTo is what is left of a number's rate when Meta says that it is too fast; growth is what it gets back a second, as
	// a part of all of it: ten seconds after one cut it is as fast as before.
	cutTo  = 0.5
	growth = 0.05
	// leastPart bounds the cuts: 64 a second never become less than 1.
	leastPart = 1.0 / 64
	// leastBase is taken for what Meta bears where there is no limit and less than that was tried.
	leastBase = defaultRate * (1 - replyShare)

	// throttleBase doubles up to throttleMost while nothing gets through; a wait that Meta names is taken up to throttleCap.
	throttleBase = time.Second
	throttleMost = 10 * time.Second
	throttleCap  = time.Hour
)

// pacer is how fast this process may send from a number: additive increase, multiplicative decrease. It is given the
// process's share of the number's rate and never exceeds it. It is told what became of calls:
//
//   - A call that was throttled halves the rate. Those that were under way by then are the same news and change nothing.
//   - If all that was sent at the lower rate is throttled too, the number waits, and then tries with one call. So does it when
//     Meta named a time.
//   - From there on the rate grows, a little a second, until all of it is back.
//
// It knows no clock and no lock. The zero pacer has no limit; a throttle gives it one until it is forgotten again.
type pacer struct {
	bucket bucket
	full   float64 // messages a second, at best; 0: no limit
	base   float64 // what part is a part of: full or, where there is none, what Meta took when it first said no; 0: no limit
	part   float64
	grown  time.Time // part is of this time; in the future: it does not grow before

	since time.Time // when it was slowed down; zero: it goes at full rate
	cut   time.Time // last: answers to calls that began before it say nothing new
	fails int       // cuts since a call got through
	wait  time.Duration
	held  time.Time // nothing goes before
	alone bool      // after that, one call finds out
	trial bool      // it is under way

	taken  int // calls that got through since measured
	lately float64
	from   time.Time
}

// set gives the pacer another share of the number's rate. It begins with an empty bucket: what was saved up belonged to the
// share, and who gave it up has used it.
func (p *pacer) set(now time.Time, full float64) {
	p.advance(now)
	if p.full = full; p.since.IsZero() || full > 0 {
		p.base = full
	}
	if p.since.IsZero() {
		p.part = 1
	}
	p.bucket.set(now, p.rate())
	p.bucket.tokens = 0
}

// rate is what may be sent a second, now; 0: no limit.
func (p *pacer) rate() float64 { return p.base * p.part }

// advance lets the rate grow. Time that has passed counts at the rate from before.
func (p *pacer) advance(now time.Time) {
	if p.since.IsZero() || !now.After(p.grown) {
		return
	}
	p.part += growth * now.Sub(p.grown).Seconds()
	p.grown = now
	switch {
	case p.part < 1 || p.full == 0 && p.part < 2:
	case p.full == 0: // twice what Meta once refused: the limit is another one now
		p.base, p.part, p.since = 0, 1, time.Time{}
	default:
		p.part, p.since = 1, time.Time{}
	}
	p.bucket.set(now, p.rate())
}

// take asks for a call. If there is none now, it returns when there may be, and no time if that is to be seen from the
// answer to the trial.
func (p *pacer) take(now time.Time) (trial bool, at time.Time, ok bool) {
	switch {
	case p.held.After(now):
		return false, p.held, false
	case p.trial:
		return false, time.Time{}, false
	}
	p.advance(now)
	if at, ok := p.bucket.take(now); !ok {
		return false, at, false
	}
	trial = p.alone
	p.trial, p.alone = trial, false
	return trial, now, true
}

// put gives back a call that was not made.
func (p *pacer) put(trial bool) {
	p.bucket.put()
	p.ended(trial)
}

// ended notes that the trial has come back, whatever it found.
func (p *pacer) ended(trial bool) {
	if trial && p.trial {
		p.trial, p.alone = false, p.fails > 0
	}
}

// worked takes in that a call got through.
func (p *pacer) worked(began, now time.Time) {
	if p.taken++; now.Sub(p.from) >= time.Second {
		p.lately = float64(p.taken) / max(1, min(now.Sub(p.from).Seconds(), 60))
		p.taken, p.from = 0, now
	}
	if !began.Before(p.cut) {
		p.fails, p.wait, p.alone = 0, 0, false
	}
}

// throttled takes in that a call was refused for being too fast, and how long Meta asked to wait (0: it did not say). It
// reports whether that was news.
func (p *pacer) throttled(began, now time.Time, after time.Duration) (news bool) {
	if until := now.Add(min(after, throttleCap)); after > 0 && until.After(p.held) {
		p.hold(until)
		news = true
	}
	if began.Before(p.cut) {
		return news
	}
	p.advance(now)
	if p.since.IsZero() {
		p.since = now
	}
	if p.fails == 0 { // else nothing was sent at this rate yet that got through, so nothing is known against it
		if p.full == 0 {
			p.base, p.part = max(leastBase, p.lately, float64(p.taken)), 1
		}
		p.part = max(leastPart, p.part*cutTo)
	} else if after == 0 {
		p.wait = min(max(2*p.wait, throttleBase), throttleMost)
		p.hold(now.Add(p.wait))
	}
	p.fails++
	p.cut = now
	p.grown = now
	if p.held.After(now) {
		p.grown = p.held
	}
	p.bucket.set(now, p.rate())
	return true
}

func (p *pacer) hold(until time.Time) {
	p.held, p.alone = until, true
}

// slowed reports since when the number has been slower than it might be.
func (p *pacer) slowed() (since time.Time, yes bool) { return p.since, !p.since.IsZero() }
