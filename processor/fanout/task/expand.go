package task

import (
	"cmp"
	"time"

	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/recipients"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/stream"
)

// Sender is what the sends of a quantum say beside their task.
type Sender struct {
	Region      string
	Phones      recipients.Phones
	Owner       int64   // the number of this ownership
	Replaced    []int64 // earlier owners that the sends are a repeat of, or that RepeatedAll is about
	RepeatedAll bool    // nothing is left that an earlier owner had leased
}

// Expand makes the records of the quantum: a send for each recipient, or the outcome of one who gets none. It returns how many
// recipients are dispatched again after a takeover.
func (t *Task) Expand(now time.Time, by Sender) (recs []stream.Record, repeats int) {
	id, notAfter := t.ID.Bytes(), min(now.Add(schemas.SendLife).UnixMilli(), t.ExpiresAt().UnixMilli())
	recs = make([]stream.Record, 0, t.Quantum)
	send := new(schemas.Send) // of one recipient after the other
	phones := by.Phones
	if t.Pending != nil { // whoever was dispatched is so again, whatever is known since then; so the set of those before is made without it too
		phones = nil //mutant:who-was-dispatched-is-no-repeat-after-a-takeover
	}
	for i := range t.Quantum {
		index := t.Cursor + i
		text := t.Slice.Phones[index-t.Slice.First]
		to, mark := t.Seen.Judge(text, by.Region, t.Sender, phones)
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
		own, refused := t.own(index)
		if refused != nil { //mutant:recipient-without-a-message-fails-alone
			recs = append(recs, t.Record(now, &schemas.Result{Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{
				Index: index, Mark: uint32(schemas.Failed(refused.Code)), Phone: normalize.Shown(text), Reason: refused.Error(),
			}}}))
			continue
		}
		*send = schemas.Send{
			Task: id, Index: index, Phone: to.Digits(), Sender: t.Sender, NotAfterMs: notAfter,
			ContentRef: t.Ref, Content: t.Content, OnUnknown: t.Body.GetOnUnknown(), Window: t.Window, NamePhone: t.Events == schemas.Events_EVENTS_RECIPIENTS,
			Personal: own, Generation: by.Owner, Replaced: by.Replaced, RepeatedAll: by.RepeatedAll, Exempt: t.exempt(),
			Direct: t.Direct,
		}
		recs = append(recs, schemas.EncodeSend(t.Lane, send))
	}
	return recs, repeats
}

// exempt reports whether opt-outs do not hold for the task's messages.
func (t *Task) exempt() bool {
	return t.Body.GetContent().Exempt() && !schemas.IsMarketing(t.Category) //mutant:what-is-found-out-to-be-marketing-is-not-exempt
}

// own returns what a recipient has of its own, or why its message can't be made of that. Nil: nobody has anything. Otherwise it is never nil, so
// that all sends of a task say so.
func (t *Task) own(index uint32) (*schemas.Personal, *personal.FaultError) {
	if !t.Body.IsPersonal() {
		return nil, nil
	}
	own := cmp.Or(t.Slice.Own(index), &schemas.Personal{}) //mutant:dispatched-with-its-own-values
	if why, refused := t.Refused[personal.FileOf(own)]; refused {
		return nil, &personal.FaultError{Code: schemas.CodePersonal, Field: "header_content", Says: why}
	}
	if user := own.GetUserId(); user != "" {
		id, ok := schemas.ParseUserID(user)
		if !ok { //mutant:what-is-no-user-id-is-no-recipients
			return nil, &personal.FaultError{Code: schemas.CodePersonal, Field: "user_id", Says: es.Say(es.FieldUserID, "user_id")}
		}
		own.UserId = id //mutant:user-id-is-written-as-opt-outs-are
	}
	return own, personal.Check(t.Body.GetContent(), own)
}
