package aggregator

import (
	"fmt"

	"altavoz/schemas"
	"altavoz/stream"
)

// decode reads a result and checks that it says something. Its errors are why the record belongs in rejects.
func decode(rec *stream.Record, r *schemas.Result) (schemas.TaskID, error) {
	if err := schemas.Decode(rec, r); err != nil {
		return schemas.TaskID{}, err
	}
	id, err := schemas.TaskIDFromBytes(r.GetTask())
	if err != nil {
		return id, fmt.Errorf("result: %w", err)
	}
	switch e := r.GetEvent().(type) {
	case *schemas.Result_Plan:
		if n := e.Plan.GetTotal(); n > MaxRecipients {
			return id, fmt.Errorf("plan of %d recipients, at most %d: %w", n, MaxRecipients, errInvalid)
		}
	case *schemas.Result_Outcome:
		return id, checkMark(e.Outcome.GetMark())
	case *schemas.Result_Range:
		return id, checkMark(e.Range.GetMark())
	case *schemas.Result_Receipts:
		for _, o := range e.Receipts.GetOutcomes() {
			if !receives(o.GetMark()) {
				return id, fmt.Errorf("a receipt with mark %d: %w", o.GetMark(), errInvalid)
			}
		}
	case *schemas.Result_Dispatched, *schemas.Result_Note:
	default:
		return id, fmt.Errorf("no event that this version knows: %w", errInvalid)
	}
	return id, nil
}

func checkMark(m uint32) error {
	if m == 0 || m > maxMark {
		return fmt.Errorf("mark %d: %w", m, errInvalid)
	}
	return nil
}

// receives reports whether a receipt may carry the mark: that of a send which Meta had accepted.
func receives(m uint32) bool { return m >= uint32(schemas.StateSent) && m <= maxMark }

// opens reports whether the result may open a task. A receipt, a range or a note for a task that nobody knows is late
// by weeks or not ours; it must not bring a forgotten task back. (This is the one place where the order of results counts,
// and the fanout keeps it: its plan precedes all else that it says.)
func opens(r *schemas.Result) bool {
	switch r.GetEvent().(type) {
	case *schemas.Result_Plan, *schemas.Result_Dispatched, *schemas.Result_Outcome:
		return true
	default:
		return false
	}
}
