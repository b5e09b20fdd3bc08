package sender

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/failures"
	"altavoz/processor/sender/ledger"
	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// answers makes the Cloud API answer each recipient's attempts with these, and accept what comes after.
func answers(rs ...schemas.Reply) func(*apiCall) schemas.Reply {
	return func(c *apiCall) schemas.Reply {
		if c.n <= len(rs) {
			return rs[c.n-1]
		}
		return schemas.Reply{Verdict: schemas.VerdictSent, WAMID: "w"}
	}
}

func repeat(r schemas.Reply, n int) []schemas.Reply { return slices.Repeat([]schemas.Reply{r}, n) }

// gaps returns the times between the calls of recipient 1.
func (w *world) gaps() (out []time.Duration) {
	var last time.Time
	for _, c := range w.calls {
		if c.index != 1 {
			continue
		}
		if !last.IsZero() {
			out = append(out, c.at.Sub(last))
		}
		last = c.at
	}
	return out
}

// between answers calls of a span of time with r, and accepts all others.
func between(from, to time.Time, r schemas.Reply) func(*apiCall) schemas.Reply {
	return func(*apiCall) schemas.Reply {
		if now := time.Now(); !now.Before(from) && now.Before(to) {
			return r
		}
		return schemas.Reply{Verdict: schemas.VerdictSent}
	}
}

// TestRefusedForGoodFailsWithCodeAndWords: what is refused for good ends as failed, with its code and words.
func TestRefusedForGoodFailsWithCodeAndWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply schemas.Reply
		code  int
		words string
	}{
		"a phone":          {schemas.Reply{Verdict: schemas.VerdictFailed, Code: 131026}, 131026, "(131026) No se puede entregar"},
		"a code not known": {schemas.Reply{Verdict: schemas.VerdictFailed, Code: 131999, Detail: "new"}, schemas.CodeOther, "(131999) WhatsApp rechazó el mensaje: new"},
		"the content":      {schemas.Reply{Verdict: schemas.VerdictContent, Code: 132000, Detail: "why"}, 132000, "(132000) La plantilla no tiene ese número de parámetros: why"},
		"without a code":   {schemas.Reply{Verdict: schemas.VerdictContent}, schemas.CodeContent, "El contenido"},
		"not even text":    {schemas.Reply{Verdict: schemas.VerdictContent, Code: 100, Detail: "\xff"}, 100, "(100) Parámetro inválido: ?"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.answer = answers(c.reply)
				p := w.start(both)
				w.produce(bulkPartition, schemas.NewTaskID(), 1)
				w.until("done", func() bool { return w.allDone(bulkPartition) })
				o := w.results[0].GetOutcome()
				if schemas.RecipientState(o.GetMark()) != schemas.Failed(c.code) || !strings.HasPrefix(o.GetReason(), c.words) || o.GetPhone() != "573000000001" {
					t.Errorf("got %v, want Phone %q", o, "573000000001")
				}
				p.end()
				if log := p.logs.String(); strings.Contains(log, "573000000001") || !strings.Contains(log, "********0001") {
					t.Errorf("log %s, want no %q in it, %q in it", log, "573000000001", "********0001")
				}
			})
		})
	}
}

// TestFailuresAreLoggedInMeasure: a bad list does not fill the log.
func TestFailuresAreLoggedInMeasure(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = answers(schemas.Reply{Verdict: schemas.VerdictFailed, Code: 131026})
		p := w.start(both)
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 500)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		w.rest(2 * time.Second)
		w.produce(bulkPartition, task, 1000)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		p.end()
		log := p.logs.String()
		if n := strings.Count(log, `msg="send failed"`); n > failures.Lines+2 || !strings.Contains(log, "sends=480") {
			t.Errorf("%d lines: %s; want at most %v, %q in it", n, log, failures.Lines+2, "sends=480")
		}
	})
}

// amongOthers produces sends that get through, ten a second, until everything before them is decided.
func (w *world) amongOthers(partition stream.TopicPartition, ids ...who) {
	w.t.Helper()
	others := schemas.NewTaskID()
	for i := range uint32(6000) {
		decided := true
		w.lock(func() {
			for _, id := range ids {
				decided = decided && len(w.outcomes(id)) > 0
			}
		})
		if decided {
			return
		}
		w.produce(partition, others, 1_000_000+i)
		w.rest(100 * time.Millisecond)
	}
	w.t.Fatal("not everybody is decided in ten minutes")
}

// TestTransientErrorsFailAfterFiveAttempts: while others get through, five attempts with growing waits, then failed; success on the way is success.
func TestTransientErrorsFailAfterFiveAttempts(t *testing.T) {
	bubble(t, func(w *world) {
		again := schemas.Reply{Verdict: schemas.VerdictTransient, Code: 131000}
		w.answer = func(c *apiCall) schemas.Reply {
			return answers(repeat(again, map[uint32]int{1: 9, 2: 4}[c.index])...)(c)
		}
		w.start(both)
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 3)
		w.until("somebody got through", func() bool { return len(w.results) > 0 }) // Before that an error is nobody's attempt
		w.produce(bulkPartition, task, 1)
		w.produce(bulkPartition, task, 2)
		w.amongOthers(bulkPartition, who{task, 1}, who{task, 2})
		if d := cmp.Diff([]schemas.RecipientState{schemas.Failed(schemas.CodeExhausted)}, w.outcomes(who{task, 1})); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]schemas.RecipientState{schemas.StateSent}, w.outcomes(who{task, 2})); d != "" {
			t.Error(d)
		}
		for i, g := range w.gaps() {
			if most := time.Second<<i + 10*time.Millisecond; g > most {
				t.Errorf("wait %d is %v; want at most %v", i, g, most)
			}
		}
		if n := len(w.gaps()); n != limits.MaxAttempts-1 {
			t.Errorf("%d attempts", n+1)
		}
		if !slices.ContainsFunc(w.results, func(r *schemas.Result) bool { return strings.Contains(r.GetOutcome().GetReason(), "131000") }) {
			t.Error("the last error is not said")
		}
	})
}

// TestUnsentIsTriedUntilItIsSent: what certainly reached nobody is tried again at once, then after small waits, as often as it takes.
func TestUnsentIsTriedUntilItIsSent(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = answers(repeat(schemas.Reply{Verdict: schemas.VerdictUnsent}, 40)...)
		w.start(both)
		id := who{schemas.NewTaskID(), 1}
		w.produce(expressPartition, id.task, id.index)
		w.until("done", func() bool { return w.allDone(expressPartition) })
		gaps := w.gaps()
		if len(gaps) != 40 || gaps[0] > 2*schedule.ExpressGap {
			t.Fatalf("%d tries, the first after %v; want 40, at most %v", len(gaps), gaps[0], 2*schedule.ExpressGap)
		}
		for i, g := range gaps {
			if g > 15*time.Second+10*time.Millisecond { // the breaker's
				t.Errorf("wait %d is %v; want at most %v", i, g, 15*time.Second+10*time.Millisecond)
			}
		}
		if d := cmp.Diff([]schemas.RecipientState{schemas.StateSent}, w.outcomes(id)); d != "" {
			t.Error(d)
		}
	})
}

// TestUnreachableNumberTriesNowAndThen: with nobody there to be called, the number as a whole tries now and then, whatever waits.
func TestUnreachableNumberTriesNowAndThen(t *testing.T) {
	bubble(t, func(w *world) {
		back := time.Now().Add(time.Minute)
		w.answer = between(time.Time{}, back, schemas.Reply{Verdict: schemas.VerdictUnsent})
		w.start(both)
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 5000)
		w.rest(time.Minute)
		if n := len(w.calls); n > 20*DefaultMaxInFlight {
			t.Errorf("%d calls within a minute, want at most %v", n, 20*DefaultMaxInFlight)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != 5000 {
			t.Errorf("%d sent, want 5000", n)
		}
	})
}

// TestThrottledNumberGoesOnAtHalfItsRate: the number goes on at half its rate; it costs no attempt, and no other number notices.
func TestThrottledNumberGoesOnAtHalfItsRate(t *testing.T) {
	bubble(t, func(w *world) {
		from := time.Now().Add(5 * time.Second)
		w.latency = func(*apiCall) time.Duration { return 50 * time.Millisecond }
		w.answer = between(from, from.Add(45*time.Millisecond), schemas.Reply{Verdict: schemas.VerdictThrottled, Code: 130429})
		p := w.start(both, rate(100), partitions(1, 1))
		task, other := schemas.NewTaskID(), schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 1500)
		w.rest(5100 * time.Millisecond)
		if n := p.value("altavoz_sender_throttles_total"); n != 1 {
			t.Errorf("slowed down %v times, want 1", n)
		}
		w.produce(bulkPartition, other, 4000, by("2"))
		begin := time.Now()
		w.rest(time.Second)
		if n := w.within(begin, time.Second); n < 40 || n > 50 { // half of 100 x 0.8, growing by 16 a second; and the other number's
			t.Errorf("%d calls in the second after, want at least 40, at most 50", n)
		}
		if n := p.value("altavoz_sends_waiting", "throttled"); n < 400 || w.attempts[who{other, 4000}] != 1 {
			t.Errorf("%v wait, want at least 400", n)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != 1501 {
			t.Errorf("%d sent, want 1501", n)
		}
		w.rest(10 * time.Second)
		if full, now := p.value("altavoz_sender_rate", "full"), p.value("altavoz_sender_rate", "now"); full != 80+64 || now != full {
			t.Errorf("in the end %v of %v a second; want %v, %v", now, full, full, 80+64)
		}
	})
}

// TestPausesOfAThrottledNumberDouble: while nothing gets through, one call finds out now and then; a time that Meta names is kept.
func TestPausesOfAThrottledNumberDouble(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = answers(append(repeat(schemas.Reply{Verdict: schemas.VerdictThrottled}, 8),
			schemas.Reply{Verdict: schemas.VerdictThrottled, After: 5 * time.Second}, schemas.Reply{Verdict: schemas.VerdictThrottled, After: 100 * time.Hour})...)
		w.start(both)
		id := who{schemas.NewTaskID(), 1}
		w.produce(bulkPartition, id.task, id.index)
		w.rest(2 * time.Hour)
		var seconds []int
		for _, g := range w.gaps() {
			seconds = append(seconds, int(g.Seconds()))
		}
		if d := cmp.Diff([]int{0, 1, 2, 4, 8, 10, 10, 10, 5, 3600}, seconds); d != "" {
			t.Error(d)
		}
		if got := w.outcomes(id); len(got) != 1 || got[0] != schemas.StateSent {
			t.Errorf("ended as %v, want 1 of them", got)
		}
	})
}

// TestThrottledNumberIsTriedByOne: after a wait one call goes, whatever waits, and the others when it got through.
func TestThrottledNumberIsTriedByOne(t *testing.T) {
	bubble(t, func(w *world) {
		open := time.Now().Add(30 * time.Second)
		w.latency = func(*apiCall) time.Duration { return 100 * time.Millisecond }
		w.answer = between(time.Time{}, open, schemas.Reply{Verdict: schemas.VerdictThrottled})
		p := w.start(both, rate(100), partitions(1, 1))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 1000)
		w.rest(29 * time.Second)
		if n := len(w.calls); n > 14+4+6 { // of two moments at 80 a second, then of one at 40, then one at a time
			t.Errorf("%d calls were refused, want at most %v", n, 14+4+6)
		}
		p.OnCommit(func([]stream.Position) logtest.Fault { // a trial that is not made is no answer
			return logtest.Fault{Refuse: func(stream.TopicPartition) error { return errors.New("rebalance") }}
		})
		w.rest(20 * time.Second)
		p.OnCommit(nil)
		begin := time.Now()
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("took %v, want at most %v", took, 20*time.Second)
		}
	})
}

// TestThrottledIsSaid: tasks of a number that is slow for a while say why, and that they go on; a moment explains nothing.
func TestThrottledIsSaid(t *testing.T) {
	bubble(t, func(w *world) {
		begin := time.Now()
		w.answer = between(begin.Add(2*time.Second), begin.Add(20*time.Second), schemas.Reply{Verdict: schemas.VerdictThrottled, Code: 130429, Detail: "rate"})
		w.start(both, rate(100), partitions(1, 1))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 4000)
		w.rest(5 * time.Second)
		if notes := w.notes(task); len(notes) > 0 {
			t.Errorf("said %q after a moment, want none", notes)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		notes := w.notes(task)
		if len(notes) != 2 || !strings.HasPrefix(notes[0], "WAITING THROTTLED 100200300 since 01:00:02 130429") || notes[1] != "RUNNING " {
			t.Errorf("said %q, want length 2", notes)
		}
	})
}

// TestGoingOnIsSaidByTheHeir: a number stops, its process says so and dies; whoever sends again takes it back.
func TestGoingOnIsSaidByTheHeir(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 190}
		}
		p := w.start(both)
		task, young := schemas.NewTaskID(), schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 3)
		w.rest(10 * time.Second)
		p.Kill()
		w.lock(func() { w.answer = nil })
		w.rest(time.Second)
		w.produce(bulkPartition, young, 9)
		w.start(both)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		notes := w.notes(task)
		if len(notes) < 2 || notes[len(notes)-1] != "RUNNING " || slices.Index(notes, "RUNNING ") != len(notes)-1 {
			t.Errorf("said %q, want at least length 2", notes)
		}
		if notes := w.notes(young); len(notes) > 0 {
			t.Errorf("said %q of a task that never waited, want none", notes)
		}
	})
}

// TestThrottledAllAtOnce: many calls under way are told the same, once.
func TestThrottledAllAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		until := time.Now().Add(500 * time.Millisecond)
		w.latency = func(*apiCall) time.Duration { return 100 * time.Millisecond }
		w.answer = between(time.Time{}, until, schemas.Reply{Verdict: schemas.VerdictThrottled})
		p := w.start(both)
		task := schemas.NewTaskID()
		begin := time.Now()
		w.produceAll(bulkPartition, task, 200)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		// One cut to half of what is taken for the limit, and one wait.
		if took := time.Since(begin); took > 8*time.Second || p.value("altavoz_sender_throttles_total") != 2 {
			t.Errorf("took %v, slowed down %v times; want at most %v, 2", took, p.value("altavoz_sender_throttles_total"), 8*time.Second)
		}
	})
}

// TestPairRefusalDelaysThatPhoneOnly: that phone waits, and nobody else.
func TestPairRefusalDelaysThatPhoneOnly(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			if c.index == 1 {
				return answers(repeat(schemas.Reply{Verdict: schemas.VerdictPair, Code: 131056}, 8)...)(c)
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		p := w.start(both)
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 5)
		w.rest(time.Second)
		if n := w.count(schemas.OutcomeSent); n != 4 || p.value("altavoz_sends_waiting", "pair") != 1 {
			t.Errorf("%d sent, %v wait; want 4, 1", n, p.value("altavoz_sends_waiting", "pair"))
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		var seconds []int
		for _, g := range w.gaps() {
			seconds = append(seconds, int(g.Seconds()))
		}
		if d := cmp.Diff([]int{6, 12, 24, 48, 60, 60, 60, 60}, seconds); d != "" {
			t.Error(d)
		}
		if n := w.count(schemas.OutcomeSent); n != 5 {
			t.Errorf("%d sent, want 5", n)
		}
	})
}

// TestCallsOfAPairAreSixSecondsApart: 6 s between two calls of a phone, without being told so; from another number it is another pair, and a
// call that reached nobody does not count.
func TestCallsOfAPairAreSixSecondsApart(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			if c.index == 9 {
				return answers(schemas.Reply{Verdict: schemas.VerdictUnsent})(c)
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.start(both)
		for i := range uint32(4) {
			w.produce(bulkPartition, schemas.NewTaskID(), i, to("573001112233"))
		}
		w.produce(bulkPartition, schemas.NewTaskID(), 8, to("573001112233"), by("2"))
		w.produce(bulkPartition, schemas.NewTaskID(), 9, to("573009999999"))
		w.rest(time.Second)
		if len(w.calls) != 4 { // one of the four, 8, and 9 twice
			t.Errorf("%d calls, want 4", len(w.calls))
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		var last time.Time
		for _, c := range w.calls {
			if c.index < 4 {
				if gap := c.at.Sub(last); gap < limits.CooldownTime {
					t.Errorf("%v apart, want at least %v", gap, limits.CooldownTime)
				}
				last = c.at
			}
		}
	})
}

// TestAccountFaultStopsTheNumberUntilAProbeIsAccepted: the number stops and keeps its sends; one of them probes every 30 s; its tasks say why they wait, at most
// once a minute, and that they go on; other numbers don't notice.
func TestAccountFaultStopsTheNumberUntilAProbeIsAccepted(t *testing.T) {
	bubble(t, func(w *world) {
		renewed := false
		w.latency = func(*apiCall) time.Duration { return 100 * time.Millisecond }
		w.answer = func(c *apiCall) schemas.Reply {
			if c.sender == testNumber && !renewed {
				return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 131042, Detail: "no card"}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		p := w.start(both, inFlight(32))
		a, b, other := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
		w.produceAll(bulkPartition, a, 40)
		w.rest(time.Second)
		calls := len(w.calls)
		if calls > 32 {
			t.Errorf("%d calls before it stopped, want at most 32", calls)
		}
		w.produce(expressPartition, b, 100)
		w.produce(bulkPartition, other, 200, by("2"))
		w.rest(28 * time.Second)
		if len(w.calls) != calls+1 || w.calls[calls].sender != "2" {
			t.Errorf("%d calls, of which one by another number", len(w.calls)-calls)
		}
		if n := p.value("altavoz_numbers_stopped"); n != 1 || p.value("altavoz_sends_waiting", "account") != 41 {
			t.Errorf("%v stopped, %v wait; want 1, 41", n, p.value("altavoz_sends_waiting", "account"))
		}
		w.rest(2 * time.Minute)
		if got := len(w.calls) - calls; got != 5 { // four probes, and the other number's
			t.Errorf("%d calls within two and a half minutes, want 5", got)
		}
		for _, task := range []schemas.TaskID{a, b} {
			notes := w.notes(task)
			if n := len(notes); n < 2 || n > 3 || !strings.HasPrefix(notes[0], "WAITING ACCOUNT 100200300 since 01:00:00 131042 no card") {
				t.Errorf("%d notes, %q; want at least 2, at most 3", n, notes)
			}
		}
		if n := w.notes(other); n != nil {
			t.Errorf("the other number's task says %v", n)
		}
		w.lock(func() { renewed = true })
		begin := time.Now()
		w.until("done", func() bool { return w.allDone(bulkPartition) && w.allDone(expressPartition) })
		if took := time.Since(begin); took > 35*time.Second {
			t.Errorf("took %v to go on, want at most %v", took, 35*time.Second)
		}
		w.rest(10 * time.Minute)
		for _, task := range []schemas.TaskID{a, b} {
			notes := w.notes(task)
			if last := notes[len(notes)-1]; last != "RUNNING " || len(notes) > 4 {
				t.Errorf("in the end %q, want at most length 4", notes)
			}
		}
		if n := w.count(schemas.OutcomeSent); n != 42 || p.value("altavoz_numbers_stopped") != 0 {
			t.Errorf("%d sent, want 42", n)
		}
	})
}

// TestForeignAnswerStopsTheNumber: a captive portal or a wrong address answers everybody. Those whose call was begun stay unknown, the
// others wait until the Cloud API answers again.
func TestForeignAnswerStopsTheNumber(t *testing.T) {
	bubble(t, func(w *world) {
		foreign := true
		w.answer = func(*apiCall) schemas.Reply {
			if foreign {
				return schemas.Reply{Verdict: schemas.VerdictLost, Foreign: true, Detail: "HTTP 200 without an answer of the Cloud API"}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		p := w.start([]stream.TopicPartition{bulkPartition}, inFlight(8))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 40)
		w.rest(time.Second)
		if n := len(w.calls); n > 8 || p.value("altavoz_numbers_stopped") != 1 {
			t.Errorf("%d calls, %v stopped; want at most 8, 1", n, p.value("altavoz_numbers_stopped"))
		}
		w.lock(func() { foreign = false })
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if sent, unknown := w.count(schemas.OutcomeSent), w.count(schemas.OutcomeUnknown); sent+unknown != 40 || unknown > 8 {
			t.Errorf("%d sent, %d unknown; want at most 8", sent, unknown)
		}
	})
}

// TestLostAnswerThatNamesAWait: Retry-After without the Cloud API's words proves nothing about the call, and sets the wait of the number.
func TestLostAnswerThatNamesAWait(t *testing.T) {
	bubble(t, func(w *world) {
		began := time.Now()
		w.answer = func(c *apiCall) schemas.Reply {
			if c.index == 0 {
				return schemas.Reply{Verdict: schemas.VerdictLost, After: 10 * time.Second}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.start([]stream.TopicPartition{bulkPartition}, inFlight(1))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 3)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if len(w.calls) != 3 || w.calls[1].at.Sub(w.calls[0].at) < 10*time.Second || time.Since(began) > 2*time.Minute {
			t.Errorf("%d calls, the last one %v after the start; want 3, at most %v", len(w.calls), time.Since(began), 2*time.Minute)
		}
		if w.count(schemas.OutcomeUnknown) != 1 || w.count(schemas.OutcomeSent) != 2 {
			t.Errorf("%d unknown, %d sent; want 1, 2", w.count(schemas.OutcomeUnknown), w.count(schemas.OutcomeSent))
		}
	})
}

// TestProbeThatSaysNothing: a probe whose answer tells nothing about the account leaves the number stopped; one whose
// commit is refused, or whose partition is lost, does not stop the probing.
func TestProbeThatSaysNothing(t *testing.T) {
	bubble(t, func(w *world) {
		mode := schemas.VerdictAccount
		w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: mode} }
		p := w.start([]stream.TopicPartition{bulkPartition})
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 10)
		w.rest(time.Second)
		for _, v := range []schemas.Verdict{schemas.VerdictTransient, schemas.VerdictUnsent, schemas.VerdictLost} {
			w.lock(func() { mode = v })
			n := len(w.calls)
			w.rest(60 * time.Second)
			if got := len(w.calls) - n; got != 2 {
				t.Errorf("%d calls a minute with verdict %d; want 2", got, v)
			}
		}
		w.lock(func() { mode = schemas.VerdictSent })
		p.OnCommit(func([]stream.Position) logtest.Fault {
			return logtest.Fault{Refuse: func(stream.TopicPartition) error { return errors.New("rebalance") }}
		})
		w.rest(60 * time.Second)
		p.OnCommit(nil)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
	})
}

// image is content with a file that has a media id. Its message ends in "+" once that is renewed.
func image(s *schemas.Send) {
	s.Content = &schemas.Content{Body: "mira", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{MediaId: "id"}}
}

// onceRenewed accepts messages whose media id was renewed.
func onceRenewed(c *apiCall) schemas.Reply {
	if !strings.HasSuffix(c.message, "+") {
		return schemas.Reply{Verdict: schemas.VerdictMedia, Code: 100}
	}
	return schemas.Reply{Verdict: schemas.VerdictSent}
}

// TestLostMediaIsRenewedOnceForAllSends: a media id that Meta does not know any more is renewed, once for all sends of the task that meet it, and
// costs no attempt.
func TestLostMediaIsRenewedOnceForAllSends(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = onceRenewed
		w.latency = func(*apiCall) time.Duration { return 100 * time.Millisecond }
		w.start(both)
		task := schemas.NewTaskID()
		w.produceAll(expressPartition, task, 50, image)
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if n := w.count(schemas.OutcomeSent); n != 50 || w.renewed != 1 || len(w.calls) != 100 {
			t.Errorf("%d sent, %d times renewed, %d calls; want 50, 1, 100", n, w.renewed, len(w.calls))
		}
		w.produce(expressPartition, task, 100, image)
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if len(w.calls) != 101 {
			t.Errorf("the new id is forgotten")
		}
	})
}

// TestMediaIsRenewedForSendsThatAreReady: sends that wait for the rate of their number when the media id of their task turns out to be unknown
// wait for the new one too.
func TestMediaIsRenewedForSendsThatAreReady(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = onceRenewed
		w.start(both, rate(10))
		task := schemas.NewTaskID()
		w.produceAll(expressPartition, task, 20, image)
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if n := w.count(schemas.OutcomeSent); n != 20 || w.renewed != 1 {
			t.Errorf("%d sent, %d times renewed; want 20, 1", n, w.renewed)
		}
	})
}

// TestMediaIsRenewedDuringACommit: so does one that is admitted, and whose commit is under way.
func TestMediaIsRenewedDuringACommit(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = onceRenewed
		w.latency = func(*apiCall) time.Duration { return time.Second }
		p := w.start(both)
		task := schemas.NewTaskID()
		w.produce(expressPartition, task, 0, image)
		w.rest(500 * time.Millisecond)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: time.Second} })
		w.produce(expressPartition, task, 1, image)
		w.rest(2 * time.Second)
		p.OnCommit(nil)
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if n := w.count(schemas.OutcomeSent); n != 2 || w.renewed != 1 || len(w.calls) != 3 {
			t.Errorf("%d sent, %d times renewed, %d calls; want 2, 1, 3", n, w.renewed, len(w.calls))
		}
	})
}

// TestMediaThatStaysUnknown: an id that is refused after it was renewed is an error like others: it costs attempts.
func TestMediaThatStaysUnknown(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictMedia, Code: 100} }
		w.start(both)
		id, text := who{schemas.NewTaskID(), 1}, who{schemas.NewTaskID(), 2}
		w.produce(expressPartition, id.task, id.index, image)
		w.produce(expressPartition, text.task, text.index) // has no file at all
		w.until("done", func() bool { return w.allDone(expressPartition) })
		for _, id := range []who{id, text} {
			if d := cmp.Diff([]schemas.RecipientState{schemas.Failed(schemas.CodeExhausted)}, w.outcomes(id)); d != "" {
				t.Error(d)
			}
		}
		if w.renewed != 1 || w.attempts[id] != 1+limits.MaxAttempts {
			t.Errorf("%d times renewed, %d attempts; want 1, %v", w.renewed, w.attempts[id], 1+limits.MaxAttempts)
		}
	})
}

// TestSendsWaitForRenewalAndFailOnceTheFileIsRefused: while the file can't be uploaded its sends wait; once it is refused they fail.
func TestSendsWaitForRenewalAndFailOnceTheFileIsRefused(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictMedia, Code: 100} }
		w.renew = func() (*schemas.MediaRef, error) {
			if w.renewed < 4 {
				return nil, errors.New("no connection")
			}
			return nil, &schemas.ContentError{Why: es.Say(es.FileGone)}
		}
		w.start(both)
		task := schemas.NewTaskID()
		for i := range uint32(10) {
			w.produce(expressPartition, task, i, image)
		}
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if n := w.count(schemas.OutcomeFailed); n != 10 || w.renewed != 4 {
			t.Errorf("%d failed, %d tries; want 10, 4", n, w.renewed)
		}
		if o := w.results[0].GetOutcome(); o.GetReason() != es.Say(es.FileGone).Spanish() || schemas.RecipientState(o.GetMark()) != schemas.Failed(schemas.CodeContent) {
			t.Errorf("got %v, want a failure of the content: the file is gone", o)
		}
	})
}

// TestLostAnswerIsUnknownOrSentAgainOnce: an answer that was lost makes the send unknown; a broadcast that asked for it has it called again.
func TestLostAnswerIsUnknownOrSentAgainOnce(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			return answers(repeat(schemas.Reply{Verdict: schemas.VerdictLost}, map[uint32]int{1: 1, 2: 1, 3: 99}[c.index])...)(c)
		}
		w.start(both)
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 1)
		w.produce(bulkPartition, task, 2, again)
		w.produce(bulkPartition, task, 3, again)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		for index, want := range map[uint32]schemas.RecipientState{1: schemas.StateUnknown, 2: schemas.StateSent, 3: schemas.StateUnknown} {
			if d := cmp.Diff([]schemas.RecipientState{want}, w.outcomes(who{task, index})); d != "" {
				t.Errorf("recipient %d, -want +got:\n%s", index, d)
			}
		}
		if n := w.attempts[who{task, 3}]; n != limits.MaxAttempts {
			t.Errorf("%d attempts, want %v", n, limits.MaxAttempts)
		}
	})
}

// TestRefusedIsFree: what was definitely refused is free in the ledger while it waits, so that the next owner sends it.
func TestRefusedIsFree(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			return answers(schemas.Reply{Verdict: []schemas.Verdict{
				schemas.VerdictPair, schemas.VerdictThrottled, schemas.VerdictAccount,
			}[c.index], After: time.Minute})(c)
		}
		p := w.start([]stream.TopicPartition{bulkPartition})
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0)
		w.produce(bulkPartition, task, 1, by("2"))
		w.produce(bulkPartition, task, 2, by("3"))
		w.rest(5 * time.Second)
		for i := range int64(3) {
			if got := stateIn(w.Positions[bulkPartition], i); got != ledger.Free {
				t.Errorf("%d is %v; want %v", i, got, ledger.Free)
			}
		}
		p.Kill()
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != 3 || w.count(schemas.OutcomeUnknown) != 0 {
			t.Errorf("%d sent, want 3", n)
		}
	})
}

// TestWaitingHoldsBackNobody: hundreds that back off, and a slow number, leave the way free for the rest.
func TestWaitingHoldsBackNobody(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			if c.index < 500 && c.index%2 == 0 {
				return schemas.Reply{Verdict: schemas.VerdictTransient, After: time.Minute}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.latency = func(c *apiCall) time.Duration {
			if c.sender == "2" {
				return 9 * time.Second
			}
			return 50 * time.Millisecond
		}
		w.start(both, inFlight(64))
		task, slow := schemas.NewTaskID(), schemas.NewTaskID()
		for i := range uint32(500) {
			w.produce(bulkPartition, task, i)
			w.produce(bulkPartition, slow, 10_000+i, by("2"))
		}
		w.rest(10 * time.Second)
		begin := time.Now()
		for i := range uint32(300) {
			w.produce(bulkPartition, task, 500+i)
		}
		w.until("the others are sent", func() bool {
			n := 0
			for _, c := range w.calls {
				if c.index >= 500 && c.index < 10_000 {
					n++
				}
			}
			return n == 300
		})
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v, want at most %v", took, 5*time.Second)
		}
	})
}

// TestPairVerdictOfMany: what waits for the same phone does not ask for itself, one at a time finds out; when it got through,
// the next ones wait the six seconds only.
func TestPairVerdictOfMany(t *testing.T) {
	bubble(t, func(w *world) {
		begin := time.Now()
		w.answer = func(*apiCall) schemas.Reply {
			if time.Since(begin) < 40*time.Second {
				return schemas.Reply{Verdict: schemas.VerdictPair, Code: 131056}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.start(both)
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 20, to("573001112233"))
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		var seconds []int
		for _, c := range w.calls {
			seconds = append(seconds, int(c.at.Sub(begin).Seconds()))
		}
		want := []int{0, 6, 18, 42}
		for i := range 19 {
			want = append(want, 48+6*i)
		}
		if d := cmp.Diff(want, seconds); d != "" {
			t.Error(d)
		}
		if n := w.count(schemas.OutcomeSent); n != 20 {
			t.Errorf("%d sent, want 20", n)
		}
	})
}

// TestCallsDoNotWaitForOneAnother: goroutines that made a call make the next ones, and no call waits for one of them, be it busy or not.
func TestCallsDoNotWaitForOneAnother(t *testing.T) {
	bubble(t, func(w *world) {
		const hangs = 9 * time.Second
		w.latency = func(c *apiCall) time.Duration {
			if c.index == 1 {
				return time.Millisecond
			}
			return hangs
		}
		p := w.start(both)
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 1)
		w.until("the first is done", func() bool { return w.allDone(bulkPartition) })
		if idle := p.stage.callers.idle.Load(); idle != 1 {
			t.Errorf("%d goroutines wait for a call", idle)
		}
		began := time.Now()
		for i := range uint32(4) {
			w.produce(bulkPartition, task, 2+i)
		}
		w.produce(expressPartition, schemas.NewTaskID(), 6)
		w.until("all are called", func() bool { return len(w.calls) == 6 })
		if waited := time.Since(began); waited >= hangs {
			t.Errorf("calls waited for others: %v", waited)
		}
		if idle := p.stage.callers.idle.Load(); idle != 0 {
			t.Errorf("%d goroutines wait for a call while all make one", idle)
		}
		w.until("all are done", func() bool { return w.allDone(bulkPartition) && w.allDone(expressPartition) })
		p.end()
	})
}
