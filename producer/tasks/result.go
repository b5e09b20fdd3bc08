package tasks

import (
	"cmp"
	"slices"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/price"
	"altavoz/schemas/shown"
)

// Brief is what task-status answers.
type Brief struct {
	TaskID    string  `json:"task_id"`
	Status    State   `json:"status"`
	Reference string  `json:"reference,omitzero"` // what the caller calls it
	Result    *Result `json:"result,omitzero"`
	Why       string  `json:"why,omitzero"`
	ETA       string  `json:"eta,omitzero"` // when it starts, where that is asked for
}

// Result adds up: successful + failed + pending = total. What follows pending is counted in failed, except delivered and
// read, which are counted in successful. By template are those of the successful who got the template where the interactive message was possible.
type Result struct {
	Total       uint32   `json:"total"`
	Successful  uint32   `json:"successful"`
	Failed      uint32   `json:"failed"`
	Errors      []string `json:"errors"`
	Pending     uint32   `json:"pending,omitzero"`
	Skipped     uint32   `json:"skipped,omitzero"`
	Expired     uint32   `json:"expired,omitzero"`
	Cancelled   uint32   `json:"cancelled,omitzero"`
	Unknown     uint32   `json:"unknown,omitzero"`
	Undelivered uint32   `json:"undelivered,omitzero"`
	Delivered   uint32   `json:"delivered,omitzero"`
	Read        uint32   `json:"read,omitzero"`
	ByTemplate  uint32   `json:"by_template,omitzero"`
	Priced      []Priced `json:"priced,omitempty"`
}

// Priced is how many delivered messages Meta prices alike, by the receipts that tell it; they are in no sum with the others.
type Priced struct {
	Category string `json:"category"`
	Type     string `json:"type"`
	Billable bool   `json:"billable"`
	Messages uint32 `json:"messages"`
}

// BriefOf says how far a task is. The result is there as soon as it has started.
func BriefOf(task schemas.TaskID, s *schemas.Status, now time.Time, l es.Language) Brief {
	b := Brief{TaskID: task.String(), Reference: s.GetPlan().GetReference()}
	b.Status, b.Why = StateOf(s, now), WhyOf(s, now, l)
	if b.Status != Pending {
		b.Result = ResultOf(s)
	}
	if !b.Status.Over() && scheduled(s, now) {
		b.ETA = Clock(s.GetPlan().GetScheduleMs())
	}
	return b
}

// ResultOf counts a status for people. Whatever did not succeed is failed to a client that knows only the two.
func ResultOf(s *schemas.Status) *Result {
	r := numbers(s)
	r.Priced = PricedOf(s.GetPrices())
	r.Errors = make([]string, 0, len(s.GetErrors()))
	for _, e := range s.GetErrors() {
		r.Errors = append(r.Errors, shown.Line(es.Say(es.ErrorFor, phoneOf(e), lineOf(s, e)).Spanish()))
	}
	return r
}

// PricedOf lists prices, billed ones first; classes that read alike are one.
func PricedOf(all []*schemas.PriceCount) (out []Priced) {
	for _, c := range slices.Backward(all) {
		p := price.Read(c.GetPrice())
		row := Priced{Category: p.Category(), Type: p.Type(), Billable: p.Billed(), Messages: c.GetCount()}
		same := func(r Priced) bool {
			return r.Category == row.Category && r.Type == row.Type && r.Billable == row.Billable
		}
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i].Messages += row.Messages
			continue
		}
		out = append(out, row)
	}
	return out
}

// numbers is the result without the errors.
func numbers(s *schemas.Status) *Result {
	r := &Result{Total: s.GetPlan().GetTotal(), Pending: pending(s)}
	for _, c := range s.GetCounts() {
		m, n := schemas.RecipientState(c.GetMark()), c.GetCount()
		if !m.Decided() {
			continue
		}
		if m.GotTemplate() {
			r.ByTemplate += n
		}
		if m.Succeeded() {
			r.Successful += n
		} else {
			r.Failed += n
		}
		switch m.Outcome() {
		case schemas.OutcomeSkipped:
			r.Skipped += n
		case schemas.OutcomeExpired:
			r.Expired += n
		case schemas.OutcomeCancelled:
			r.Cancelled += n
		case schemas.OutcomeUnknown:
			r.Unknown += n
		case schemas.OutcomeUndelivered:
			r.Undelivered += n
		case schemas.OutcomeDelivered:
			r.Delivered += n
		case schemas.OutcomeRead:
			r.Read += n
		case schemas.OutcomePending, schemas.OutcomeFailed, schemas.OutcomeSent:
		}
	}
	return r
}

// phoneOf names the recipient, by its place in the list where the phone is not known any more.
func phoneOf(e *schemas.ErrorLine) string {
	if e.GetPhone() != "" {
		return e.GetPhone()
	}
	return es.Say(es.RecipientNumber, e.GetIndex()+1).Spanish()
}

// lineOf is why a recipient ended as it did, in the contract's Spanish.
func lineOf(s *schemas.Status, e *schemas.ErrorLine) string {
	return cmp.Or(e.GetReason(), ReasonOf(s, schemas.RecipientState(e.GetMark()), es.Spanish))
}

// ReasonOf is why a recipient of whom nothing is said alone ended in a state: what ended the task ended it.
func ReasonOf(s *schemas.Status, state schemas.RecipientState, l es.Language) string {
	failed := s.GetPhase() == schemas.Phase_PHASE_FAILED && state == schemas.Failed(schemas.CodeContent)
	stopped := s.GetPhase() == schemas.Phase_PHASE_STOPPED && state == schemas.StateCancelled
	if failed || stopped {
		return cmp.Or(reasonOf(s, l), state.In(l))
	}
	return state.In(l)
}
