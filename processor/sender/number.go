package sender

import (
	"time"

	"altavoz/schemas"
)

// number is a sender number: its queues, its rate, and what keeps it from sending.
type number struct {
	alarm alarm // when it may go on

	id       string
	rate     float64 // of the whole number; 0: no limit
	bucket   bucket  // this process's share of it
	ready    [lanes]queue
	listed   bool // in Stage.active
	inFlight int
	row      int // express sends in a row while bulk waited
	tasks    map[*task]struct{}

	held    time.Time     // throttled, or unreachable, until then
	wait    time.Duration // how long the last time, if it did not work since
	unsent  int           // calls in a row that reached nobody
	stopped *stopped
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
	n := &number{id: id, rate: defaultRate, tasks: make(map[*task]struct{})}
	if c, ok := st.cfg.Numbers[id]; ok {
		n.rate = c.Rate
	}
	n.rate *= 1 - replyShare
	if len(st.slots) > 0 { // else there is nothing to share yet; see pace
		n.bucket.set(now, n.rate*st.share())
	}
	others := make([]int, 0, len(st.numbers))
	for _, o := range st.numbers {
		others = append(others, o.inFlight)
	}
	st.capacity.join(others)
	st.numbers[id] = n
	return n
}

// share is the part of each number's rate that belongs to this process.
func (st *Stage) share() float64 {
	all := st.cfg.Partitions[schemas.TopicSendsExpress] + st.cfg.Partitions[schemas.TopicSendsBulk]
	if all <= 0 || int(all) < len(st.slots) {
		return 1
	}
	return float64(len(st.slots)) / float64(all)
}

// pace gives each number its rate after partitions came or went. Without any there is nothing to be paced.
func (st *Stage) pace(now time.Time) {
	if len(st.slots) == 0 {
		return
	}
	share := st.share()
	for _, n := range st.numbers {
		n.bucket.set(now, n.rate*share)
		st.list(n) // it may have waited for a token of the old rate
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
	return n.held, n.held.After(now)
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
	works, early := true, e.began.Before(n.held) // early: of a call that began before the number was slowed down
	switch r.Verdict {
	case schemas.VerdictThrottled:
		st.throttle(n, r.After, early, now)
	case schemas.VerdictAccount:
		works = false
		st.halt(n, r, now)
	case schemas.VerdictUnsent:
		works = false
		n.unsent++
		if n.unsent >= unsentRow && !early {
			n.wait = min(max(2*n.wait, unsentBase), unsentMost)
			n.held = now.Add(n.wait)
		}
	case schemas.VerdictLost, schemas.VerdictTransient:
		works = false
		n.unsent = 0
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictPair, schemas.VerdictMedia:
		n.unsent = 0
		if !early {
			n.wait = 0
		}
	}
	if e.probe {
		st.probed(n, works, now)
		e.probe = false
	}
}

// throttle slows the number down. Answers to calls that were on their way already say nothing new.
func (st *Stage) throttle(n *number, after time.Duration, early bool, now time.Time) {
	n.unsent = 0
	switch {
	case after > 0:
		n.wait = min(after, throttleCap)
	case early:
		return
	default:
		n.wait = min(max(2*n.wait, throttleBase), throttleMost)
	}
	if until := now.Add(n.wait); until.After(n.held) {
		n.held = until
		st.log.Warn("number is slowed down", "sender", n.id, "seconds", n.wait.Seconds())
	}
}

// halt stops the number.
func (st *Stage) halt(n *number, r *schemas.Reply, now time.Time) {
	if n.stopped == nil {
		n.stopped = &stopped{since: now, probeAt: now.Add(probeEvery)}
		st.log.Error("number can't send until somebody acts", "sender", n.id, "code", r.Code, "detail", r.Detail)
	}
	n.stopped.why = waitingWhy(n.stopped.since, r)
	st.noteAll(n, now)
}

// probed takes in what the probe of a stopped number found.
func (st *Stage) probed(n *number, works bool, now time.Time) {
	if n.stopped == nil {
		return
	}
	if !works {
		n.stopped.probing, n.stopped.probeAt = false, now.Add(probeEvery)
		st.list(n)
		return
	}
	st.log.Info("number sends again", "sender", n.id, "seconds", now.Sub(n.stopped.since).Seconds())
	n.stopped = nil
	st.list(n)
	for t := range n.tasks {
		if !t.noted.IsZero() {
			t.noted = time.Time{}
			st.note(t, schemas.Phase_PHASE_RUNNING, "", now)
		}
	}
}

// noteAll tells the tasks of a stopped number that they wait, each at most once a minute.
func (st *Stage) noteAll(n *number, now time.Time) {
	for t := range n.tasks {
		if t.noted.IsZero() || now.Sub(t.noted) >= noteEvery {
			t.noted = now
			st.note(t, schemas.Phase_PHASE_WAITING, n.stopped.why, now)
		}
	}
}
