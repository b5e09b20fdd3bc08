package fold

import (
	"altavoz/schemas"
	"altavoz/schemas/price"
)

// Tally counts steps of recipients from state to state, for the metrics.
type Tally struct {
	Reached [256]uint64 // to each state
	Settled [256]uint64 // to each state, from unknown
	Priced  map[Priced]uint64
}

// Priced is a price of messages of a sender number.
type Priced struct {
	Number string
	Price  price.Class
}

func (t *Tally) price(number string, c price.Class) {
	if t.Priced == nil {
		t.Priced = make(map[Priced]uint64)
	}
	t.Priced[Priced{number, c}]++
}

// Count counts a step of a recipient. Who was delivered was sent before, and who has read it had it delivered, also if that
// was not reported in time: these are counted on the way. That a send is confirmed is no step.
func (t *Tally) Count(from, to schemas.RecipientState) {
	if from.Outcome() != schemas.OutcomeSent || to.Outcome() != schemas.OutcomeSent {
		t.Reached[to]++
	}
	if from < schemas.StateSent && to >= schemas.StateUndelivered {
		t.Reached[schemas.StateSent]++
	}
	if from < schemas.StateDelivered && to >= schemas.StateRead {
		t.Reached[schemas.StateDelivered]++
	}
	if from.Outcome() == schemas.OutcomeUnknown && to >= schemas.StateFailed {
		t.Settled[to]++
	}
}
