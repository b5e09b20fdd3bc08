package sender

import (
	"time"

	"altavoz/processor/sender/pace"
	"altavoz/schemas"
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

	held    time.Time     // nobody can be reached, until then
	wait    time.Duration // how long the last time, if it did not work since
	unsent  int           // calls in a row that reached nobody
	stopped *stopped
	slow    string // what Meta says against its speed, in words
}

// stopped says why a number can't send until somebody acts.
type stopped struct {
	since   time.Time
	why     string
	probeAt time.Time
	probing bool // a send is on its way to find out whether it works again
}

// numberOf returns the number, new or known.
func (st *Stage) numberOf(id string, now time.Time) *number {
	if n := st.numbers[id]; n != nil {
		return n
	}
	n := &number{id: id, Number: Number{Rate: pace.DefaultRate}, tasks: make(map[*task]struct{})}
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
	part := func(l lane, t schemas.Topic) float64 { return min(1, owned[l]/max(1, float64(st.cfg.Partitions[t]))) }
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
			if n.stopped != nil {
				n.stopped.probeAt = now
				st.list(n)
			}
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

// blocked reports whether the number must not send now, and until when; without a time, until it is listed again.
func (n *number) blocked(now time.Time) (until time.Time, blocked bool) {
	if s := n.stopped; s != nil {
		if s.probing {
			return time.Time{}, true
		}
		if s.probeAt.After(now) {
			return s.probeAt, true
		}
	}
	until = n.held
	if held := n.pacer.Held(); held.After(until) {
		until = held
	}
	return until, until.After(now)
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
	works := true
	switch r.Verdict {
	case schemas.VerdictThrottled:
		n.unsent = 0
		if n.pacer.Throttled(e.began, now, r.After) {
			st.throttled(n, r, now)
		}
	case schemas.VerdictAccount:
		works = false
	case schemas.VerdictUnsent:
		works = false
		n.unsent++
		if n.unsent >= unsentRow && !e.began.Before(n.held) {
			n.wait = min(max(2*n.wait, unsentBase), unsentMost)
			n.held = now.Add(n.wait)
		}
	case schemas.VerdictLost:
		n.pacer.Wait(now, r.After)
		fallthrough
	case schemas.VerdictTransient:
		works = false
		n.unsent = 0
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictPair, schemas.VerdictMedia:
		n.pacer.Worked(e.began, now)
		n.unsent = 0
		if !e.began.Before(n.held) {
			n.wait = 0
		}
	}
	if (r.Verdict == schemas.VerdictAccount || r.Foreign) && !e.began.Before(n.renewed) { // else it was the old token that is not taken
		st.halt(n, r, now)
	}
	if e.trial {
		n.pacer.Ended(true)
		e.trial = false
		st.list(n)
	}
	if e.probe {
		st.probed(n, e, works, now)
	}
}

// throttled takes in that the number goes on more slowly.
func (st *Stage) throttled(n *number, r *schemas.Reply, now time.Time) {
	st.metrics.throttles.Inc()
	n.slow = reasonOf(r, "WhatsApp pide ir más despacio")
	st.log.Warn("number is slowed down", "sender", n.id, "code", r.Code, "rate", n.pacer.Rate(), "of", n.pacer.Full(),
		"waits_seconds", max(0, n.pacer.Held().Sub(now).Seconds()))
}

// halt stops the number.
func (st *Stage) halt(n *number, r *schemas.Reply, now time.Time) {
	if n.stopped == nil {
		n.stopped = &stopped{since: now, probeAt: now.Add(probeEvery)}
		st.log.Error("number can't send until somebody acts", "sender", n.id, "code", r.Code, "detail", r.Detail)
	}
	n.stopped.why = reasonOf(r, "WhatsApp no acepta envíos suyos")
	st.noteAll(n, now)
}

// probed takes in what the probe of a stopped number found. With the old token it found nothing.
func (st *Stage) probed(n *number, e *send, works bool, now time.Time) {
	e.probe = false
	if n.stopped == nil {
		return
	}
	st.list(n)
	if !works {
		n.stopped.probing = false
		if !e.began.Before(n.renewed) {
			n.stopped.probeAt = now.Add(probeEvery)
		}
		return
	}
	st.log.Info("number sends again", "sender", n.id, "seconds", now.Sub(n.stopped.since).Seconds())
	n.stopped = nil
	st.noteAll(n, now)
}
