package dryrun

import (
	"math"
	"strconv"
	"time"

	"altavoz/processor/fanout/canary"
	"altavoz/producer/senders"
	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// Sending is when and how fast a broadcast would go, under Assumptions. What is not there is not known.
type Sending struct {
	Direct   bool    `json:"direct"`        // the answer to it would come at its end
	Rate     float64 `json:"rate,omitzero"` // messages a second
	StartsAt string  `json:"starts_at"`
	EndsAt   string  `json:"ends_at,omitzero"`
	Seconds  float64 `json:"seconds,omitzero"` // of sending, without the hours in which its window is closed
	// Expired is how many would get no message because the time is over before their turn.
	Expired     uint32   `json:"expired,omitzero"`
	Assumptions []string `json:"assumptions"`
}

// sendingOf says how a broadcast to those pending would go from a number.
func (l *List) sendingOf(req *request.Request, n Number, now time.Time, in es.Language) Sending {
	starts := req.Begins(now)
	s := Sending{Direct: req.Direct(now), StartsAt: tasks.Clock(starts.UnixMilli())}
	assumed := []es.Sentence{es.Say(es.AssumedPhones)}
	rate, why := rateOf(req, n)
	assumed = append(assumed, why...)
	if rate > 0 {
		s.Rate = rate
		ends, sent := run(req.Window, starts, deadline(req, now), rate, l.pending)
		s.EndsAt, s.Expired = tasks.Clock(ends.Add(time.Second-time.Millisecond).UnixMilli()), l.pending-sent
		s.Seconds = float64(sent) / rate
	}
	if n.Row != nil && n.Row.State != senders.Sending && n.Row.State != senders.Slowed {
		assumed = append(assumed, es.Say(es.AssumedHalted))
	}
	if l.total > schemas.ExpressRecipients {
		assumed = append(assumed, es.Say(es.AssumedFirst, canary.First))
	}
	if !l.allKnown {
		assumed = append(assumed, es.Say(es.AssumedRepeats))
	}
	s.Assumptions = es.All(assumed, in)
	return s
}

// rateOf is how many messages a second go out; 0: that is not known, or there is no limit.
func rateOf(req *request.Request, n Number) (rate float64, why []es.Sentence) {
	switch {
	case !n.Configured:
		why = append(why, es.Say(es.AssumedUnknown))
	case n.Row.Rate != nil:
		rate = n.Row.Rate.Share
	case req.Speed == 0:
		return 0, append(why, es.Say(es.AssumedNoLimit))
	}
	if speed := float64(req.Speed); speed > 0 && (rate == 0 || speed < rate) {
		says := es.AssumedSpeed
		if !n.Configured {
			says = es.AssumedAtBest
		}
		return speed, append(why, es.Say(says, req.Speed))
	}
	if rate > 0 {
		why = append(why, es.Say(es.AssumedRate, strconv.FormatFloat(rate, 'f', -1, 64)))
	}
	return rate, why
}

// deadline is when nothing starts any more.
func deadline(req *request.Request, now time.Time) time.Time {
	end := now.Add(schemas.TaskLife)
	if at := time.UnixMilli(req.ExpireMs); req.ExpireMs != 0 && at.Before(end) {
		end = at
	}
	return end
}

// run sends at a rate while the window is open, until all are sent to or the time is over, and returns when that is and how many were.
func run(w *schemas.Window, at, until time.Time, rate float64, pending uint32) (end time.Time, sent uint32) {
	left := float64(pending)
	for left > 0 {
		opens, closes, ok := w.Opening(at)
		if !ok || !opens.Before(until) {
			return until, pending - uint32(math.Ceil(left))
		}
		if closes.After(until) {
			closes = until
		}
		most := rate * closes.Sub(opens).Seconds()
		if left <= most {
			return opens.Add(time.Duration(left / rate * float64(time.Second))), pending
		}
		left -= most
		at = closes
	}
	return at, pending
}
