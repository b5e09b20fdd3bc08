package cloudevents

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// kindRecipients is the kind of the events that tell what became of recipients.
const kindRecipients = "recipients"

// Group is what became of some recipients of a task: one by one, and of ranges of the list. Each has a mark, and of all that were ever told of a
// recipient the highest counts.
type Group struct {
	TaskID     string      `json:"task_id"`
	Reference  string      `json:"reference,omitzero"`
	Owner      string      `json:"owner,omitzero"`
	Sender     string      `json:"sender,omitzero"`
	Recipients []Recipient `json:"recipients,omitzero"`
	Ranges     []Range     `json:"ranges,omitzero"`
}

// Recipient is what became of one. Phone is there with the first outcome, and as it was given where it is no phone.
type Recipient struct {
	Index uint32 `json:"index"`
	Phone string `json:"phone,omitzero"`
	Outcome
	Wamid string `json:"wamid,omitzero"` // Meta's id of the message
}

// Range is the least that became of all recipients in [from, to).
type Range struct {
	From uint32 `json:"from"`
	To   uint32 `json:"to"`
	Outcome
}

// Outcome is how far recipients have come, and why no further.
type Outcome struct {
	Outcome    schemas.OutcomeClass `json:"outcome"`
	Mark       uint32               `json:"mark"`
	Code       int                  `json:"code,omitzero"`        // Meta's
	ReasonCode ReasonCode           `json:"reason_code,omitzero"` // where they failed and Meta gave no code
	Reason     string               `json:"reason,omitzero"`      // Spanish
	Retryable  bool                 `json:"retryable,omitzero"`
}

// ReasonCode is why a recipient failed, in the place of a code of Meta's: a closed set.
type ReasonCode string

// The reason codes.
const (
	InvalidPhone      ReasonCode = "invalid_phone"
	AttemptsExhausted ReasonCode = "attempts_exhausted"
	MessageRefused    ReasonCode = "message"
	OtherReason       ReasonCode = "other"
)

// ReasonCodes are all of them.
var ReasonCodes = []ReasonCode{InvalidPhone, AttemptsExhausted, MessageRefused, OtherReason}

func outcomeOf(s *schemas.Status, mark uint32, reason string) Outcome {
	state := schemas.RecipientState(mark)
	out := Outcome{
		Outcome: state.Outcome(), Mark: mark, Retryable: state.Retryable(),
		Reason: cmp.Or(reason, tasks.ReasonOf(s, state, es.Spanish)),
	}
	code, ok := state.Code()
	switch {
	case !ok:
	case code > 0:
		out.Code = code
	case code == schemas.CodeInvalidPhone:
		out.ReasonCode = InvalidPhone
	case code == schemas.CodeExhausted:
		out.ReasonCode = AttemptsExhausted
	case code == schemas.CodeContent:
		out.ReasonCode = MessageRefused
	default:
		out.ReasonCode = OtherReason
	}
	return out
}

// Recipients makes the record of topic events that tells what became of recipients of a task, the last of it at the given time, unix
// milliseconds. Its id is a digest of what it says: a crash may have the same told in other groups.
func Recipients(s *schemas.Status, atMs int64, outcomes []*schemas.Outcome, ranges []*schemas.OutcomeRange) stream.Record {
	task, p := schemas.TaskID(s.GetTask()).String(), s.GetPlan()
	g := Group{TaskID: task, Reference: p.GetReference(), Owner: p.GetOwner(), Sender: p.GetSender()}
	for _, o := range outcomes {
		g.Recipients = append(g.Recipients, Recipient{
			Index: o.GetIndex(), Phone: o.GetPhone(), Outcome: outcomeOf(s, o.GetMark(), o.GetReason()), Wamid: o.GetWamid(),
		})
	}
	for _, r := range ranges {
		g.Ranges = append(g.Ranges, Range{From: r.GetFrom(), To: r.GetTo(), Outcome: outcomeOf(s, r.GetMark(), r.GetReason())})
	}
	sum := sha256.Sum256(written(g))
	return record(task, written(envelope(task, kindRecipients+"-"+hex.EncodeToString(sum[:16]), kindRecipients, time.UnixMilli(atMs).UTC(), g)))
}
