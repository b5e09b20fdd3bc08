package fold

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"altavoz/schemas"
	"altavoz/stream"
)

// noPages is a pager for tasks that were never unloaded.
func noPages(n uint32, at int64) (*schemas.StatePage, error) {
	return nil, fmt.Errorf("part %d at %d: %w", n, at, errors.ErrUnsupported)
}

// foreign makes a record of bytes that somebody else wrote.
func foreign(value []byte) *stream.Record {
	return &stream.Record{Value: value, Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}}}
}

// maxFuzzRange keeps one input of the fuzzer from touching millions of recipients: that takes time and finds nothing more.
const maxFuzzRange = 3 * schemas.PageRecipients

// Whatever results say, as long as they pass decode, the fold adds up, does not depend on their order, and what is told
// of it can be read back.
func FuzzFold(f *testing.F) {
	id := schemas.NewTaskID()
	event := func(r *schemas.Result) []byte {
		r.Task, r.AtMs = id.Bytes(), 5
		return schemas.EncodeResult(r).Value
	}
	plan := event(&schemas.Result{Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{Total: 3}}})
	for _, r := range []*schemas.Result{
		{Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{Index: 2, Mark: uint32(schemas.StateSent), Phone: "57"}}},
		{Event: &schemas.Result_Range{Range: &schemas.OutcomeRange{From: 1, To: 1 << 31, Mark: uint32(schemas.StateCancelled)}}},
		{Event: &schemas.Result_Receipts{Receipts: &schemas.Receipts{Outcomes: []*schemas.Outcome{{Index: 1 << 31, Mark: uint32(schemas.StateRead)}, {Index: 1, Mark: uint32(schemas.StateRead), Price: 113}}}}},
		{Event: &schemas.Result_Outcomes{Outcomes: &schemas.OutcomeList{Outcomes: []*schemas.Outcome{{Mark: uint32(schemas.StateSent)}, {Index: 1 << 31, Mark: 1}}}}},
		{Event: &schemas.Result_Note{Note: &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_FAILED, Why: "x"}}},
		{Event: &schemas.Result_Dispatched{Dispatched: &schemas.Dispatched{Cursor: 1 << 31}}},
	} {
		f.Add(plan, event(r))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var results []*schemas.Result
		for _, value := range [][]byte{a, b} {
			var r schemas.Result
			if _, err := Decode(foreign(value), &r); err == nil && !vast(&r) {
				results = append(results, &r)
			}
		}
		one, other := NewTask(id), NewTask(id)
		for i, r := range results {
			foldInto(t, one, r)
			foldInto(t, other, results[len(results)-1-i])
		}
		sound(t, one)
		if (results == nil || results[0].GetPlan() == nil || results[len(results)-1].GetPlan() == nil) && one.Counts != other.Counts { // of two plans the first stands
			t.Fatalf("counts depend on the order: %v", cmp.Diff(one.Counts, other.Counts))
		}
		st, err := one.Status(noPages)
		if err != nil {
			t.Fatal(err)
		}
		if again := Histogram(st.GetCounts()); again != one.Counts {
			t.Fatalf("the status counts otherwise: %v", cmp.Diff(one.Counts, again))
		}
		rec := schemas.EncodeStatus(0, st)
		if err := schemas.Decode(&rec, new(schemas.Status)); err != nil {
			t.Fatal(err)
		}
	})
}

func vast(r *schemas.Result) bool {
	return r.GetRange().GetTo() > r.GetRange().GetFrom()+maxFuzzRange || r.GetPlan().GetTotal() > maxFuzzRange
}

func foldInto(t *testing.T, task *Task, r *schemas.Result) {
	t.Helper()
	if _, err := task.Fold(r, noPages); err != nil {
		t.Fatal(err)
	}
}

// sound checks that a task's numbers are those of its bytes.
func sound(t *testing.T, task *Task) {
	t.Helper()
	var counts [256]uint32
	decided := uint32(0)
	if again := NewPages(task.List); !again.Priced.Equal(task.Priced) || again.Bytes != task.Bytes {
		t.Fatalf("prices %v and %d bytes, recounted %v and %d", task.Priced.counts(), task.Bytes, again.Priced.counts(), again.Bytes)
	}
	for _, p := range task.List {
		if len(p.States) > schemas.PageRecipients {
			t.Fatalf("a part of %d, want at most %v", len(p.States), schemas.PageRecipients)
		}
		for _, m := range p.States {
			if schemas.RecipientState(m).Decided() {
				counts[m]++
				decided++
			}
		}
	}
	if counts != task.Counts || decided != task.Decided {
		t.Fatalf("%d decided, counted %d: %v", decided, task.Decided, cmp.Diff(counts, task.Counts))
	}
	if task.Plan != nil && decided > task.Plan.GetTotal() {
		t.Fatalf("%d of %d are decided", decided, task.Plan.GetTotal())
	}
}

// Parts of marks may be a zombie's, of any length and with any bytes.
func FuzzMergeParts(f *testing.F) {
	f.Add([]byte{1, 2, 3}, []byte{3, 2}, uint32(0))
	f.Add([]byte{}, make([]byte, schemas.PageRecipients+1), uint32(7))
	f.Add([]byte{255, 0, 9}, []byte{0, 0, 0, 255}, uint32(schemas.MaxRecipients/schemas.PageRecipients-1))
	f.Fuzz(func(t *testing.T, a, b []byte, n uint32) {
		n %= schemas.MaxRecipients / schemas.PageRecipients
		task := NewTask(schemas.NewTaskID())
		for _, value := range [][]byte{a, b, a} {
			half := value[:len(value)/2]
			rec := schemas.EncodePage(0, &schemas.StatePage{Task: task.ID.Bytes(), Number: n, Marks: value, Prices: half})
			var p schemas.StatePage
			if err := schemas.Decode(&rec, &p); err != nil {
				t.Fatal(err)
			}
			if _, _, err := task.MergePage(n, &p, 0, noPages); err != nil {
				t.Fatal(err)
			}
		}
		sound(t, task)
		for j, m := range task.List[n].States {
			var want byte
			for _, from := range [][]byte{a, b} {
				if j < len(from) {
					want = max(want, from[j])
				}
			}
			if m != want {
				t.Fatalf("recipient %d of the part is %d, said was %d; want %v", j, m, want, want)
			}
			var price, has byte
			for _, from := range [][]byte{a, b} {
				if j < min(len(from)/2, schemas.PageRecipients) {
					price = max(price, from[j])
				}
			}
			if j < len(task.List[n].Prices) {
				has = task.List[n].Prices[j]
			}
			if has != price {
				t.Fatalf("the price of recipient %d of the part is %d, want %d", j, has, price)
			}
		}
	})
}
