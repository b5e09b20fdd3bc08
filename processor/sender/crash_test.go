package sender

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/ledger"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/stream"
)

// A crash point is where a process is when it dies; what the next owner makes of it follows from what is committed by then.
//
//	the process dies ...                       committed  reached  on_unknown=report      on_unknown=resend
//	before the commit is written               free       no       called, sent           called, sent
//	with the commit written and not answered   started    no       unknown                called, sent
//	after the commit, before the call          started    no       unknown                called, sent
//	after the first byte of the call           started    maybe    unknown                called once more, sent
//	after the answer, before the result        started    yes      unknown                called once more, sent
//	after a refusal, before that is committed  started    no       unknown                called, sent
//	after a refusal that is committed          free       no       called, sent           called, sent
//	after the result, before done is committed started    yes      sent (unknown gives way) called once more, sent
//	after done is committed                    done       yes      sent                   sent
//
// So nobody is ever lost; with report nobody is called again who may have been reached; with resend a crash costs one more
// call at most. "unknown" is what a receipt settles.
type crashPoint struct {
	name      string
	arrange   func(w *world, p *process)
	reached   func(w *world) bool // the process dies a little later
	later     time.Duration       // how much; 0: half of slow
	committed ledger.State
	accepted  bool // the Cloud API has it when the process dies

	report, resend ending
}

type ending struct {
	outcome schemas.OutcomeClass // of the fold
	calls   int                  // of both owners
	unknown bool                 // the next owner said unknown
}

// slow is long enough to die in the middle of it.
const slow = 100 * time.Millisecond

func crashPoints() []crashPoint {
	sent := func(calls int) ending { return ending{outcome: schemas.OutcomeSent, calls: calls} }
	unknown := func(calls int) ending { return ending{schemas.OutcomeUnknown, calls, true} }
	called := func(w *world) bool { return len(w.calls) > 0 }
	refuse := func(w *world, _ *process) {
		w.answer = answers(schemas.Reply{Verdict: schemas.VerdictPair, After: time.Minute})
	}
	return []crashPoint{
		{
			"before the commit is written",
			func(_ *world, p *process) {
				p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{Before: slow} })
			},
			nil, 0, ledger.Free, false, sent(1), sent(1),
		},
		{
			"with the commit written and not answered",
			func(_ *world, p *process) {
				p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: slow} })
			},
			func(w *world) bool { return len(w.commits) > 0 }, 0, ledger.Started, false, unknown(0), sent(1),
		},
		{
			"after the commit, before the call",
			func(_ *world, p *process) { p.idle = slow },
			func(w *world) bool { return len(w.commits) > 0 }, 0, ledger.Started, false, unknown(0), sent(1),
		},
		{
			"after the first byte of the call",
			func(w *world, _ *process) { w.latency = func(*apiCall) time.Duration { return slow } },
			called, 0, ledger.Started, true, unknown(1), sent(2),
		},
		{
			"after the answer, before the result",
			func(_ *world, p *process) {
				p.OnWrite(func(stream.Record) logtest.Fault { return logtest.Fault{Before: time.Hour} })
			},
			called, 10 * doneGap, ledger.Started, true, unknown(1), sent(2),
		},
		{
			"after a refusal, before that is committed",
			refuse, called, doneGap / 2, ledger.Started, false, unknown(1), sent(2),
		},
		{
			"after a refusal that is committed",
			refuse,
			func(w *world) bool { return len(w.calls) > 0 && len(w.commits) > 1 }, 0, ledger.Free, false, sent(2), sent(2),
		},
		{
			"after the result, before done is committed",
			func(*world, *process) {},
			func(w *world) bool { return len(w.results) > 0 }, doneGap / 2, ledger.Started, true,
			ending{schemas.OutcomeSent, 1, true},
			sent(2),
		},
		{
			"after done is committed",
			func(*world, *process) {},
			func(w *world) bool { return w.allDone(bulkPartition) }, 0, ledger.Done, true, sent(1), sent(1),
		},
	}
}

// TestCrashAtEachPointOfASend kills a process at each point of a send's life, and looks at what its heir makes of it.
func TestCrashAtEachPointOfASend(t *testing.T) {
	t.Parallel()
	for _, c := range crashPoints() {
		for name, resend := range map[string]bool{"report": false, "resend": true} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				want := c.report
				var opts []sendOpt
				if resend {
					want, opts = c.resend, append(opts, again)
				}
				inBubble(t, func(w *world) { c.run(w, want, opts) })
			})
		}
	}
}

func (c crashPoint) run(w *world, want ending, opts []sendOpt) {
	t := w.t
	t.Helper()
	id := who{schemas.NewTaskID(), 1}
	p := w.start(nil)
	c.arrange(w, p)
	w.produce(bulkPartition, id.task, id.index, opts...)
	p.Assign(bulkPartition)
	if c.reached != nil {
		w.until(c.name, func() bool { return c.reached(w) })
	}
	w.rest(cmp.Or(c.later, slow/2))
	p.Kill()
	w.rest(time.Second)
	if got := stateIn(w.Positions[bulkPartition], 0); got != c.committed {
		t.Errorf("committed as %v, want %v", got, c.committed)
	}
	if w.refused[id] < len(w.calls) != c.accepted {
		t.Errorf("%d calls, %d refused", len(w.calls), w.refused[id])
	}
	w.lock(func() { w.latency, w.answer = nil, nil })
	q := w.start([]stream.TopicPartition{bulkPartition})
	w.until("done", func() bool { return w.allDone(bulkPartition) })
	marks := w.outcomes(id)
	if len(marks) == 0 {
		t.Fatal("lost: nobody says what became of it")
	}
	got := ending{slices.Max(marks).Outcome(), len(w.calls), slices.Contains(marks, schemas.StateUnknown)}
	if got != want {
		t.Errorf("ended as %+v, want %+v", got, want)
	}
	again := 0
	if c.committed == ledger.Started && got.calls > 0 && w.resend[id] {
		again = 1
	}
	if n := q.value("altavoz_sends_resent_total"); n != float64(again) {
		t.Errorf("%v sends counted as sent again, want %d", n, again)
	}
}

// TestLostIsSaidAtOnce: that an answer was lost is in the results as soon as it is known, not when something else is.
func TestLostIsSaidAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictLost} }
		w.start(both)
		for i, partition := range both {
			begin := time.Now()
			w.produce(partition, schemas.NewTaskID(), uint32(i))
			w.until("unknown", func() bool { return w.count(schemas.OutcomeUnknown) == i+1 })
			if took := time.Since(begin); took > 20*time.Millisecond {
				t.Errorf("said after %v, want at most %v", took, 20*time.Millisecond)
			}
		}
	})
}

// TestResendIsBounded: a lost answer under resend costs one more call each time, of at most limits.MaxAttempts; and a send that
// may have reached somebody never ends as if it certainly had not.
func TestResendIsBounded(t *testing.T) {
	t.Parallel()
	lost, later := schemas.Reply{Verdict: schemas.VerdictLost}, schemas.Reply{Verdict: schemas.VerdictTransient, Code: 131000}
	for name, c := range map[string]struct {
		replies []schemas.Reply
		opts    []sendOpt
		want    schemas.RecipientState
		calls   int
		resent  float64
	}{
		"lost once":             {[]schemas.Reply{lost}, nil, schemas.StateSent, 2, 1},
		"lost and refused":      {[]schemas.Reply{lost, {Verdict: schemas.VerdictFailed, Code: 131026}}, nil, schemas.Failed(131026), 2, 1},
		"lost every time":       {repeat(lost, 99), nil, schemas.StateUnknown, limits.MaxAttempts, limits.MaxAttempts - 1},
		"lost, then transient":  {append([]schemas.Reply{lost}, repeat(later, 99)...), nil, schemas.StateUnknown, limits.MaxAttempts, limits.MaxAttempts - 1},
		"lost, and out of time": {[]schemas.Reply{lost}, []sendOpt{until(bubbleStart.Add(500 * time.Millisecond))}, schemas.StateUnknown, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				if len(c.opts) > 0 {
					c.replies[0].After = time.Second // the wait before another call
				}
				w.answer = answers(c.replies...)
				p := w.start(both)
				id := who{schemas.NewTaskID(), 1}
				w.produce(bulkPartition, id.task, id.index, append(c.opts, again)...)
				if name == "lost, then transient" { // an attempt only while others get through
					w.answer = func(replies func(*apiCall) schemas.Reply) func(*apiCall) schemas.Reply {
						return func(c *apiCall) schemas.Reply {
							if c.who != id {
								return schemas.Reply{Verdict: schemas.VerdictSent}
							}
							return replies(c)
						}
					}(w.answer)
					w.amongOthers(expressPartition, id)
					w.calls = slices.DeleteFunc(w.calls, func(c *apiCall) bool { return c.who != id })
				}
				w.until("done", func() bool { return w.allDone(bulkPartition) })
				if got := w.outcomes(id); len(got) != 1 || got[0] != c.want {
					t.Errorf("outcomes %v, want %v", got, c.want)
				}
				if n := p.value("altavoz_sends_resent_total"); len(w.calls) != c.calls || n != c.resent {
					t.Errorf("%d calls, %v of them counted as again; want %v, %v", len(w.calls), n, c.calls, c.resent)
				}
			})
		})
	}
}

// TestResendIsBoundedOverCrashes: a crash in the middle of a call costs one more of it, and a crash in the middle of that
// one none: what is counted in memory alone is no bound for a process that dies of its own memory.
func TestResendIsBoundedOverCrashes(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return slow }
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 5, again)
		for n := range 2 {
			p := w.start([]stream.TopicPartition{bulkPartition})
			w.until("calls", func() bool { return len(w.calls) == 5*(n+1) })
			w.rest(slow / 2)
			for i := range int64(5) {
				if got, want := stateIn(w.Positions[bulkPartition], i), []ledger.State{ledger.Started, ledger.Repeated}[n]; got != want {
					t.Errorf("%d is %v in the middle of call %d; want %v", i, got, n+1, want)
				}
			}
			p.Kill()
			w.rest(time.Second)
		}
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeUnknown); n != 5 || len(w.results) != 5 || len(w.calls) != 10 {
			t.Errorf("%d unknown in %d results, %d calls; want 5, 5, 10", n, len(w.results), len(w.calls))
		}
	})
}

// TestRefusedRepeatIsNoRepeat: the other call of a send reached nobody; so a crash after that leaves it as the first one did,
// and it may be called once more.
func TestRefusedRepeatIsNoRepeat(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return slow }
		w.answer = func(c *apiCall) schemas.Reply {
			if c.n == 2 {
				return schemas.Reply{Verdict: schemas.VerdictPair, After: time.Minute}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		id := who{schemas.NewTaskID(), 0}
		w.produce(bulkPartition, id.task, id.index, again)
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.until("a call", func() bool { return len(w.calls) == 1 })
		p.Kill()
		w.rest(time.Second)
		q := w.start([]stream.TopicPartition{bulkPartition})
		w.until("a refusal", func() bool { return w.refused[id] == 1 })
		w.rest(time.Second)
		if got := stateIn(w.Positions[bulkPartition], 0); got != ledger.Started {
			t.Errorf("is %v after the refusal, want %v", got, ledger.Started)
		}
		q.Kill()
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != 1 || len(w.calls) != 3 {
			t.Errorf("%d sent, %d calls; want 1, 3", n, len(w.calls))
		}
	})
}

// TestLostIsNotCommitted: what is still to be committed of a partition when it is lost is not: its next owner may have
// written since, and the broker would take it from any member.
func TestLostIsNotCommitted(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		w.produce(bulkPartition, schemas.NewTaskID(), 0)
		w.until("a result", func() bool { return len(w.results) == 1 })
		w.rest(doneGap / 2) // done waits to be committed
		p.Lose(bulkPartition)
		n := len(w.commits)
		w.produce(expressPartition, schemas.NewTaskID(), 1)
		w.until("done", func() bool { return w.allDone(expressPartition) })
		w.rest(time.Second)
		for _, c := range w.commits[n:] {
			for _, pos := range c.ps {
				if pos.Partition == bulkPartition {
					t.Errorf("committed %d %q of a partition that was lost", pos.Offset, pos.Metadata)
				}
			}
		}
		if len(w.commits) == n {
			t.Error("nothing was committed at all")
		}
	})
}
