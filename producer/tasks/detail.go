package tasks

import (
	"strconv"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// limitedPart of a number's rate is the least that a task goes at of which it is said that the number limits it; tasks of a number take turns.
const limitedPart = 10

// Detail is everything that is known of a task. Its first members are those of task-status.
type Detail struct {
	Brief
	Since        string          `json:"since,omitzero"` // of why
	Version      uint64          `json:"version"`
	Sender       string          `json:"sender,omitzero"`
	Owner        string          `json:"owner,omitzero"`
	Outcomes     []Outcome       `json:"outcomes"`
	Cursor       uint32          `json:"cursor"`
	InPipe       uint32          `json:"in_pipe"`
	Rate         float64         `json:"rate"` // recipients decided a second, lately
	EstimatedEnd string          `json:"estimated_end,omitzero"`
	Speed        uint32          `json:"speed,omitzero"`  // most messages a second; none: as fast as the number goes
	Window       *schemas.Window `json:"window,omitzero"` // when its sends may start
	AcceptedAt   string          `json:"accepted_at,omitzero"`
	ScheduleAt   string          `json:"schedule_at,omitzero"`
	ExpireAt     string          `json:"expire_at,omitzero"`
	StartedAt    string          `json:"started_at,omitzero"`
	UpdatedAt    string          `json:"updated_at,omitzero"`
	FinishedAt   string          `json:"finished_at,omitzero"`
	Direct       bool            `json:"direct,omitzero"`
	RetryOf      string          `json:"retry_of,omitzero"` // the task that it retries
}

// Outcome is how many recipients ended, or stand, one way. Code is Meta's, where there is one.
type Outcome struct {
	Outcome schemas.OutcomeClass `json:"outcome"`
	Code    int                  `json:"code,omitzero"`
	Count   uint32               `json:"count"`
	Reason  string               `json:"reason,omitzero"`
}

// DetailOf tells everything. The number's rate is messages a second; 0 where it has no limit, or none is known. Nearly all
// of it follows from the status alone, so that its version names it.
func DetailOf(task schemas.TaskID, s *schemas.Status, numberRate float64, now time.Time, l es.Language) Detail {
	p := s.GetPlan()
	d := Detail{
		Brief: BriefOf(task, s, now, l), Version: s.GetVersion(), Sender: p.GetSender(), Owner: p.GetOwner(), Outcomes: outcomesOf(s, l),
		Cursor: s.GetCursor(), InPipe: InPipe(s), Rate: s.GetRate(), Speed: speedOf(s), EstimatedEnd: estimatedEnd(s, now),
		AcceptedAt: Clock(p.GetAcceptedMs()), ScheduleAt: Clock(p.GetScheduleMs()), ExpireAt: Clock(p.GetExpireMs()),
		StartedAt: Clock(s.GetStartedMs()), UpdatedAt: Clock(s.GetUpdatedMs()), FinishedAt: Clock(s.GetFinishedMs()),
		Direct: p.GetDirect(), Window: p.GetWindow(), RetryOf: retryOf(p),
	}
	if p != nil {
		d.Result = ResultOf(s)
	}
	switch {
	case d.Why != "":
		d.Since = Clock(s.GetPhaseMs())
	case d.Status == Started && d.Speed > 0:
		d.Why = es.Say(es.SpeedLimit, d.Speed).In(l)
	case d.Status == Started && numberRate > 0 && d.Rate >= numberRate/limitedPart: // else something that nobody has said: no reason is better than a wrong one
		d.Why = es.Say(es.NumberLimit, p.GetSender(), strconv.FormatFloat(numberRate, 'f', -1, 64)).In(l)
	}
	return d
}

func retryOf(p *schemas.TaskOpened) string {
	if id, err := schemas.TaskIDFromBytes(p.GetRetryOf()); err == nil {
		return id.String()
	}
	return ""
}

// speedOf is the most messages a second that somebody wants of the task: what it was asked for with, or told since.
func speedOf(s *schemas.Status) uint32 {
	if s.GetControls() > 0 {
		return s.GetSpeed()
	}
	return s.GetPlan().GetSpeed()
}

// estimatedEnd is when the task would be over if it went on as it did when the status was written; empty where it does not.
func estimatedEnd(s *schemas.Status, now time.Time) string {
	if StateOf(s, now) != Started || s.GetRate() <= 0 {
		return ""
	}
	left := float64(pending(s)) / s.GetRate() * float64(time.Second/time.Millisecond)
	return Clock(s.GetUpdatedMs() + int64(min(left, float64(schemas.TaskLife.Milliseconds()))))
}

// outcomesOf lists outcomes and codes in the order of marks; marks that read alike are one.
func outcomesOf(s *schemas.Status, l es.Language) []Outcome {
	out := make([]Outcome, 0, len(s.GetCounts()))
	for _, c := range s.GetCounts() {
		m := schemas.RecipientState(c.GetMark())
		if !m.Decided() {
			continue
		}
		o := Outcome{Outcome: m.Outcome(), Count: c.GetCount(), Reason: m.In(l)}
		if code, ok := m.Code(); ok && code > 0 {
			o.Code = code
		}
		if n := len(out); n > 0 && out[n-1].Outcome == o.Outcome && out[n-1].Reason == o.Reason {
			out[n-1].Count += o.Count
			continue
		}
		out = append(out, o)
	}
	return out
}
