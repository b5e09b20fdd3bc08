package schedule

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/report"
	"altavoz/processor/sender/schedule/queue"
	"altavoz/schemas"
	"altavoz/stream"
)

// NumberConfig is a sender number as it is configured.
type NumberConfig struct {
	Name string  // for people; may be empty
	Rate float64 // messages a second that Meta allows it; 0: no limit
	// Business is whose it is, and People to how many people that may write within 24 hours outside their windows; 0: no limit.
	Business string
	People   int
	// Access changes whenever its token does: a number that was stopped is tried at once.
	Access uint64
}

// Number is a sender number: its queues, its rate, and what keeps it from sending.
type Number struct {
	timer timer // when it may go on

	ID           string
	NumberConfig // the rate is of the whole number, replies included
	tasks        map[*Task]struct{}

	ready        [Lanes]queue.Priority[*Send] // direct sends are urgent
	runnable     bool                         // in Scheduler.runnable
	expressInRow int                          // express sends in a row while bulk waited
	expressAt    time.Time                    // when the last one began

	group group // of bulk: started, and not called

	inFlight    int
	concurrency limits.Concurrency
	capped      bool // something ready waits for one of its calls to end

	pacer    limits.Pacer  // this process's share of the rate
	throttle schemas.Reply // the last throttle
	reported report.Last
	health
}

// pair is a sender number and a phone.
type pair struct {
	number *Number
	phone  schemas.Phone
}

// EnsureNumber returns the number, new or known.
func (s *Scheduler) EnsureNumber(id string, now time.Time) *Number {
	if n := s.numbers.byID[id]; n != nil {
		return n
	}
	n := &Number{
		ID: id, NumberConfig: NumberConfig{Rate: limits.DefaultRate}, tasks: make(map[*Task]struct{}), health: health{breakers: limits.NewBreakers()},
	}
	if known, ok := s.cfg.Number(id); ok {
		n.NumberConfig = known
	}
	if s.ownsAny() { // else there is nothing to share yet; see SetOwned
		n.pacer.Set(now, n.sendRate()*s.rateShare())
	}
	others := make([]int, 0, len(s.numbers.byID))
	for _, o := range s.numbers.byID {
		others = append(others, o.inFlight)
	}
	s.capacity.AddNumber(others)
	s.numbers.byID[id] = n
	s.limitPeople()
	s.applyState(n, now)
	return n
}

// SetOwned gives each number its share of the rate after partitions came or went. Without any there is nothing to be shared.
func (s *Scheduler) SetOwned(owned [Lanes]int, now time.Time) {
	s.owned = owned
	if !s.ownsAny() {
		return
	}
	share := s.rateShare()
	for _, n := range s.numbers.byID {
		n.pacer.Set(now, n.sendRate()*share)
		s.makeRunnable(n) // it may have waited for a token of the old rate
	}
}

func (s *Scheduler) ownsAny() bool { return s.owned[Express]+s.owned[Bulk] > 0 }

// rateShare is the part of each number's rate that belongs to this process. It goes by the partitions of bulk, because that is
// where the rate is used up, for hours: were all partitions counted alike, a process with few of express would have less of
// the rate than of the sends. See ExpressPart.
func (s *Scheduler) rateShare() float64 {
	part := func(l Lane, t stream.Topic) float64 {
		return min(1, float64(s.owned[l])/max(1, float64(s.cfg.Partitions[t])))
	}
	return ExpressPart*part(Express, schemas.TopicSendsExpress) + (1-ExpressPart)*part(Bulk, schemas.TopicSendsBulk)
}

// sendRate is what of the number's rate is for sends.
func (n *Number) sendRate() float64 { return n.Rate * (1 - limits.ReplyShare) }

// reloadNumbers asks how numbers are configured now. One that is gone stays as it was: what was started goes on.
func (s *Scheduler) reloadNumbers(now time.Time) {
	defer s.limitPeople()
	for _, n := range s.numbers.byID {
		is, ok := s.cfg.Number(n.ID)
		if !ok {
			continue
		}
		was := n.NumberConfig
		n.NumberConfig = is
		if is.Rate != was.Rate {
			s.log.Info("rate of a number changed", "sender", n.ID, "from", was.Rate, "to", is.Rate)
			if s.ownsAny() {
				n.pacer.Set(now, n.sendRate()*s.rateShare())
				s.makeRunnable(n)
			}
		}
		if is.Access != was.Access {
			n.tokenReplacedAt = now
			n.breakers[limits.FaultAccount].Renew(now)
			s.makeRunnable(n)
		}
	}
}

// makeRunnable has Admit look at a number.
func (s *Scheduler) makeRunnable(n *Number) {
	if n.group.Len() > 0 {
		s.ports.Host.Wake()
	}
	if !n.runnable && n.hasReady() {
		n.runnable = true
		s.numbers.runnable = append(s.numbers.runnable, n)
		s.ports.Host.Wake()
	}
}

// onTimer is called by Tick, behind which Due and Admit look at the number.
func (n *Number) onTimer(s *Scheduler, _ time.Time) { s.makeRunnable(n) }

// blocked reports whether the number must not send now, and until when; without a time, until it is runnable again. probe reports
// that one send may go, to find something out.
func (s *Scheduler) blocked(n *Number, now time.Time) (until time.Time, probe, blocked bool) {
	switch p, at := n.breakers.Probes(now); p {
	case limits.ProbeWait:
		return at, false, true
	case limits.ProbeRead:
		s.readOnlyProbe(n)
		return time.Time{}, false, true
	case limits.ProbeSend:
		probe = true
	case limits.ProbeNone:
	}
	until = n.pacer.BlockedUntil()
	return until, probe, until.After(now)
}

// nextQueue returns the queue whose turn it is, or nil.
func (n *Number) nextQueue(withBulk bool, bulkFits bool) *queue.Priority[*Send] {
	ex, bu := &n.ready[Express], &n.ready[Bulk]
	switch {
	case ex.Len() > 0 && bu.Len()+n.group.Len() > 0 && n.expressInRow >= bulkTurn && bulkFits:
		return bu
	case ex.Len() > 0:
		return ex
	case bu.Len() > 0 && withBulk:
		return bu
	}
	return nil
}

// mostCalls is how many calls the number may have under way before another of a lane begins: express has some beyond what bulk may ever have.
func (n *Number) mostCalls(lane Lane, ceiling int, now time.Time) int {
	few := lane == Bulk && n.bulkWaits() && now.Sub(n.expressAt) < limits.ExpressRecent //mutant:few-calls-of-bulk-are-not-of-express
	beyond := [Lanes]int{Express: limits.MinConcurrency}
	return n.concurrency.Max(n.pacer.Full(), ceiling, n.breakers[limits.FaultOutage].Doubtful(), few) + beyond[lane]
}

func (n *Number) hasReady() bool { return n.ready[Express].Len()+n.ready[Bulk].Len() > 0 }

func (n *Number) bulkWaits() bool { return n.ready[Bulk].Len()+n.group.Len() > 0 }

// countTurn counts whose turn it was.
func (n *Number) countTurn(e *Send) {
	n.ready[e.Lane].Took(e.Direct)
	if e.Lane == Express && n.bulkWaits() {
		n.expressInRow++
	} else {
		n.expressInRow = 0
	}
}

// label is what people call it.
func (n *Number) label() string {
	if n.Name == "" {
		return n.ID
	}
	return n.Name + " (" + n.ID + ")"
}
