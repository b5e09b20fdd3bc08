package fold

import (
	"errors"
	"fmt"

	"altavoz/schemas"
	"altavoz/stream"
)

// MaxState is the highest value of a state, which is one byte.
const MaxState = 255

// errInvalid is the error of a result that was decoded and still means nothing.
var errInvalid = errors.New("invalid result")

// Decode reads a result and checks that it means something. Its errors are why the record belongs in rejects.
func Decode(rec *stream.Record, r *schemas.Result) (schemas.TaskID, error) {
	if err := schemas.Decode(rec, r); err != nil {
		return schemas.TaskID{}, err
	}
	id, err := schemas.TaskIDFromBytes(r.GetTask())
	if err != nil {
		return id, fmt.Errorf("result: %w", err)
	}
	switch e := r.GetEvent().(type) {
	case *schemas.Result_Plan:
		if n := e.Plan.GetTotal(); n > schemas.MaxRecipients {
			return id, fmt.Errorf("plan of %d recipients, at most %d: %w", n, schemas.MaxRecipients, errInvalid)
		}
	case *schemas.Result_Outcome:
		return id, checkState(e.Outcome.GetMark())
	case *schemas.Result_Outcomes:
		for _, o := range e.Outcomes.GetOutcomes() {
			if err := checkState(o.GetMark()); err != nil {
				return id, err
			}
		}
	case *schemas.Result_Range:
		return id, checkState(e.Range.GetMark())
	case *schemas.Result_Receipts:
		for _, o := range e.Receipts.GetOutcomes() {
			if !IsReceipt(o.GetMark()) {
				return id, fmt.Errorf("a receipt with mark %d: %w", o.GetMark(), errInvalid)
			}
		}
	case *schemas.Result_Dispatched, *schemas.Result_Note, *schemas.Result_Taps:
	default:
		return id, fmt.Errorf("no event that this version knows: %w", errInvalid)
	}
	return id, nil
}

func checkState(m uint32) error {
	if !IsState(m) {
		return fmt.Errorf("mark %d: %w", m, errInvalid)
	}
	return nil
}

// IsState reports whether a mark is one that an outcome may carry.
func IsState(m uint32) bool { return m > 0 && m <= MaxState }

// IsReceipt reports whether a receipt may carry the state: that of a send which Meta had accepted.
func IsReceipt(m uint32) bool { return m >= uint32(schemas.StateSent) && m <= MaxState }

// Opens reports whether the result may open a task. A receipt, a range or an update for a task that nobody knows is late by weeks or
// not ours; it must not bring a deleted task back. (This is the one place where the order of results counts, and the fanout keeps it:
// its plan precedes all else that it writes.)
func Opens(r *schemas.Result) bool {
	switch r.GetEvent().(type) {
	case *schemas.Result_Plan, *schemas.Result_Dispatched, *schemas.Result_Outcome, *schemas.Result_Outcomes:
		return true
	default:
		return false
	}
}
