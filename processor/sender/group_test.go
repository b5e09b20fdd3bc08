package sender

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/ledger"
	"altavoz/schemas"
	"altavoz/stream"
)

// startedIn is how many of the first n records of a partition are committed as started.
func (w *world) startedIn(partition stream.TopicPartition, n int64) (started int) {
	for i := range n {
		if stateIn(w.Positions[partition], i) == ledger.Started {
			started++
		}
	}
	return started
}

// grouped starts a process whose number may send 608 a second, and waits until more than ten sends are started and not called.
func (w *world) grouped(task schemas.TaskID, n uint32, opts ...sendOpt) *process {
	w.t.Helper()
	w.produceAll(bulkPartition, task, n, opts...)
	p := w.start([]stream.TopicPartition{bulkPartition}, rate(800), partitions(1, 1))
	w.until("a group of which some are called", func() bool { return len(w.calls) > 2 && w.calledUpTo(bulkPartition) > len(w.calls)+10 })
	return p
}

// TestOneCommitStartsAGroup: at a limited rate the starts of sends share their commits, and so do their ends, which costs the rate nothing;
// and of what is started and has no result there is never more than a quarter of a second of the rate and what is under way.
func TestOneCommitStartsAGroup(t *testing.T) {
	t.Parallel()
	for _, configured := range []float64{80, 800} {
		inBubble(t, func(w *world) {
			const span, latency = 3 * time.Second, 100 * time.Millisecond
			perSecond := configured * .8 * .95 // of a process without express
			w.latency = func(*apiCall) time.Duration { return latency }
			w.produceAll(bulkPartition, schemas.NewTaskID(), uint32(perSecond*8))
			w.start([]stream.TopicPartition{bulkPartition}, rate(configured), partitions(1, 1))
			w.rest(2 * time.Second)
			begin := time.Now()
			calls, commits, most := len(w.calls), len(w.commits), 0
			for time.Since(begin) < span {
				w.rest(5 * time.Millisecond)
				open := 0
				w.lock(func() { open = w.calledUpTo(bulkPartition) - w.count(schemas.OutcomeSent) })
				w.rest(2 * time.Millisecond) // results go with a commit, and arrive beside it
				w.lock(func() { most = max(most, min(open, w.calledUpTo(bulkPartition)-w.count(schemas.OutcomeSent))) })
			}
			made, written := len(w.calls)-calls, len(w.commits)-commits
			if want := int(perSecond * span.Seconds()); made < want*98/100 || made > want+int(perSecond*.06)+1 {
				t.Errorf("%d calls in %v at %v a second, want at least %d, at most %d", made, span, perSecond, want*98/100, want)
			}
			if bound := 18 * int(span.Seconds()); written > bound {
				t.Errorf("%d commits in %v, want at most %d", written, span, bound)
			}
			moments := make(map[time.Time]bool)
			for _, c := range w.calls[calls:] {
				moments[c.at] = true
			}
			if bound := int(span/(10*time.Millisecond)) + 1; len(moments) > bound {
				t.Errorf("%d calls began at %d moments, want at most %d", made, len(moments), bound)
			}
			if bound := int(perSecond*(250*time.Millisecond+latency).Seconds()*1.1) + 3; most > bound {
				t.Errorf("%d were started and without a result, want at most %d", most, bound)
			}
		})
	}
}

// TestASlowNumberStartsItsCallsJustBeforeThem: what is started and not called is unknown if the process dies, so a number up to 100 a second starts what it
// calls together just before; and one commit does that for all such numbers.
func TestASlowNumberStartsItsCallsJustBeforeThem(t *testing.T) {
	bubble(t, func(w *world) {
		const span, latency = 4 * time.Second, 100 * time.Millisecond
		w.latency = func(*apiCall) time.Duration { return latency }
		numbers := []string{"a", "b", "c"}
		for i, n := range numbers {
			w.produceAll(stream.TopicPartition{Topic: bulkPartition.Topic, Partition: int32(i)}, schemas.NewTaskID(), 800, by(n))
		}
		p := w.start(nil, partitions(1, 3), func(c *Config) {
			c.Numbers, c.Number = numbers, func(string) (NumberConfig, bool) { return NumberConfig{Rate: 80}, true }
		})
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: 2 * time.Millisecond} })
		for i := range numbers {
			p.Assign(stream.TopicPartition{Topic: bulkPartition.Topic, Partition: int32(i)})
			w.rest(17 * time.Millisecond)
		}
		w.rest(2 * time.Second)
		begin := time.Now()
		calls, commits, waiting, looks := len(w.calls), len(w.commits), 0, 0
		for time.Since(begin) < span {
			w.rest(7 * time.Millisecond)
			w.lock(func() {
				for i := range numbers {
					waiting += w.calledUpTo(stream.TopicPartition{Topic: bulkPartition.Topic, Partition: int32(i)})
				}
				waiting -= len(w.calls)
				looks++
			})
		}
		made, written := len(w.calls)-calls, len(w.commits)-commits
		if want := int(3 * 80 * .8 * .95 * span.Seconds()); made < want*98/100 {
			t.Errorf("%d calls in %v, want at least %d", made, span, want*98/100)
		}
		if bound := 18 * int(span.Seconds()); written > bound {
			t.Errorf("%d commits in %v, want at most %d for all three", written, span, bound)
		}
		if mean := float64(waiting) / float64(looks); mean > 2.5 {
			t.Errorf("%.1f were started and not called on average, want at most 2.5 of the 24 that begin together", mean)
		}
		p.OnCommit(nil)
	})
}

// TestCommitsThatTakeLongerCostTheRateNothing: up to some 70 ms, calls go on while the next ones are started.
func TestCommitsThatTakeLongerCostTheRateNothing(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{10 * time.Millisecond, 30 * time.Millisecond, 70 * time.Millisecond} {
		inBubble(t, func(w *world) {
			const span, perSecond = 10 * time.Second, 80 * .8 * .95
			w.produceAll(bulkPartition, schemas.NewTaskID(), 1000)
			p := w.start(nil, rate(80), partitions(1, 1))
			p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: takes} })
			p.Assign(bulkPartition)
			w.rest(2 * time.Second)
			before := len(w.calls)
			w.rest(span)
			if made, want := len(w.calls)-before, int(perSecond*span.Seconds()); made < want*97/100 {
				t.Errorf("commits take %v: %d calls in %v, want at least %d", takes, made, span, want*97/100)
			}
			p.OnCommit(nil)
		})
	}
}

// TestSlowCommitsSlowBulkDownAndStopNothing: also where a commit takes longer than a started send may wait for its call, each group is called.
func TestSlowCommitsSlowBulkDownAndStopNothing(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{900 * time.Millisecond, 1100 * time.Millisecond, 5 * time.Second} {
		inBubble(t, func(w *world) {
			w.produceAll(bulkPartition, schemas.NewTaskID(), 1000)
			p := w.start(nil, rate(80), partitions(1, 1))
			p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: takes} })
			p.Assign(bulkPartition)
			w.rest(time.Minute)
			if made, want := len(w.calls), 4*int(time.Minute/takes-1); made < want { // 80 ms of the rate are 4.9 calls
				t.Errorf("commits take %v: %d calls in a minute, want at least %d", takes, made, want)
			}
			p.OnCommit(nil)
		})
	}
}

// TestFastAPIGetsTheWholeRate: where calls take a moment, so few of them may be in flight that a slot which gets free must not wait for the next calls.
func TestFastAPIGetsTheWholeRate(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 30 * time.Millisecond} {
		inBubble(t, func(w *world) {
			const configured, span = 2000, 2 * time.Second
			w.latency = func(*apiCall) time.Duration { return latency }
			w.produceAll(bulkPartition, schemas.NewTaskID(), 6*configured)
			w.start([]stream.TopicPartition{bulkPartition}, rate(configured), partitions(1, 1))
			w.rest(2 * time.Second)
			before := len(w.calls)
			w.rest(span)
			made, want := len(w.calls)-before, int(configured*.8*.95*span.Seconds())
			if made < want*95/100 {
				t.Errorf("latency %v: %d calls in %v, want at least %d", latency, made, span, want*95/100)
			}
		})
	}
}

// TestFreeCallsOfANumberWithoutALimitAreUsedAtOnce: how many calls it made lately says nothing about how many it can make, where it had little to do.
func TestFreeCallsOfANumberWithoutALimitAreUsedAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		const calls, latency = 56, 20 * time.Millisecond
		w.latency = func(*apiCall) time.Duration { return latency }
		p := w.start([]stream.TopicPartition{bulkPartition}, rate(0), inFlight(calls), partitions(1, 1))
		task, next := schemas.NewTaskID(), uint32(0)
		produce := func(n int) {
			for range n {
				w.produce(bulkPartition, task, next)
				next++
			}
		}
		for range 25 { // 200 a second
			produce(20)
			w.rest(100 * time.Millisecond)
		}
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: latency} })
		before := len(w.calls)
		produce(8000)
		w.rest(5 * latency)
		if made := len(w.calls) - before; made < 2*calls {
			t.Errorf("%d calls in %v after little to do, want twice the %d that may be in flight at least", made, 5*latency, calls)
		}
		p.OnCommit(nil)
	})
}

// TestBulkThatComesJustAfterAGroupWasStartedIsStarted: that nothing was left by the group does not keep it from being looked at, before calls end.
func TestBulkThatComesJustAfterAGroupWasStartedIsStarted(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]float64{"limited": 200, "without a limit": 0} {
		inBubble(t, func(w *world) {
			const few = 4 // twice as many are in flight at most
			w.latency = func(*apiCall) time.Duration { return 20 * time.Millisecond }
			w.start([]stream.TopicPartition{bulkPartition}, rate(most), inFlight(56), partitions(1, 1))
			task, next := schemas.NewTaskID(), uint32(0)
			produce := func() {
				for range few {
					w.produce(bulkPartition, task, next)
					next++
				}
				synctest.Wait()
			}
			for range 80 { // 130 a second
				produce()
				w.rest(30 * time.Millisecond)
			}
			w.latency = func(*apiCall) time.Duration { return 400 * time.Millisecond }
			before := len(w.calls)
			produce()
			produce()
			w.rest(200 * time.Millisecond)
			if made := len(w.calls) - before; made != 2*few {
				t.Errorf("%s: %d of %d are called within 200 ms, before a call has ended", name, made, 2*few)
			}
		})
	}
}

// TestNumberWithoutALimitStartsGroups: once it is known how many calls a number takes, one commit starts what it takes in a moment, calls in flight
// stay as many as may be, and many results share a record.
func TestNumberWithoutALimitStartsGroups(t *testing.T) {
	bubble(t, func(w *world) {
		const calls, latency, span = 56, 20 * time.Millisecond, time.Second
		w.latency = func(c *apiCall) time.Duration { return latency + time.Duration(int(c.index%7)-3)*150*time.Microsecond }
		w.produceAll(bulkPartition, schemas.NewTaskID(), 8000)
		w.start([]stream.TopicPartition{bulkPartition}, rate(0), inFlight(calls), partitions(1, 1))
		w.rest(1500 * time.Millisecond)
		begin := time.Now()
		made, commits, records, results, most := len(w.calls), len(w.commits), w.records, len(w.results), 0
		for time.Since(begin) < span {
			w.rest(5 * time.Millisecond)
			open := 0
			w.lock(func() { open = w.calledUpTo(bulkPartition) - w.count(schemas.OutcomeSent) })
			w.rest(2 * time.Millisecond) // results go with a commit, and arrive beside it
			w.lock(func() { most = max(most, min(open, w.calledUpTo(bulkPartition)-w.count(schemas.OutcomeSent))) })
		}
		made, commits, records, results = len(w.calls)-made, len(w.commits)-commits, w.records-records, len(w.results)-results
		full := calls * int(span/latency)
		if made < full*99/100 {
			t.Errorf("%d calls in %v, want nearly %d: each slot taken again when it gets free", made, span, full)
		}
		if bound := 27 * int(span.Seconds()); commits > bound {
			t.Errorf("%d commits in %v, want at most %d", commits, span, bound)
		}
		if records*20 > results {
			t.Errorf("%d results in %d records, want more than 20 in one", results, records)
		}
		perSecond := float64(full) / span.Seconds()
		if bound := calls + int(perSecond*.06) + schemas.MaxOutcomes + 1; most > bound {
			t.Errorf("%d were started and without a result, want at most %d", most, bound)
		}
	})
}

// calledUpTo is the offset below which all of a partition is committed as started or done.
func (w *world) calledUpTo(partition stream.TopicPartition) int {
	pos := w.Positions[partition]
	_, runs, err := ledger.Decode(pos.Metadata, pos.Offset)
	if err != nil {
		w.fail("%v", err)
	}
	at := pos.Offset
	for _, r := range runs {
		if r.State == ledger.Free {
			break
		}
		at += r.N
	}
	return int(at)
}

// TestStoppedNumberGivesItsGroupBack: what a number has started and not called is free again as soon as the number stops, and waits so.
func TestStoppedNumberGivesItsGroupBack(t *testing.T) {
	bubble(t, func(w *world) {
		w.grouped(schemas.NewTaskID(), 1000)
		w.lock(func() {
			w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 131031} }
		})
		n := len(w.calls)
		w.rest(300 * time.Millisecond)
		if started := w.startedIn(bulkPartition, 1000); started > 0 {
			t.Errorf("%d are started while the number is stopped", started)
		}
		if made := len(w.calls) - n; made > 8 {
			t.Errorf("%d calls of a number that was stopped by the first", made)
		}
		w.lock(func() { w.answer = nil })
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if sent := w.count(schemas.OutcomeSent); sent != 1000 {
			t.Errorf("%d sent, want 1000", sent)
		}
	})
}

// TestGroupThatWaitsTooLongIsGivenBack: no call begins longer after its commit than a process can be without noticing that it was replaced.
func TestGroupThatWaitsTooLongIsGivenBack(t *testing.T) {
	bubble(t, func(w *world) {
		const sends = 60
		since := make(map[uint32]time.Time) // when each was last committed as started
		w.OnCommit = func(_ *logtest.Member, taken []stream.Position) {
			for i := range uint32(sends) {
				if stateIn(taken[0], int64(i)) == ledger.Started {
					since[i] = time.Now()
				}
			}
		}
		w.latency = func(c *apiCall) time.Duration {
			if age := c.at.Sub(since[c.index]); age > 1200*time.Millisecond {
				w.fail("%d is called %v after its start was committed", c.index, age)
			}
			return 2300 * time.Millisecond
		}
		w.produceAll(bulkPartition, schemas.NewTaskID(), sends)
		w.start([]stream.TopicPartition{bulkPartition}, rate(80), inFlight(10), partitions(1, 1))
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if sent := w.count(schemas.OutcomeSent); sent != sends {
			t.Errorf("%d sent, want %d", sent, sends)
		}
	})
}

// TestRevokedPartitionGivesItsGroupBack: the next owner sends what was started and not called; what was called it calls no more.
func TestRevokedPartitionGivesItsGroupBack(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return time.Second }
		p := w.grouped(schemas.NewTaskID(), 1000)
		begin, n := time.Now(), len(w.calls)
		p.Revoke(bulkPartition)
		if took := time.Since(begin); took > time.Second+100*time.Millisecond {
			t.Errorf("took %v with calls of a second", took)
		}
		if made := len(w.calls); made > n+4 || w.startedIn(bulkPartition, 1000) > 0 {
			t.Errorf("%d calls more, %d left as started; want none", made-n, w.startedIn(bulkPartition, 1000))
		}
		w.start([]stream.TopicPartition{bulkPartition}, rate(800), partitions(1, 1))
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if w.count(schemas.OutcomeUnknown) > 0 || len(w.calls) != 1000 {
			t.Errorf("%d unknown, %d calls; want 0, 1000", w.count(schemas.OutcomeUnknown), len(w.calls))
		}
	})
}

// TestGroupOfALostPartitionComesBack: a process that gets a partition back knows what it had started there and not called.
func TestGroupOfALostPartitionComesBack(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return time.Second }
		p := w.grouped(schemas.NewTaskID(), 1000)
		p.Rejoin()
		w.rest(5 * time.Second)
		p.Assign(bulkPartition)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if w.count(schemas.OutcomeUnknown) > 0 || len(w.calls) != 1000 {
			t.Errorf("%d unknown, %d calls; want 0, 1000", w.count(schemas.OutcomeUnknown), len(w.calls))
		}
	})
}

// TestRefusedCommitGivesItsGroupBack: nothing that an earlier commit started is called after one that was refused, until the next that is not.
func TestRefusedCommitGivesItsGroupBack(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.grouped(schemas.NewTaskID(), 1000)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: 20 * time.Millisecond} })
		w.rest(400 * time.Millisecond) // the next group is committed so much earlier
		before := -1
		p.OnCommit(func([]stream.Position) logtest.Fault {
			return logtest.Fault{Refuse: func(stream.TopicPartition) error {
				if before < 0 {
					before = len(w.calls)
				}
				return errors.New("rebalance in progress")
			}}
		})
		w.rest(300 * time.Millisecond)
		if made := len(w.calls) - before; before < 0 || made > 1 { // one may begin beside the answer
			t.Errorf("%d calls after a refused commit (%d before it); want none", made, before)
		}
		p.OnCommit(nil)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if w.count(schemas.OutcomeUnknown) > 0 || len(w.calls) != 1000 {
			t.Errorf("%d unknown, %d calls; want 0, 1000", w.count(schemas.OutcomeUnknown), len(w.calls))
		}
	})
}

// TestFencedCommitGivesAllGroupsBack: a group that refuses the member may have given any of its partitions to another one, those without a
// change in the commit included. Only a refusal of the partition itself leaves the groups of the others alone.
func TestFencedCommitGivesAllGroupsBack(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{"of the member": stream.ErrFenced, "of the partition": errors.New("metadata too large")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *world) {
				const sends = 20
				w.latency = func(*apiCall) time.Duration { return 10 * time.Second } // so that bulk has no done marks to commit
				w.produceAll(bulkPartition, schemas.NewTaskID(), sends)
				p := w.start([]stream.TopicPartition{bulkPartition, expressPartition}, rate(800), partitions(1, 1))
				w.until("a group", func() bool { return w.calledUpTo(bulkPartition) == sends })
				before := -1
				p.OnCommit(func(ps []stream.Position) logtest.Fault {
					if len(ps) != 1 || ps[0].Partition != expressPartition {
						w.fail("%v are committed, want express only", ps)
					}
					return logtest.Fault{Refuse: func(stream.TopicPartition) error {
						before = len(w.calls)
						p.OnCommit(nil)
						return refusal
					}}
				})
				w.produce(expressPartition, schemas.NewTaskID(), 999)
				w.rest(100 * time.Millisecond)
				made, want := len(w.calls)-before, sends-before
				if errors.Is(refusal, stream.ErrFenced) {
					want = 0
				}
				if before < 0 || before > sends/2 || made < want || made > want+1 { // one may begin beside the answer
					t.Errorf("%d calls after the refusal, %d before; want %d", made, before, want)
				}
				w.until("done", func() bool { return w.allDone(bulkPartition) && w.allDone(expressPartition) })
				if w.count(schemas.OutcomeUnknown) > 0 || len(w.calls) != sends+1 {
					t.Errorf("%d unknown, %d calls; want 0, %d", w.count(schemas.OutcomeUnknown), len(w.calls), sends+1)
				}
			})
		})
	}
}

// TestGroupTakesUpARateThatRose: what waits for a token of a slow rate does not wait on when the number gets a faster one.
func TestGroupTakesUpARateThatRose(t *testing.T) {
	bubble(t, func(w *world) {
		const all = 40
		others := make([]stream.TopicPartition, 0, all-1)
		for i := range int32(all - 1) {
			others = append(others, stream.TopicPartition{Topic: bulkPartition.Topic, Partition: bulkPartition.Partition + 1 + i})
		}
		w.produceAll(bulkPartition, schemas.NewTaskID(), 1000)
		p := w.start(append(others, bulkPartition), rate(800), partitions(1, all))
		w.until("a group", func() bool { return len(w.calls) > 2 && w.calledUpTo(bulkPartition) > len(w.calls)+5 })
		p.Revoke(others...) // 16 a second
		n := len(w.calls)
		w.until("a call at the slow rate", func() bool { return len(w.calls) > n })
		for _, o := range others {
			p.Assign(o)
		}
		n = len(w.calls)
		w.rest(40 * time.Millisecond)
		if made := len(w.calls) - n; made < 14 {
			t.Errorf("%d calls in 40 ms at 608 a second", made)
		}
	})
}

// TestExpressThatHasToWaitDoesNotHoldAGroup: a group waits for express of its number only as long as that may be called.
func TestExpressThatHasToWaitDoesNotHoldAGroup(t *testing.T) {
	bubble(t, func(w *world) {
		const sends = 20
		w.latency = func(*apiCall) time.Duration { return 10 * time.Second } // so that nothing else wakes the stage
		w.produceAll(bulkPartition, schemas.NewTaskID(), sends)
		p := w.start([]stream.TopicPartition{bulkPartition, expressPartition}, rate(800), partitions(1, 1))
		w.until("a call of a group", func() bool { return len(w.calls) > 1 && w.calledUpTo(bulkPartition) == sends })
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: 20 * time.Millisecond} })
		w.produce(expressPartition, schemas.NewTaskID(), 999)
		w.rest(time.Millisecond)
		w.produce(expressPartition, schemas.NewTaskID(), 0) // to whom a moment ago a message went; what it waits for is seen when the commit is over
		w.rest(80 * time.Millisecond)
		if len(w.calls) != sends+1 {
			t.Errorf("%d calls, want %d", len(w.calls), sends+1)
		}
	})
}

// TestSendOfAGroupIsNotCalledAfterItsEnd: what is too late when its turn comes has expired, and was not called.
func TestSendOfAGroupIsNotCalledAfterItsEnd(t *testing.T) {
	bubble(t, func(w *world) {
		w.grouped(schemas.NewTaskID(), 1000, until(time.Now().Add(500*time.Millisecond)))
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		sent, expired := w.count(schemas.OutcomeSent), w.count(schemas.OutcomeExpired)
		if sent != len(w.calls) || sent+expired != 1000 || expired == 0 {
			t.Errorf("%d calls, %d sent, %d expired", len(w.calls), sent, expired)
		}
	})
}

// TestCallsGoOnDuringACommit: a group is called while the next one is committed.
func TestCallsGoOnDuringACommit(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.grouped(schemas.NewTaskID(), 4000)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: 30 * time.Millisecond} })
		begin, n := time.Now(), len(w.calls)
		w.rest(4 * time.Second)
		if made, want := len(w.calls)-n, int(time.Since(begin).Seconds()*800*.8*.95); made < want*98/100 {
			t.Errorf("%d calls beside commits that take 30 ms, want %d", made, want)
		}
	})
}
