package sender

import (
	"time"

	"altavoz/processor/sender/breaker"
	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/pace"
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
	alarm alarm // when it may go on

	id       string
	Number              // as it is configured; the rate is of the whole number, replies included
	renewed  time.Time  // when its token was last replaced
	pacer    pace.Pacer // this process's share of the rate
	ready    [lanes]queue
	listed   bool // in Stage.active
	inFlight int
	row      int // express sends in a row while bulk waited
	tasks    map[*task]struct{}

	breakers breaker.Set
	said     [breaker.Faults]schemas.Reply // why each of them is open
	blamed   *task                         // whose calls failed, if all that failed since one worked are one task's
	mixed    bool                          // they are not
	worked   time.Time                     // when a call last got through
	flight   limits.Flight
	capped   bool          // something ready waits for one of its calls to end
	slow     schemas.Reply // what Meta says against its speed
	told     int64         // when the last webhook that is in force said that it may not send
	risk     *schemas.NumberEvent
}

// numberOf returns the number, new or known.
func (st *Stage) numberOf(id string, now time.Time) *number {
	if n := st.numbers[id]; n != nil {
		return n
	}
	n := &number{id: id, Number: Number{Rate: pace.DefaultRate}, tasks: make(map[*task]struct{}), breakers: breaker.NewSet()}
	if known, ok := st.cfg.Number(id); ok {
		n.Number = known
	}
	if len(st.slots) > 0 { // else there is nothing to share yet; see pace
		n.pacer.Set(now, n.usable()*st.share())
	}
	others := make([]int, 0, len(st.numbers))
	for _, o := range st.numbers {
		others = append(others, o.inFlight)
	}
	st.capacity.Join(others)
	st.numbers[id] = n
	st.heed(n, now)
	return n
}

// share is the part of each number's rate that belongs to this process. It goes by the partitions of bulk, because that is
// where the rate is used up, for hours: were all partitions counted alike, a process with few of express would have less of
// the rate than of the sends. See expressPart.
func (st *Stage) share() float64 {
	var owned [lanes]float64
	for _, a := range st.slots {
		owned[a.lane]++
	}
	part := func(l lane, t stream.Topic) float64 { return min(1, owned[l]/max(1, float64(st.cfg.Partitions[t]))) }
	return expressPart*part(express, schemas.TopicSendsExpress) + (1-expressPart)*part(bulk, schemas.TopicSendsBulk)
}

// usable is what of the number's rate is for sends.
func (n *number) usable() float64 { return n.Rate * (1 - pace.ReplyShare) }

// pace gives each number its rate after partitions came or went. Without any there is nothing to be paced.
func (st *Stage) pace(now time.Time) {
	if len(st.slots) == 0 {
		return
	}
	share := st.share()
	for _, n := range st.numbers {
		n.pacer.Set(now, n.usable()*share)
		st.list(n) // it may have waited for a token of the old rate
	}
}

// reload asks how numbers are configured now. One that is gone stays as it was: what was started goes on.
func (st *Stage) reload(now time.Time) {
	for _, n := range st.numbers {
		is, ok := st.cfg.Number(n.id)
		if !ok {
			continue
		}
		was := n.Number
		n.Number = is
		if is.Rate != was.Rate {
			st.log.Info("rate of a number changed", "sender", n.id, "from", was.Rate, "to", is.Rate)
			if len(st.slots) > 0 {
				n.pacer.Set(now, n.usable()*st.share())
				st.list(n)
			}
		}
		if is.Access != was.Access {
			n.renewed = now
			n.breakers[breaker.Account].Renew(now)
			st.list(n)
		}
	}
}

// list has a number looked at by the pump.
func (st *Stage) list(n *number) {
	if !n.listed && n.ready[express].n+n.ready[bulk].n > 0 {
		n.listed = true
		st.active = append(st.active, n)
		st.kick()
	}
}

// ring is a number's own alarm: it may go on.
func (n *number) ring(st *Stage, _ time.Time) { st.list(n) }

// blocked reports whether the number must not send now, and until when; without a time, until it is listed again. probe says
// that one send may go, to find something out.
func (st *Stage) blocked(n *number, now time.Time) (until time.Time, probe, blocked bool) {
	switch p, at := n.breakers.Probes(now); p {
	case breaker.Wait:
		return at, false, true
	case breaker.Look:
		st.look(n)
		return time.Time{}, false, true
	case breaker.Send:
		probe = true
	case breaker.All:
	}
	until = n.pacer.Held()
	return until, probe, until.After(now)
}

// waits reports whether the number must not send now.
func (n *number) waits(now time.Time) bool {
	p, _ := n.breakers.Probes(now)
	return p == breaker.Wait || p == breaker.Look || n.pacer.Held().After(now)
}

// pick returns the queue whose turn it is, or nil.
func (n *number) pick(withBulk bool, bulkFits bool) *queue {
	ex, bu := &n.ready[express], &n.ready[bulk]
	switch {
	case ex.n > 0 && bu.n > 0 && n.row >= bulkTurn && bulkFits:
		return bu
	case ex.n > 0:
		return ex
	case bu.n > 0 && withBulk:
		return bu
	}
	return nil
}

// took counts whose turn it was.
func (n *number) took(l lane) {
	if l == express && n.ready[bulk].n > 0 {
		n.row++
	} else {
		n.row = 0
	}
}

// hear is what an answer means for the number as a whole.
func (st *Stage) hear(n *number, e *send, r *schemas.Reply, now time.Time) {
	switch r.Verdict {
	case schemas.VerdictThrottled:
		if n.pacer.Throttled(e.began, now, r.After) {
			st.throttled(n, r, now)
		}
	case schemas.VerdictLost: // whoever asked for a wait there is not the Cloud API, and knows nothing of when it answers again
		r.After = min(r.After, n.breakers[breaker.Outage].Every()) //mutant:an-outage-holds-no-longer-than-its-probes
		n.pacer.Wait(now, r.After)
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictPair, schemas.VerdictMedia:
		n.pacer.Worked(e.began, now)
	case schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictAccount:
	}
	if r.Verdict != schemas.VerdictUnsent && r.Verdict != schemas.VerdictLost { // no answer says nothing of how long answers take
		n.flight.Took(now.Sub(e.began))
	}
	if n.capped || e.trial {
		n.pacer.Ended(e.trial)
		n.capped, e.trial = false, false
		st.list(n)
	}
	st.judge(n, e, r, now)
}

// throttled takes in that the number goes on more slowly.
func (st *Stage) throttled(n *number, r *schemas.Reply, now time.Time) {
	st.metrics.throttles.Inc()
	n.slow = *r
	st.log.Warn("number is slowed down", "sender", n.id, "code", r.Code, "rate", n.pacer.Rate(), "of", n.pacer.Full(),
		"waits_seconds", max(0, n.pacer.Held().Sub(now).Seconds()))
}
