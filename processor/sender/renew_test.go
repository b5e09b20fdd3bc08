package sender

import (
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/stream"
)

// token has the number known under a name, with a token that can be replaced; the returned function replaces it.
func (w *world) token() (option, func()) {
	access := uint64(1)
	return func(c *Config) {
			c.Number = func(string) (NumberConfig, bool) {
				w.Lock()
				defer w.Unlock()
				return NumberConfig{Name: "Ventas", Access: access}, true
			}
		}, func() {
			w.lock(func() { access++ })
		}
}

// TestRenewedTokenIsTriedAtOnce: a number that was stopped for its token goes on when it gets another, not 30 s later, even
// if a probe with the old one is under way then.
func TestRenewedTokenIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{34 * time.Second, 45 * time.Second} {
		inBubble(t, func(w *world) { renewAfter(w, at) })
	}
}

func renewAfter(w *world, at time.Duration) {
	t := w.t
	t.Helper()
	known, renew := w.token()
	works := false
	w.latency = func(*apiCall) time.Duration { return 3 * time.Second }
	w.answer = func(*apiCall) schemas.Reply {
		if works {
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 190}
	}
	p := w.start(both, known)
	task := schemas.NewTaskID()
	w.produceAll(bulkPartition, task, 10)
	w.rest(at)
	if p.value("altavoz_numbers_stopped") != 1 || len(w.calls) != 11 {
		t.Fatalf("%d calls, want 11", len(w.calls))
	}
	w.lock(func() { works = true })
	renew()
	w.rest(2 * schedule.SweepEvery)
	begin := time.Now()
	w.until("done", func() bool { return w.allDone(bulkPartition) })
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %v, want at most %v", took, 10*time.Second)
	}
	notes := w.notes(task)
	if len(notes) != 2 || !strings.HasPrefix(notes[0], "WAITING ACCOUNT Ventas (100200300) since 01:00:03 190") || notes[1] != "RUNNING " {
		t.Errorf("said %q, want length 2", notes)
	}
}

// TestOldTokenStopsNobody: calls that were under way when the token was replaced are refused for the old one. They are made
// again, and the number is not stopped for them.
func TestOldTokenStopsNobody(t *testing.T) {
	bubble(t, func(w *world) {
		known, renew := w.token()
		renewed := time.Now().Add(10 * time.Second)
		w.latency = func(*apiCall) time.Duration { return 5 * time.Second }
		w.answer = func(c *apiCall) schemas.Reply {
			if c.at.Before(renewed) {
				return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 190}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		p := w.start(both, known)
		w.rest(8 * time.Second)
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 10)
		w.rest(2 * time.Second)
		renew()
		begin := time.Now()
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if took := time.Since(begin); took > 10*time.Second || len(w.notes(task)) > 0 || len(w.calls) != 20 {
			t.Errorf("took %v, said %q, %d calls; want at most %v, some, 20", took, w.notes(task), len(w.calls), 10*time.Second)
		}
		if p.value("altavoz_numbers_stopped") != 0 {
			t.Error("it is stopped")
		}
	})
}

// TestIdleTasksAreToldThatTheyGoOn: a task that was said to wait has no send left in this process when its number sends at
// full rate again, or is forgotten here before that; others may go on with it.
func TestIdleTasksAreToldThatTheyGoOn(t *testing.T) {
	bubble(t, func(w *world) {
		slow := true
		w.answer = func(c *apiCall) schemas.Reply {
			if slow && c.n == 1 && c.index%50 == 0 {
				return schemas.Reply{Verdict: schemas.VerdictThrottled, Code: 130429}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.start(both, rate(100), partitions(1, 1))
		busy, idle := schemas.NewTaskID(), schemas.NewTaskID()
		w.produceAll(bulkPartition, busy, 2000)
		for i := range uint32(20) {
			w.produce(expressPartition, idle, i)
			w.rest(500 * time.Millisecond)
		}
		if notes := w.notes(idle); len(notes) != 1 || !strings.HasPrefix(notes[0], "WAITING ") {
			t.Fatalf("said %q: not once a minute, want length 1", notes)
		}
		if !w.allDone(expressPartition) {
			t.Fatal("the task is not idle: it has sends")
		}
		w.lock(func() { slow = false })
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		w.rest(20 * time.Second)
		for _, task := range []schemas.TaskID{busy, idle} {
			if notes := w.notes(task); notes[len(notes)-1] != "RUNNING " || slices.Index(notes, "RUNNING ") != len(notes)-1 {
				t.Errorf("said %q", notes)
			}
		}
	})
}

// TestHeirSaysItOfEachPartition: who takes a second partition over takes back what its owner had said, too.
func TestHeirSaysItOfEachPartition(t *testing.T) {
	bubble(t, func(w *world) {
		var heir *process
		w.answer = func(c *apiCall) schemas.Reply {
			if c.process == heir {
				return schemas.Reply{Verdict: schemas.VerdictSent}
			}
			return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 190}
		}
		task := schemas.NewTaskID()
		second := stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 1}
		first := w.start([]stream.TopicPartition{bulkPartition})
		other := w.start([]stream.TopicPartition{second})
		w.produceAll(bulkPartition, task, 3)
		w.rest(10 * time.Second)
		h := w.start(nil)
		w.lock(func() { heir = h })
		for i, dies := range []*process{first, other} {
			partition := dies.Owned()[0]
			dies.Kill()
			w.rest(10 * time.Second)
			heir.Assign(partition)
			w.until("done", func() bool { return w.allDone(partition) })
			notes := w.notes(task)
			if n := len(notes); notes[n-1] != "RUNNING " || notes[n-2] == "RUNNING " {
				t.Errorf("takeover %d: said %q", i, notes)
			}
			if i == 0 {
				for i := range uint32(3) {
					w.produce(second, task, 10+i)
				}
				w.rest(10 * time.Second)
			}
		}
	})
}

// TestNumberThatBecomesKnown: sends of a number that this process does not know yet wait for it, and go as soon as it does.
func TestNumberThatBecomesKnown(t *testing.T) {
	bubble(t, func(w *world) {
		known := false
		w.answer = func(*apiCall) schemas.Reply {
			if known {
				return schemas.Reply{Verdict: schemas.VerdictSent}
			}
			return schemas.Reply{Verdict: schemas.VerdictAccount, Detail: "no hay token"}
		}
		w.start(both, func(c *Config) {
			c.Number = func(string) (NumberConfig, bool) {
				w.Lock()
				defer w.Unlock()
				return NumberConfig{Access: 1}, known
			}
		})
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 5)
		w.rest(10 * time.Second)
		w.lock(func() { known = true })
		begin := time.Now()
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if took := time.Since(begin); took > 3*time.Second || w.count(schemas.OutcomeSent) != 5 {
			t.Errorf("took %v, want at most %v", took, 3*time.Second)
		}
		if notes := w.notes(task); !strings.HasSuffix(notes[0], " 0 no hay token") {
			t.Errorf("said %q", notes)
		}
	})
}
