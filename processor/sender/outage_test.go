package sender

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/stream"
)

const outageRecipients = 6_000 // of the broadcast amid which the outage comes

// pipe keeps so many sends of a number in the log that are not decided, as the fanout does, until all recipients are there.
type pipe struct {
	w         *world
	partition stream.TopicPartition
	task      schemas.TaskID
	sender    string
	next      uint32
	most      uint32
	end       uint32 // of the list
}

func (p *pipe) fill(decided map[schemas.TaskID]uint32) {
	for ; p.next < min(decided[p.task]+p.most, p.end); p.next++ {
		p.w.produce(p.partition, p.task, p.next, by(p.sender), until(time.Now().Add(schemas.SendLife)))
	}
}

// decided counts results by task, those that came since the last time.
func (w *world) decided(seen *int, out map[schemas.TaskID]uint32) {
	w.lock(func() {
		for _, r := range w.results[*seen:] {
			if r.GetOutcome() != nil {
				out[schemas.TaskID(r.GetTask())]++
			}
		}
		*seen = len(w.results)
	})
}

// TestAnOutageOfMetaDoesNotBurnTheList: the Cloud API answers everybody that it is not available, for ten minutes, or nothing at
// all. Nobody in the list is at fault.
func TestAnOutageOfMetaDoesNotBurnTheList(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]schemas.Reply{
		"131016": {Verdict: schemas.VerdictTransient, Code: 131016}, "131000": {Verdict: schemas.VerdictTransient, Code: 131000},
		"no connection": {Verdict: schemas.VerdictUnsent}, "503": {Verdict: schemas.VerdictLost, After: time.Second},
		"a page": {Verdict: schemas.VerdictLost, Foreign: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				began := time.Now()
				const outage = 10 * time.Minute
				w.answer = func(*apiCall) schemas.Reply {
					if time.Since(began) < outage {
						return reply
					}
					return schemas.Reply{Verdict: schemas.VerdictSent}
				}
				p := w.start([]stream.TopicPartition{bulkPartition}, rate(80))
				task, seen, decided := schemas.NewTaskID(), 0, map[schemas.TaskID]uint32{}
				list := pipe{w: w, partition: bulkPartition, task: task, sender: testNumber, most: 160, end: 1000}
				for time.Since(began) < outage+time.Minute {
					w.decided(&seen, decided)
					list.fill(decided)
					w.rest(time.Second)
					if time.Since(began).Round(time.Second) == outage/2 {
						if n := p.value("altavoz_sends_waiting", "outage"); n < 90 {
							t.Errorf("%v wait for the outage, want at least 90", n)
						}
						if n := p.value("altavoz_numbers_stopped") + p.value("altavoz_numbers_unanswered"); n != 1 {
							t.Errorf("%v numbers are stopped, want 1", n)
						}
					}
				}
				w.until("done", func() bool { return w.allDone(bulkPartition) || w.count(schemas.OutcomeFailed) > 0 })
				if n := w.count(schemas.OutcomeFailed); n > 0 {
					t.Errorf("ten minutes without Meta: %d have failed for good, want 0", n)
				}
				probes := int(outage/(15*time.Second)) + 5
				unknown := 0
				if reply.Verdict == schemas.VerdictLost {
					unknown = 10 + 5 + probes
				}
				if n := w.count(schemas.OutcomeUnknown); n > unknown {
					t.Errorf("%d are unknown, want at most %v", n, unknown)
				}
				calls := slices.IndexFunc(w.calls, func(c *apiCall) bool { return c.at.Sub(began) >= outage })
				if late := w.calls[calls].at.Sub(began) - outage; calls > 10+5+probes || late > 30*time.Second {
					t.Errorf("%d calls in the outage; the first one after it came %v late; want at most %v, at most %v", calls, late, 10+5+probes, 30*time.Second)
				}
				if notes := w.notes(task); len(notes) < 2 || !strings.HasPrefix(notes[0], "WAITING "+map[bool]string{true: "CONFIGURATION ", false: "OUTAGE "}[reply.Foreign]) || notes[len(notes)-1] != "RUNNING " {
					t.Errorf("said %q, want at least length 2", notes)
				}
			})
		})
	}
}

// TestAnOutageEndsWithoutASend: a number of which nothing is left to send is not reported for ever.
func TestAnOutageEndsWithoutASend(t *testing.T) {
	bubble(t, func(w *world) {
		answers := false
		w.answer = func(*apiCall) schemas.Reply {
			return map[bool]schemas.Reply{true: {Verdict: schemas.VerdictSent}, false: {Verdict: schemas.VerdictLost, Foreign: true}}[answers]
		}
		w.read = func(string) schemas.Reply { return w.answer(nil) }
		p := w.start(both)
		w.produce(bulkPartition, schemas.NewTaskID(), 0, until(time.Now().Add(10*time.Second)))
		w.rest(5 * time.Minute)
		if n := p.value("altavoz_numbers_stopped", testNumber); !w.allDone(bulkPartition) || n != 1 {
			t.Fatalf("%v numbers are stopped, with all done: %v; want 1", n, w.allDone(bulkPartition))
		}
		w.lock(func() { answers = true })
		w.rest(time.Minute)
		if n := p.value("altavoz_numbers_stopped", testNumber); n != 0 {
			t.Errorf("%v numbers are stopped when it answers again, want 0", n)
		}
	})
}

// TestAnOutageOfYesterdayIsNotNamedWhenTheWindowOpens: a read-only probe was answered while all waited for the next day, and the first send finds it over.
func TestAnOutageOfYesterdayIsNotNamedWhenTheWindowOpens(t *testing.T) {
	bubble(t, func(w *world) {
		fails := false
		w.answer = func(*apiCall) schemas.Reply {
			return map[bool]schemas.Reply{false: {Verdict: schemas.VerdictSent}, true: {Verdict: schemas.VerdictLost}}[fails]
		}
		w.read = func(string) schemas.Reply { return w.answer(nil) }
		w.start(both, rate(1.25))
		task, began := schemas.NewTaskID(), time.Now()
		w.produceAll(bulkPartition, task, 100, in(daily(0, 1)), until(began.Add(100*time.Hour)))
		w.rest(40 * time.Second)
		w.lock(func() { fails = true })
		w.rest(40 * time.Second)
		w.lock(func() { fails = false })
		w.rest(5 * time.Minute)
		before := w.notes(task)
		if n := len(before); n < 2 || !strings.HasPrefix(before[n-2], "WAITING OUTAGE ") || !strings.HasPrefix(before[n-1], "WAITING WINDOW_IN_FLIGHT ") {
			t.Fatalf("said %q before the window opens again", before)
		}
		w.rest(24*time.Hour + time.Minute - time.Since(began))
		if after := w.notes(task)[len(before):]; len(after) == 0 || slices.ContainsFunc(after, func(n string) bool { return strings.Contains(n, "OUTAGE") }) {
			t.Errorf("said %q when it opened, want nothing of the outage", after)
		}
	})
}

// TestWhereOnlyReadsAreAnsweredTheNumberStaysStopped: something lets calls that read through and answers sends itself. An operator has to act, and is told so all the time.
func TestWhereOnlyReadsAreAnsweredTheNumberStaysStopped(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return 3 * time.Second }
		w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictLost, Foreign: true} }
		p := w.start(both, rate(10))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 500, until(time.Now().Add(schemas.SendLife)))
		w.rest(time.Minute)
		for s := range 300 {
			w.rest(time.Second)
			if n := p.value("altavoz_numbers_stopped", testNumber); n != 1 {
				t.Fatalf("%v numbers are stopped in second %d, want 1", n, s)
			}
		}
		for _, note := range w.notes(task) {
			if !strings.HasPrefix(note, "WAITING CONFIGURATION ") {
				t.Errorf("said %q", note)
			}
		}
	})
}

// TestSimulatedOutageOfOneNumberFailsNobodyAndDelaysNoOther: ten minutes of every kind of outage, in turns, amid a long list on one of two numbers; each kind is the first once.
func TestSimulatedOutageOfOneNumberFailsNobodyAndDelaysNoOther(t *testing.T) {
	t.Parallel()
	for first := range 6 {
		t.Run(strconv.Itoa(first), func(t *testing.T) {
			t.Parallel()
			outageOf(t, first)
		})
	}
}

func outageOf(t *testing.T, shift int) {
	t.Helper()
	inBubble(t, func(w *world) {
		const outage, turn, latency = 10 * time.Minute, 40 * time.Second, 100 * time.Millisecond
		lost := schemas.Reply{Verdict: schemas.VerdictLost}
		kinds := []struct {
			reply, read schemas.Reply
			took        time.Duration
		}{
			{lost, lost, latency}, // a page with 502, an empty 500
			{schemas.Reply{Verdict: schemas.VerdictLost, After: 2 * time.Second}, lost, 0}, // 503, Retry-After
			{lost, lost, 10 * time.Second}, // time-outs
			{schemas.Reply{Verdict: schemas.VerdictUnsent}, schemas.Reply{Verdict: schemas.VerdictUnsent}, 0},
			{schemas.Reply{Verdict: schemas.VerdictLost, Foreign: true}, schemas.Reply{Verdict: schemas.VerdictLost, Foreign: true}, latency},
			{schemas.Reply{Verdict: schemas.VerdictTransient, Code: 131016}, schemas.Reply{Verdict: schemas.VerdictSent}, latency}, // it answers, and takes nothing
		}
		from := time.Now().Add(30 * time.Second)
		to := from.Add(outage)
		inFlight := -1
		var first time.Time // call after the outage
		hit := func(sender string) int {
			if at := time.Since(from); sender == testNumber && at >= 0 && at < outage {
				return (int(at/turn) + shift) % len(kinds)
			}
			return -1
		}
		w.latency = func(c *apiCall) time.Duration {
			if k := hit(c.sender); k >= 0 {
				return kinds[k].took
			}
			return latency
		}
		w.answer = func(c *apiCall) schemas.Reply {
			k := hit(c.sender)
			if k < 0 {
				if c.sender == testNumber && first.IsZero() && !c.at.Before(to) {
					first = c.at
				}
				return schemas.Reply{Verdict: schemas.VerdictSent}
			}
			if inFlight < 0 {
				inFlight = 0
				const gap = time.Second * 8 / 128 // eight calls begin together: the most that are in flight in the latest gap
				for _, c := range w.calls {
					if c.sender == testNumber && from.Sub(c.at) < latency+gap {
						inFlight++
					}
				}
			}
			return kinds[k].reply
		}
		w.read = func(sender string) schemas.Reply {
			if k := hit(sender); k >= 0 {
				return kinds[k].read
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		second := stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 1}
		w.start([]stream.TopicPartition{bulkPartition, second, expressPartition}, partitions(1, 2), func(c *Config) {
			c.Numbers = []string{testNumber, "2"}
			c.Number = func(id string) (NumberConfig, bool) {
				return NumberConfig{Rate: map[string]float64{testNumber: 160, "2": 10}[id]}, true
			}
		})
		list := pipe{w: w, partition: bulkPartition, task: schemas.NewTaskID(), sender: testNumber, most: 256, end: outageRecipients}
		other := pipe{w: w, partition: second, task: schemas.NewTaskID(), sender: "2", most: 64, end: 1 << 30}
		seen, decided := 0, map[schemas.TaskID]uint32{}
		for decided[list.task] < list.end || time.Now().Before(to) {
			w.decided(&seen, decided)
			list.fill(decided)
			other.fill(decided)
			w.rest(500 * time.Millisecond)
			if time.Since(to) > time.Hour {
				t.Fatal("it does not end")
			}
		}
		rate := 0                        // calls of the other number in the outage
		probes, before := 0, time.Time{} // calls in the outage a second or more after the one before, as no others are
		for _, c := range w.calls {
			if c.sender == testNumber {
				if !c.at.Before(from) && c.at.Before(to) && c.at.Sub(before) >= time.Second {
					probes++
				}
				before = c.at
			}
			if c.sender == "2" && !c.at.Before(from) && c.at.Before(to) {
				rate++
			}
		}
		w.lock(func() {
			got := map[schemas.OutcomeClass]int{}
			for _, r := range w.results {
				if o := r.GetOutcome(); o != nil && schemas.TaskID(r.GetTask()) == list.task {
					got[schemas.RecipientState(o.GetMark()).Outcome()]++
				}
			}
			unknown := got[schemas.OutcomeUnknown]
			t.Logf("%v; %d in flight when it began, %d probing sends, first send %v after the end, other number %.1f a second", got, inFlight, probes,
				first.Sub(to), float64(rate)/outage.Seconds())
			if got[schemas.OutcomeFailed] > 0 || unknown > inFlight+5+probes || got[schemas.OutcomeSent]+unknown != int(list.end) {
				t.Errorf("%v, with %d in flight when it began and %d probes", got, inFlight, probes)
			}
			if most := int(outage/(15*time.Second)) + len(kinds); probes > most {
				t.Errorf("%d probing sends, want at most %v", probes, most)
			}
			if late := first.Sub(to); late > 30*time.Second {
				t.Errorf("the first send comes %v after the end, want at most %v", late, 30*time.Second)
			}
			if full := 10 * 0.8 * outage.Seconds(); float64(rate) < 0.95*full {
				t.Errorf("the other number made %d calls of %v", rate, full)
			}
		})
	})
}

// TestOneBroadcastDoesNotStopItsNumber: something between us and Meta refuses one broadcast's message and passes all others. The number
// stops for a moment, another broadcast's send probes, and the one that fails alone is tried alone and ends.
func TestOneBroadcastDoesNotStopItsNumber(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]schemas.Reply{
		"refused":       {Verdict: schemas.VerdictAccount, Detail: "HTTP 403 without an answer of the Cloud API"},
		"a page":        {Verdict: schemas.VerdictLost, Foreign: true, Detail: "HTTP 403 without an answer of the Cloud API"},
		"no connection": {Verdict: schemas.VerdictUnsent},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				bad, good := schemas.NewTaskID(), schemas.NewTaskID()
				w.answer = func(c *apiCall) schemas.Reply {
					if c.task == bad {
						return reply
					}
					return schemas.Reply{Verdict: schemas.VerdictSent}
				}
				p := w.start([]stream.TopicPartition{bulkPartition}, rate(80))
				w.produceAll(bulkPartition, bad, 20, until(time.Now().Add(schemas.SendLife)))
				w.rest(10 * time.Second)
				began := time.Now()
				for i := range uint32(3) {
					w.produce(bulkPartition, good, 100+i, until(time.Now().Add(schemas.SendLife)))
				}
				w.until("the others", func() bool { return w.count(schemas.OutcomeSent) == 3 })
				if took := time.Since(began); took > time.Minute {
					t.Errorf("three phones of another broadcast waited %v, want at most %v", took, time.Minute)
				}
				for i := range uint32(900) { // and from now on it costs them nothing
					at := time.Now()
					w.produce(bulkPartition, good, 1000+i, until(time.Now().Add(schemas.SendLife)))
					w.until("one more", func() bool { return w.count(schemas.OutcomeSent) == int(4+i) })
					if took := time.Since(at); took > time.Second {
						t.Errorf("one that came %v later waited %v; want at most %v", time.Since(began), took, time.Second)
					}
					w.rest(100 * time.Millisecond)
				}
				w.until("done", func() bool { return w.allDone(bulkPartition) })
				failed, unknown := w.count(schemas.OutcomeFailed), w.count(schemas.OutcomeUnknown)
				if failed+unknown != 20 || reply.Verdict == schemas.VerdictLost && unknown > 5+limits.SuspectTries+10 || reply.Verdict != schemas.VerdictLost && unknown > 0 {
					t.Errorf("of the bad one %d have failed and %d are unknown", failed, unknown)
				}
				if n := p.value("altavoz_sender_stops_total"); n > 1 {
					t.Errorf("stopped %v times, want at most 1", n)
				}
			})
		})
	}
}

// TestThreePhonesOutliveAnOutage: with few who could share the probes, each is refused more often than a send may be; it is still
// nobody's attempt.
func TestThreePhonesOutliveAnOutage(t *testing.T) {
	bubble(t, func(w *world) {
		w.produce(expressPartition, schemas.NewTaskID(), 100)
		w.start(both, rate(80))
		w.until("one before", func() bool { return w.allDone(expressPartition) })
		w.rest(time.Minute)
		back := time.Now().Add(10 * time.Minute)
		w.answer = func(*apiCall) schemas.Reply {
			if time.Now().Before(back) {
				return schemas.Reply{Verdict: schemas.VerdictTransient, Code: 131016}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		task := schemas.NewTaskID()
		w.produceAll(expressPartition, task, 3)
		w.rest(10 * time.Minute)
		w.lock(func() {
			if n := w.attempts[who{task, 0}]; n <= limits.MaxAttempts {
				t.Errorf("%d calls only: this shows nothing, want more than %v", n, limits.MaxAttempts)
			}
		})
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if n := w.count(schemas.OutcomeSent); n != 4 || w.count(schemas.OutcomeFailed) > 0 {
			t.Errorf("%d sent, %d failed; want 4, 0", n, w.count(schemas.OutcomeFailed))
		}
		if late := w.calls[len(w.calls)-1].at.Sub(back); late > 30*time.Second+time.Minute {
			t.Errorf("the last one is sent %v later, want at most %v", late, 30*time.Second+time.Minute)
		}
	})
}

// TestARetryAfterOfAnOutageHoldsNoLongerThanItsProbes: whoever answers in the place of the Cloud API may name any wait; it knows
// nothing of when calls lead somewhere again. A wait that the Cloud API itself names is kept.
func TestARetryAfterOfAnOutageHoldsNoLongerThanItsProbes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply schemas.Reply
		opts  []sendOpt
		most  time.Duration
	}{
		"of a proxy":             {schemas.Reply{Verdict: schemas.VerdictLost, After: time.Hour}, nil, 30 * time.Second},
		"to who asked for again": {schemas.Reply{Verdict: schemas.VerdictLost, After: time.Hour}, []sendOpt{again}, 30 * time.Second},
		"of a portal":            {schemas.Reply{Verdict: schemas.VerdictLost, After: time.Hour, Foreign: true}, nil, 30 * time.Second},
		"of Meta":                {schemas.Reply{Verdict: schemas.VerdictThrottled, Code: 130429, After: time.Hour}, nil, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				back := time.Now().Add(5 * time.Minute)
				w.answer = func(*apiCall) schemas.Reply {
					if time.Now().Before(back) {
						return c.reply
					}
					return schemas.Reply{Verdict: schemas.VerdictSent}
				}
				w.read = func(string) schemas.Reply {
					if time.Now().Before(back) {
						return schemas.Reply{Verdict: schemas.VerdictLost, After: time.Hour, Foreign: c.reply.Foreign}
					}
					return schemas.Reply{Verdict: schemas.VerdictSent}
				}
				w.start([]stream.TopicPartition{bulkPartition}, rate(80))
				for i := range uint32(40) {
					w.produce(bulkPartition, schemas.NewTaskID(), i, append([]sendOpt{until(time.Now().Add(schemas.SendLife))}, c.opts...)...)
				}
				w.rest(time.Until(back) + c.most)
				first := slices.IndexFunc(w.calls, func(call *apiCall) bool { return !call.at.Before(back) })
				if first < 0 {
					t.Fatalf("nobody is sent to %v after the end", c.most)
				}
				if late := w.calls[first].at.Sub(back); c.most == time.Hour && late < time.Hour-6*time.Minute {
					t.Errorf("Meta asked for an hour; the first call came %v after the end", late)
				}
			})
		})
	}
}
