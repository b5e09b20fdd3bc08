package fanout

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// A broadcast under way whose record the log lost comes to its end, whatever became of the log: nobody waits for it for ever, what it had
// sent counts, and the partition can be taken over again.
func TestTaskWhoseRecordIsLostEnds(t *testing.T) {
	of := partitionOf("100")
	for name, lose := range map[string]func(w *world){
		"the log is empty":       func(w *world) { w.cut(of, 0) },
		"the log was made anew":  func(w *world) { w.cut(of, 0); w.offsetsGone(of) },
		"the log ends below it":  func(w *world) { w.cut(of, 1) },
		"another has its offset": func(w *world) { w.cut(of, 1); w.submit(event("100", "573001234568")) },
		"others have gone beyond it": func(w *world) {
			w.cut(of, 1)
			w.submit(event("100", "573001234568"))
			w.submit(event("100", "573001234569"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.run()
				w.finished(w.submit(event("100", "573001234567")))
				w.lock(func() { w.stopSenders = true })
				half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
				w.underWay(half, 500)
				passes(5 * time.Second)
				p.kill()
				lose(w)
				w.startSenders()
				p = w.run()
				w.finished(half)
				w.once(half)
				counts, decided := w.counts(half), 0
				for _, n := range counts {
					decided += n
				}
				if counts["sent"] < 500 || decided != 5000 {
					t.Errorf("%v, want 5000 decided, and 500 of them sent at least", counts)
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
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		w.finished(w.submit(event("100", "573001234567")))
		half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
		w.underWay(half, 500)
		w.control(half, schemas.ControlKind_CONTROL_KIND_PAUSE)
		passes(time.Minute)
		p.kill()
		w.cut(partitionOf("100"), 1)
		w.run()
		passes(time.Minute)
		others := phonesFrom(20_000, 5000)
		other := w.submit(w.sliced(event("100", others...)))
		w.finished(other)
		w.resume(half)
		w.finished(half)
		w.sentToNone(half, others)
		if why := w.why(half); why != spanish(es.ListUnreadable) && why != spanish(es.TaskUnreadable) {
			t.Errorf("it ended with %q, want its list or task unreadable", why)
		}
		w.expect(other, counts{"sent": 5000})
	})
}

// What an ingress of an earlier version accepted is held to the rules of its time: a body that would be refused now is sent.
func TestAcceptedBroadcastIsHeldToTheRulesOfItsTime(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		b := event("100", "573001234567")
		b.AcceptedMs = time.Now().UnixMilli()
		b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
		b.Content.Body = "##OFERTA## de hoy"
		id := w.submit(b)
		w.Append(schemas.EncodeResult(&schemas.Result{Task: id.Bytes(), AtMs: b.AcceptedMs, Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
			Total: 1, Origin: &schemas.Origin{Partition: partitionOf("100").Partition}, RequestSha256: b.RequestSha256, Sender: "100",
			AcceptedMs: b.AcceptedMs, ScheduleMs: b.ScheduleMs,
		}}}))
		passes(time.Second)
		w.run()
		passes(time.Hour)
		w.finished(id)
		w.expect(id, counts{"sent": 1})
	})
}
