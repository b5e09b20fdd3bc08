package aggregator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/processor/aggregator/outbox"
	"altavoz/schemas"
	"altavoz/stream"
)

// groupHeader marks the records of groups of recipients in these tests.
const groupHeader = "group"

// toldGroup is such a record's value.
type toldGroup struct {
	Outcomes []*schemas.Outcome
	Ranges   []*schemas.OutcomeRange
}

func groupOf(s *schemas.Status, _ int64, outcomes []*schemas.Outcome, ranges []*schemas.OutcomeRange) stream.Record {
	value, err := json.Marshal(toldGroup{outcomes, ranges})
	if err != nil {
		panic(err)
	}
	return stream.Record{
		Topic: schemas.TopicEvents, Key: []byte(schemas.TaskID(s.GetTask()).String()), Value: value,
		Headers: []stream.Header{{Key: groupHeader, Value: []byte("1")}},
	}
}

// asking has the task of a plan ask for what becomes of its recipients.
func asking(r *schemas.Result) *schemas.Result {
	r.GetPlan().Events = schemas.Events_EVENTS_RECIPIENTS
	return r
}

// groups are those that were told of a task, until a record that until accepts.
func (w *world) groups(id schemas.TaskID, until func(stream.Record) bool) (all []toldGroup) {
	for _, rec := range w.records(events0, 0) {
		if string(rec.Key) != id.String() {
			continue
		}
		if until(rec) {
			return all
		}
		if rec.Header(groupHeader) == "" {
			continue
		}
		var g toldGroup
		if err := json.Unmarshal(rec.Value, &g); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, g)
	}
	return all
}

// marks folds groups as a consumer does, by the maximum.
func marks(groups []toldGroup, total uint32) []byte {
	out := make([]byte, total)
	for _, g := range groups {
		for _, o := range g.Outcomes {
			out[o.GetIndex()] = max(out[o.GetIndex()], byte(o.GetMark()))
		}
		for _, r := range g.Ranges {
			for i := r.GetFrom(); i < r.GetTo(); i++ {
				out[i] = max(out[i], byte(r.GetMark()))
			}
		}
	}
	return out
}

func never(stream.Record) bool { return false }

func isEnd(rec stream.Record) bool { return strings.HasPrefix(string(rec.Value), "FINISHED") }

// checkGroups compares what was told of the recipients of each task that asks with what follows from the log. Nobody is missing when the end is told.
func (w *world) checkGroups(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, log recount,
) {
	t.Helper()
	for id, task := range log.tasks {
		all := w.groups(id, never)
		if !outbox.Asks(task) {
			if len(all) > 0 {
				t.Fatalf("task %s: %d groups were told, and it does not ask for any", id, len(all))
			}
			continue
		}
		want := make([]byte, task.Plan.GetTotal())
		for n := range task.List {
			copy(want[n*schemas.PageRecipients:], task.List[n].States)
		}
		if got := marks(all, task.Plan.GetTotal()); !slices.Equal(got, want) {
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("task %s, recipient %d: the groups say %d, the log %d", id, i, got[i], want[i])
				}
			}
		}
		if w.disordered || task.FinishedMs == 0 { // a process that was taken for dead may tell late
			continue
		}
		if got := marks(w.groups(id, isEnd), task.Plan.GetTotal()); slices.Contains(got, 0) {
			t.Fatalf("task %s: its end was told before what became of recipient %d", id, slices.Index(got, 0))
		}
	}
}

func TestOutcomesAreToldInGroupsWhereATaskAsks(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(Config{})
		defer p.leave()
		const total = 3*outbox.MaxRows + 10
		w.result(asking(planOf(total)), dispatched(total))
		for i := range uint32(total - 5) {
			w.result(outcome(i, schemas.StateSent, "573001234567", ""))
		}
		w.result(ranged(0, total, schemas.StateCancelled))
		p.feedAll()
		settle(5 * time.Second)
		w.result(received(9000, 1, uint32(schemas.StateDelivered)))
		p.feedAll()
		settle(5 * time.Second)
		all := w.groups(task1, never)
		rows, ranges := 0, 0
		for _, g := range all {
			if n := len(g.Outcomes) + len(g.Ranges); n == 0 || n > outbox.MaxRows {
				t.Errorf("a group has %d rows; want 1 to %d", n, outbox.MaxRows)
			}
			rows, ranges = rows+len(g.Outcomes), ranges+len(g.Ranges)
		}
		if rows != total-5+1 || ranges != 1 || len(all) > 6 {
			t.Errorf("%d groups have %d rows and %d ranges; want at most 6, %d and 1", len(all), rows, ranges, total-4)
		}
		if all[0].Outcomes[0].GetPhone() != "573001234567" {
			t.Errorf("the first row is %v; want the phone", all[0].Outcomes[0])
		}
		p.feedAll()
		var log recount
		for _, rec := range w.records(results0, 0) {
			log.take(rec)
		}
		w.checkGroups(t, log)
	})
}

// Whose outcomes are committed, they were told, also those that wait for others of their group.
func TestCommitWaitsForGroups(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(Config{})
		defer func() { p.leave() }()
		lose := func(rec stream.Record) logtest.Fault { return logtest.Fault{Lose: rec.Header(groupHeader) != ""} }
		w.result(asking(planOf(100)), dispatched(2))
		p.feedAll()
		settle(10 * time.Second)
		for i := range uint32(20) { // wherever it is between two checkpoints
			before := w.position(results0)
			p.OnWrite(lose)
			w.result(outcome(i, schemas.StateSent, "", ""))
			p.feedAll()
			for range 20 {
				settle(defaultMarksEvery / 10)
				if at := w.position(results0); at != before {
					t.Fatalf("committed %d while no group is written; want %d", at, before)
				}
			}
			p.OnWrite(nil)
			settle(10*time.Second + defaultMarksEvery/20)
			if at := w.position(results0); at != int64(w.size(results0)) {
				t.Fatalf("committed %d once they are; want %d", at, w.size(results0))
			}
		}
	})
}

// A crash after states and status were written, and before the group: results that change nothing any more are told all the same, and the end behind them.
func TestOutcomesThatACrashLostAreToldAgain(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(Config{})
		p.OnWrite(func(rec stream.Record) logtest.Fault { return logtest.Fault{Lose: rec.Header(groupHeader) != ""} })
		w.result(asking(planOf(3)), dispatched(3), outcome(0, schemas.StateSent, "", ""), outcome(1, schemas.StateSent, "", ""))
		w.result(ranged(0, 3, schemas.StateExpired))
		p.feedAll()
		settle(time.Minute)
		if st := w.status(task1); st.GetFinishedMs() == 0 || slices.Contains(w.told(task1), "FINISHED") {
			t.Fatalf("the status is %v, and told was %q; want an end that was not told", st, w.told(task1))
		}
		p.crash()
		p = w.start(Config{})
		defer func() { p.leave() }()
		p.feedAll()
		settle(10 * time.Second)
		if got, want := marks(w.groups(task1, isEnd), 3), []byte{byte(schemas.StateSent), byte(schemas.StateSent), byte(schemas.StateExpired)}; !slices.Equal(got, want) {
			t.Errorf("what is told before the end comes to %v; want %v", got, want)
		}
		if got := w.told(task1); !slices.Contains(got, "FINISHED") {
			t.Errorf("told %q; want the end", got)
		}
	})
}

// A task that failed as a whole has one range for all, however many they are.
func TestFailureOfATaskIsOneRange(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(Config{})
		defer p.leave()
		const total = 1_000_000
		w.result(asking(planOf(total)), noted(2000, schemas.Phase_PHASE_FAILED, "falla"))
		p.feedAll()
		settle(10 * time.Second)
		all := w.groups(task1, isEnd)
		if len(all) != 1 || len(all[0].Ranges) != 1 || all[0].Ranges[0].GetTo() != total || all[0].Ranges[0].GetMark() != uint32(schemas.Failed(schemas.CodeContent)) {
			t.Errorf("told %v before the end; want one range of all %d", all, total)
		}
	})
}

// While groups cannot be written a bounded number waits, and no results are folded: before the partition has caught up as well.
func TestSimulatedResultsAreNotFoldedWhileTooManyOutcomesWait(t *testing.T) {
	bubble(t, func(w *world) {
		w.result(asking(planOf(schemas.MaxRecipients)), dispatched(1))
		const n = 200_000
		reason := strings.Repeat("r", 100)
		for i := range uint32(n) {
			w.result(outcome(i, schemas.StateUnknown, "573001234567", reason))
		}
		p := w.start(Config{})
		defer func() { p.leave() }()
		p.OnWrite(func(rec stream.Record) logtest.Fault { return logtest.Fault{Lose: rec.Header(groupHeader) != ""} })
		p.feedAll()
		settle(time.Minute)
		if got := p.metric("altavoz_results_folded_total"); got == 0 || got > n*9/10 {
			t.Errorf("%v of %d results were folded while no group is written", got, n)
		}
		p.OnWrite(nil)
		for range 20 {
			p.feedAll()
			settle(time.Minute)
		}
		if at := w.position(results0); at != int64(w.size(results0)) {
			t.Errorf("committed %d of %d results once groups are written", at, w.size(results0))
		}
	})
}
