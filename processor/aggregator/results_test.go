package aggregator

import (
	"altavoz/processor/aggregator/fold"
	"altavoz/schemas"
)

var task1 = schemas.TaskIDFromKey("tests", "1")

func planOf(total uint32) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: 1000, Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
		Total: total, Origin: &schemas.Origin{Partition: 1, Offset: 7}, AcceptedMs: 1000,
	}}}
}

func dispatched(cursor uint32) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: 1500, Event: &schemas.Result_Dispatched{Dispatched: &schemas.Dispatched{Cursor: cursor}}}
}

func outcome(i uint32, m schemas.RecipientState, phone, reason string) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: 2000 + int64(i), Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{
		Index: i, Mark: uint32(m), Phone: phone, Reason: reason,
	}}}
}

func ranged(from, to uint32, m schemas.RecipientState) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: 3000, Event: &schemas.Result_Range{Range: &schemas.OutcomeRange{From: from, To: to, Mark: uint32(m)}}}
}

func noted(at int64, p schemas.Phase, why string) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: at, Event: &schemas.Result_Note{Note: &schemas.TaskUpdate{Phase: p, Why: why}}}
}

// received makes receipts from pairs of index and state.
func received(at int64, pairs ...uint32) *schemas.Result {
	all := &schemas.Receipts{}
	for i := 0; i < len(pairs); i += 2 {
		all.Outcomes = append(all.Outcomes, &schemas.Outcome{Index: pairs[i], Mark: pairs[i+1], Phone: "573001234567", Wamid: "wamid.x"})
	}
	return &schemas.Result{Task: task1.Bytes(), AtMs: at, Event: &schemas.Result_Receipts{Receipts: all}}
}

// receiptStates are what receipts say.
var receiptStates = []schemas.RecipientState{
	schemas.StateConfirmed, schemas.StateDelivered, schemas.StateRead, schemas.Undelivered(131049), schemas.Undelivered(131047),
}

// someStates are what recipients come to.
var someStates = []schemas.RecipientState{
	schemas.StateDuplicate, schemas.StateExpired, schemas.StateCancelled, schemas.StateUnknown, schemas.Failed(schemas.CodeInvalidPhone),
	schemas.Failed(131026), schemas.StateSent, schemas.Undelivered(131049), schemas.StateDelivered, schemas.StateRead,
}

// unworded takes the words off the lines: those of a line that had to leave for a lower one are lost.
func unworded(s *schemas.Status) {
	for _, l := range s.GetErrors() {
		l.Phone, l.Reason = "", ""
	}
}

// partOf returns the marks of a part without the pending ones at its end, which need not be there.
func partOf(t *fold.Task, n int) []byte {
	if n >= len(t.List) {
		return nil
	}
	b := t.List[n].States
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return append([]byte(nil), b...)
}
