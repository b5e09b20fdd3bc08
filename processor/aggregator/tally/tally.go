// Package tally counts steps of recipients from mark to mark.
package tally

import "altavoz/schemas"

// Tally counts what became of recipients, for the metrics.
type Tally struct {
	Came    [256]uint64 // to each mark
	Settled [256]uint64 // to each mark, from unknown
}

// Count notes a step of a recipient. Who was delivered was sent before, and who has read it had it delivered, also if
// nobody said so in time: these are counted on the way. That a send is confirmed is no step.
func (t *Tally) Count(from, to schemas.RecipientState) {
	if from.Outcome() != schemas.OutcomeSent || to.Outcome() != schemas.OutcomeSent {
		t.Came[to]++
	}
	if from < schemas.StateSent && to >= schemas.StateUndelivered {
		t.Came[schemas.StateSent]++
	}
	if from < schemas.StateDelivered && to >= schemas.StateRead {
		t.Came[schemas.StateDelivered]++
	}
	if from.Outcome() == schemas.OutcomeUnknown && to >= schemas.StateFailed {
		t.Settled[to]++
	}
}
