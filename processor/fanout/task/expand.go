package task

import (
	"time"

	"altavoz/processor/fanout/normalize"
	"altavoz/schemas"
	"altavoz/stream"
)

// Sender is what the sends of a quantum say beside their task.
type Sender struct {
	Region      string
	Owner       int64   // the number of this ownership
	Replaced    []int64 // earlier owners that the sends are a repeat of, or that RepeatedAll is about
	RepeatedAll bool    // nothing is left that an earlier owner had leased
}

// Expand makes the records of the quantum: a send for each recipient, or the outcome of one who gets none. It returns how many
// recipients are dispatched again after a takeover.
func (t *Task) Expand(now time.Time, by Sender) (recs []stream.Record, repeats int) {
	notAfter := min(now.Add(schemas.SendLife).UnixMilli(), t.ExpiresAt().UnixMilli())
	recs = make([]stream.Record, 0, t.Quantum)
	for i := range t.Quantum {
		index := t.Cursor + i
		text := t.Slice.Phones[index-t.Slice.First]
		phone, mark := t.Seen.Judge(text, by.Region)
		if t.Pending != nil && !t.Pending[i] {
			continue // decided before the takeover
		}
		if t.Pending != nil {
			repeats++
		}
		if t.Unknown && !mark.Decided() { //mutant:recipient-in-doubt-is-not-sent-to
			mark = schemas.StateUnknown
		}
		if mark.Decided() {
			recs = append(recs, t.Record(now, &schemas.Result{Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{
				Index: index, Mark: uint32(mark), Phone: normalize.Shown(text), Reason: normalize.Reason(mark, text, by.Region),
			}}}))
			continue
		}
		recs = append(recs, schemas.EncodeSend(t.Lane, &schemas.Send{
			Task: t.ID.Bytes(), Index: index, Phone: phone.Digits(), Sender: t.Sender, NotAfterMs: notAfter,
			ContentRef: t.Ref, Content: t.Content, OnUnknown: t.Body.GetOnUnknown(), Window: t.Window,
			Generation: by.Owner, Replaced: by.Replaced, RepeatedAll: by.RepeatedAll,
		}))
	}
	return recs, repeats
}
