package limits

import (
	"time"

	"altavoz/processor/rate"
)

const (
	// groupSpan is how much of a number's rate one commit starts, and unlimitedGroupSpan of what a number without a limit takes. What of it is not
	// called is unknown if the process dies, and no receipt settles that.
	groupSpan          = 80 * time.Millisecond
	unlimitedGroupSpan = 40 * time.Millisecond
	// Calls of a group begin together, as each moment at which one begins wakes the process: as many as get their tokens in leastGap, or sendsTogether,
	// if these do in mostGap. slotGap is that of a number without a limit, and where calls of others leave few slots.
	sendsTogether = 8
	leastGap      = 10 * time.Millisecond
	mostGap       = 160 * time.Millisecond
	slotGap       = time.Millisecond
	// mostLate is how late calls may begin, after the moment at which they should, without a loss of the rate, and commitSpan how long a commit may take.
	mostLate   = 20 * time.Millisecond
	commitSpan = 50 * time.Millisecond

	// ReplyShare of a number's rate is left for replies and for what others send from it.
	ReplyShare = 0.2
	// DefaultRate is Meta's for a new number, in messages a second, both directions.
	DefaultRate = 80

	// cutTo is what is left of a number's rate when Meta says that it is too fast. Most refusals are over by the time they
	// are noticed, so the way back to near of the rate that was refused takes two seconds (regain, a part of that rate a
	// second). But a limit may be lower than the configured one: from there to beyond it goes slowly (growth), so that few calls pay
	// for finding out. What lies above was not refused.
	cutTo  = 0.5
	regain = 0.2
	growth = 0.025
	near   = 0.9
	beyond = 1.1
	// minFraction bounds the cuts: 64 a second never become less than 1.
	minFraction = 1.0 / 64
	// minBase is taken for what Meta bears where there is no limit and less than that was tried.
	minBase = DefaultRate * (1 - ReplyShare)

	// waitBase doubles up to waitMax while nothing gets through; a wait that Meta names is taken up to MaxWait.
	waitBase = time.Second
	waitMax  = 10 * time.Second
	// MaxWait is the longest wait that Meta is believed.
	MaxWait = time.Hour
)

// Burst is how many calls of a number with a rate may begin at once after it was idle. It loses nothing of the rate, as calls are whole, and is no more
// than that, because every owner of a partition has a burst of its own.
func Burst(rate float64) float64 {
	return 1 + rate*max(commitSpan, callGap(rate)+mostLate).Seconds()
}

// callGap is the time between two moments at which calls of a group begin, unless few slots are free.
func callGap(rate float64) time.Duration {
	if rate == 0 {
		return slotGap
	}
	gap := time.Duration(sendsTogether / rate * float64(time.Second))
	return max(leastGap, min(gap, mostGap))
}

// Pacer is how fast this process may send from a number: additive increase, multiplicative decrease. It is given the
// process's share of the number's rate and never exceeds it. The caller reports what became of calls:
//
//   - A call that was throttled halves the rate. Those that were under way by then are the same news and change nothing.
//   - If all that was sent at the lower rate is throttled too, the number waits, and then tries with one call. So does it when
//     Meta named a time.
//   - Once a call got through at the lower rate, the rate grows, step by step, until all of it is back.
//
// The zero Pacer has no limit; a throttle gives it one until it is forgotten again. It is not safe for concurrent use.
type Pacer struct {
	bucket    rate.Bucket
	full      float64 // messages a second, at best; 0: no limit
	base      float64 // what fraction is of: full or, where there is none, what Meta accepted before it first refused; 0: no limit
	fraction  float64
	refusedAt float64   // the fraction at which Meta last refused
	grownAt   time.Time // fraction is of this time

	slowedAt      time.Time // when it was slowed down; zero: it goes at full rate
	lastCut       time.Time // last: answers to calls that began before it say nothing new
	fails         int       // cuts since a call got through
	wait          time.Duration
	blockedUntil  time.Time // nothing goes before
	trialNext     bool      // after that, one call finds out
	trialInFlight bool      // it is under way

	successes  rate.Meter // calls that got through
	recentRate float64
}

// Set gives the pacer another share of the number's rate. It begins with an empty bucket: what was saved up belonged to the
// share, and the process that gave it up has used it.
func (p *Pacer) Set(now time.Time, full float64) {
	p.Advance(now)
	if p.full = full; p.slowedAt.IsZero() || full > 0 {
		p.base = full
	}
	if p.slowedAt.IsZero() {
		p.fraction = 1
	}
	p.applyRate(now)
	p.bucket.Fill(now, 0)
}

// applyRate has the bucket fill at the rate of now. It begins empty, so that a process that just took partitions over does not add its
// burst to that of the last owner.
func (p *Pacer) applyRate(now time.Time) {
	p.bucket.Set(now, p.Rate(), Burst(p.Rate()))
}

// Full is what it may send a second at best; 0: no limit.
func (p *Pacer) Full() float64 { return p.full }

// Rate is what may be sent a second, now; 0: no limit.
func (p *Pacer) Rate() float64 { return p.base * p.fraction }

// BlockedUntil is until when nothing goes.
func (p *Pacer) BlockedUntil() time.Time { return p.blockedUntil }

// Slowed reports since when the number has been slower than it might be.
func (p *Pacer) Slowed() (since time.Time, yes bool) { return p.slowedAt, !p.slowedAt.IsZero() }

// Advance lets the rate grow. Time that has passed counts at the rate from before.
func (p *Pacer) Advance(now time.Time) {
	if p.slowedAt.IsZero() || p.fails > 0 || !now.After(p.grownAt) {
		return
	}
	left := now.Sub(p.grownAt).Seconds()
	p.grownAt = now
	climb := func(to, speed float64) {
		if p.fraction < to {
			took := min(left, (to-p.fraction)/speed)
			p.fraction += took * speed
			left -= took
		}
	}
	climb(p.refusedAt*near, p.refusedAt*regain)
	climb(p.refusedAt*beyond, p.refusedAt*growth)
	p.fraction += left * regain
	switch {
	case p.fraction < 1 || p.full == 0 && p.fraction < 2:
	case p.full == 0: // twice what Meta once refused: the limit is another one now
		p.base, p.fraction, p.slowedAt = 0, 1, time.Time{}
	default:
		p.fraction, p.slowedAt = 1, time.Time{}
	}
	p.applyRate(now)
}

// Acquire takes a token for a call. If there is none now, it returns when there may be, and no time if that is to be seen from the
// answer to the trial.
func (p *Pacer) Acquire(now time.Time) (trial bool, at time.Time, ok bool) {
	switch {
	case p.blockedUntil.After(now):
		return false, p.blockedUntil, false
	case p.trialInFlight:
		return false, time.Time{}, false
	}
	p.Advance(now)
	if at := p.bucket.Ready(now, 1); at.After(now) {
		return false, at, false
	}
	p.bucket.Take(1)
	trial = p.trialNext
	p.trialInFlight, p.trialNext = trial, false
	return trial, now, true
}

// TokensAt is when there are so many tokens, did nothing bound them. Without a limit the first one is there now, and the others come as calls lately got
// through; all are there, if that is not known.
func (p *Pacer) TokensAt(now time.Time, n int) time.Time {
	if p.Rate() == 0 && p.recentRate > 0 {
		return now.Add(time.Duration(float64(n-1) / p.recentRate * float64(time.Second))) //mutant:idle-number-without-a-limit-starts
	}
	return p.bucket.Ready(now, float64(n))
}

// TokensIn is how many whole tokens there are after a time, did nothing bound them. Without a limit it is how many calls get through in it, if they do
// as lately, and as many as slots for calls are free at least: a number that had little to do says nothing about what it could.
func (p *Pacer) TokensIn(now time.Time, d time.Duration, free int) int {
	if p.Rate() == 0 {
		return max(int(p.recentRate*d.Seconds()), free)
	}
	return p.bucket.In(now, d)
}

// GroupSpan is how much of the rate one commit starts beyond what it takes itself, as it costs the same whatever it starts: nothing where all that it could is called
// at one moment, just before which it is started then. few is as with CallGap.
func (p *Pacer) GroupSpan(few bool) time.Duration {
	switch {
	case p.Rate() == 0: //mutant:an-unlimited-number-starts-less
		return unlimitedGroupSpan
	case p.CallGap(few) >= groupSpan: //mutant:what-is-called-together-is-started-just-before
		return 0
	}
	return groupSpan
}

// CallGap is the least time between two moments at which calls of a group begin; few says that few slots are free.
func (p *Pacer) CallGap(few bool) time.Duration {
	if few { //mutant:few-slots-shorten-the-gap
		return slotGap
	}
	return callGap(p.Rate())
}

// NextCalls is the first moment after a time at which calls of a group begin. Numbers with the same gap have the same moments, so that one commit
// before each is for all of them. It keeps the monotonic clock, as Truncate does not.
func (p *Pacer) NextCalls(after time.Time, few bool) time.Time {
	gap := p.CallGap(few)
	return after.Add(gap - time.Duration(after.UnixNano()%int64(gap))) //mutant:numbers-call-at-the-same-moments
}

// Steady reports whether calls go as their tokens come: none of them has to find out first whether any may.
func (p *Pacer) Steady() bool { return !p.trialNext && !p.trialInFlight }

// Return gives back the token of a call that was not made.
func (p *Pacer) Return(trial bool) {
	p.bucket.Return(1)
	p.TrialEnded(trial)
}

// TrialEnded notes that the trial has come back, whatever it found.
func (p *Pacer) TrialEnded(trial bool) {
	if trial && p.trialInFlight {
		p.trialInFlight, p.trialNext = false, p.fails > 0
	}
}

// Succeeded records that a call got through.
func (p *Pacer) Succeeded(began, now time.Time) {
	if sample, ok := p.successes.Add(now, 1); ok {
		p.recentRate = sample
	}
	if !began.Before(p.lastCut) && p.fails > 0 {
		p.fails, p.wait, p.trialNext = 0, 0, false
		p.grownAt = now
	}
}

// Throttled records that a call was refused for being too fast, and how long Meta asked to wait (0: it did not). It
// reports whether that was news.
func (p *Pacer) Throttled(began, now time.Time, after time.Duration) (news bool) {
	news = p.Pause(now, after)
	if began.Before(p.lastCut) {
		return news
	}
	p.Advance(now)
	if p.slowedAt.IsZero() {
		p.slowedAt = now
	}
	if p.fails == 0 { // else nothing was sent at this rate yet that got through, so nothing is known against it
		if p.full == 0 {
			p.base, p.fraction = max(minBase, p.recentRate, p.successes.Count()), 1
		}
		p.refusedAt = p.fraction
		p.fraction = max(minFraction, p.fraction*cutTo)
	} else if after == 0 {
		p.wait = min(max(2*p.wait, waitBase), waitMax)
		p.blockUntil(now.Add(p.wait))
	}
	p.fails++
	p.lastCut = now
	p.applyRate(now)
	return true
}

// Pause records that an answer asked for a wait (0: it did not) although the number is not too fast: its rate stays. It
// reports whether that was news.
func (p *Pacer) Pause(now time.Time, after time.Duration) bool {
	return after > 0 && p.blockUntil(now.Add(min(after, MaxWait)))
}

// blockUntil lets nothing go before a time, and one call then. It reports whether it would have gone sooner.
func (p *Pacer) blockUntil(until time.Time) bool {
	if !until.After(p.blockedUntil) {
		return false
	}
	p.blockedUntil, p.trialNext = until, true
	return true
}
