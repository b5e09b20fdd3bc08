package sender

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/stream"
)

// pair is a sender number and a phone.
type pair struct {
	number *number
	phone  schemas.Phone
}

// number is a sender number: its queues, its rate, and what keeps it from sending.
type number struct {
	timer timer // when it may go on

	id              string
	Number                       // as it is configured; the rate is of the whole number, replies included
	tokenReplacedAt time.Time    // when its token was last replaced
	pacer           limits.Pacer // this process's share of the rate
	ready           [lanes]queue
	runnable        bool // in Stage.runnable
	inFlight        int
	expressInRow    int // express sends in a row while bulk waited
	tasks           map[*task]struct{}

	breakers      limits.Breakers
	lastFault     [limits.Faults]schemas.Reply // why each of them is open
	blamed        *task                        // whose calls failed, if all that failed since one worked are one task's
	mixed         bool                         // they are not
	lastSuccess   time.Time                    // when a call last got through
	concurrency   limits.Concurrency
	capped        bool          // something ready waits for one of its calls to end
	throttle      schemas.Reply // what Meta says against its speed
	stopAppliedAt int64         // when the last webhook that is in force said that it may not send
	warning       *schemas.NumberEvent
}

// ensureNumber returns the number, new or known.
func (st *Stage) ensureNumber(id string, now time.Time) *number {
	if n := st.numbers[id]; n != nil {
		return n
	}
	n := &number{id: id, Number: Number{Rate: limits.DefaultRate}, tasks: make(map[*task]struct{}), breakers: limits.NewBreakers()}
	if known, ok := st.cfg.Number(id); ok {
		n.Number = known
	}
	if len(st.assignments) > 0 { // else there is nothing to share yet; see pace
		n.pacer.Set(now, n.sendRate()*st.rateShare())
	}
	others := make([]int, 0, len(st.numbers))
	for _, o := range st.numbers {
		others = append(others, o.inFlight)
	}
	st.capacity.AddNumber(others)
	st.numbers[id] = n
	st.applyNumberState(n, now)
	return n
}

// rateShare is the part of each number's rate that belongs to this process. It goes by the partitions of bulk, because that is
// where the rate is used up, for hours: were all partitions counted alike, a process with few of express would have less of
// the rate than of the sends. See expressPart.
func (st *Stage) rateShare() float64 {
	var owned [lanes]float64
	for _, a := range st.assignments {
		owned[a.lane]++
	}
	part := func(l lane, t stream.Topic) float64 { return min(1, owned[l]/max(1, float64(st.cfg.Partitions[t]))) }
	return expressPart*part(express, schemas.TopicSendsExpress) + (1-expressPart)*part(bulk, schemas.TopicSendsBulk)
}

// sendRate is what of the number's rate is for sends.
func (n *number) sendRate() float64 { return n.Rate * (1 - limits.ReplyShare) }

// distributeRates gives each number its rate after partitions came or went. Without any there is nothing to be paced.
func (st *Stage) distributeRates(now time.Time) {
	if len(st.assignments) == 0 {
		return
	}
	share := st.rateShare()
	for _, n := range st.numbers {
		n.pacer.Set(now, n.sendRate()*share)
		st.makeRunnable(n) // it may have waited for a token of the old rate
	}
}

// reloadNumbers asks how numbers are configured now. One that is gone stays as it was: what was started goes on.
func (st *Stage) reloadNumbers(now time.Time) {
	for _, n := range st.numbers {
		is, ok := st.cfg.Number(n.id)
		if !ok {
			continue
		}
		was := n.Number
		n.Number = is
		if is.Rate != was.Rate {
			st.log.Info("rate of a number changed", "sender", n.id, "from", was.Rate, "to", is.Rate)
			if len(st.assignments) > 0 {
				n.pacer.Set(now, n.sendRate()*st.rateShare())
				st.makeRunnable(n)
			}
		}
		if is.Access != was.Access {
			n.tokenReplacedAt = now
			n.breakers[limits.FaultAccount].Renew(now)
			st.makeRunnable(n)
		}
	}
}

// makeRunnable has a number looked at by the commit loop.
func (st *Stage) makeRunnable(n *number) {
	if !n.runnable && n.ready[express].n+n.ready[bulk].n > 0 {
		n.runnable = true
		st.runnable = append(st.runnable, n)
		st.wake()
	}
}

// onTimer is a number's timer: it may go on.
func (n *number) onTimer(st *Stage, _ time.Time) { st.makeRunnable(n) }

// blocked reports whether the number must not send now, and until when; without a time, until it is listed again. probe says
// that one send may go, to find something out.
func (st *Stage) blocked(n *number, now time.Time) (until time.Time, probe, blocked bool) {
	switch p, at := n.breakers.Probes(now); p {
	case limits.ProbeWait:
		return at, false, true
	case limits.ProbeRead:
		st.readOnlyProbe(n)
		return time.Time{}, false, true
	case limits.ProbeSend:
		probe = true
	case limits.ProbeNone:
	}
	until = n.pacer.BlockedUntil()
	return until, probe, until.After(now)
}

// isBlocked reports whether the number must not send now.
func (n *number) isBlocked(now time.Time) bool {
	p, _ := n.breakers.Probes(now)
	return p == limits.ProbeWait || p == limits.ProbeRead || n.pacer.BlockedUntil().After(now)
}

// nextQueue returns the queue whose turn it is, or nil.
func (n *number) nextQueue(withBulk bool, bulkFits bool) *queue {
	ex, bu := &n.ready[express], &n.ready[bulk]
	switch {
	case ex.n > 0 && bu.n > 0 && n.expressInRow >= bulkTurn && bulkFits:
		return bu
	case ex.n > 0:
		return ex
	case bu.n > 0 && withBulk:
		return bu
	}
	return nil
}

// countTurn counts whose turn it was.
func (n *number) countTurn(l lane) {
	if l == express && n.ready[bulk].n > 0 {
		n.expressInRow++
	} else {
		n.expressInRow = 0
	}
}

// applyReply is what an answer means for the number as a whole.
func (st *Stage) applyReply(n *number, e *send, r *schemas.Reply, now time.Time) {
	switch r.Verdict {
	case schemas.VerdictThrottled:
		if n.pacer.Throttled(e.calledAt, now, r.After) {
			st.onThrottle(n, r, now)
		}
	case schemas.VerdictLost: // whoever asked for a wait there is not the Cloud API, and knows nothing of when it answers again
		r.After = min(r.After, n.breakers[limits.FaultOutage].MaxWait()) //mutant:an-outage-holds-no-longer-than-its-probes
		n.pacer.Pause(now, r.After)
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictPair, schemas.VerdictMedia:
		n.pacer.Succeeded(e.calledAt, now)
	case schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictAccount:
	}
	if r.Verdict != schemas.VerdictUnsent && r.Verdict != schemas.VerdictLost { // no answer says nothing of how long answers take
		n.concurrency.Observe(now.Sub(e.calledAt))
	}
	if n.capped || e.trial {
		n.pacer.TrialEnded(e.trial)
		n.capped, e.trial = false, false
		st.makeRunnable(n)
	}
	st.updateHealth(n, e, r, now)
}

// onThrottle takes in that the number goes on more slowly.
func (st *Stage) onThrottle(n *number, r *schemas.Reply, now time.Time) {
	st.metrics.throttles.Inc()
	n.throttle = *r
	st.log.Warn("number is slowed down", "sender", n.id, "code", r.Code, "rate", n.pacer.Rate(), "of", n.pacer.Full(),
		"waits_seconds", max(0, n.pacer.BlockedUntil().Sub(now).Seconds()))
}
