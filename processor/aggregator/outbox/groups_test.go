package outbox_test

import (
	"fmt"
	"slices"
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
			}, nil, 0)
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

// A tap is told of each task, whatever the task asks for, if it is of one of its recipients: at once, and not as part of a group.
func TestTapsAreTold(t *testing.T) {
	t.Parallel()
	var told []uint32
	g := outbox.NewGroups(nil, func(_ *schemas.Status, tap *schemas.Tap) stream.Record {
		told = append(told, tap.GetIndex())
		return stream.Record{Key: []byte("task")}
	}, 7)
	task := fold.NewTask(schemas.NewTaskID())
	taps := &schemas.Result{Event: &schemas.Result_Taps{Taps: &schemas.Taps{Taps: []*schemas.Tap{{Index: 2}, {Index: 3}, {Index: 0}}}}}
	g.Result(task, taps, time.Unix(1, 0))
	if len(told) > 0 {
		t.Errorf("taps of a task that is not opened are told: %v", told)
	}
	opened := &schemas.Result{Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{Total: 3}}}
	for _, one := range []*schemas.Result{opened, taps} {
		if _, err := task.Fold(one, nil); err != nil {
			t.Fatal(err)
		}
		g.Result(task, one, time.Unix(1, 0))
	}
	if !slices.Equal(told, []uint32{2, 0}) {
		t.Errorf("told of recipients %v, want 2 and 0", told)
	}
	written := 0
	for !g.Queue().Empty() {
		g.Queue().Batch(time.Unix(2, 0), func(rec stream.Record, end func(error)) {
			if rec.Partition != 7 {
				t.Errorf("a record goes to partition %d, want 7", rec.Partition)
			}
			written++
			end(nil)
		})
	}
	if written != 2 || !g.Written(task.ID)() {
		t.Errorf("%d records were written, want 2", written)
	}
}

// The taps of many recipients of a task are written together, those of one recipient one after the other.
func TestTapsOfATaskDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	const people = 200
	g := outbox.NewGroups(nil, func(_ *schemas.Status, tap *schemas.Tap) stream.Record {
		return stream.Record{Key: []byte("task"), Value: []byte(tap.GetMessage())}
	}, 0)
	task := fold.NewTask(schemas.NewTaskID())
	all := &schemas.Taps{}
	for i := range 2 * people {
		all.Taps = append(all.Taps, &schemas.Tap{Index: uint32(i % people), Message: fmt.Sprint(i / people)})
	}
	for _, r := range []*schemas.Result{
		{Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{Total: people}}}, {Event: &schemas.Result_Taps{Taps: all}},
	} {
		if _, err := task.Fold(r, nil); err != nil {
			t.Fatal(err)
		}
		g.Result(task, r, time.Unix(1, 0))
	}
	for batch := range 2 {
		written := 0
		g.Queue().Batch(time.Unix(2, 0), func(rec stream.Record, end func(error)) {
			if want := fmt.Sprint(batch); string(rec.Value) != want {
				t.Errorf("batch %d has tap %s of somebody, want %s", batch, rec.Value, want)
			}
			written++
			end(nil)
		})
		if written != people {
			t.Errorf("batch %d has %d taps, want %d", batch, written, people)
		}
	}
	if !g.Queue().Empty() || g.Full() {
		t.Error("something is left")
	}
}
