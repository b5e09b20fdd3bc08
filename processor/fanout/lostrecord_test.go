package fanout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// A broadcast under way whose record the log lost comes to its end, whatever became of the log: nobody waits for it for ever, what it had
// sent counts, and the partition can be taken over again.
func TestTaskWhoseRecordIsLostEnds(t *testing.T) {
	of := slotOf("100")
	for name, lose := range map[string]func(w *world){
		"the log is empty":       func(w *world) { w.cut(of, 0) },
		"the log was made anew":  func(w *world) { w.cut(of, 0); w.set(func() { delete(w.positions, of) }) },
		"the log ends below it":  func(w *world) { w.cut(of, 1) },
		"another has its offset": func(w *world) { w.cut(of, 1); w.submit(event("100", "573001234568")) },
		"others have gone beyond it": func(w *world) {
			w.cut(of, 1)
			w.submit(event("100", "573001234568"))
			w.submit(event("100", "573001234569"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				w.finished(w.submit(event("100", "573001234567")))
				w.set(func() { w.stopSenders = true })
				half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
				w.until("it is under way", patient, func() bool { return w.view[half].GetCursor() > 500 })
				passes(5 * time.Second)
				p.kill()
				lose(w)
				w.startSenders()
				p = w.run()
				w.finished(half)
				w.dispatchedOnce(half)
				counts, decided := w.counts(half), 0
				for _, n := range counts {
					decided += n
				}
				if counts["sent"] < 500 || decided != 5000 {
					t.Errorf("%v of 5000", counts)
				}
				p.kill()
				w.run()
				w.finished(w.submit(event("100", "573001234599")))
			})
		})
	}
}

// A paused broadcast loses its record, and another one with as many recipients gets its offset: resumed, it sends nobody the other's message.
func TestResumedTaskWhoseRecordIsLostSendsNothingOfAnother(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		w.finished(w.submit(event("100", "573001234567")))
		half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
		w.until("it is under way", patient, func() bool { return w.view[half].GetCursor() > 500 })
		w.control(half, schemas.ControlKind_CONTROL_KIND_PAUSE)
		passes(time.Minute)
		p.kill()
		w.cut(slotOf("100"), 1)
		w.run()
		passes(time.Minute)
		others := phonesFrom(20_000, 5000)
		other := w.submit(w.sliced(event("100", others...)))
		w.finished(other)
		w.resume(half)
		w.finished(half)
		theirs := make(map[string]bool)
		for _, p := range others {
			theirs[p] = true
		}
		strangers := 0
		w.mu.Lock()
		for _, rec := range w.logs[stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 0}] {
			var s schemas.Send
			if schemas.Decode(&rec, &s) == nil && schemas.TaskID(s.GetTask()) == half && theirs[s.GetPhone()] {
				strangers++
			}
		}
		w.mu.Unlock()
		if strangers > 0 {
			t.Errorf("%d people of the other list got a send of this task", strangers)
		}
		if why := w.why(half); why != spanish(es.ListUnreadable) && why != spanish(es.TaskUnreadable) {
			t.Errorf("it ended with %q", why)
		}
		if d := cmp.Diff(map[string]int{"sent": 5000}, w.counts(other)); d != "" {
			t.Error(d)
		}
	})
}

// What an ingress of an earlier version accepted is held to the rules of its time: a body that would be refused now is sent.
func TestAcceptedBroadcastIsHeldToTheRulesOfItsTime(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := event("100", "573001234567")
		b.AcceptedMs = time.Now().UnixMilli()
		b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
		b.Content.Body = "##OFERTA## de hoy"
		id := w.submit(b)
		w.append(nil, schemas.EncodeResult(&schemas.Result{Task: id.Bytes(), AtMs: b.AcceptedMs, Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
			Total: 1, Origin: &schemas.Origin{Partition: slotOf("100").Partition}, RequestSha256: b.RequestSha256, Sender: "100",
			AcceptedMs: b.AcceptedMs, ScheduleMs: b.ScheduleMs,
		}}}))
		passes(time.Second)
		w.run()
		passes(time.Hour)
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 1}, w.counts(id)); d != "" {
			t.Error(d)
		}
	})
}
