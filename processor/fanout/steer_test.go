package fanout

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"altavoz/processor/fanout/status"
	"altavoz/schemas"
)

const (
	phasePaused    = schemas.Phase_PHASE_PAUSED
	phaseCancelled = schemas.Phase_PHASE_CANCELLED
	phaseStopped   = schemas.Phase_PHASE_STOPPED
	phaseRunning   = schemas.Phase_PHASE_RUNNING
	phaseWaiting   = schemas.Phase_PHASE_WAITING
)

func TestPausedTaskTakesNoQuantumAndGoesOnWhereItWas(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.large(10_000)
		st := w.shows(id, w.pause(id))
		if st.GetPhase() != phasePaused || whyOf(st) != whyPaused || st.GetPipe() == 0 || st.GetPipe() > bulkWindow {
			t.Errorf("%s %q with %d in flight, want %s %q with 1 to %d", st.GetPhase(), whyOf(st), st.GetPipe(), phasePaused, whyPaused, bulkWindow)
		}
		passes(10 * time.Second)
		cursor := w.status(id).GetCursor()
		passes(24 * time.Hour)
		if st := w.status(id); st.GetCursor() != cursor || status.Decided(st) != cursor {
			t.Errorf("dispatched to %d and then to %d, %d decided, want no more, and all decided", cursor, st.GetCursor(), status.Decided(st))
		}
		w.shows(id, w.resume(id))
		w.in(id, phaseRunning, "")
		w.finished(id)
		if n := w.once(id); n != 10_000 {
			t.Errorf("%d of 10,000 were dispatched", n)
		}
		w.told(id, "PHASE_PAUSED "+whyPaused, "PHASE_RUNNING ")
	})
}

// Cancelling is one event, however long the list, and covers nobody who has a send.
func TestCancelIsOneEventAndCoversNobodyWhoHasASend(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.large(50_000)
		w.shows(id, w.cancel(id))
		w.in(id, phaseCancelled, whyCancelled)
		w.resume(id) // comes too late
		w.pause(id)
		w.finished(id)
		passes(time.Minute)
		c, x := w.counts(id), w.ranges(id)
		if c["sent"] == 0 || c["sent"]+c["cancelled"] != 50_000 || c["sent"] != w.once(id) || len(x) != 1 || x[0].GetTo() != 50_000 {
			t.Errorf("%v, %v, want one range to the end, and sent who has a send", c, x)
		}
		if st := w.status(id); st.GetPhase() != phaseCancelled {
			t.Errorf("%s", st.GetPhase())
		}
		other := w.submit(event("100", phonesFrom(90_000, 1500)...)) // nothing of it is in flight
		w.finished(other)
	})
}

// What has not begun yet is cancelled whole, whatever it waits for.
func TestTaskCancelledBeforeItsFirstQuantumIsCancelledWhole(t *testing.T) {
	soon := func(b *schemas.Broadcast) { b.ScheduleMs = time.Now().Add(30 * time.Second).UnixMilli() }
	late := func(b *schemas.Broadcast) { b.ScheduleMs = time.Now().Add(48 * time.Hour).UnixMilli() }
	file := func(b *schemas.Broadcast) {
		b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Url: "https://example.com/a.png"}
	}
	for _, tt := range []struct {
		name   string
		change func(*schemas.Broadcast)
		before func(w *world, id schemas.TaskID) // the cancel
	}{
		{"scheduled", soon, nil},
		{"parked", late, nil},
		{"paused", soon, func(w *world, id schemas.TaskID) { w.shows(id, w.pause(id)) }},
		{"paused and parked", late, func(w *world, id schemas.TaskID) { w.shows(id, w.pause(id)) }},
		{"waiting for its file", file, nil},
		{"waiting for its file and paused", file, func(w *world, id schemas.TaskID) { w.shows(id, w.pause(id)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.media = func(context.Context, string, *schemas.MediaRef) (*schemas.MediaRef, error) {
					return nil, errors.New("nobody answers")
				}
				w.run()
				b := event("100", phonesFrom(0, 200)...)
				tt.change(b)
				id := w.submit(b)
				passes(5 * time.Second)
				if tt.before != nil {
					tt.before(w, id)
				}
				st := w.shows(id, w.cancel(id))
				w.finished(id)
				if st.GetPhase() != phaseCancelled || st.GetPipe() != 0 || w.counts(id)["cancelled"] != 200 {
					t.Errorf("%s, %d in flight, %v, want all 200 cancelled", st.GetPhase(), st.GetPipe(), w.counts(id))
				}
				passes(72 * time.Hour)
				if n := len(w.sends(id)); n > 0 {
					t.Errorf("%d sends, want none", n)
				}
				w.allCommitted("100")
			})
		})
	}
}

// A control may come before its task: it waits in the view.
func TestControlThatComesBeforeItsTaskIsInForce(t *testing.T) {
	for _, chosen := range []bool{false, true} {
		t.Run(fmt.Sprintf("chosen %t", chosen), func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.run()
				paused, cancelled, slow := event("100", phonesFrom(0, 200)...), event("100", phonesFrom(200, 200)...), event("100", phonesFrom(400, 200)...)
				all := []*schemas.Broadcast{paused, cancelled, slow}
				for i, b := range all {
					if b.Chosen = chosen; chosen {
						with(b, schemas.TaskIDFromKey("caller", fmt.Sprint(i)))
					}
				}
				id := func(b *schemas.Broadcast) schemas.TaskID { return schemas.TaskID(b.GetTask()) }
				w.lock(func() { w.stopAggregator = true }) // so a chosen id stays a claim
				w.pause(id(paused))
				w.cancel(id(cancelled))
				w.control(id(slow), schemas.ControlKind_CONTROL_KIND_SPEED, 10)
				passes(time.Second)
				for _, b := range all {
					w.submit(b)
				}
				passes(5 * time.Second)
				w.startAggregator()
				began := time.Now()
				w.finished(id(cancelled), id(slow))
				if took := time.Since(began); took < 10*time.Second {
					t.Errorf("200 recipients at ten a second took %s, want 10 s at least", took)
				}
				if st := w.status(id(paused)); st.GetPhase() != phasePaused || len(w.sends(id(paused)))+len(w.sends(id(cancelled))) > 0 {
					t.Errorf("%v", st)
				}
				w.resume(id(paused))
				w.finished(id(paused))
			})
		})
	}
}

// The quantum under way ends before the rest is cancelled, and counts among what may still leave.
func TestQuantumUnderWayEndsBeforeTheRestIsCancelled(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stuck func(w *world)
		let   func(w *world)
	}{
		{"leased", func(w *world) { w.Faults.Refuse = 1 }, func(w *world) { w.Faults.Refuse = 0 }},
		{
			"on its way to the log",
			func(w *world) { w.stuck = schemas.TopicSendsBulk },
			func(w *world) { w.stuck = "" },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.run()
				id := w.large(10_000)
				w.lock(func() { tt.stuck(w) })
				passes(5 * time.Second)
				before := len(w.sends(id))
				w.cancel(id)
				passes(5 * time.Second)
				if x := w.ranges(id); len(x) > 0 {
					t.Errorf("cancelled before the quantum has ended: %v", x)
				}
				w.lock(func() { tt.let(w) })
				w.finished(id)
				after, c := len(w.sends(id)), w.counts(id)
				quantum := after - before // of at most a slice's rest
				if quantum == 0 || quantum > bulkQuantum || c["sent"] != after || c["sent"]+c["cancelled"] != 10_000 {
					t.Errorf("%d dispatched after the cancel, %v, want a quantum of up to %d, and the others cancelled", quantum, c, bulkQuantum)
				}
				if n := w.status(id).GetPipe(); int(n) < quantum {
					t.Errorf("%d are said to be in flight, and a quantum of %d was on its way", n, quantum)
				}
			})
		})
	}
}

// A pause that meets the last quantum, and every moment around it: the number that is said holds (the world checks it), and
// nobody is lost.
func TestSimulatedControlsAtAnyMomentLoseNobody(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		for i := range 120 {
			b := event("100", phonesFrom(1000*i, 300)...)
			id := w.submit(b)
			time.Sleep(time.Duration(i) * 5 * time.Millisecond)
			if i%2 == 0 {
				w.cancel(id)
			} else {
				w.pause(id)
				passes(5 * time.Second)
				w.resume(id)
			}
			w.finished(id)
			if c := w.counts(id); c["sent"]+c["cancelled"] != 300 || c["sent"] != w.once(id) {
				t.Errorf("after %d ms: %v, want 300 sent or cancelled, and sent who has a send", 5*i, c)
			}
		}
	})
}

// What is dispatched whole can't be taken back: the Status says how many are still to come.
func TestControlsOfADispatchedTaskSayHowManyAreInFlight(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.stopSenders = true
		w.run()
		paused, cancelled := w.submit(event("100", phonesFrom(0, 40)...)), w.submit(event("100", phonesFrom(40, 30)...))
		passes(5 * time.Second)
		a, b := w.shows(paused, w.pause(paused)), w.shows(cancelled, w.cancel(cancelled))
		if a.GetPipe() != 40 || a.GetPhase() != schemas.Phase_PHASE_NONE {
			t.Errorf("%d in flight, %s, want 40 and no phase", a.GetPipe(), a.GetPhase())
		}
		if b.GetPipe() != 30 || b.GetPhase() != phaseCancelled {
			t.Errorf("%d in flight, %s, want 30 and it cancelled", b.GetPipe(), b.GetPhase())
		}
		w.startSenders()
		w.finished(paused, cancelled)
		if a, b := w.counts(paused)["sent"], w.counts(cancelled)["sent"]; a != 40 || b != 30 {
			t.Errorf("%d and %d sent, want 40 and 30", a, b)
		}
	})
}

func TestSimulatedSpeedThatIsChangedHoldsFromThenOn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.large(20_000, func(b *schemas.Broadcast) { b.Speed = 900 })
		st := w.shows(id, w.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 20))
		if st.GetSpeed() != 20 || st.GetPhase() != schemas.Phase_PHASE_NONE {
			t.Errorf("%d a second, %s, want 20 and no phase", st.GetSpeed(), st.GetPhase())
		}
		passes(5 * time.Second)
		before := len(w.sends(id))
		passes(time.Minute)
		if n := len(w.sends(id)) - before; n < 1100 || n > 1250 {
			t.Errorf("%d in a minute at 20 a second, want some 1200", n)
		}
		w.shows(id, w.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 0))
		began := time.Now()
		w.finished(id)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("18,000 as fast as the number goes took %s, want a minute at most", took)
		}
	})
}

// A pause is no way to live longer.
func TestPauseDoesNotExtendLife(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 150)...)
		b.ExpireMs = time.Now().Add(time.Hour).UnixMilli()
		w.pause(schemas.TaskID(b.GetTask()))
		short, long := w.submit(b), w.large(3000)
		w.shows(long, w.pause(long))
		passes(2 * time.Hour)
		w.expect(short, counts{"expired": 150})
		w.finished(short)
		passes(schemas.TaskLife)
		if c := w.counts(long); c["sent"] == 0 || c["sent"]+c["expired"] != 3000 || !status.Finished(w.status(long)) {
			t.Errorf("%v, want 3000 sent or expired, and it finished", c)
		}
		w.resume(long)
		passes(time.Hour)
		if n := w.once(long); n != w.counts(long)["sent"] {
			t.Errorf("%d dispatched, want %d, who were sent to", n, w.counts(long)["sent"])
		}
	})
}

func TestNoQuantumBeforeTheControlsHaveCaughtUp(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const total = 10_000
		p := w.run()
		id := w.large(total)
		p.kill()
		passes(10 * time.Second)
		before := w.once(id)
		control := w.cancel(id)
		w.lock(func() { w.behind = time.Minute })
		w.run()
		passes(30 * time.Second)
		if n := len(w.sends(id)); n > before {
			t.Errorf("%d sends before the controls were read", n-before)
		}
		passes(time.Minute)
		st := w.shows(id, control)
		w.finished(id)
		if c := w.counts(id); c["sent"]+c["cancelled"] != total || len(w.sends(id))-before > int(st.GetPipe()) || c["cancelled"] < total*4/5 {
			t.Errorf("%v, %d in flight, %d dispatched after the takeover", c, st.GetPipe(), len(w.sends(id))-before)
		}
	})
}

// Whatever the last owner got to say of a control, the next one puts it in force.
func TestSimulatedTakeoversPutControlsInForce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const total = 5000
		p := w.run()
		for i := range 40 {
			id := w.large(total)
			cancels := i%2 == 0
			var control int64
			if cancels {
				control = w.cancel(id)
			} else {
				control = w.pause(id)
			}
			time.Sleep(time.Duration(i) * 2 * time.Millisecond)
			p.kill()
			passes(time.Second)
			p = w.run()
			w.shows(id, control)
			passes(time.Minute)
			if st := w.status(id); !cancels && (status.Finished(st) || st.GetPhase() != phasePaused) {
				t.Errorf("after %d ms: %v", 2*i, st)
			}
			if !cancels {
				w.resume(id)
			}
			w.finished(id)
			if c := w.counts(id); c["sent"]+c["cancelled"] != total || cancels && w.status(id).GetPhase() != phaseCancelled {
				t.Errorf("after %d ms: %v, %s", 2*i, c, w.status(id).GetPhase())
			}
		}
	})
}

// An owner that was replaced and does not know it says nothing of a control: what it knows of sends in flight is of yesterday.
func TestReplacedOwnerSaysNothingOfControls(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		zombie := w.run()
		id := w.large(10_000)
		zombie.Expel()
		passes(30 * time.Second)
		w.cancel(id)
		passes(time.Minute)
		for _, r := range w.events(id) {
			if r.GetNote().GetControls() > 0 || r.GetRange() != nil {
				t.Errorf("a replaced owner says %v", r)
			}
		}
		zombie.kill()
		w.run()
		w.finished(id)
	})
}

// Thousands of tasks that wait, scheduled or paused, take no memory and no place in the ledger, and hold nobody up.
func TestSimulatedThousandsOfWaitingTasksCostNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		at := time.Now().Add(48 * time.Hour)
		var paused, scheduled []schemas.TaskID
		for i := range 2000 {
			b := event("100", phonesFrom(3*i, 3)...)
			w.pause(schemas.TaskID(b.GetTask()))
			paused = append(paused, w.submit(b))
			b = event("100", phonesFrom(10_000+3*i, 3)...)
			b.ScheduleMs = at.UnixMilli()
			scheduled = append(scheduled, w.submit(b))
		}
		for i := range 5 { // long lists, under way
			id := w.large(5000, func(b *schemas.Broadcast) { b.Phones = phonesFrom(100_000+5000*i, 5000) })
			w.shows(id, w.pause(id))
			paused = append(paused, id)
		}
		passes(time.Minute)
		for range 2 {
			began := time.Now()
			w.finished(w.submit(event("100", "573009999999")))
			if took := time.Since(began); took > time.Second {
				t.Errorf("one recipient took %s", took)
			}
			passes(time.Minute)
			w.allCommitted("100")
			if l := w.ledger("100"); len(l.Lines) > 0 {
				t.Errorf("the ledger has %d lines, want none", len(l.Lines))
			}
			for _, x := range p.worker(partitionOf("100")).tasks {
				if x.Body != nil || x.Seen != nil || x.Slice != nil || x.SeenBytes > 0 {
					t.Fatalf("a task that waits holds its list: %v", x.ID)
				}
			}
			if n := metric(t, p.reg, "altavoz_fanout_tasks_paused"); n != 2005 {
				t.Errorf("%v tasks are paused, want 2005", n)
			}
			p.kill()
			p = w.run()
			passes(time.Minute)
		}
		for _, id := range paused {
			w.resume(id)
		}
		w.finished(paused...)
		passes(time.Until(at))
		w.finished(scheduled...)
		w.once()
	})
}

// Nobody asks any more what was wanted of a task that is over.
func TestControlsOfAFinishedTaskAreTakenBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.large(5000)
		w.shows(id, w.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 800))
		w.shows(id, w.cancel(id))
		w.finished(id)
		passes(time.Second)
		if _, ok := p.controls.Get(id); ok || len(w.takenBack) != 3 {
			t.Errorf("%v, want the three controls taken back", w.takenBack)
		}
		// An owner that died before it could: its successor does it.
		late := w.submit(event("100", "573001234567"))
		w.finished(late)
		p.kill()
		w.pause(late)
		p = w.run()
		passes(time.Second)
		if _, ok := p.controls.Get(late); ok {
			t.Error("the controls of a finished task are left")
		}
		if n := metric(t, p.reg, "altavoz_controls_total"); n != 0 {
			t.Errorf("%v controls of a finished task were put in force", n)
		}
	})
}

// Senders say things of their own about a task. They don't hide that it is paused; and when it is not, theirs stands.
func TestSendersWordsGiveWayToOurs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.large(60_000)
		say := func(phase schemas.Phase, why string) {
			at := time.Now().Add(time.Hour).UnixMilli() // by a clock that is ahead
			w.Append(schemas.EncodeResult(&schemas.Result{
				Task: id.Bytes(), AtMs: at, Event: &schemas.Result_Note{Note: &schemas.TaskUpdate{Phase: phase, Why: why}},
			}))
			passes(time.Second)
		}
		w.shows(id, w.pause(id))
		passes(time.Second)
		for _, phase := range []schemas.Phase{phaseWaiting, phaseRunning} {
			say(phase, "token")
			w.in(id, phasePaused, whyPaused)
		}
		w.shows(id, w.resume(id))
		passes(100 * time.Millisecond)
		say(phaseWaiting, "token")
		w.in(id, phaseWaiting, "token")
		if st := w.shows(id, w.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 100)); st.GetPhase() != phaseWaiting {
			t.Errorf("a speed made it %s", st.GetPhase())
		}
		w.cancel(id)
		w.finished(id)
	})
}

// A lease of an earlier owner is repeated though its task was paused, or cancelled, since: it may be in flight.
func TestLeaseOfACancelledTaskIsRepeatedFirst(t *testing.T) {
	for _, pauses := range []bool{false, true} {
		t.Run(fmt.Sprintf("paused %t", pauses), func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.run()
				id := w.large(10_000)
				w.lock(func() { w.stuck = schemas.TopicSendsBulk })
				passes(5 * time.Second)
				before := w.once(id)
				if pauses {
					w.pause(id)
				} else {
					w.cancel(id)
				}
				passes(time.Second)
				p.kill()
				leased := 0
				for _, line := range w.ledger("100").Lines {
					leased += int(line.Lease)
				}
				w.lock(func() { w.stuck = "" })
				w.run()
				passes(time.Minute)
				if n := len(w.sends(id)); leased == 0 || n != before+leased {
					t.Errorf("%d dispatched after the takeover, want the quantum of %d", n-before, leased)
				}
				if pauses {
					w.resume(id)
				}
				w.finished(id)
				if c := w.counts(id); c["sent"]+c["cancelled"] != 10_000 {
					t.Errorf("%v, want 10,000 sent or cancelled", c)
				}
			})
		})
	}
}

// leasedByOneThatDied is a large task of which a process had leased a quantum that it could not write, and died.
func (w *world) leasedByOneThatDied() schemas.TaskID {
	w.t.Helper()
	p := w.run()
	id := w.large(10_000)
	w.lock(func() { w.stuck = schemas.TopicSendsBulk })
	passes(5 * time.Second)
	p.kill()
	return id
}

// A new owner that has a lease to repeat, and finds its task cancelled meanwhile, says nothing of that before it is known to be the owner:
// who reads that the task is cancelled reads how many may still leave.
func TestCancelFoundAtATakeoverIsSaidWithWhatMayStillLeave(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		id := w.leasedByOneThatDied()
		w.lock(func() { w.stuck, w.Faults.Refuse = "", 1 })
		w.cancel(id)
		w.run()
		passes(10 * time.Second)
		if st := w.status(id); st.GetPhase() == phaseCancelled || st.GetControls() > 0 {
			t.Errorf("nothing was committed, and it is said: %v", st)
		}
		w.lock(func() { w.Faults.Refuse = 0 })
		w.finished(id)
		if st, c := w.status(id), w.counts(id); st.GetControls() == 0 || c["cancelled"] == 0 {
			t.Errorf("%v, %v", st, c)
		}
	})
}

// The rest is cancelled after that was said: an owner that dies in between must not leave a task that ended as if by itself.
func TestRestIsCancelledOnceThatWasSaid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 200)...)
		b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
		id := w.submit(b)
		passes(time.Second)
		w.lock(func() { w.Faults.Refuse = 1 })
		w.cancel(id)
		passes(10 * time.Second)
		if x := w.ranges(id); len(x) > 0 || w.status(id).GetControls() > 0 {
			t.Errorf("%v, %v, want neither said", x, w.status(id))
		}
		w.lock(func() { w.Faults.Refuse, w.noUpdates = 0, true })
		passes(10 * time.Second)
		if x := w.ranges(id); len(x) > 0 {
			t.Errorf("the TaskUpdate is not in the log, and %v", x)
		}
		w.lock(func() { w.noUpdates = false })
		w.finished(id)
		if st := w.status(id); st.GetPhase() != phaseCancelled || st.GetControls() == 0 {
			t.Errorf("%v", st)
		}
	})
}

// A phase that stands for good, which the last owner said and nobody has folded yet, hides the TaskUpdate that a new owner learns
// by. It says it again.
func TestLeaseIsLearntThoughAnEndWasSaid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		id := w.leasedByOneThatDied()
		w.lock(func() { w.stuck, w.stopAggregator = "", true })
		w.Append(schemas.EncodeResult(&schemas.Result{
			Task: id.Bytes(), AtMs: time.Now().UnixMilli(), Event: &schemas.Result_Note{Note: &schemas.TaskUpdate{Phase: phaseStopped, Why: "porque sí"}},
		}))
		passes(time.Second)
		w.run()
		passes(10 * time.Second)
		w.startAggregator()
		w.finished(id)
		if c, st := w.counts(id), w.status(id); c["cancelled"] == 0 || c["sent"]+c["cancelled"] != 10_000 || st.GetPhase() != phaseStopped || whyOf(st) != "porque sí" {
			t.Errorf("%v, %s %q", c, st.GetPhase(), whyOf(st))
		}
	})
}

// The topic of controls lost its end, and what is said since has lower offsets than what was heard before: it is in force all the same.
func TestOrderInATopicThatLostItsEndIsInForce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.large(10_000)
		w.underWay(id, 500)
		p.controls.listen(id, schemas.Controls{Resumed: true, Next: 1000})
		passes(100 * time.Millisecond)
		p.controls.listen(id, schemas.Controls{Paused: true, Next: 2, Cuts: 1})
		w.until("it is paused", patient, func() bool { return w.view[id].GetPhase() == schemas.Phase_PHASE_PAUSED })
		p.controls.listen(id, schemas.Controls{Resumed: true, Next: 1000}) // heard late
		passes(time.Minute)
		if st := w.status(id); st.GetPhase() != schemas.Phase_PHASE_PAUSED || status.Finished(st) {
			t.Errorf("%s, finished %t", st.GetPhase(), status.Finished(st))
		}
		p.controls.listen(id, schemas.Controls{Resumed: true, Next: 3, Cuts: 1})
		w.finished(id)
	})
}
