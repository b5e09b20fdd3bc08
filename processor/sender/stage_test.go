package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/dedup"
	"altavoz/processor/sender/ledger"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

var both = []stream.TopicPartition{expressPartition, bulkPartition}

// TestSendIsCommittedCalledAndRecorded: the plain path, on both lanes: committed as started, called once, its result written, committed as done.
func TestSendIsCommittedCalledAndRecorded(t *testing.T) {
	t.Parallel()
	for _, partition := range both {
		inBubble(t, func(w *world) {
			task := schemas.NewTaskID()
			w.produceAll(partition, task, 10)
			p := w.start([]stream.TopicPartition{partition})
			w.until("all is done", func() bool { return w.allDone(partition) })
			if len(w.calls) != 10 || w.count(schemas.OutcomeSent) != 10 || w.rendered != 1 {
				t.Errorf("%d calls, %d sent, %d times rendered; want 10, 10, 1", len(w.calls), w.count(schemas.OutcomeSent), w.rendered)
			}
			for _, c := range w.calls {
				if want := fmt.Sprintf("57300%07d", c.index); c.phone.Digits() != want || c.sender != testNumber {
					t.Errorf("called %v from %s; want %v, %v", c.phone.Digits(), c.sender, want, testNumber)
				}
			}
			if o := w.results[0].GetOutcome(); !strings.HasPrefix(o.GetWamid(), "wamid.") || o.GetPhone() != "" || o.GetReason() != "" {
				t.Errorf("result %v, want Phone %q, Reason %q", o, "", "")
			}
			if n := p.value("altavoz_sends_total", "sent", string(schemas.LaneOf(partition.Topic))); n != 10 {
				t.Errorf("%v counted, want 10", n)
			}
		})
	}
}

// Who tells others of each recipient has to know whom it was sent to.
func TestOutcomeNamesThePhoneWhereTheSendSaysSo(t *testing.T) {
	bubble(t, func(w *world) {
		w.produce(expressPartition, schemas.NewTaskID(), 1, func(s *schemas.Send) { s.NamePhone = true })
		w.start(both)
		w.until("it is done", func() bool { return w.allDone(expressPartition) })
		if o := w.results[0].GetOutcome(); o.GetMark() != uint32(schemas.StateSent) || o.GetPhone() != "573000000001" {
			t.Errorf("result %v; want it sent, with its phone", o)
		}
	})
}

// TestNoCallBeforeCommit: calls wait until the commit has returned, however long that takes.
func TestNoCallBeforeCommit(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{Before: time.Second, After: time.Second} })
		w.latency = func(*apiCall) time.Duration { return time.Second }
		w.produce(expressPartition, schemas.NewTaskID(), 1)
		begin := time.Now()
		w.until("a call", func() bool { return len(w.calls) > 0 })
		if took := time.Since(begin); took < 2*time.Second {
			t.Errorf("called after %v, want at least %v", took, 2*time.Second)
		}
		if n := p.value("altavoz_sends_in_flight", "express"); n != 1 {
			t.Errorf("%v in flight, want 1", n)
		}
	})
}

// TestExpressCommitsAtOnceAndBulkInGroups: express goes at once; bulk commits are 5 ms apart; what comes during a commit goes with the next one.
func TestExpressCommitsAtOnceAndBulkInGroups(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		task, other := schemas.NewTaskID(), schemas.NewTaskID()
		begin := time.Now()
		w.produce(expressPartition, task, 0)
		w.until("a call", func() bool { return len(w.calls) == 1 })
		if took := time.Since(begin); took > time.Millisecond {
			t.Errorf("express waited %v, want at most %v", took, time.Millisecond)
		}
		w.rest(time.Second)

		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{Before: 50 * time.Millisecond} })
		n := len(w.commits)
		begin = time.Now()
		w.produce(bulkPartition, other, 1)
		w.rest(20 * time.Millisecond)
		for i := range uint32(5) {
			w.produce(bulkPartition, other, 2+i)
		}
		w.until("the first call", func() bool { return len(w.calls) > 1 })
		w.rest(0)
		if len(w.calls) != 2 {
			t.Errorf("%d calls after the first commit", len(w.calls)-1)
		}
		w.until("the others", func() bool { return len(w.calls) == 7 })
		w.rest(0)
		if took := time.Since(begin); took > 110*time.Millisecond || len(w.commits)-n != 2 {
			t.Errorf("%d commits in %v; want 2, at most %v", len(w.commits)-n, took, 110*time.Millisecond)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })

		p.OnCommit(nil)
		n = len(w.commits)
		for i := range uint32(50) {
			w.produce(bulkPartition, other, 100+i)
			time.Sleep(time.Millisecond)
		}
		w.rest(0)
		for i := range w.commits[n:] {
			if i == 0 {
				continue
			}
			if gap := w.commits[n+i].at.Sub(w.commits[n+i-1].at); gap < schedule.BulkGap {
				t.Errorf("commits %v apart, want at least %v", gap, schedule.BulkGap)
			}
		}
		if got := len(w.commits) - n; got < 9 {
			t.Errorf("%d commits in 50 ms, want at least 9", got)
		}
	})
}

// TestDoneIsCommittedWhenIdle: nothing else needs a commit, and yet the next owner soon knows what was done.
func TestDoneIsCommittedWhenIdle(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(both)
		w.produce(bulkPartition, schemas.NewTaskID(), 0)
		w.until("a result", func() bool { return len(w.results) == 1 })
		begin := time.Now()
		w.until("its commit", func() bool { return w.allDone(bulkPartition) })
		if took := time.Since(begin); took > doneGap+10*time.Millisecond {
			t.Errorf("took %v, want at most %v", took, doneGap+10*time.Millisecond)
		}
		n := len(w.commits)
		w.rest(time.Minute)
		if len(w.commits) != n {
			t.Errorf("%d commits of nothing new", len(w.commits)-n)
		}
	})
}

// TestRefusedCommitCallsNobodyAndIsTriedAgain: what was admitted returns to free, is not called, and has another chance; other partitions of the
// same commit go on.
func TestRefusedCommitCallsNobodyAndIsTriedAgain(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(nil)
		refused := 0
		p.OnCommit(func([]stream.Position) logtest.Fault {
			return logtest.Fault{Refuse: func(s stream.TopicPartition) error {
				if s == bulkPartition {
					refused++
					return errors.New("rebalance in progress")
				}
				return nil
			}}
		})
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0)
		w.produce(expressPartition, schemas.NewTaskID(), 1)
		p.Assign(expressPartition)
		p.Assign(bulkPartition)
		w.rest(2 * time.Second)
		if len(w.calls) != 1 || w.calls[0].index != 1 {
			t.Fatalf("%d calls, want 1", len(w.calls))
		}
		if refused < 2 || refused > 20 {
			t.Errorf("%d commits refused within 2 s, want at least 2, at most 20", refused)
		}
		if n := p.value("altavoz_sends_waiting", "commit"); n != 1 {
			t.Errorf("%v wait for a commit, want 1", n)
		}
		p.OnCommit(nil)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if len(w.calls) != 2 {
			t.Errorf("%d calls, want 2", len(w.calls))
		}
	})
}

// TestCommitAnswerLost: nothing starts from a commit of which nobody knows; all state is dropped, and the next session
// finds what was written.
func TestCommitAnswerLost(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]logtest.Fault{"lost on the way": {Lose: true}, "answer lost": {LoseAnswer: true}} {
		inBubble(t, func(w *world) {
			p := w.start(both)
			task := schemas.NewTaskID()
			p.OnCommit(func([]stream.Position) logtest.Fault { return how })
			w.produceAll(bulkPartition, task, 5)
			w.rest(time.Second)
			if len(w.calls) > 0 {
				t.Fatalf("%s: %d calls; want 0", name, len(w.calls))
			}
			w.produce(bulkPartition, task, 5)
			w.produce(expressPartition, schemas.NewTaskID(), 6)
			w.rest(time.Second)
			if len(w.calls) > 0 {
				t.Fatalf("%s: %d calls with all given up; want 0", name, len(w.calls))
			}
			p.OnCommit(nil)
			p.Rejoin()
			p.Assign(expressPartition)
			p.Assign(bulkPartition)
			w.until("done", func() bool { return w.allDone(bulkPartition) && w.allDone(expressPartition) })
			sent, unknown := w.count(schemas.OutcomeSent), w.count(schemas.OutcomeUnknown)
			if want := map[bool]int{true: 5}[how.LoseAnswer]; unknown != want || sent != 7-want {
				t.Errorf("%s: %d sent, %d unknown; want %v, %v", name, sent, unknown, 7-want, want)
			}
		})
	}
}

// TestLostDuringCommit: a partition that is lost while its commit is under way: Lost returns only after it, and nothing
// of it is called although the commit succeeds.
func TestLostDuringCommit(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: time.Second} })
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0)
		begin := time.Now()
		w.rest(100 * time.Millisecond)
		w.produce(expressPartition, schemas.NewTaskID(), 1)
		p.Lose(bulkPartition)
		if took := time.Since(begin); took < time.Second {
			t.Errorf("Lost returned after %v, with the commit under way, want at least %v", took, time.Second)
		}
		w.rest(10 * time.Second)
		if len(w.calls) != 1 || w.calls[0].index != 1 {
			t.Fatalf("%d calls, want 1", len(w.calls))
		}
		// The next owner finds it started, and says so.
		p.Assign(bulkPartition)
		w.until("unknown", func() bool { return w.count(schemas.OutcomeUnknown) == 1 })
	})
}

// TestCommitOfAnOldGenerationIsRefused: the group moves on while a commit is on its way. It carries the generation under which it was encoded,
// so it is refused, and what was to start with it starts with the next one.
func TestCommitOfAnOldGenerationIsRefused(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{Before: time.Second} })
		w.produce(bulkPartition, schemas.NewTaskID(), 0)
		w.rest(500 * time.Millisecond)
		w.lock(p.Next)
		w.rest(600 * time.Millisecond)
		if len(w.commits) != 1 || len(w.calls) != 0 || len(w.Positions) != 0 {
			t.Errorf("%d commits, %d calls, %v, want one commit that is refused", len(w.commits), len(w.calls), w.Positions)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if len(w.calls) != 1 {
			t.Errorf("%d calls, want 1", len(w.calls))
		}
	})
}

// TestRevokeDuringCommit: what was admitted and not called yet goes back, and the next owner sends it.
func TestRevokeDuringCommit(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: time.Second} })
		w.produce(bulkPartition, schemas.NewTaskID(), 0)
		w.rest(100 * time.Millisecond)
		p.Revoke(bulkPartition)
		if len(w.calls) != 0 || stateIn(w.Positions[bulkPartition], 0) != ledger.Free {
			t.Fatalf("%d calls, %v; want 0", len(w.calls), w.Positions[bulkPartition])
		}
		q := w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if len(w.calls) != 1 || w.calls[0].process != q {
			t.Errorf("%d calls, want 1", len(w.calls))
		}
	})
}

// TestRevokeLeavesNothingUnknown: calls end, results are acknowledged, the ledger says so, what waits stays free: the next owner has
// nothing unknown.
func TestRevokeLeavesNothingUnknown(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both, inFlight(7), rate(0))
		w.latency = func(*apiCall) time.Duration { return 9 * time.Second }
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 20)
		w.until("calls", func() bool { return len(w.calls) == 7 })
		begin := time.Now()
		p.Revoke(bulkPartition)
		if took := time.Since(begin); took < 8*time.Second || took > 10*time.Second {
			t.Errorf("took %v, want at least %v, at most %v", took, 8*time.Second, 10*time.Second)
		}
		w.lock(func() {
			if len(w.calls) != 7 || w.count(schemas.OutcomeSent) != 7 {
				t.Errorf("%d calls, %d results; want 7, 7", len(w.calls), w.count(schemas.OutcomeSent))
			}
			for i := range int64(20) {
				if got, want := stateIn(w.Positions[bulkPartition], i), map[bool]ledger.State{true: ledger.Done, false: ledger.Free}[i < 7]; got != want {
					t.Errorf("%d is %v; want %v", i, got, want)
				}
			}
			w.latency = nil
		})
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if w.count(schemas.OutcomeUnknown) != 0 || len(w.calls) != 20 {
			t.Errorf("%d unknown, %d calls; want 0, 20", w.count(schemas.OutcomeUnknown), len(w.calls))
		}
	})
}

// TestTwoRevokesAtOnce: the process stops while the group takes a partition back. Both wait for the calls, neither for longer.
func TestTwoRevokesAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		w.latency = func(*apiCall) time.Duration { return 5 * time.Second }
		w.produce(bulkPartition, schemas.NewTaskID(), 0)
		w.until("a call", func() bool { return len(w.calls) == 1 })
		p.StopReading(bulkPartition)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		var revokes sync.WaitGroup
		for range 2 {
			revokes.Go(func() {
				p.stage.OnRevoked(ctx, []stream.TopicPartition{bulkPartition})
				if took := time.Since(begin); took < 4*time.Second || took > 6*time.Second {
					t.Errorf("took %v, want at least %v, at most %v", took, 4*time.Second, 6*time.Second)
				}
			})
		}
		revokes.Wait()
		w.lock(func() {
			if stateIn(w.Positions[bulkPartition], 0) != ledger.Done {
				t.Errorf("committed %v", w.Positions[bulkPartition])
			}
		})
	})
}

// TestLastCommitIsTriedAgain: a group that is rebalancing refuses for a moment. What was admitted, never called and already
// written as started would be unknown to the next owner.
func TestLastCommitIsTriedAgain(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		commits := 0
		p.OnCommit(func([]stream.Position) logtest.Fault {
			commits++
			switch {
			case commits == 1:
				return logtest.Fault{After: time.Second}
			case commits < 5:
				return logtest.Fault{Refuse: func(stream.TopicPartition) error { return errors.New("rebalance in progress") }}
			}
			return logtest.Fault{}
		})
		w.produce(bulkPartition, schemas.NewTaskID(), 0)
		w.rest(100 * time.Millisecond)
		p.Revoke(bulkPartition)
		if got := stateIn(w.Positions[bulkPartition], 0); got != ledger.Free || len(w.calls) != 0 {
			t.Errorf("%v, %d calls; want %v, 0", got, len(w.calls), ledger.Free)
		}
		w.produce(bulkPartition, schemas.NewTaskID(), 1)
		p.OnCommit(func([]stream.Position) logtest.Fault {
			return logtest.Fault{Refuse: func(stream.TopicPartition) error { return errors.New("unknown member") }}
		})
		p.Assign(bulkPartition)
		w.rest(time.Second)
		begin := time.Now()
		p.Revoke(bulkPartition)
		if took := time.Since(begin); took > lastCommits*refusedWait+time.Second {
			t.Errorf("took %v, want at most %v", took, lastCommits*refusedWait+time.Second)
		}
	})
}

// TestRevokeIsBounded: a call that does not end keeps nobody; it is unknown to the next owner, and its result, when it
// comes at last, marks nothing here and settles the matter.
func TestRevokeIsBounded(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		w.latency = func(*apiCall) time.Duration { return time.Minute }
		id := who{schemas.NewTaskID(), 0}
		w.produce(bulkPartition, id.task, id.index)
		w.until("a call", func() bool { return len(w.calls) == 1 })
		begin := time.Now()
		p.Revoke(bulkPartition)
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("took %v, want at most %v", took, 15*time.Second)
		}
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("unknown", func() bool { return w.count(schemas.OutcomeUnknown) == 1 })
		n := len(w.commits)
		w.until("sent after all", func() bool { return w.count(schemas.OutcomeSent) == 1 })
		w.rest(time.Second)
		if len(w.commits) > n+1 { // the done mark of unknown
			t.Errorf("%d commits", len(w.commits)-n)
		}
	})
}

// TestTakeoverSkipsDoneAndSendsWhatIsFree: after a crash, done is skipped, started is unknown or sent again as the broadcast wants, and the rest
// is sent.
func TestTakeoverSkipsDoneAndSendsWhatIsFree(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.latency = func(c *apiCall) time.Duration {
			if c.index%2 == 1 {
				return time.Hour
			}
			return 0
		}
		task, careless := schemas.NewTaskID(), schemas.NewTaskID()
		for i := range uint32(6) { // odd ones hang
			w.produce(bulkPartition, task, i)
		}
		w.Skip(bulkPartition, 3)
		w.produce(bulkPartition, careless, 7, again)
		w.produce(bulkPartition, task, 8)
		w.until("results", func() bool { return w.count(schemas.OutcomeSent) == 4 })
		w.rest(time.Second) // and their commit
		p.Kill()
		w.lock(func() { w.latency = nil })
		w.produce(bulkPartition, task, 9)
		q := w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		for i := range uint32(6) {
			want := []schemas.RecipientState{schemas.StateSent}
			if i%2 == 1 {
				want = []schemas.RecipientState{schemas.StateUnknown}
			}
			if d := cmp.Diff(want, w.outcomes(who{task, i})); d != "" {
				t.Errorf("recipient %d, -want +got:\n%s", i, d)
			}
		}
		var called []uint32
		for _, c := range w.calls {
			if c.process == q {
				called = append(called, c.index)
			}
		}
		slices.Sort(called)
		if d := cmp.Diff([]uint32{7, 9}, called); d != "" {
			t.Errorf("called by the next owner: %s", d)
		}
		if o := w.results[len(w.results)-1].GetOutcome(); o == nil {
			t.Errorf("last result %v", w.results[len(w.results)-1])
		}
		for _, r := range w.results {
			if o := r.GetOutcome(); o.GetMark() == uint32(schemas.StateUnknown) && (o.GetPhone() == "" || o.GetReason() == "") {
				t.Errorf("unknown without phone or reason: %v", o)
			}
		}
	})
}

// TestStartedStaysStarted: the next owner commits before it has read all that the last one left open, and dies: what was
// started is still found so.
func TestStartedStaysStarted(t *testing.T) {
	bubble(t, func(w *world) {
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 30)
		w.Positions[bulkPartition] = stream.Position{Partition: bulkPartition, Metadata: "ARQovA", End: 30}
		p := w.start(nil)
		p.OnWrite(func(stream.Record) logtest.Fault { return logtest.Fault{Before: time.Hour} }) // no result is ever acknowledged
		if _, err := p.stage.OnAssigned(w.t.Context(), w.Positions[bulkPartition]); err != nil {
			t.Fatal(err)
		}
		p.stage.Process(bulkPartition, w.All(bulkPartition, 0)[:3])
		w.until("calls", func() bool { return len(w.calls) == 3 })
		check := func(when string) {
			t.Helper()
			for i := range int64(30) {
				want := ledger.Free
				if i < 3 || i >= 10 && i < 15 || i == 20 {
					want = ledger.Started
				} else if i >= 15 && i < 20 {
					want = ledger.Done
				}
				if got := stateIn(w.Positions[bulkPartition], i); got != want {
					t.Errorf("%s: %d is %v, want %v", when, i, got, want)
				}
			}
		}
		check("before it is read")
		p.stage.Process(bulkPartition, w.All(bulkPartition, 3)[:1])
		p.stage.Process(bulkPartition, w.All(bulkPartition, 10)[:5]) // as if 4 to 9 were gone
		w.rest(time.Second)
		for i := int64(4); i < 10; i++ {
			if got := stateIn(w.Positions[bulkPartition], i); got != ledger.Done {
				t.Errorf("%d, which is not in the log, is %v; want %v", i, got, ledger.Done)
			}
		}
		for i := int64(10); i < 15; i++ {
			if got := stateIn(w.Positions[bulkPartition], i); got != ledger.Started {
				t.Errorf("%d is %v before unknown is acknowledged; want %v", i, got, ledger.Started)
			}
		}
		p.Kill()
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeUnknown); n != 10 {
			t.Errorf("%d unknown, want 10", n)
		}
	})
}

// TestRepeatsBelowTheWatermarkAreDropped: a new owner reads a named number of records below the watermark, remembers them, and drops what the fanout
// repeats of them; so does an owner for what it has read itself.
func TestRepeatsBelowTheWatermarkAreDropped(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start([]stream.TopicPartition{bulkPartition})
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 100)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		w.produceAll(bulkPartition, task, 10)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if len(w.calls) != 100 || p.value("altavoz_sends_repeated_total") != 10 {
			t.Errorf("%d calls, %v repeats; want 100, 10", len(w.calls), p.value("altavoz_sends_repeated_total"))
		}
		p.Kill()
		w.produceAll(bulkPartition, task, 120)
		q := w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if len(w.calls) != 120 || q.value("altavoz_sends_repeated_total") != 100 || w.count(schemas.OutcomeSent) != 120 {
			t.Errorf("%d calls, %v repeats, %d results; want 120, 100, 120", len(w.calls), q.value("altavoz_sends_repeated_total"), w.count(schemas.OutcomeSent))
		}
		q.Revoke(bulkPartition)
		for _, c := range []struct{ at, want int64 }{{stream.NoOffset, stream.NoOffset}, {0, 0}, {100, 0}, {50_000, 50_000 - dedup.Size}} {
			from, err := q.stage.OnAssigned(w.t.Context(), stream.Position{Partition: bulkPartition, Offset: c.at, End: 60_000})
			if err != nil || from != c.want {
				t.Errorf("reads from %d after %d: %v; want %v", from, c.at, err, c.want)
			}
		}
	})
}

// TestUnreadableLedgerIsAnError: a ledger that can't be read is no reason to guess.
func TestUnreadableLedgerIsAnError(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(nil)
		_, err := p.stage.OnAssigned(w.t.Context(), stream.Position{Partition: bulkPartition, Offset: 10, Metadata: "garbage!"})
		if !errors.Is(err, ledger.ErrLedger) {
			t.Errorf("got %v, want %v", err, ledger.ErrLedger)
		}
	})
}

// TestResultIsTriedAgain: a send is done only when its result is acknowledged.
func TestResultIsTriedAgain(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		for n, how := range []logtest.Fault{{Busy: true}, {Lose: true, Before: time.Second}, {LoseAnswer: true}} {
			tries := 0
			p.OnWrite(func(stream.Record) logtest.Fault {
				tries++
				if tries < 4 {
					return how
				}
				return logtest.Fault{}
			})
			w.produce(expressPartition, schemas.NewTaskID(), uint32(n))
			w.until("a call", func() bool { return len(w.calls) == n+1 })
			w.rest(50 * time.Millisecond)
			if w.allDone(expressPartition) {
				t.Error("done without a result")
			}
			w.until("done", func() bool { return w.allDone(expressPartition) })
			if tries != 4 {
				t.Errorf("%d tries, want 4", tries)
			}
		}
		if len(w.calls) != 3 {
			t.Errorf("%d calls, want 3", len(w.calls))
		}
	})
}

// TestSimulatedResultsAreBounded: while results can't be written, admission stops, and it goes on afterwards.
func TestSimulatedResultsAreBounded(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		p.OnWrite(func(stream.Record) logtest.Fault { return logtest.Fault{Lose: true, Before: time.Millisecond} })
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, schedule.MaxUnrecorded+2000)
		w.rest(10 * time.Second)
		if n := len(w.calls); n < schedule.MaxUnrecorded || n > schedule.MaxUnrecorded+MostCalls(DefaultMaxInFlight) {
			t.Errorf("%d calls without a result, want at least %v, at most %v", n, schedule.MaxUnrecorded, schedule.MaxUnrecorded+MostCalls(DefaultMaxInFlight))
		}
		p.OnWrite(nil)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if len(w.calls) != schedule.MaxUnrecorded+2000 {
			t.Errorf("%d calls, want %v", len(w.calls), schedule.MaxUnrecorded+2000)
		}
	})
}

// TestWindowIsBounded: reading stops when enough is open and goes on when there is room again; pausing does not outlive
// the assignment.
func TestWindowIsBounded(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(*apiCall) schemas.Reply {
			return schemas.Reply{Verdict: schemas.VerdictThrottled, After: 5 * time.Minute}
		}
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, ledger.MaxOpen+3000)
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.rest(time.Second)
		p.stage.mu.Lock()
		a := p.stage.assignments[bulkPartition]
		open, behind := a.ledger.Open(), len(a.backlog)
		p.stage.mu.Unlock()
		if open != ledger.MaxOpen || behind > 500 || !p.Paused(bulkPartition) {
			t.Errorf("%d open, %d wait, paused %v; want %v, at most 500", open, behind, p.Paused(bulkPartition), ledger.MaxOpen)
		}
		p.Lose(bulkPartition)
		if p.Paused(bulkPartition) {
			t.Error("still paused")
		}
		w.lock(func() { w.answer = nil })
		p.Assign(bulkPartition)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != ledger.MaxOpen+3000 {
			t.Errorf("%d sent, want %v", n, ledger.MaxOpen+3000)
		}
	})
}

// TestExpiredSendsAreNotCalled: it is too late for these, and nobody is called; also while their number waits.
func TestExpiredSendsAreNotCalled(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(both)
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0, until(time.Now().Add(-time.Second)))
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		w.lock(func() {
			w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 190} }
		})
		w.produce(bulkPartition, task, 1) // stops the number
		w.until("a call", func() bool { return len(w.calls) == 1 })
		w.produce(bulkPartition, task, 2, until(time.Now().Add(10*time.Second)))
		begin := time.Now()
		w.until("expired", func() bool { return w.count(schemas.OutcomeExpired) == 2 })
		if took := time.Since(begin); took < 10*time.Second || took > 12*time.Second || len(w.calls) != 1 {
			t.Errorf("after %v, %d calls; want at least %v, at most %v, 1", took, len(w.calls), 10*time.Second, 12*time.Second)
		}
		w.lock(func() { w.loads = func(schemas.TaskID) error { return errors.New("no answer") } })
		w.produce(bulkPartition, schemas.NewTaskID(), 3, until(time.Now().Add(10*time.Second)))
		w.until("expired without its message", func() bool { return w.count(schemas.OutcomeExpired) == 3 })
	})
}

// TestUndecodableRecordsAreRejected: what nobody can read is kept as a reject, and is done then.
func TestUndecodableRecordsAreRejected(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		good := schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{Task: []byte("short"), Phone: "1", Sender: "1"})
		for _, rec := range []stream.Record{
			{Value: []byte("hola")},
			{Headers: good.Headers, Value: []byte{0xff}},
			good,
			schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{Task: make([]byte, 16), Phone: "1"}),
		} {
			w.append(bulkPartition, rec, who{}, false)
		}
		w.produce(bulkPartition, schemas.NewTaskID(), 1)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if len(w.rejects) != 4 || len(w.calls) != 1 || p.value("altavoz_sends_rejected_total") != 4 {
			t.Errorf("%d rejects, %d calls; want 4, 1", len(w.rejects), len(w.calls))
		}
		for _, r := range w.rejects {
			if got := r.Header("reject"); !strings.HasPrefix(got, "sender/decode/") || (string(r.Value) == "hola") != (r.Header("offset") == "0") {
				t.Errorf("reject %q of offset %s: %q, want the record as it was at its offset", got, r.Header("offset"), r.Value)
			}
		}
	})
}

// TestMessageOfATask: read and rendered once for all sends of a task, tried again when it can't be read, and the end of
// its sends when it can't be sent.
func TestMessageOfATask(t *testing.T) {
	bubble(t, func(w *world) {
		other := stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 1}
		w.start([]stream.TopicPartition{bulkPartition, other, expressPartition})
		good, slow, bad, gone, empty := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
		fails := 3
		w.lock(func() {
			w.contents[good] = &schemas.Content{Body: "bueno"}
			w.contents[bad] = &schemas.Content{}
			w.loads = func(t schemas.TaskID) error {
				switch {
				case t == gone:
					return fmt.Errorf("reading blobs: %w", &schemas.ContentError{Why: es.Say(es.MessageGone)})
				case t == slow && fails > 0:
					fails--
					return errors.New("no answer")
				}
				return nil
			}
		})
		for i := range uint32(20) {
			w.produce([]stream.TopicPartition{bulkPartition, other}[i%2], good, i)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) && w.allDone(other) })
		if w.loaded != 1 || w.rendered != 1 || w.calls[0].message != "bueno" {
			t.Errorf("read %d times, rendered %d times, %q; want 1, 1, %q", w.loaded, w.rendered, w.calls[0].message, "bueno")
		}
		w.rest(10 * time.Minute)
		w.produce(bulkPartition, good, 100)
		w.produce(bulkPartition, slow, 101)
		w.produce(bulkPartition, bad, 102)
		w.produce(bulkPartition, gone, 103)
		w.produce(expressPartition, empty, 104, inline(""))
		w.until("done", func() bool { return w.allDone(bulkPartition) && w.allDone(expressPartition) })
		if w.loaded != 1+4+1+1 || fails != 0 {
			t.Errorf("read %d times, want %v", w.loaded, 1+4+1+1)
		}
		for _, r := range w.results[20:] {
			o := r.GetOutcome()
			want := schemas.Failed(schemas.CodeContent)
			if o.GetIndex() < 102 {
				want = schemas.StateSent
			}
			if schemas.RecipientState(o.GetMark()) != want {
				t.Errorf("recipient %d: %v, want mark %v", o.GetIndex(), o, want)
			}
			if o.GetIndex() == 103 && (o.GetReason() != es.Say(es.MessageGone).Spanish() || o.GetPhone() == "") {
				t.Errorf("got %v, want the phone, and that the message is gone", o)
			}
		}
	})
}

// TestNothingIsCountedOnceAllIsDone: of many tasks that have nothing open no send waits and no call is in flight. How many are kept is held
// in schedule.
func TestNothingIsCountedOnceAllIsDone(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		for i := range uint32(schedule.MaxIdleTasks + 500) {
			w.produce(expressPartition, schemas.NewTaskID(), i)
		}
		w.until("done", func() bool { return w.allDone(expressPartition) })
		p.stage.mu.Lock()
		defer p.stage.mu.Unlock()
		s := p.stage.schedule
		for c := range schedule.Causes {
			if n := s.Waiting(c); n != 0 {
				t.Errorf("%d sends wait for cause %d, want none", n, c)
			}
		}
		if ex, bu := s.InFlight(schedule.Express), s.InFlight(schedule.Bulk); ex != 0 || bu != 0 {
			t.Errorf("%d express and %d bulk calls in flight, want none", ex, bu)
		}
	})
}

// TestStopCutsCallsOffWhenItsTimeIsOver: calls under way are cut off when its time is over, and nothing goes on afterwards.
func TestStopCutsCallsOffWhenItsTimeIsOver(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		w.latency = func(*apiCall) time.Duration { return time.Hour }
		w.produce(expressPartition, schemas.NewTaskID(), 0)
		w.until("a call", func() bool { return len(w.calls) == 1 })
		p.StopReading(both...)
		ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Second)
		defer cancel()
		if err := p.stage.Stop(ctx); err == nil {
			t.Error("no word about the call")
		}
		p.stage.Process(expressPartition, w.All(expressPartition, 0))
		w.rest(time.Minute)
		if len(w.calls) != 1 {
			t.Errorf("%d calls, want 1", len(w.calls))
		}
	})
}

// TestSimulatedReplacedOwnerIsNotCalledFor: what an owner of broadcasts wrote that was replaced without noticing comes whenever it comes,
// long after the pair was forgotten; behind what its successor says it is dropped, and nothing else is.
func TestSimulatedReplacedOwnerIsNotCalledFor(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start([]stream.TopicPartition{bulkPartition})
		task, other := schemas.NewTaskID(), schemas.NewTaskID()
		by := func(generation int64, replaced ...int64) sendOpt {
			return func(s *schemas.Send) { s.Generation, s.Replaced = generation, replaced }
		}
		all := func(s *schemas.Send) { s.RepeatedAll = true }
		calls := func() int {
			w.until("done", func() bool { return w.allDone(bulkPartition) })
			return len(w.calls)
		}
		w.produce(bulkPartition, task, 0, by(7))
		w.produce(bulkPartition, task, 1, by(7))
		w.produce(bulkPartition, task, 1, by(9, 7)) // a takeover repeats what may have been on its way
		w.produce(bulkPartition, task, 2, by(9, 7))
		w.produce(bulkPartition, other, 0, by(7)) // of another task, whose repeat comes later
		w.produce(bulkPartition, other, 0, by(9, 7))
		if n := calls(); n != 4 {
			t.Errorf("%d calls, not 4", n)
		}
		w.produce(bulkPartition, task, 2, by(7)) // what it had on its way
		w.produce(bulkPartition, task, 0, by(7))
		w.produce(bulkPartition, task, 3, by(9, 7)) // its successor goes on, ...
		w.produce(bulkPartition, task, 4, by(5))    // another owner, of a group that begins anew or of another partition, ...
		w.produce(bulkPartition, task, 5)           // and a version that knows no owners
		if n := calls(); n != 7 {
			t.Errorf("%d calls, not 7", n)
		}
		p.Kill()
		q := w.start([]stream.TopicPartition{bulkPartition}) // knows it from what it reads again
		for i := range uint32(2 * dedup.Size) {
			w.produce(bulkPartition, other, 1+i, by(9, 7), all)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		n := calls()
		for i := range uint32(100) {
			w.produce(bulkPartition, task, i%6, by(7))
			w.produce(bulkPartition, other, i, by(7))
		}
		if late := calls() - n; late != 0 {
			t.Errorf("%d calls for sends of an owner that was replaced, want 0", late)
		}
		if q.value("altavoz_sends_repeated_total") < 200 {
			t.Errorf("%v were counted as repeats, want at least 200", q.value("altavoz_sends_repeated_total"))
		}
	})
}
