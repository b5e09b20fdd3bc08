package fanout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/processor/fanout/canary"
	"altavoz/schemas"
)

const (
	codeParameter = 131009
	codeNoWindow  = 131047
)

func predicts(code int) bool { return code == codeParameter || code == codeNoWindow }

// refusing has every call refused for what would refuse all.
func (w *world) refusing() {
	w.predicts = predicts
	w.outcomes = func(pair) (schemas.RecipientState, *receipt) { return schemas.Failed(codeParameter), nil }
}

func TestFirstRecipientsStopTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.refusing()
		p := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, 5000)...)))
		w.finished(id)
		why := schemas.Failed(codeParameter).Spanish()
		w.expect(id, counts{"failed:131009": 50, "cancelled": 4950})
		w.in(id, phaseStopped, fmt.Sprintf(whyRefused, codeParameter))
		if x := w.ranges(id); len(x) != 1 || x[0].GetFrom() != 50 || x[0].GetReason() != why {
			t.Errorf("ranges %v, want one from 50 on, %q", x, why)
		}
		if n := metric(t, p.reg, "altavoz_canary_total"); n != 1 {
			t.Errorf("%v verdicts, want 1", n)
		}
		w.once(id)
		w.lock(func() { w.outcomes = nil })
		w.finished(w.submit(event("100", phonesFrom(9000, 300)...))) // nothing of it is in flight
	})
}

// Whenever its owner dies, a task that is to be stopped is.
func TestTakeoverStopsWhatWasToBeStopped(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.refusing()
		p := w.run()
		for i := range 60 {
			id := w.submit(event("100", phonesFrom(1000*i, 500)...))
			time.Sleep(time.Duration(i) * 5 * time.Millisecond)
			p.kill()
			passes(time.Second)
			p = w.run()
			w.finished(id)
			c := w.counts(id)
			if st := w.status(id); st.GetPhase() != phaseStopped || c["failed:131009"] > 100 || c["failed:131009"]+c["cancelled"] != 500 {
				t.Errorf("after %d ms: %s, %v, want it stopped, with 100 failed at most", 5*i, st.GetPhase(), c)
			}
		}
	})
}

// A broadcast that is small, or of which somebody was sent to, is not stopped.
func TestNobodyIsSparedBySmallOrMixedResults(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.refusing()
		w.run()
		small := w.submit(event("100", phonesFrom(0, schemas.ExpressRecipients)...))
		w.finished(small)
		w.expect(small, counts{"failed:131009": 100})
		w.lock(func() {
			w.outcomes = func(k pair) (schemas.RecipientState, *receipt) {
				if k.index == 7 {
					return schemas.StateSent, nil
				}
				return schemas.Failed(codeParameter), nil
			}
		})
		mixed := w.submit(event("100", phonesFrom(1000, 400)...))
		w.finished(mixed)
		w.expect(mixed, counts{"failed:131009": 399, "sent": 1})
	})
}

// The others wait for a success of the first and for nothing else, so a long list begins as fast as before but for that.
func TestFirstSuccessLetsTheOthersGo(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.receipts = true
		w.run()
		direct := event("300", phonesFrom(0, 500)...)
		direct.Direct = true // somebody waits: it does not wait for receipts
		began := time.Now()
		w.finished(w.submit(direct))
		if took := time.Since(began); took > time.Second {
			t.Errorf("500 recipients took %s, want a second at most", took)
		}
	})
}

// undeliverable has every message accepted, and come back.
func (w *world) undeliverable(after time.Duration) {
	w.predicts, w.receipts = predicts, true
	w.outcomes = func(pair) (schemas.RecipientState, *receipt) {
		return schemas.StateSent, &receipt{schemas.Undelivered(codeNoWindow), after}
	}
}

func TestReceiptsOfTheFirstPauseTheOthers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration // receipts come
		most  int           // dispatched until then
	}{
		{"in time", 3 * time.Second, canary.First},
		{"late", canary.ReceiptsWithin + 5*time.Second, 8000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.undeliverable(tt.after)
				p := w.run()
				b := event("100", phonesFrom(0, 10_000)...)
				b.Speed = 500
				id := w.submit(w.sliced(b))
				w.until("it is paused", time.Minute, func() bool { return w.view[id].GetPhase() == phasePaused })
				passes(time.Minute)
				n := len(w.sends(id))
				if n < canary.First || n > tt.most {
					t.Errorf("%d dispatched, want %d to %d", n, canary.First, tt.most)
				}
				why := fmt.Sprintf(whyCanary, codeNoWindow)
				for range 2 {
					if st := w.status(id); st.GetPhase() != phasePaused || whyOf(st) != why || len(w.sends(id)) != n {
						t.Errorf("%s %q, %d dispatched", st.GetPhase(), whyOf(st), len(w.sends(id))-n)
					}
					p.kill()
					p = w.run()
					passes(time.Minute)
				}
				w.shows(id, w.resume(id))
				passes(2 * time.Second)
				p.kill() // nor does the next owner pause it again
				w.run()
				w.finished(id)
				passes(time.Minute)
				w.expect(id, counts{"undelivered:131047": 10_000})
				if d := cmp.Diff("PHASE_PAUSED "+why+"|PHASE_RUNNING ", strings.Join(w.updates(id)[:2], "|")); d != "" || strings.Count(strings.Join(w.updates(id), "|"), "PAUSED") != 1 {
					t.Errorf("said %q, want it paused for %q once, then running", w.updates(id), why)
				}
			})
		})
	}
}

func TestReceiptsAreNotWaitedForForEver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer receipt
		least  time.Duration
		most   time.Duration
	}{
		{"good ones", receipt{schemas.StateDelivered, 2 * time.Second}, 2 * time.Second, 4 * time.Second},
		{"for themselves", receipt{schemas.Undelivered(131026), 2 * time.Second}, 2 * time.Second, 4 * time.Second},
		{"none", receipt{schemas.StateDelivered, time.Hour}, canary.ReceiptsWithin, canary.ReceiptsWithin + 2*time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.predicts, w.receipts = predicts, true
				w.outcomes = func(pair) (schemas.RecipientState, *receipt) { return schemas.StateSent, &tt.answer }
				w.run()
				began := time.Now()
				id := w.submit(event("100", phonesFrom(0, 400)...))
				w.until("the others are dispatched", time.Minute, func() bool { return w.cursors[id] > canary.First })
				if took := time.Since(began); took < tt.least || took > tt.most {
					t.Errorf("the others waited for %s, want %s to %s", took, tt.least, tt.most)
				}
				w.finished(id)
				passes(2 * time.Hour)
			})
		})
	}
}

// A takeover while the first are waited for waits again, and not for ever.
func TestTakeoverGoesOnWaitingForTheFirst(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.undeliverable(8 * time.Second)
		p := w.run()
		id := w.submit(event("100", phonesFrom(0, 400)...))
		for range 3 {
			passes(3 * time.Second)
			p.kill()
			p = w.run()
		}
		passes(10 * time.Second)
		if st := w.status(id); st.GetPhase() != phasePaused || len(w.sends(id)) != canary.First {
			t.Errorf("%s, %d dispatched", st.GetPhase(), len(w.sends(id)))
		}
	})
}

// A paused task of either kind may be paused and resumed by hand, and cancelled.
func TestTaskPausedByItsFirstRecipientsIsPausedByHandAndCancelled(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.undeliverable(time.Second)
		w.run()
		id := w.submit(event("100", phonesFrom(0, 400)...))
		w.until("it is paused", time.Minute, func() bool { return w.view[id].GetPhase() == phasePaused })
		if st := w.shows(id, w.pause(id)); whyOf(st) != whyPaused {
			t.Errorf("%q, want %q", whyOf(st), whyPaused)
		}
		w.cancel(id)
		w.finished(id)
		if c := w.counts(id); c["cancelled"] != 350 {
			t.Errorf("%v, want 350 cancelled", c)
		}
	})
}

// Once paused a task stays so, though later receipts are better: somebody has to look at it.
func TestBetterReceiptsDoNotResume(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.undeliverable(canary.ReceiptsWithin + 5*time.Second)
		bad := w.outcomes
		w.outcomes = func(k pair) (schemas.RecipientState, *receipt) {
			if k.index < 100 {
				return bad(k)
			}
			return schemas.StateSent, &receipt{schemas.StateDelivered, 20 * time.Second}
		}
		p := w.run()
		b := event("100", phonesFrom(0, 10_000)...)
		b.Speed = 100
		id := w.submit(w.sliced(b))
		w.until("it is paused", time.Minute, func() bool { return w.view[id].GetPhase() == phasePaused })
		for range 2 {
			passes(time.Minute)
			if c, st := w.counts(id), w.status(id); st.GetPhase() != phasePaused || c["delivered"] < 2*c["undelivered:131047"] {
				t.Errorf("%s, %v", st.GetPhase(), c)
			}
			p.kill()
			p = w.run()
		}
	})
}
