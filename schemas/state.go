package schemas

import (
	"fmt"
	"slices"

	"altavoz/schemas/es"
)

// RecipientState is how far one recipient has come, in one byte. States are totally ordered and a recipient's state is the
// maximum of all that was ever recorded of it, so results may come late, twice and in any order:
//
//	pending < skipped < expired < cancelled < unknown < failed(code) < sent < undelivered(code) < delivered < read
//
// The numbers are wire format (topics results and marks): rows are only added, in the gaps left for them.
type RecipientState byte

// The rows that carry no code, and where the two runs of coded rows begin: see Mark.
const (
	StatePending     = RecipientState(Mark_MARK_PENDING)
	StateDuplicate   = RecipientState(Mark_MARK_DUPLICATE)
	StateOptedOut    = RecipientState(Mark_MARK_OPTED_OUT)
	StateExpired     = RecipientState(Mark_MARK_EXPIRED)
	StateCancelled   = RecipientState(Mark_MARK_CANCELLED)
	StateUnknown     = RecipientState(Mark_MARK_UNKNOWN)
	StateFailed      = RecipientState(Mark_MARK_FAILED)
	StateSent        = RecipientState(Mark_MARK_SENT)
	StateConfirmed   = RecipientState(Mark_MARK_CONFIRMED)
	StateUndelivered = RecipientState(Mark_MARK_UNDELIVERED)
	StateDelivered   = RecipientState(Mark_MARK_DELIVERED)
	StateRead        = RecipientState(Mark_MARK_READ)

	// Those who got the template where the interactive message was possible (see Route).
	StateSentTemplate      = RecipientState(Mark_MARK_SENT_TEMPLATE)
	StateConfirmedTemplate = RecipientState(Mark_MARK_CONFIRMED_TEMPLATE)
	StateDeliveredTemplate = RecipientState(Mark_MARK_DELIVERED_TEMPLATE)
	StateReadTemplate      = RecipientState(Mark_MARK_READ_TEMPLATE)

	maxRefusals = int(StateSent - StateFailed) // 104 codes fit, and the same number again as undelivered
)

// OutcomeClass is the closed set of outcomes that people and metrics see; those after "sent" come by receipts.
type OutcomeClass string

// The outcomes; pending is the absence of one.
const (
	OutcomePending     OutcomeClass = "pending"
	OutcomeSkipped     OutcomeClass = "skipped"
	OutcomeExpired     OutcomeClass = "expired"
	OutcomeCancelled   OutcomeClass = "cancelled"
	OutcomeUnknown     OutcomeClass = "unknown"
	OutcomeFailed      OutcomeClass = "failed"
	OutcomeSent        OutcomeClass = "sent"
	OutcomeUndelivered OutcomeClass = "undelivered"
	OutcomeDelivered   OutcomeClass = "delivered"
	OutcomeRead        OutcomeClass = "read"
)

// Outcomes lists every outcome in its order; metrics create their label values from it.
var Outcomes = []OutcomeClass{
	OutcomePending, OutcomeSkipped, OutcomeExpired, OutcomeCancelled, OutcomeUnknown, OutcomeFailed, OutcomeSent,
	OutcomeUndelivered, OutcomeDelivered, OutcomeRead,
}

// Outcome returns the outcome that the state belongs to.
func (m RecipientState) Outcome() OutcomeClass {
	switch {
	case m == StatePending:
		return OutcomePending
	case m < StateExpired:
		return OutcomeSkipped
	case m < StateCancelled:
		return OutcomeExpired
	case m < StateUnknown:
		return OutcomeCancelled
	case m < StateFailed:
		return OutcomeUnknown
	case m < StateSent:
		return OutcomeFailed
	case m < StateUndelivered:
		return OutcomeSent
	case m < StateDelivered:
		return OutcomeUndelivered
	case m < StateRead:
		return OutcomeDelivered
	default:
		return OutcomeRead
	}
}

// Decided reports whether the recipient has an outcome.
func (m RecipientState) Decided() bool { return m != StatePending }

// Succeeded reports whether the recipient counts as successful: Meta accepted it and has not taken that back.
func (m RecipientState) Succeeded() bool {
	return (m >= StateSent && m < StateUndelivered) || m >= StateDelivered
}

// templated are the states that say which message a recipient got, as they are for the interactive one and for the template.
var templated = map[RecipientState]RecipientState{
	StateSent: StateSentTemplate, StateConfirmed: StateConfirmedTemplate, StateDelivered: StateDeliveredTemplate, StateRead: StateReadTemplate,
}

// ByTemplate returns the state of a recipient who got the template of a content with both; the state itself where it does not say which
// message it was.
func (m RecipientState) ByTemplate() RecipientState {
	if t, ok := templated[m]; ok {
		return t
	}
	return m
}

// GotTemplate reports whether the state says that the recipient got the template.
func (m RecipientState) GotTemplate() bool {
	return m == StateSentTemplate || m == StateConfirmedTemplate || m == StateDeliveredTemplate || m == StateReadTemplate
}

// Codes of refusals that are not Meta's.
const (
	CodeOther        = 0  // a code that this version does not know; the words carry the number
	CodeInvalidPhone = -1 // not a phone number
	CodeExhausted    = -2 // every attempt met a transient error
	CodeContent      = -3 // the content of the task can't be sent
	CodeVariable     = -4 // a recipient has no value for a variable of its message
	CodeTooLong      = -5 // a recipient's own message, or what its values make of the shared one, is longer than WhatsApp takes
	CodePersonal     = -6 // it can't be sent for another reason: empty, no link, no file

	CodeWindow   = 131047 // Meta's: the person has not written to the number within 24 hours
	CodeSyncing  = 134101 // Meta's: its template is not known yet to the Marketing Messages API
	CodeOptedOut = 131050 // Meta's: the person set WhatsApp's preference to get no marketing messages of the business
)

// refusals is wire format: a code's position is what RecipientState adds to StateFailed or StateUndelivered. Append only. The sentences
// are in es.
var refusals = []int{
	CodeOther, CodeInvalidPhone, CodeExhausted, CodeContent, 1, 2, 33, 100, 192, 368, 130403, 130472,
	130497, 131000, 131005, 131008, 131009, 131014, 131016, 131021, 131026, 131030, 131031, 131037,
	131042, 131045, 131047, 131048, 131049, 131050, 131051, 131053, 131055, 131062, 131063, 131064,
	132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132021, 132068, 132069,
	133010, 134011, 134100, 134101, 134102, 135000, 137000, 139200, 131052, CodeVariable, CodeTooLong, CodePersonal,
}

// rowOf finds a refusal's position by its code.
var rowOf = func() map[int]RecipientState {
	if len(refusals) > maxRefusals {
		panic(fmt.Sprintf("schemas: %d refusals do not fit into %d rows", len(refusals), maxRefusals))
	}
	rows := make(map[int]RecipientState, len(refusals))
	for i, code := range refusals {
		rows[code] = RecipientState(i)
	}
	return rows
}()

// Failed returns the state of a send refused with the given code; an unknown code gives the row CodeOther.
func Failed(code int) RecipientState { return StateFailed + rowOf[code] }

// Undelivered returns the state of a send that was accepted and failed later with the given code.
func Undelivered(code int) RecipientState { return StateUndelivered + rowOf[code] }

// Code returns the code of a failed or undelivered state, Meta's or one of altavoz's own, and false for any other.
func (m RecipientState) Code() (int, bool) {
	row := -1
	switch m.Outcome() {
	case OutcomeFailed:
		row = int(m - StateFailed)
	case OutcomeUndelivered:
		row = int(m - StateUndelivered)
	case OutcomePending, OutcomeSkipped, OutcomeExpired, OutcomeCancelled, OutcomeUnknown, OutcomeSent, OutcomeDelivered, OutcomeRead:
		return 0, false
	}
	if row >= len(refusals) { // written by a newer version
		return CodeOther, true
	}
	return refusals[row], true
}

// passing are the codes of what may be over when the same message is sent again: what Meta could not do that time, an account or a number
// that a person repairs, a file that was not there.
var passing = []int{
	CodeExhausted, 1, 2, 368, 131000, 131005, 131014, 131016, 131031, 131037, 131042, 131045, 131048, 131052, 131053, 131064, 133010, 134011, 134101,
}

// Retryable reports whether the recipient has not got the message, and may get it if it is sent again. Of an unknown one it is not known
// whether it arrived.
func (m RecipientState) Retryable() bool {
	switch m.Outcome() {
	case OutcomeExpired, OutcomeCancelled:
		return true
	case OutcomeFailed, OutcomeUndelivered:
		code, _ := m.Code()
		return slices.Contains(passing, code)
	case OutcomePending, OutcomeSkipped, OutcomeUnknown, OutcomeSent, OutcomeDelivered, OutcomeRead:
	}
	return false
}

// HasRow reports whether recipients may have the code, Meta's or one of altavoz's own.
func HasRow(code int) bool {
	_, ok := rowOf[code]
	return ok
}

// Label returns the outcome with its code where it has one, as in "failed:131026": a closed set, fit for a metric.
func (m RecipientState) Label() string {
	if code, ok := m.Code(); ok {
		return fmt.Sprintf("%s:%d", m.Outcome(), code)
	}
	return string(m.Outcome())
}

// In says why a recipient ended in this state; nothing for pending and the good ones.
func (m RecipientState) In(l es.Language) string {
	switch m.Outcome() {
	case OutcomeSkipped:
		if m < StateOptedOut {
			return es.Say(es.Duplicate).In(l)
		}
		return es.Say(es.OptedOut).In(l)
	case OutcomeExpired:
		return es.Say(es.Expired).In(l)
	case OutcomeCancelled:
		return es.Say(es.RecipientDropped).In(l)
	case OutcomeUnknown:
		return es.Say(es.OutcomeLost).In(l)
	case OutcomeFailed, OutcomeUndelivered:
		code, _ := m.Code()
		words := es.Refused(code).In(l)
		if code > 0 {
			words = fmt.Sprintf("(%d) %s", code, words)
		}
		return words
	case OutcomePending, OutcomeSent, OutcomeDelivered, OutcomeRead:
	}
	return ""
}

// Spanish says it in the words of the public contract.
func (m RecipientState) Spanish() string { return m.In(es.Spanish) }
