package sender

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/ledger"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/stream"
)

// marksOf returns how often each outcome was said of the first n recipients of a task, of each the highest only.
func (w *world) marksOf(task schemas.TaskID, n uint32) map[schemas.OutcomeClass]int {
	out := make(map[schemas.OutcomeClass]int)
	for i := range n {
		m := schemas.StatePending
		for _, o := range w.outcomes(who{task, i}) {
			m = max(m, o)
		}
		out[m.Outcome()]++
	}
	return out
}

// TestKnownOutcomeSurvivesAnOutage: the broker is away while calls are under way, and everything is taken from the process, which
// lives and learns how each call ended. It says so when it can.
func TestKnownOutcomeSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	for _, outage := range []time.Duration{5 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 10 * time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			bubble(t, func(w *world) {
				task := schemas.NewTaskID()
				w.produceAll(bulkPartition, task, 50)
				w.latency = func(*apiCall) time.Duration { return time.Second }
				p := w.start([]stream.TopicPartition{bulkPartition})
				w.until("calls", func() bool { return len(w.calls) == 50 })
				back := time.Now().Add(outage) // a record and a commit are given up after 10 s
				p.OnWrite(func(stream.Record) logtest.Fault {
					if time.Now().Before(back) {
						return logtest.Fault{Before: 10 * time.Second, Lose: true}
					}
					return logtest.Fault{}
				})
				w.rest(6 * time.Second)
				p.Rejoin()
				w.rest(outage)
				p.Assign(bulkPartition)
				w.until("done", func() bool { return w.allDone(bulkPartition) })
				if d := cmp.Diff(map[schemas.OutcomeClass]int{schemas.OutcomeSent: 50}, w.marksOf(task, 50)); d != "" || w.count(schemas.OutcomeUnknown) > 0 {
					t.Errorf("%s; %d times unknown", d, w.count(schemas.OutcomeUnknown))
				}
				if len(w.calls) != 50 || len(p.stage.detached.partitions) != 0 || p.stage.detached.n != 0 {
					t.Errorf("%d calls, %d still kept; want 50, 0", len(w.calls), p.stage.detached.n)
				}
			})
		})
	}
}

// TestCallUnderWayComesBack: a partition is lost in the middle of calls, and comes back: each is taken for what its answer says,
// when that comes before the partition does and when it comes after. A refusal lets the send go on.
func TestCallUnderWayComesBack(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{0, time.Second, 10 * time.Second} {
		t.Run(away.String(), func(t *testing.T) {
			bubble(t, func(w *world) {
				replies := []schemas.Reply{
					{Verdict: schemas.VerdictSent},
					{Verdict: schemas.VerdictFailed, Code: 131026},
					{Verdict: schemas.VerdictPair},
					{Verdict: schemas.VerdictLost},
					{Verdict: schemas.VerdictUnsent},
				}
				w.answer = func(c *apiCall) schemas.Reply { return answers(replies[c.index])(c) }
				w.latency = func(*apiCall) time.Duration { return 5 * time.Second }
				task := schemas.NewTaskID()
				p := w.start([]stream.TopicPartition{bulkPartition})
				w.produceAll(bulkPartition, task, 5)
				w.until("calls", func() bool { return len(w.calls) == 5 })
				w.rest(time.Second)
				p.Lose(bulkPartition)
				w.rest(away)
				p.Assign(bulkPartition)
				w.until("done", func() bool { return w.allDone(bulkPartition) })
				want := map[schemas.OutcomeClass]int{schemas.OutcomeSent: 3, schemas.OutcomeFailed: 1, schemas.OutcomeUnknown: 1}
				if d := cmp.Diff(want, w.marksOf(task, 5)); d != "" || len(w.calls) != 7 || w.count(schemas.OutcomeUnknown) != 1 {
					t.Errorf("%s; %d calls", d, len(w.calls))
				}
			})
		})
	}
}

// TestWhatWasNotCommittedComesBack: a result that is acknowledged and a refusal, neither of them committed when the partition is
// lost, are still known when it comes back.
func TestWhatWasNotCommittedComesBack(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			if c.index == 1 {
				return answers(schemas.Reply{Verdict: schemas.VerdictPair})(c)
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.latency = func(*apiCall) time.Duration { return time.Second }
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0)
		w.produce(bulkPartition, task, 1)
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.until("calls", func() bool { return len(w.calls) == 2 })
		p.OnCommit(func([]stream.Position) logtest.Fault {
			return logtest.Fault{Refuse: func(stream.TopicPartition) error { return errors.New("rebalance") }}
		})
		w.until("a result", func() bool { return len(w.results) == 1 })
		w.rest(2 * time.Millisecond)
		p.Lose(bulkPartition)
		p.OnCommit(nil)
		for i := range int64(2) {
			if got := stateIn(w.Positions[bulkPartition], i); got != ledger.Started {
				t.Errorf("%d is %v; want %v", i, got, ledger.Started)
			}
		}
		p.Assign(bulkPartition)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != 2 || len(w.outcomes(who{task, 0})) != 1 || len(w.outcomes(who{task, 1})) != 1 || len(w.calls) != 3 {
			t.Errorf("%d sent, %d results, %d calls; want 2, 3", n, len(w.results), len(w.calls))
		}
	})
}

// TestRefusalThatMayBeCommittedIsNotBelieved: the commit that says that a send is free again may have been written, and another
// owner may have started it since: its ledger then says started, as ours did before.
func TestRefusalThatMayBeCommittedIsNotBelieved(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply { return answers(schemas.Reply{Verdict: schemas.VerdictPair})(c) }
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0)
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.until("a call", func() bool { return len(w.calls) == 1 })
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{LoseAnswer: true} })
		w.rest(time.Second) // what says that it is free is written
		w.lock(func() { w.latency = func(*apiCall) time.Duration { return time.Hour } })
		q := w.start([]stream.TopicPartition{bulkPartition})
		w.until("the other owner's call", func() bool { return len(w.calls) == 2 })
		q.Kill()
		w.lock(func() { w.latency = nil })
		p.OnCommit(nil)
		p.Rejoin()
		p.Assign(bulkPartition)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeUnknown); n != 1 || len(w.calls) != 2 {
			t.Errorf("%d unknown, %d calls; want 1, 2", n, len(w.calls))
		}
	})
}

// TestAnotherRecordAtTheSameOffset: what is known of a record is not believed of another one that has its place, nor what the
// ledger says: the other one was never called.
func TestAnotherRecordAtTheSameOffset(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return 5 * time.Second }
		task, other := schemas.NewTaskID(), schemas.NewTaskID()
		w.produce(bulkPartition, task, 0)
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.until("a call", func() bool { return len(w.calls) == 1 })
		w.rest(time.Second)
		p.Lose(bulkPartition)
		w.lock(func() { delete(w.Logs, bulkPartition) })
		w.produce(bulkPartition, other, 0)
		p.Assign(bulkPartition)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		w.rest(10 * time.Second)
		if d := cmp.Diff([]schemas.RecipientState{schemas.StateSent}, w.outcomes(who{other, 0})); d != "" {
			t.Errorf("the other one: %s", d)
		}
		if d := cmp.Diff([]schemas.RecipientState{schemas.StateSent}, w.outcomes(who{task, 0})); d != "" {
			t.Errorf("the lost one: %s", d)
		}
	})
}

// TestKnowledgeIsBounded: in number and in time.
func TestKnowledgeIsBounded(t *testing.T) {
	t.Parallel()
	var k detached
	now := time.Unix(1_700_000_000, 0)
	for i := range int64(maxDetachedRecords + 100) {
		k.keep(stream.TopicPartition{Partition: int32(i % 7)}, &detachedSend{recordID: recordID{offset: i}, until: now.Add(time.Duration(i) * time.Second)})
	}
	if k.n != maxDetachedRecords {
		t.Errorf("%d are kept, want %v", k.n, maxDetachedRecords)
	}
	k.sweep(now.Add(maxDetachedRecords/2*time.Second + time.Millisecond))
	n := 0
	for _, of := range k.partitions {
		n += len(of)
	}
	if n != maxDetachedRecords/2-1 || k.n != n {
		t.Errorf("%d are kept after half of the time, counted as %d; want %v, %v", n, k.n, maxDetachedRecords/2-1, n)
	}
	if k.sweep(now.Add(maxDetachedRecords * 2 * time.Second)); k.n != 0 || len(k.partitions) != 0 {
		t.Errorf("%d are kept for ever, want 0", k.n)
	}
}

// TestKnowledgeIsOfOneRecord: it is recalled once, for the record of that task and index at that offset, whose ledger says what it said
// then; that a result is acknowledged holds whatever the ledger says.
func TestKnowledgeIsOfOneRecord(t *testing.T) {
	t.Parallel()
	id := recordID{7, schemas.NewTaskID(), 3}
	partition := stream.TopicPartition{Topic: schemas.TopicSendsBulk}
	for name, c := range map[string]struct {
		partition stream.TopicPartition
		id        recordID
		state     ledger.State
		kept      detachedSend
		want      bool
	}{
		"the record":                     {partition, id, ledger.Started, detachedSend{free: true}, true},
		"another partition":              {bulkSlotOf(1), id, ledger.Started, detachedSend{free: true}, false},
		"another offset":                 {partition, recordID{8, id.task, 3}, ledger.Started, detachedSend{free: true}, false},
		"another task":                   {partition, recordID{7, schemas.NewTaskID(), 3}, ledger.Started, detachedSend{free: true}, false},
		"another recipient":              {partition, recordID{7, id.task, 4}, ledger.Started, detachedSend{free: true}, false},
		"called again by another owner":  {partition, id, ledger.Repeated, detachedSend{free: true}, false},
		"recorded":                       {partition, id, ledger.Repeated, detachedSend{}, true},
		"recorded, of another recipient": {partition, recordID{7, id.task, 4}, ledger.Started, detachedSend{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var k detached
			c.kept.recordID, c.kept.state = id, ledger.Started
			k.keep(partition, &c.kept)
			if got := k.take(c.partition, c.id, c.state); (got != nil) != c.want {
				t.Errorf("got %v, want one: %t", got, c.want)
			}
			if k.take(c.partition, c.id, c.state) != nil {
				t.Error("recalled twice")
			}
		})
	}
}

func bulkSlotOf(p int32) stream.TopicPartition {
	return stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: p}
}

// TestSimulatedRebalancesWhileResultsAreStuckEndInNoMoreCalls: each partition that is lost while its results can't be written makes room for others, but
// not without end.
func TestSimulatedRebalancesWhileResultsAreStuckEndInNoMoreCalls(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		id := schemas.NewTaskID()
		var stuck atomic.Bool
		stuck.Store(true)
		p.OnWrite(func(stream.Record) logtest.Fault {
			if stuck.Load() {
				return logtest.Fault{Lose: true, Before: time.Millisecond}
			}
			return logtest.Fault{}
		})
		const losses = 4
		for n := range int32(losses) {
			of := bulkSlotOf(1 + n)
			for i := range uint32(schedule.MaxUnrecorded) {
				w.produce(of, id, uint32(n)*schedule.MaxUnrecorded+i)
			}
			p.Assign(of)
			w.rest(10 * time.Second)
			p.Lose(of)
		}
		if n, most := len(w.calls), schedule.MaxDetached+schedule.MaxUnrecorded+DefaultMaxInFlight; n < schedule.MaxDetached || n > most {
			t.Errorf("%d calls whose results are nowhere, want %d to %d", n, schedule.MaxDetached, most)
		}
		stuck.Store(false)
		w.rest(time.Minute)
		before := len(w.calls)
		w.produce(bulkPartition, id, losses*schedule.MaxUnrecorded)
		w.until("calls go on", func() bool { return len(w.calls) > before })
	})
}

// TestSimulatedResultsOfLostPartitionsLeaveRoom: results of a partition that was lost, which can't be written, are kept, and take nothing of the
// room of results of the partitions that are ours.
func TestSimulatedResultsOfLostPartitionsLeaveRoom(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		lost, ours := schemas.NewTaskID(), schemas.NewTaskID()
		var stuck atomic.Bool
		stuck.Store(true)
		p.OnWrite(func(rec stream.Record) logtest.Fault {
			var r schemas.Result
			if stuck.Load() && schemas.Decode(&rec, &r) == nil && schemas.TaskID(r.GetTask()) == lost {
				return logtest.Fault{Lose: true, Before: time.Millisecond}
			}
			return logtest.Fault{}
		})
		w.produceAll(bulkPartition, lost, schedule.MaxUnrecorded)
		w.until("all are called", func() bool { return len(w.calls) == schedule.MaxUnrecorded })
		w.rest(10 * time.Second)
		p.Lose(bulkPartition)
		w.produceAll(expressPartition, ours, 10)
		w.rest(10 * time.Second)
		if n := len(w.calls) - schedule.MaxUnrecorded; n != 10 {
			t.Errorf("%d of 10 were called, want 10", n)
		}
		stuck.Store(false)
		w.rest(time.Minute)
		p.Assign(bulkPartition)
		w.until("done", func() bool { return w.allDone(bulkPartition) && w.allDone(expressPartition) })
		if n := w.count(schemas.OutcomeUnknown); n > 0 || len(w.calls) != schedule.MaxUnrecorded+10 {
			t.Errorf("%d are unknown, %d calls; want 0, %v", n, len(w.calls), schedule.MaxUnrecorded+10)
		}
	})
}
