package sender

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/schemas"
	claim "altavoz/schemas/people"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// claims is a process's view of the topic people.
type claims struct {
	p       *process
	verdict func(process string, number uint64, granted bool)
	follow  sync.Once
	ending  sync.Once
	more    chan struct{} // cap 1
	ended   chan struct{}
	running sync.WaitGroup

	mu  sync.Mutex
	set *claim.Set
}

func (p *process) newClaims() *claims {
	p.claims = &claims{p: p, more: make(chan struct{}, 1), ended: make(chan struct{}), set: claim.NewSet(claim.MaxPeople)}
	return p.claims
}

// claim keeps a record of the topic people. Under the lock.
func (w *world) claim(rec stream.Record) {
	rec.Offset, rec.Time = int64(len(w.claims)), time.Now()
	w.claims = append(w.claims, rec)
	for _, p := range w.processes {
		select {
		case p.claims.more <- struct{}{}:
		default:
		}
	}
}

func (v *claims) ListenVerdicts(verdict func(string, uint64, bool)) { v.verdict = verdict }

func (v *claims) Follow() { v.follow.Do(func() { v.running.Go(v.run) }) }

func (v *claims) run() {
	for next := 0; ; {
		var recs []stream.Record
		v.p.w.lock(func() { recs = v.p.w.claims[next:] })
		for _, rec := range recs {
			next++
			c, err := claim.Decode(&rec)
			if err != nil {
				panic(err)
			}
			v.mu.Lock()
			granted := v.set.Apply(&c, rec.Offset, rec.Time, time.Now())
			v.mu.Unlock()
			v.verdict(c.Process, c.Number, granted)
		}
		select {
		case <-v.more:
			v.p.Pass()
			time.Sleep(4 * time.Millisecond)
		case <-v.ended:
			return
		}
	}
}

func (v *claims) end() {
	v.ending.Do(func() { close(v.ended) })
	v.running.Wait()
}

func (v *claims) Behind(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set.Behind(now)
}

func (v *claims) Draw(business string, limit int, wanted []claim.Person, now time.Time) (claim.Claim, []bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set.Draw(business, limit, wanted, now)
}

func (v *claims) Knows(business string, p claim.Person, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set.Knows(business, p, now)
}

func (v *claims) Used(business string, now time.Time) (int, time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set.Used(business, now), v.set.Frees(business)
}

// limited has the business of the number write to so many people a day.
func limited(r float64, people int) option {
	return func(c *Config) {
		c.Numbers, c.Number = []string{testNumber}, func(id string) (NumberConfig, bool) { return NumberConfig{Rate: r, People: people}, id == testNumber }
	}
}

// yesterday has so many people be written to who get free in ten minutes.
func (w *world) yesterday(people int) {
	c := claim.Claim{Free: people, Places: people}
	for i := range people {
		c.People = append(c.People, claim.Person(i))
	}
	rec := c.Encode()
	w.lock(func() {
		w.claim(rec)
		w.claims[0].Time = time.Now().Add(10*time.Minute - claim.Window - claim.Margin)
	})
}

// peopleADay returns to how many people outside their windows messages left within 24 hours at most. Under the lock.
func (w *world) peopleADay() (most int) {
	for i, last := range w.calls {
		within := make(map[schemas.Phone]bool)
		for _, c := range w.calls[:i+1] {
			if last.at.Sub(c.at) < claim.Window && (c.templated || strings.HasPrefix(c.message, "template")) {
				within[c.phone.Person()] = true
			}
		}
		most = max(most, len(within))
	}
	return most
}

// TestAFullBusinessWritesToOthersTheNextDay: a list that is longer than what is left of the limit goes out as places get free, nobody fails, and it says what it waits for. Who wrote,
// who was written to already and what is no template go out meanwhile.
func TestAFullBusinessWritesToOthersTheNextDay(t *testing.T) {
	bubble(t, func(w *world) {
		const limit, before, sends = 60, 20, 60
		w.yesterday(before)
		p := w.start(both, limited(20, limit))
		task, prompted, again, wrote := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
		w.templated(task)
		w.templated(again)
		w.templated(wrote)
		end := until(time.Now().Add(schemas.SendLife))
		w.produceAll(bulkPartition, task, sends, end)
		w.rest(time.Minute)
		if n := w.callsOf(task); n != limit-before {
			t.Errorf("%d calls, want those that there was a place for, %d", n, limit-before)
		}
		if notes := w.notes(task); len(notes) == 0 || !strings.HasPrefix(notes[0], "WAITING PEOPLE_IN_FLIGHT ") {
			t.Errorf("said %q", notes)
		}
		if used, most, waiting := p.value("altavoz_people_used"), p.value("altavoz_people_limit"), p.value("altavoz_sends_waiting", "people"); used != limit || most != limit || waiting != sends-limit+before {
			t.Errorf("%v of %v people, %v wait", used, most, waiting)
		}
		w.contents[prompted] = &schemas.Content{Body: "hola", Category: "service"}
		for i := range uint32(5) {
			w.produce(bulkPartition, prompted, 200+i, end)
			w.produce(bulkPartition, again, i, end)
			p := fmt.Sprintf("57311%07d", i)
			w.people.wrote(schemas.Phone(p), time.Now())
			w.produce(bulkPartition, wrote, i, end, to(p))
		}
		w.rest(20 * time.Second)
		for _, of := range []schemas.TaskID{prompted, again, wrote} {
			if n := w.callsOf(of); n != 5 {
				t.Errorf("%d calls of %v beside it, want 5", n, of)
			}
		}
		w.rest(12 * time.Minute)
		if n := w.count(schemas.OutcomeSent); n != sends+15 {
			t.Errorf("%d are sent, want %d", n, sends+15)
		}
		if notes := w.notes(task); !strings.HasPrefix(notes[len(notes)-1], "RUNNING") {
			t.Errorf("said %q in the end", notes[len(notes)-1])
		}
		w.lock(func() {
			if n := w.peopleADay(); n > sends+5 { // who wrote does not count
				t.Errorf("%d people a day, want %d", n, sends)
			}
		})
	})
}

// TestAnOutageThatOnlyASendCanEndIsNotTheReason: all that is left waits for the messaging limit when the API answers again. Nothing can probe the number for
// minutes, and what keeps the broadcast waiting is the limit.
func TestAnOutageThatOnlyASendCanEndIsNotTheReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost        schemas.Reply
		says, gauge string
	}{
		"no answer":      {schemas.Reply{Verdict: schemas.VerdictLost}, "WAITING OUTAGE ", "altavoz_numbers_unanswered"},
		"another server": {schemas.Reply{Verdict: schemas.VerdictLost, Foreign: true}, "WAITING CONFIGURATION ", "altavoz_numbers_stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				const limit, before, sends = 25, 20, 25 // there is a place for as many as stop a number
				w.yesterday(before)
				answers := false
				w.answer = func(*apiCall) schemas.Reply {
					return map[bool]schemas.Reply{true: {Verdict: schemas.VerdictSent}, false: c.lost}[answers]
				}
				w.read = func(string) schemas.Reply { return w.answer(nil) }
				p := w.start(both, limited(80, limit))
				task := schemas.NewTaskID()
				w.templated(task)
				w.produceAll(bulkPartition, task, sends, until(time.Now().Add(schemas.SendLife)))
				w.rest(time.Minute)
				if notes := w.notes(task); len(notes) == 0 || !strings.HasPrefix(notes[len(notes)-1], c.says) || p.value(c.gauge, testNumber) != 1 {
					t.Fatalf("in the outage it says %q, %s is %v", notes, c.gauge, p.value(c.gauge, testNumber))
				}
				w.lock(func() { answers = true })
				w.rest(time.Minute)
				if notes := w.notes(task); !strings.HasPrefix(notes[len(notes)-1], "WAITING PEOPLE_IN_FLIGHT ") {
					t.Errorf("said %q, want that it waits for the messaging limit in the end", notes)
				}
				if n := p.value(c.gauge, testNumber); n != 0 {
					t.Errorf("%s is %v, want 0", c.gauge, n)
				}
				w.rest(15 * time.Minute)
				if n, unknown := w.count(schemas.OutcomeSent), w.count(schemas.OutcomeUnknown); n == 0 || n+unknown != sends {
					t.Errorf("%d are sent and %d unknown, want %d", n, unknown, sends)
				}
				if notes := w.notes(task); !strings.HasPrefix(notes[len(notes)-1], "RUNNING") {
					t.Errorf("said %q in the end", notes[len(notes)-1])
				}
			})
		})
	}
}

// TestProcessesShareTheLimit: two processes write at once, one ends, and another takes over what it had.
func TestProcessesShareTheLimit(t *testing.T) {
	bubble(t, func(w *world) {
		const limit, before, sends = 100, 60, 80
		w.yesterday(before)
		w.start([]stream.TopicPartition{expressPartition}, limited(0, limit))
		b := w.start([]stream.TopicPartition{bulkPartition}, limited(0, limit))
		task, express := schemas.NewTaskID(), schemas.NewTaskID()
		w.templated(task)
		end := until(time.Now().Add(schemas.SendLife))
		w.produceAll(bulkPartition, task, sends, end)
		for i := range uint32(20) {
			w.produce(expressPartition, express, sends+i, end, file(&schemas.Content{Template: &schemas.Template{Name: "corte", Language: "es_CO"}}))
		}
		w.rest(10 * time.Millisecond)
		b.Kill()
		c := w.start([]stream.TopicPartition{bulkPartition}, limited(0, limit))
		w.rest(5 * time.Minute)
		if n := c.value("altavoz_people_used"); n != limit {
			t.Errorf("%v people are written to, want %d", n, limit)
		}
		w.lock(func() {
			if n := w.peopleADay(); n > limit-before {
				t.Errorf("%d people are written to, want %d", n, limit-before)
			}
		})
		w.rest(7 * time.Minute)
		sent, unknown := w.count(schemas.OutcomeSent), w.count(schemas.OutcomeUnknown)
		if sent+unknown != sends+20 {
			t.Errorf("%d are sent and %d unknown, want %d", sent, unknown, sends+20)
		}
		w.lock(func() {
			if n := w.peopleADay(); n > limit {
				t.Errorf("%d people a day, want %d", n, limit)
			}
		})
	})
}

// TestWhoNeedsAPlaceIsAskedForInTheirTurn: however many behind them need none.
func TestWhoNeedsAPlaceIsAskedForInTheirTurn(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(both, limited(20, 1000))
		task, before, behind := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
		w.templated(task)
		end := until(time.Now().Add(schemas.SendLife))
		w.produceAll(bulkPartition, before, 100, end)
		w.rest(time.Second)
		for i := range uint32(10) {
			w.produce(bulkPartition, task, 5000+i, end)
		}
		w.rest(time.Second)
		for i := range uint32(600) {
			w.produce(bulkPartition, behind, 1000+i, end)
		}
		w.rest(15 * time.Second)
		if n, others := w.callsOf(task), w.callsOf(behind); n != 10 || others == 0 {
			t.Errorf("%d calls, and %d of those behind; want 10, and some", n, others)
		}
	})
}

// TestWhoseHoursAreOverTakesNoPlace: of those who wait, others do.
func TestWhoseHoursAreOverTakesNoPlace(t *testing.T) {
	bubble(t, func(w *world) {
		const limit = 10
		w.yesterday(limit)
		w.start(both, limited(0, limit))
		shut, open := schemas.NewTaskID(), schemas.NewTaskID()
		w.templated(shut)
		w.templated(open)
		end := until(time.Now().Add(schemas.SendLife))
		w.produceAll(bulkPartition, shut, limit, end, in(daily(0, 5)))
		w.rest(time.Minute)
		for i := range uint32(limit) {
			w.produce(bulkPartition, open, 100+i, end)
		}
		w.rest(12 * time.Minute)
		if a, b := w.callsOf(shut), w.callsOf(open); a != 0 || b != limit {
			t.Errorf("%d calls outside of hours, and %d of others; want %d", a, b, limit)
		}
	})
}

// TestANumberThatIsGoneSaysNothingOfTheLimit: the others of its business have another one meanwhile.
func TestANumberThatIsGoneSaysNothingOfTheLimit(t *testing.T) {
	bubble(t, func(w *world) {
		const gone = "1666000000000000"
		var lowered atomic.Bool
		w.start(both, func(c *Config) {
			c.Numbers, c.Number = []string{testNumber, gone}, func(id string) (NumberConfig, bool) {
				if lowered.Load() {
					return NumberConfig{People: 5}, id == testNumber
				}
				return NumberConfig{People: 1000}, id == testNumber || id == gone
			}
		})
		w.rest(5 * time.Second)
		lowered.Store(true)
		w.rest(5 * time.Second)
		task := schemas.NewTaskID()
		w.templated(task)
		w.produceAll(bulkPartition, task, 50, until(time.Now().Add(schemas.SendLife)))
		w.rest(time.Minute)
		if n := w.callsOf(task); n != 5 {
			t.Errorf("%d calls, want 5", n)
		}
	})
}

// TestWithoutALimitNothingIsClaimed: nor read.
func TestWithoutALimitNothingIsClaimed(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(both, rate(100))
		task := schemas.NewTaskID()
		w.templated(task)
		w.produceAll(bulkPartition, task, 50)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := len(w.claims); n != 0 {
			t.Errorf("%d claims", n)
		}
	})
}

// TestALimitThatAWebhookRaisesLetsOthersGo: a webhook says that there is another limit, or none.
func TestALimitThatAWebhookRaisesLetsOthersGo(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both, limited(0, 10))
		task := schemas.NewTaskID()
		w.templated(task)
		w.produceAll(bulkPartition, task, 100)
		var s standing.State
		for i, of := range []struct{ people, calls int }{{0, 10}, {40, 40}, {20, 40}, {0, 100}} {
			if i > 0 {
				s = s.Fold(&schemas.NumberEvent{
					Number: testNumber, AtMs: time.Now().UnixMilli(), Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_PEOPLE, People: uint32(of.people),
				})
				p.numberSaid(s)
			}
			w.rest(time.Minute)
			if n := w.callsOf(task); n != of.calls {
				t.Errorf("%d calls after step %d, want %d", n, i, of.calls)
			}
		}
		if n := len(slices.Compact(w.notes(task))); n == 0 {
			t.Error("it does not say why it waits")
		}
	})
}

// TestWhoseWindowShutsMeanwhileNeedsAPlace: at its start a person has an open window, and no place; at the call the window is shut. The call is not made,
// and the send waits for a place.
func TestWhoseWindowShutsMeanwhileNeedsAPlace(t *testing.T) {
	bubble(t, func(w *world) {
		const phone = schemas.Phone("573001234567")
		w.yesterday(10)
		p := w.start(both, limited(0, 10))
		task := schemas.NewTaskID()
		w.contents = map[schemas.TaskID]*schemas.Content{task: routed()}
		w.people.wrote(phone, time.Now())
		p.OnCommit(func([]stream.Position) logtest.Fault {
			w.people.wrote(phone, time.Now().Add(-2*claim.Window))
			return logtest.Fault{}
		})
		w.produce(bulkPartition, task, 0, to(string(phone)))
		w.rest(5 * time.Minute)
		if n := w.callsOf(task); n != 0 {
			t.Errorf("%d calls without a place", n)
		}
		w.rest(7 * time.Minute)
		w.lock(func() {
			if len(w.calls) != 1 || !w.calls[0].templated {
				t.Errorf("%d calls, want one with the template", len(w.calls))
			}
		})
	})
}
