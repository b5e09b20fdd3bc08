package fanout

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/processor/fanout/canary"
	"altavoz/processor/fanout/schedule"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/standing"
)

// templated is a broadcast that uses a template.
func (w *world) templated(speed uint32, n int) schemas.TaskID {
	b := event("100", phonesFrom(0, n)...)
	b.Content = &schemas.Content{Template: &schemas.Template{Name: "aviso", Language: "es_CO"}}
	b.Speed, b.AcceptedMs = speed, time.Now().UnixMilli()
	return w.submit(w.sliced(b))
}

// says is a webhook about the template, or about another language of it.
func (w *world) says(status, language string) {
	w.Append(standing.Encode(&schemas.NumberEvent{
		Number: "100", AtMs: time.Now().UnixMilli(), Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE, Template: "aviso", Language: language, Status: status,
	}))
}

// TestTaskWaitsWhileItsTemplateIsPaused: nothing is dispatched from seconds after the webhook on, also not by another process, until the template is
// approved again; nobody is lost, and why says it.
func TestTaskWaitsWhileItsTemplateIsPaused(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.templated(20, 3000)
		passes(30 * time.Second)
		w.says("PAUSED", "en_US") // another one
		passes(30 * time.Second)
		if n := w.once(id); n < 1000 {
			t.Fatalf("%d dispatched in a minute at 20 a second", n)
		}
		w.says("PAUSED", "es_CO")
		passes(standing.PauseRecheck + 5*time.Second)
		held := w.once(id)
		passes(10 * time.Minute)
		p.kill()
		w.run()
		passes(10 * time.Minute)
		if n := w.once(id); n != held {
			t.Errorf("%d dispatched while the template is paused", n-held)
		}
		if s := w.status(id); s.GetPhase() != schemas.Phase_PHASE_WAITING || s.GetCause().GetReason() != schemas.Reason_REASON_TEMPLATE || s.GetCause().GetDetail() != "aviso es_CO PAUSED" {
			t.Errorf("it says %v %v", s.GetPhase(), s.GetCause())
		}
		w.says("APPROVED", "es_CO")
		passes(10 * time.Minute)
		w.finished(id)
		w.expect(id, counts{"sent": 3000})
	})
}

// TestPauseThatNobodyTakesBackIsTried: the webhook that a template is approved again may be lost.
func TestPauseThatNobodyTakesBackIsTried(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		w.says("PAUSED", "es_CO")
		id := w.templated(0, 2000)
		passes(standing.PauseLife - time.Minute)
		if n := w.once(id); n != 0 {
			t.Errorf("%d dispatched", n)
		}
		passes(10 * time.Minute)
		w.finished(id)
		w.expect(id, counts{"sent": 2000})
	})
}

// TestTaskEndsWhoseTemplateIsDisabled: who was not dispatched is cancelled. What is said of a template before a task is accepted ends nothing: it may have
// been approved since.
func TestTaskEndsWhoseTemplateIsDisabled(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		w.says("REJECTED", "es_CO")
		passes(time.Second)
		id := w.templated(20, 3000)
		passes(time.Minute)
		w.says("DISABLED", "es_CO")
		passes(time.Minute)
		w.finished(id)
		s := w.status(id)
		if s.GetPhase() != schemas.Phase_PHASE_STOPPED || s.GetCause().GetCode() != 132016 {
			t.Errorf("it says %v %v", s.GetPhase(), s.GetCause())
		}
		if n := w.once(id); n < 1000 || n > 1700 {
			t.Errorf("%d dispatched, want those of a minute and some", n)
		}
	})
}

// judge says the same of each template, and counts how often it is asked.
type judge struct {
	asked atomic.Int32
	why   es.Sentence
	err   error
}

func (j *judge) Judge(context.Context, string, *schemas.Content) (string, es.Sentence, error) {
	if j.asked.Add(1); j.err != nil {
		return "", j.why, j.err
	}
	return "MARKETING", j.why, nil
}

// TestTemplateIsHeldToItsAccountBeforeAnybodyIsWrittenTo: one that does not fit ends its task with the words of the refusal over HTTP; what can't be found
// out stops nothing, and what the producer has checked is not asked again. Sends say what it is billed as, and opt-outs hold for marketing.
func TestTemplateIsHeldToItsAccountBeforeAnybodyIsWrittenTo(t *testing.T) {
	for name, c := range map[string]struct {
		judge    *judge
		category string // that whoever accepted it wrote
		failed   bool
		asked    int32
		known    string // what sends say of it
	}{
		"it fits":              {&judge{}, "", false, 1, "MARKETING"},
		"it does not":          {&judge{why: es.Say(es.TemplateUnknown, "aviso")}, "", true, 1, ""},
		"Meta is silent":       {&judge{err: errors.New("no answer")}, "", false, 1, ""},
		"the producer checked": {&judge{why: es.Say(es.TemplateUnknown, "aviso")}, "UTILITY", false, 0, "UTILITY"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.templates = c.judge
				w.run()
				b := event("100", phonesFrom(0, 3)...)
				b.Content = &schemas.Content{Category: "utility", Template: &schemas.Template{Name: "aviso", Language: "es_CO", Category: c.category}}
				b.AcceptedMs = time.Now().UnixMilli()
				id := w.submit(b)
				passes(time.Minute)
				if c.failed {
					if s := w.status(id); s.GetPhase() != schemas.Phase_PHASE_FAILED || s.GetCause().GetSentence() != string(es.TemplateUnknown) || w.once(id) > 0 {
						t.Errorf("it says %v %v, and %d are dispatched", s.GetPhase(), s.GetCause(), w.once(id))
					}
				} else {
					w.finished(id)
					w.expect(id, counts{"sent": 3})
				}
				for i, made := range w.sends(id) {
					s := made[0]
					if got := s.GetContent().GetTemplate().GetCategory(); got != c.known || s.GetExempt() != (got != "MARKETING") {
						t.Errorf("the send %d says %q of its template, exempt: %v; want %q", i, got, s.GetExempt(), c.known)
					}
				}
				if n := c.judge.asked.Load(); n != c.asked {
					t.Errorf("asked %d times, want %d", n, c.asked)
				}
			})
		})
	}
}

// TestTaskWhosePeopleAreFullKeepsNobodyWaiting: a process says that sends of the number wait for places. What tasks have in flight takes nothing of the
// window from another one, which goes out, be they going on, paused or over; and they go on when there are places.
func TestTaskWhosePeopleAreFullKeepsNobodyWaiting(t *testing.T) {
	for name, steer := range map[string]func(*world, schemas.TaskID){
		"going on":  func(*world, schemas.TaskID) {},
		"paused":    func(w *world, id schemas.TaskID) { w.pause(id) },
		"cancelled": func(w *world, id schemas.TaskID) { w.cancel(id) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.run()
				full := func(c *schemas.Cause) {
					w.Append(standing.Encode(&schemas.NumberEvent{
						Number: "100", AtMs: time.Now().UnixMilli(), Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_PROCESS, Process: "p", Cause: c,
					}))
				}
				w.lock(func() { w.stopSenders = true })
				var ids []schemas.TaskID
				for range 4 {
					ids = append(ids, w.templated(0, 1_500))
				}
				passes(canary.OutcomesWithin + 30*time.Second) // until the others no longer wait for the first, and the window is used up
				dispatched := func() (n int) {
					for _, id := range ids {
						n += w.once(id)
					}
					return n
				}
				w.full(dispatched(), len(ids))
				w.lock(func() { w.unseen = schedule.MaxStalledTasks })
				for _, id := range ids {
					steer(w, id)
				}
				passes(time.Second)
				before := dispatched()
				other := w.submit(w.sliced(event("100", phonesFrom(50_000, 2000)...)))
				for end := time.Now().Add(canary.OutcomesWithin + time.Minute); time.Now().Before(end); {
					full(&schemas.Cause{Reason: schemas.Reason_REASON_PEOPLE_IN_FLIGHT}) // as long as it is so
					passes(10 * time.Second)
				}
				if n := w.once(other); n <= canary.First {
					t.Errorf("%d of another task of the number are dispatched: it waits for them", n)
				}
				if n := dispatched(); n > before && name != "going on" || n > len(ids)*schedule.MaxStalled {
					t.Errorf("%d of the tasks are dispatched, %d before they waited", n, before)
				}
				full(nil)
				w.startSenders()
				passes(time.Minute)
				for _, id := range ids {
					w.resume(id)
				}
				passes(10 * time.Minute)
				w.finished(ids...)
				for _, id := range ids {
					if c := w.counts(id); c["sent"]+c["cancelled"] != 1_500 || c["cancelled"] > 0 && name != "cancelled" {
						t.Errorf("%v", c)
					}
				}
			})
		})
	}
}

// silent answers nothing for as long as a question may take.
type silent struct{ asked, most atomic.Int32 }

func (s *silent) Judge(context.Context, string, *schemas.Content) (string, es.Sentence, error) {
	s.most.Store(max(s.most.Load(), s.asked.Add(1)))
	defer s.asked.Add(-1)
	time.Sleep(4 * time.Second)
	return "", es.Sentence{}, errors.New("no answer")
}

// TestOthersGoOnWhileMetaIsSilentAboutTemplates, however many broadcasts wait for it; they follow unchecked.
func TestOthersGoOnWhileMetaIsSilentAboutTemplates(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		meta := &silent{}
		w.templates = meta
		w.run()
		var waiting []schemas.TaskID
		for i := range 100 { // more than are asked for at a time, or read
			b := event("100", phonesFrom(i, 1)...)
			b.Content = &schemas.Content{Template: &schemas.Template{Name: "aviso", Language: "es_CO"}}
			waiting = append(waiting, w.submit(b))
		}
		passes(100 * time.Millisecond)
		other := w.submit(event("100", phonesFrom(100, 3)...))
		passes(time.Second)
		if n := len(w.sends(other)); n != 3 {
			t.Errorf("%d sends of a broadcast without a template, want 3", n)
		}
		passes(time.Minute)
		for _, id := range waiting {
			w.finished(id)
			w.expect(id, counts{"sent": 1})
		}
		if n := meta.most.Load(); n == 0 || n > 64 {
			t.Errorf("%d questions at a time, want at most 64", n)
		}
	})
}
