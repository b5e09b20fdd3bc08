package sender

import (
	"slices"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/ledger"
	"altavoz/schemas"
	"altavoz/stream"
)

// daily is a window of these minutes of every day, counted from when tests begin.
func daily(from, to int) *schemas.Window {
	start := bubbleStart.Hour() * 60
	return &schemas.Window{Timezone: "UTC", Hours: []*schemas.Hours{{Days: 127, From: uint32(start + from), To: uint32(start + to)}}}
}

func clock(text string) time.Time {
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return at
}

// TestNothingStartsOutsideItsWindow: what the window catches in flight waits, free in the ledger, until it opens, and says
// so; it keeps nobody else waiting. The world looks at every call: see timely.
func TestNothingStartsOutsideItsWindow(t *testing.T) {
	bubble(t, func(w *world) {
		const sends = 100
		p := w.start(both, rate(1.25)) // one a second
		task, other := schemas.NewTaskID(), schemas.NewTaskID()
		w.produceAll(bulkPartition, task, sends, in(daily(0, 1)))
		w.rest(3 * time.Minute)
		var before int
		w.lock(func() {
			before = len(w.calls)
			if before == 0 || before > 61 {
				t.Errorf("%d calls in the one minute that it was open, want other than 0, at most 61", before)
			}
			if got, want := w.notes(task), []string{"WAITING WINDOW_IN_FLIGHT 2000-01-02 01:00"}; !slices.Equal(got, want) {
				t.Errorf("said %q, not %q", got, want)
			}
			if _, runs, err := ledger.Decode(w.Positions[bulkPartition].Metadata, w.Positions[bulkPartition].Offset); err != nil || len(runs) > 0 {
				t.Errorf("the ledger says %v of what waits (%v); want none", runs, err)
			}
		})
		if n := p.value("altavoz_sends_waiting", "window"); n != float64(sends-before) {
			t.Errorf("%v wait, not %d", n, sends-before)
		}
		w.produce(bulkPartition, other, sends)
		w.until("another task's send", func() bool { return len(w.calls) == before+1 })
		if at := time.Now(); at.After(bubbleStart.Add(4 * time.Minute)) {
			t.Errorf("it waited until %v", at)
		}
		w.rest(24*time.Hour + 2*time.Minute - time.Since(bubbleStart))
		w.lock(func() {
			if first := w.calls[before+1].at; !first.Equal(clock("2000-01-02 01:00:00")) {
				t.Errorf("it goes on at %v", first)
			}
			if got := w.notes(task); len(got) != 2 || got[1] != "RUNNING " {
				t.Errorf("said %q, want length 2", got)
			}
			if w.count(schemas.OutcomeSent) != sends+1 {
				t.Errorf("%d are sent, want %v", w.count(schemas.OutcomeSent), sends+1)
			}
		})
	})
}

// TestShutUntilItExpires: what would expire before its window opens does so in time, and is not called.
func TestShutUntilItExpires(t *testing.T) {
	bubble(t, func(w *world) {
		w.rest(500 * time.Millisecond) // what is looked over every second is not when the window opens
		w.start(both)
		task, end := schemas.NewTaskID(), bubbleStart.Add(20*time.Minute)
		w.produce(bulkPartition, task, 0, in(daily(30, 31)), until(end))
		w.produce(expressPartition, task, 1, in(daily(30, 31)), until(bubbleStart.Add(time.Hour)))
		w.rest(time.Until(end) - time.Millisecond)
		w.lock(func() {
			if len(w.results) > 1 { // the note
				t.Errorf("before its time: %v, want at most 1 of them", w.results)
			}
		})
		w.rest(time.Second)
		w.lock(func() {
			if got := w.outcomes(who{task, 0}); !slices.Equal(got, []schemas.RecipientState{schemas.StateExpired}) || len(w.calls) != 0 {
				t.Errorf("%v after %d calls; want 0", got, len(w.calls))
			}
		})
		w.rest(10 * time.Minute)
		w.lock(func() {
			if len(w.calls) != 1 || !w.calls[0].at.Equal(bubbleStart.Add(30*time.Minute)) {
				t.Errorf("calls %v, want 1 of them", w.calls)
			}
			if got := w.notes(task); len(got) != 2 || got[1] != "RUNNING " { // though it was over as soon as it went on
				t.Errorf("said %q, want length 2", got)
			}
		})
	})
}

// TestCommitOutlastsTheWindow: what may start when its start is written may not any more when the commit returns, because a
// window has shut or its time is over. It is not called, and free again.
func TestCommitOutlastsTheWindow(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: 5 * time.Second} })
		w.rest(58 * time.Second)
		w.produce(bulkPartition, schemas.NewTaskID(), 0, in(daily(0, 1)))
		w.produce(bulkPartition, schemas.NewTaskID(), 1, until(time.Now().Add(2*time.Second)))
		w.rest(time.Minute)
		w.lock(func() {
			if len(w.calls) != 0 || w.count(schemas.OutcomeExpired) != 1 {
				t.Errorf("%d calls, %d expired; want 0, 1", len(w.calls), w.count(schemas.OutcomeExpired))
			}
			if pos := w.Positions[bulkPartition]; pos.Offset != 0 || stateIn(pos, 0) != ledger.Free || stateIn(pos, 1) != ledger.Done {
				t.Errorf("committed %v, want Offset 0", pos)
			}
		})
		w.rest(24 * time.Hour)
		w.lock(func() {
			if len(w.calls) != 1 || !w.calls[0].at.After(clock("2000-01-02 01:00:00")) {
				t.Errorf("calls %v, want 1 of them", w.calls)
			}
		})
	})
}

// TestTakeoverOfWhatWaits: the next owner of a partition finds what waits for a window free, waits too, and says that the
// task goes on when it does.
func TestTakeoverOfWhatWaits(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0, in(daily(10, 11)))
		w.rest(5 * time.Second)
		p.Kill()
		w.start(both)
		w.rest(11 * time.Minute)
		w.lock(func() {
			if len(w.calls) != 1 || !w.calls[0].at.Equal(bubbleStart.Add(10*time.Minute)) {
				t.Errorf("calls %v, want 1 of them", w.calls)
			}
			const why = "WAITING WINDOW_IN_FLIGHT 2000-01-01 01:10"
			if got, want := w.notes(task), []string{why, why, "RUNNING "}; !slices.Equal(got, want) {
				t.Errorf("said %q, want %v", got, want)
			}
		})
	})
}

// TestWindowThatIsNone: a send whose window nobody can understand is not sent at any time that suits us, but fails.
func TestWindowThatIsNone(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(both)
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0, in(&schemas.Window{Timezone: "America/Macondo", Hours: []*schemas.Hours{{Days: 127, To: 1440}}}))
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		w.lock(func() {
			if got := w.outcomes(who{task, 0}); len(got) != 1 || got[0] != schemas.Failed(schemas.CodeContent) || len(w.calls) > 0 {
				t.Errorf("%v after %d calls; want 1 of them, 0", got, len(w.calls))
			}
		})
	})
}
