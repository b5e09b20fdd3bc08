package limits

import "time"

const (
	// ExpressRecent is for how long after an express send bulk of a number without a limit has no more calls under way than make it faster.
	ExpressRecent = 10 * time.Second

	// fewCalls are what a number without a limit may have under way beside express at first, and at least.
	fewCalls = 32
	// slowCall is a mean duration from which on calls probably wait for the API, and not for one another: then slowFactor times as many are tried,
	// at once.
	slowCall   = 45 * time.Millisecond
	slowFactor = 4
	// searchTime is how long calls are observed at least before their mean says something.
	searchTime = 100 * time.Millisecond
	// asFast is the part of the throughput that half of the calls must have for the other half to be given up, and faster how many
	// times as much twice the calls must have to be kept; of more or fewer calls in proportion.
	asFast, faster = 0.9, 1.4
	// leastPatience and mostPatience are how many observations lie between two trials: twice as many after each that changed nothing.
	leastPatience, mostPatience = 4, 64
)

// search looks for the fewest calls under way with which a number without a limit is as fast as with more. Calls beyond these wait in a
// queue of the API or of this machine, and each direct send waits behind them. By Little's law the throughput is the calls under way
// over their mean duration; now and then half of the calls or twice as many are tried. Where calls take long the first trials are with
// four times as many, one after the other, up to all that the number may have.
//
//	       now and then            nearly as fast with fewer, or clearly faster with more
//	limit ──────────────► trial ──────────────────────────────────────────────────────────► limit = trial
//	  ▲                     │ neither
//	  └─────────────────────┘
type search struct {
	limit    int     // 0: nothing was observed yet
	trial    int     // that many instead; 0: no trial
	mean     float64 // duration of a call at limit, in seconds
	up       bool    // the last trial was with more calls
	seen     int     // observations since then
	patience int     // observations between two trials

	// What is observed now: calls that began at since or later.
	since, last time.Time // last: of the call that ended last
	ended       int
	seconds     float64
	full        time.Duration // for how long nearly as many were under way as may be
}

// calls is how many may be under way now.
func (s *search) calls() int {
	switch {
	case s.trial > 0:
		return s.trial
	case s.limit > 0:
		return s.limit
	}
	return fewCalls
}

// observe records the end of a call that began at a time, when so many were under way, of at most so many.
func (s *search) observe(began, now time.Time, underWay, ceiling int) {
	if s.limit == 0 {
		*s = search{limit: min(fewCalls, ceiling), patience: leastPatience, since: began, last: began}
	}
	most := min(s.calls(), ceiling)
	if underWay > most+MinConcurrency { // as many as without a search: what is under way now says nothing of fewer
		s.begin(now)
		return
	}
	if began.Before(s.since) {
		return
	}
	took := now.Sub(began)
	s.ended++
	s.seconds += took.Seconds()
	if underWay > most-most/4 {
		s.full += min(took, now.Sub(s.last))
	}
	s.last = now
	if s.ended >= most && now.Sub(s.since) >= searchTime {
		s.conclude(now, ceiling)
	}
}

// begin begins an observation.
func (s *search) begin(now time.Time) {
	s.since, s.last, s.ended, s.full, s.seconds = now, now, 0, 0, 0
}

// conclude ends what is observed now, and decides what comes next.
func (s *search) conclude(now time.Time, ceiling int) {
	mean, used, trial := s.seconds/float64(s.ended), 2*s.full >= now.Sub(s.since), s.trial
	s.begin(now)
	s.trial = 0
	switch {
	case !used: // it says nothing of the limit
	case trial > 0:
		gain := float64(trial) / float64(s.limit) * s.mean / mean
		enough := 1 + (faster-1)*(float64(trial)/float64(s.limit)-1)
		if trial < s.limit && gain >= asFast || trial > s.limit && gain >= enough { //mutant:a-trial-that-shows-nothing-is-undone
			s.limit, s.mean, s.patience = trial, mean, leastPatience
		} else {
			s.patience = min(2*s.patience, mostPatience)
		}
	case mean >= slowCall.Seconds() && s.limit < ceiling && s.patience == leastPatience:
		s.mean, s.trial = mean, min(slowFactor*s.limit, ceiling)
	default:
		s.mean = mean
		if s.seen++; s.seen >= s.patience {
			s.seen = 0
			s.try(ceiling)
		}
	}
}

// try begins a trial with half of the calls or with twice as many, in turn, where that is possible.
func (s *search) try(ceiling int) {
	half, twice := s.limit/2, min(2*s.limit, ceiling)
	s.up = !s.up
	switch {
	case half >= fewCalls && (!s.up || twice == s.limit):
		s.trial = half
	case twice > s.limit:
		s.trial = twice
	}
}
