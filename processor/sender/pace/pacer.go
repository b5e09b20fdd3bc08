package pace

import "time"

const (
	// ReplyShare of a number's rate is left for replies and for what others send from it.
	ReplyShare = 0.2
	// DefaultRate is Meta's for a new number, in messages a second, both directions.
	DefaultRate = 80

	// cutTo is what is left of a number's rate when Meta says that it is too fast. Most refusals are over by the time they
	// are noticed, so the way back to near of the rate that was refused takes two seconds (regain, a part of that rate a
	// second). But a limit may be lower than we were told: from there to beyond it goes slowly (growth), so that few calls pay
	// for finding out. What lies above was not refused.
	cutTo  = 0.5
	regain = 0.2
	growth = 0.025
	near   = 0.9
	beyond = 1.1
	// leastPart bounds the cuts: 64 a second never become less than 1.
	leastPart = 1.0 / 64
	// leastBase is taken for what Meta bears where there is no limit and less than that was tried.
	leastBase = DefaultRate * (1 - ReplyShare)

	// waitBase doubles up to waitMost while nothing gets through; a wait that Meta names is taken up to MostWait.
	waitBase = time.Second
	waitMost = 10 * time.Second
	// MostWait is the longest wait that Meta is believed.
	MostWait = time.Hour
)

// Pacer is how fast this process may send from a number: additive increase, multiplicative decrease. It is given the
// process's share of the number's rate and never exceeds it. It is told what became of calls:
//
//   - A call that was throttled halves the rate. Those that were under way by then are the same news and change nothing.
//   - If all that was sent at the lower rate is throttled too, the number waits, and then tries with one call. So does it when
//     Meta named a time.
//   - Once a call got through at the lower rate, the rate grows, step by step, until all of it is back.
//
// The zero Pacer has no limit; a throttle gives it one until it is forgotten again. It is not safe for concurrent use.
type Pacer struct {
	bucket  bucket
	full    float64 // messages a second, at best; 0: no limit
	base    float64 // what part is a part of: full or, where there is none, what Meta took when it first said no; 0: no limit
	part    float64
	refused float64   // the part at which Meta last said no
	grown   time.Time // part is of this time

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

// Set gives the pacer another share of the number's rate. It begins with an empty bucket: what was saved up belonged to the
// share, and who gave it up has used it.
func (p *Pacer) Set(now time.Time, full float64) {
	p.Advance(now)
	if p.full = full; p.since.IsZero() || full > 0 {
		p.base = full
	}
	if p.since.IsZero() {
		p.part = 1
	}
	p.bucket.set(now, p.Rate())
	p.bucket.tokens = 0
}

// Full is what it may send a second at best; 0: no limit.
func (p *Pacer) Full() float64 { return p.full }

// Rate is what may be sent a second, now; 0: no limit.
func (p *Pacer) Rate() float64 { return p.base * p.part }

// Held is until when nothing goes.
func (p *Pacer) Held() time.Time { return p.held }

// Slowed reports since when the number has been slower than it might be.
func (p *Pacer) Slowed() (since time.Time, yes bool) { return p.since, !p.since.IsZero() }

// Advance lets the rate grow. Time that has passed counts at the rate from before.
func (p *Pacer) Advance(now time.Time) {
	if p.since.IsZero() || p.fails > 0 || !now.After(p.grown) {
		return
	}
	left := now.Sub(p.grown).Seconds()
	p.grown = now
	climb := func(to, speed float64) {
		if p.part < to {
			took := min(left, (to-p.part)/speed)
			p.part += took * speed
			left -= took
		}
	}
	climb(p.refused*near, p.refused*regain)
	climb(p.refused*beyond, p.refused*growth)
	p.part += left * regain
	switch {
	case p.part < 1 || p.full == 0 && p.part < 2:
	case p.full == 0: // twice what Meta once refused: the limit is another one now
		p.base, p.part, p.since = 0, 1, time.Time{}
	default:
		p.part, p.since = 1, time.Time{}
	}
	p.bucket.set(now, p.Rate())
}

// Take asks for a call. If there is none now, it returns when there may be, and no time if that is to be seen from the
// answer to the trial.
func (p *Pacer) Take(now time.Time) (trial bool, at time.Time, ok bool) {
	switch {
	case p.held.After(now):
		return false, p.held, false
	case p.trial:
		return false, time.Time{}, false
	}
	p.Advance(now)
	if at, ok := p.bucket.take(now); !ok {
		return false, at, false
	}
	trial = p.alone
	p.trial, p.alone = trial, false
	return trial, now, true
}

// Put gives back a call that was not made.
func (p *Pacer) Put(trial bool) {
	p.bucket.put()
	p.Ended(trial)
}

// Ended notes that the trial has come back, whatever it found.
func (p *Pacer) Ended(trial bool) {
	if trial && p.trial {
		p.trial, p.alone = false, p.fails > 0
	}
}

// Worked takes in that a call got through.
func (p *Pacer) Worked(began, now time.Time) {
	if p.taken++; now.Sub(p.from) >= time.Second {
		p.lately = float64(p.taken) / max(1, min(now.Sub(p.from).Seconds(), 60))
		p.taken, p.from = 0, now
	}
	if !began.Before(p.cut) && p.fails > 0 {
		p.fails, p.wait, p.alone = 0, 0, false
		p.grown = now
	}
}

// Throttled takes in that a call was refused for being too fast, and how long Meta asked to wait (0: it did not say). It
// reports whether that was news.
func (p *Pacer) Throttled(began, now time.Time, after time.Duration) (news bool) {
	news = p.Wait(now, after)
	if began.Before(p.cut) {
		return news
	}
	p.Advance(now)
	if p.since.IsZero() {
		p.since = now
	}
	if p.fails == 0 { // else nothing was sent at this rate yet that got through, so nothing is known against it
		if p.full == 0 {
			p.base, p.part = max(leastBase, p.lately, float64(p.taken)), 1
		}
		p.refused = p.part
		p.part = max(leastPart, p.part*cutTo)
	} else if after == 0 {
		p.wait = min(max(2*p.wait, waitBase), waitMost)
		p.hold(now.Add(p.wait))
	}
	p.fails++
	p.cut = now
	p.bucket.set(now, p.Rate())
	return true
}

// Wait takes in that an answer named a wait (0: it did not) without saying that the number is too fast: its rate stays. It
// reports whether that was news.
func (p *Pacer) Wait(now time.Time, after time.Duration) bool {
	return after > 0 && p.hold(now.Add(min(after, MostWait)))
}

// hold lets nothing go before a time, and one call then. It reports whether it would have gone sooner.
func (p *Pacer) hold(until time.Time) bool {
	if !until.After(p.held) {
		return false
	}
	p.held, p.alone = until, true
	return true
}
