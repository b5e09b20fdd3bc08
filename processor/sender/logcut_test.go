package sender

import (
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/schemas"
	"altavoz/stream"
)

// called counts the calls for recipients of a task by index. Under the lock.
func (w *world) called(task schemas.TaskID) map[uint32]int {
	out := make(map[uint32]int)
	for _, c := range w.calls {
		if c.task == task {
			out[c.index]++
		}
	}
	return out
}

// best returns the mark that a recipient ends with. Under the lock.
func (w *world) best(task schemas.TaskID, index uint32) (m schemas.RecipientState) {
	for _, o := range w.outcomes(who{task, index}) {
		m = max(m, o)
	}
	return m
}

// A log that lost its end gives the same offsets out again: its new sends are sent, once, and nobody is sent to again,
// whether the log still ends below what was committed or has grown beyond it.
func TestLogThatLostItsEndLosesNobodyAndCallsNobodyTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sent, cut, fresh uint32 }{
		"it ends below what was committed":    {8, 3, 2},
		"it ends where it was cut":            {8, 3, 0},
		"it has grown beyond":                 {8, 3, 20},
		"it has grown to where it was":        {8, 3, 5},
		"it lost everything":                  {8, 0, 3},
		"it lost one record":                  {500, 499, 10},
		"it lost many":                        {500, 123, 400},
		"it lost nothing that was committed ": {8, 8, 5},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				before, after := schemas.NewTaskID(), schemas.NewTaskID()
				for i := range c.sent {
					w.produce(bulkPartition, before, i)
				}
				p := w.start([]stream.TopicPartition{bulkPartition})
				w.until("all sent", func() bool { return w.allDone(bulkPartition) })
				p.Revoke(bulkPartition)
				w.cut(bulkPartition, int64(c.cut))
				for i := range c.fresh {
					w.produce(bulkPartition, after, i)
				}
				q := w.start([]stream.TopicPartition{bulkPartition})
				w.until("all done", func() bool { return w.Log(bulkPartition).End() == 0 || w.allDone(bulkPartition) })
				w.rest(time.Minute)
				if got, want := q.value("altavoz_ledger_disagreements_total"), map[bool]float64{true: 1}[c.cut < c.sent]; got != want {
					t.Errorf("%v disagreements, want %v", got, want)
				}
				w.lock(func() {
					for i, n := range w.called(before) {
						if n != 1 || w.best(before, i) != schemas.StateSent {
							t.Fatalf("%d of before was called %d times and is %v; want 1, %v", i, n, w.best(before, i), schemas.StateSent)
						}
					}
					calls, unknown := w.called(after), uint32(0)
					for i := range c.fresh {
						switch m := w.best(after, i); {
						case calls[i] == 1 && m == schemas.StateSent:
						case calls[i] == 0 && m == schemas.StateUnknown:
							unknown++
						default:
							t.Fatalf("%d of after was called %d times and is %v", i, calls[i], m)
						}
					}
					if lost := c.sent - c.cut; unknown >= max(1, lost) {
						t.Errorf("%d of %d new sends are unknown, where %d records were lost", unknown, c.fresh, lost)
					}
				})
			})
		})
	}
}

// What was started, and is still in the log, is unknown; what lies at the offset of a started one that is gone is another
// send, and is sent; and should the send that is gone come again, it may have been called.
func TestStartedSendsOfALogThatLostItsEnd(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return time.Hour } // all stay started
		before, after := schemas.NewTaskID(), schemas.NewTaskID()
		w.produceAll(bulkPartition, before, 10)
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.until("calls", func() bool { return len(w.calls) == 10 })
		p.Kill()
		w.cut(bulkPartition, 4)
		w.lock(func() { w.latency = nil })
		w.produceAll(bulkPartition, after, 10)
		w.produce(bulkPartition, before, 7) // a fanout repeats it
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("all done", func() bool { return w.allDone(bulkPartition) })
		w.lock(func() {
			for i := range uint32(10) {
				if n := w.called(after)[i]; n != 1 || w.best(after, i) != schemas.StateSent {
					t.Errorf("%d of after was called %d times and is %v; want 1, %v", i, n, w.best(after, i), schemas.StateSent)
				}
				want := schemas.StateUnknown
				if i >= 4 && i != 7 {
					want = 0 // not in the log any more
				}
				if n := w.called(before)[i]; n != 1 || w.best(before, i) != want {
					t.Errorf("%d of before was called %d times and is %v; want 1, %v", i, n, w.best(before, i), want)
				}
			}
		})
	})
}

// A ledger of the version before has no identity: of a log that ends below it nobody can say what was called.
func TestLogThatEndsBelowALedgerWithoutIdentity(t *testing.T) {
	bubble(t, func(w *world) {
		w.Positions[bulkPartition] = stream.Position{Partition: bulkPartition, Offset: 8}
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 5)
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("unknown", func() bool { return w.allDone(bulkPartition) })
		for i := range uint32(5) {
			w.produce(bulkPartition, task, 5+i)
		}
		w.until("all done", func() bool { return w.allDone(bulkPartition) })
		w.lock(func() {
			if len(w.calls) != 5 || w.count(schemas.OutcomeUnknown) != 5 || w.count(schemas.OutcomeSent) != 5 {
				t.Errorf("%d calls, %d unknown, %d sent; want 5, 5, 5", len(w.calls), w.count(schemas.OutcomeUnknown), w.count(schemas.OutcomeSent))
			}
		})
	})
}

// Offsets that expired, or that somebody set: whoever is in the log may have been called by a former owner, and is called by
// nobody else, not even where the broadcast asked for it; a crash changes nothing about that. What comes later is sent.
func TestOffsetsThatAreGoneOrForeignCallNobodyTwice(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]*stream.Position{
		"gone":             nil,
		"set to the start": {Partition: bulkPartition},
		"set back":         {Partition: bulkPartition, Offset: 10},
		"set forward":      {Partition: bulkPartition, Offset: 45},
		"set to the end":   {Partition: bulkPartition, Offset: 50},
		"set too far":      {Partition: bulkPartition, Offset: 5000},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				task := schemas.NewTaskID()
				w.produceAll(bulkPartition, task, 30, again)
				p := w.start([]stream.TopicPartition{bulkPartition})
				w.until("all sent", func() bool { return w.allDone(bulkPartition) })
				p.Kill()
				for i := range uint32(20) { // while nobody was there
					w.produce(bulkPartition, task, 30+i)
				}
				w.lock(func() {
					if delete(w.Positions, bulkPartition); set != nil {
						w.Positions[bulkPartition] = *set
					}
				})
				q := w.start([]stream.TopicPartition{bulkPartition})
				q.OnWrite(func(stream.Record) logtest.Fault { return logtest.Fault{Before: time.Hour} })
				w.rest(time.Second)
				q.Kill()
				w.start([]stream.TopicPartition{bulkPartition})
				w.until("all unknown", func() bool { return w.allDone(bulkPartition) })
				for i := range uint32(10) {
					w.produce(bulkPartition, task, 50+i)
				}
				w.until("all done", func() bool { return w.allDone(bulkPartition) })
				w.lock(func() {
					calls := w.called(task)
					for i := range uint32(60) {
						want, n := schemas.StateSent, 1
						if i >= 30 && i < 50 {
							want, n = schemas.StateUnknown, 0
						}
						if calls[i] != n || w.best(task, i) != want {
							t.Errorf("%d was called %d times and is %v; want %v, %v", i, calls[i], w.best(task, i), n, want)
						}
					}
				})
			})
		})
	}
}
