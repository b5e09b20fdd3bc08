package outbox_test

import (
	"testing"
	"time"

	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/outbox"
	"altavoz/schemas"
	"altavoz/stream"
)

// In whatever form a result says what became of recipients, they are told of: also where the short way of reading does not take the record.
func TestGroupsHaveTheOutcomesOfEachForm(t *testing.T) {
	t.Parallel()
	all := []*schemas.Outcome{{Index: 1, Mark: uint32(schemas.StateSent)}, {Index: 2, Mark: uint32(schemas.StateSent)}}
	for name, r := range map[string]*schemas.Result{
		"one":      {Event: &schemas.Result_Outcome{Outcome: all[0]}},
		"several":  {Event: &schemas.Result_Outcomes{Outcomes: &schemas.OutcomeList{Outcomes: all}}},
		"receipts": {Event: &schemas.Result_Receipts{Receipts: &schemas.Receipts{Outcomes: all}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []uint32
			g := outbox.NewGroups(func(_ *schemas.Status, _ int64, rows []*schemas.Outcome, _ []*schemas.OutcomeRange) stream.Record {
				for _, o := range rows {
					told = append(told, o.GetIndex())
				}
				return stream.Record{}
			}, 0)
			task := fold.NewTask(schemas.NewTaskID())
			opened := &schemas.Result{Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{Total: 3, Events: schemas.Events_EVENTS_RECIPIENTS}}}
			for _, one := range []*schemas.Result{opened, r} {
				if _, err := task.Fold(one, nil); err != nil {
					t.Fatal(err)
				}
			}
			g.Result(task, r, time.Unix(1, 0))
			if g.Close(); len(told) != len(r.AllOutcomes()) {
				t.Errorf("told of recipients %v, want %d of them", told, len(r.AllOutcomes()))
			}
		})
	}
}
