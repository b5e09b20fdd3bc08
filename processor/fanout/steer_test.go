package fanout

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	phasePaused    = schemas.Phase_PHASE_PAUSED
	phaseCancelled = schemas.Phase_PHASE_CANCELLED
	phaseStopped   = schemas.Phase_PHASE_STOPPED
	phaseRunning   = schemas.Phase_PHASE_RUNNING
	phaseWaiting   = schemas.Phase_PHASE_WAITING
)

// adoptShown waits until the Status says that a control is in force.
func (w *world) shows(id schemas.TaskID, control int64) *schemas.Status {
	w.t.Helper()
	w.until("the control is in force", time.Minute, func() bool { return w.view[id].GetControls() > control })
	return w.status(id)
}

// notes returns what was said of a task as a whole, in the order of the log.
func (w *world) notes(id schemas.TaskID) (out []string) {
	for _, r := range w.events(id) {
		if n := r.GetNote(); n != nil && n.GetPhase() != schemas.Phase_PHASE_NONE {
			out = append(out, n.GetPhase().String()+" "+whyOf(n))
		}
	}
	return out
}

func (w *world) ranges(id schemas.TaskID) (out []*schemas.OutcomeRange) {
	for _, r := range w.events(id) {
		if x := r.GetRange(); x != nil {
			out = append(out, x)
		}
	}
	return out
}

// once checks that every recipient was dispatched once at most, and returns how many of the task were.
func (w *world) once(id schemas.TaskID) (n int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, made := range w.made {
		if made.sends > 1 {
			w.t.Errorf("recipient %d was dispatched %d times", k.index, made.sends)
		}
		if k.task == id {
			n += made.sends
		}
	}
	return n
}

// large submits a list that takes some seconds, and waits until it is under way.
func (w *world) large(n int, change ...func(*schemas.Broadcast)) schemas.TaskID {
	w.t.Helper()
	b := event("100", phonesFrom(0, n)...)
	for _, f := range change {
		f(b)
	}
	id := w.submit(w.sliced(b))
	w.until("it is under way", time.Minute, func() bool { return w.view[id].GetCursor() > 1000 })
	return id
}

func TestPausedTaskTakesNoTurnAndGoesOnWhereItWas(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.large(10_000)
		st := w.shows(id, w.pause(id))
		if st.GetPhase() != phasePaused || whyOf(st) != whyPaused || st.GetPipe() == 0 || st.GetPipe() > 2000 {
			t.Errorf("%s %q with %d in the pipe", st.GetPhase(), whyOf(st), st.GetPipe())
		}
		passes(10 * time.Second)
		cursor := w.status(id).GetCursor()
		passes(24 * time.Hour)
		if st := w.status(id); st.GetCursor() != cursor || status.Decided(st) != cursor {
			t.Errorf("dispatched to %d and then to %d, %d decided", cursor, st.GetCursor(), status.Decided(st))
		}
		st = w.shows(id, w.resume(id))
		if st.GetPhase() != phaseRunning || whyOf(st) != "" {
			t.Errorf("%s %q", st.GetPhase(), whyOf(st))
		}
		w.finished(id)
		if n := w.once(id); n != 10_000 {
			t.Errorf("%d of 10,000 were dispatched", n)
		}
		if d := cmp.Diff([]string{"PHASE_PAUSED " + whyPaused, "PHASE_RUNNING "}, w.notes(id)); d != "" {
			t.Error(d)
		}
	})
}

// Cancelling is one event, however long the list, and covers nobody who has a send.
func TestCancelIsOneEvent(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.large(50_000)
		st := w.shows(id, w.cancel(id))
		if st.GetPhase() != phaseCancelled || whyOf(st) != whyCancelled {
			t.Errorf("%s %q", st.GetPhase(), whyOf(st))
		}
		w.resume(id) // comes too late
		w.pause(id)
		w.finished(id)
		passes(time.Minute)
		c, x := w.counts(id), w.ranges(id)
		if c["sent"] == 0 || c["sent"]+c["cancelled"] != 50_000 || c["sent"] != w.once(id) || len(x) != 1 || x[0].GetTo() != 50_000 {
			t.Errorf("%v, %v", c, x)
		}
		if st := w.status(id); st.GetPhase() != phaseCancelled {
			t.Errorf("%s", st.GetPhase())
		}
		other := w.submit(event("100", phonesFrom(90_000, 1500)...)) // the pipe is free of it
		w.finished(other)
	})
}

// What has not begun yet is cancelled whole, whatever it waits for.
func TestCancelBeforeTheFirstTurn(t *testing.T) {
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
			inBubble(t, func(t *testing.T, w *world) {
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
					t.Errorf("%s, %d in the pipe, %v", st.GetPhase(), st.GetPipe(), w.counts(id))
				}
				passes(72 * time.Hour)
				if n := len(w.sends(id)); n > 0 {
					t.Errorf("%d sends", n)
				}
				if pos, end := w.position(slotOf("100")); pos.Offset != end {
					t.Errorf("the watermark is %d of %d", pos.Offset, end)
				}
			})
		})
	}
}

// A control may come before its task: it waits in the view.
func TestControlBeforeItsTask(t *testing.T) {
	for _, chosen := range []bool{false, true} {
		t.Run(fmt.Sprintf("chosen %t", chosen), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.run()
				paused, cancelled, slow := event("100", phonesFrom(0, 200)...), event("100", phonesFrom(200, 200)...), event("100", phonesFrom(400, 200)...)
				all := []*schemas.Broadcast{paused, cancelled, slow}
				for i, b := range all {
					if b.Chosen = chosen; chosen {
						with(b, schemas.TaskIDFromKey("caller", fmt.Sprint(i)))
					}
				}
				id := func(b *schemas.Broadcast) schemas.TaskID { return schemas.TaskID(b.GetTask()) }
				w.set(func() { w.stopAggregator = true }) // so a chosen id stays a claim
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
					t.Errorf("200 recipients at ten a second took %s", took)
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

// The turn under way ends before the rest is cancelled, and counts among what may still leave.
func TestCancelWhileATurnIsUnderWay(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stuck func(w *world)
		let   func(w *world)
	}{
		{"leased", func(w *world) { w.faults.refuse = 1 }, func(w *world) { w.faults.refuse = 0 }},
		{
			"on its way to the log",
			func(w *world) { w.stuck = map[stream.Topic]bool{schemas.TopicSendsBulk: true} },
			func(w *world) { w.stuck = nil },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.run()
				id := w.large(10_000)
				w.set(func() { tt.stuck(w) })
				passes(5 * time.Second)
				before := len(w.sends(id))
				w.cancel(id)
				passes(5 * time.Second)
				if x := w.ranges(id); len(x) > 0 {
					t.Errorf("cancelled before the turn has ended: %v", x)
				}
				w.set(func() { tt.let(w) })
				w.finished(id)
				after, c := len(w.sends(id)), w.counts(id)
				if turn := after - before; turn != 125 || c["sent"] != after || c["sent"]+c["cancelled"] != 10_000 {
					t.Errorf("%d dispatched after the cancel, %v", turn, c)
				}
				if pipe := w.status(id).GetPipe(); pipe < 125 {
					t.Errorf("the pipe is said to be %d, and a turn of 125 was on its way", pipe)
				}
			})
		})
	}
}

// A pause that meets the last turn, and every moment around it: the number that is said holds (the world checks it), and
// nobody is lost.
func TestControlsMeetTheLastTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
				t.Errorf("after %d ms: %v", 5*i, c)
			}
		}
	})
}

// What is dispatched whole can't be taken back: the Status says how many are still to come.
func TestControlsOfATaskThatIsDispatched(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.stopSenders = true
		w.run()
		paused, cancelled := w.submit(event("100", phonesFrom(0, 40)...)), w.submit(event("100", phonesFrom(40, 30)...))
		passes(5 * time.Second)
		a, b := w.shows(paused, w.pause(paused)), w.shows(cancelled, w.cancel(cancelled))
		if a.GetPipe() != 40 || a.GetPhase() != schemas.Phase_PHASE_NONE {
			t.Errorf("%d in the pipe, %s", a.GetPipe(), a.GetPhase())
		}
		if b.GetPipe() != 30 || b.GetPhase() != phaseCancelled {
			t.Errorf("%d in the pipe, %s", b.GetPipe(), b.GetPhase())
		}
		w.startSenders()
		w.finished(paused, cancelled)
		if a, b := w.counts(paused)["sent"], w.counts(cancelled)["sent"]; a != 40 || b != 30 {
			t.Errorf("%d and %d sent", a, b)
		}
	})
}

func TestSpeedFromNowOn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.large(20_000, func(b *schemas.Broadcast) { b.Speed = 900 })
		st := w.shows(id, w.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 20))
		if st.GetSpeed() != 20 || st.GetPhase() != schemas.Phase_PHASE_NONE {
			t.Errorf("%d a second, %s", st.GetSpeed(), st.GetPhase())
		}
		passes(5 * time.Second)
		before := len(w.sends(id))
		passes(time.Minute)
		if n := len(w.sends(id)) - before; n < 1100 || n > 1250 {
			t.Errorf("%d in a minute at 20 a second", n)
		}
		w.shows(id, w.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 0))
		began := time.Now()
		w.finished(id)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("18,000 as fast as the number goes took %s", took)
		}
	})
}

// A pause is no way to live longer.
func TestPauseDoesNotExtendLife(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 150)...)
		b.ExpireMs = time.Now().Add(time.Hour).UnixMilli()
		w.pause(schemas.TaskID(b.GetTask()))
		short, long := w.submit(b), w.large(3000)
		w.shows(long, w.pause(long))
		passes(2 * time.Hour)
		if d := cmp.Diff(map[string]int{"expired": 150}, w.counts(short)); d != "" || !status.Finished(w.status(short)) {
			t.Error(d)
		}
		passes(schemas.TaskLife)
		if c := w.counts(long); c["sent"] == 0 || c["sent"]+c["expired"] != 3000 || !status.Finished(w.status(long)) {
			t.Errorf("%v", c)
		}
		w.resume(long)
		passes(time.Hour)
		if n := w.once(long); n != w.counts(long)["sent"] {
			t.Errorf("%d dispatched", n)
		}
	})
}

func TestNoTurnBeforeTheControlsHaveCaughtUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.large(10_000)
		p.kill()
		passes(10 * time.Second)
		before := w.once(id)
		control := w.cancel(id)
		w.set(func() { w.behind = time.Minute })
		w.run()
		passes(30 * time.Second)
		if n := len(w.sends(id)); n > before {
			t.Errorf("%d sends before the controls were read", n-before)
		}
		passes(time.Minute)
		st := w.shows(id, control)
		w.finished(id)
		if c := w.counts(id); c["sent"]+c["cancelled"] != 10_000 || len(w.sends(id))-before > int(st.GetPipe()) || c["cancelled"] < 8000 {
			t.Errorf("%v, %d in the pipe, %d dispatched after the takeover", c, st.GetPipe(), len(w.sends(id))-before)
		}
	})
}

// Whatever the last owner got to say of a control, the next one puts it in force.
func TestTakeoverPutsControlsInForce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		for i := range 40 {
			id := w.large(5000)
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
			if c := w.counts(id); c["sent"]+c["cancelled"] != 5000 || cancels && w.status(id).GetPhase() != phaseCancelled {
				t.Errorf("after %d ms: %v, %s", 2*i, c, w.status(id).GetPhase())
			}
		}
	})
}

// An owner that was replaced and does not know it says nothing of a control: what it knows of the pipe is of yesterday.
func TestReplacedOwnerSaysNothingOfControls(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		zombie := w.run()
		id := w.large(10_000)
		w.set(func() {
			w.session++
			w.owner[slotOf("100")] = nil
		})
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

// Thousands of tasks that wait, scheduled or paused, take no memory and no room in the ledger, and hold nobody up.
func TestThousandsOfWaitingTasksCostNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
			id := w.large(3000, func(b *schemas.Broadcast) { b.Phones = phonesFrom(100_000+5000*i, 3000) })
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
			of := slotOf("100")
			pos, end := w.position(of)
			l, err := ledger.Decode(pos.Offset, pos.Metadata)
			if pos.Offset != end || len(l.Lines) > 0 || err != nil {
				t.Errorf("the watermark is %d of %d, the ledger has %d lines", pos.Offset, end, len(l.Lines))
			}
			for _, x := range p.slot(of).tasks {
				if x.Body != nil || x.Seen != nil || x.Slice != nil || x.SeenBytes > 0 {
					t.Fatalf("a task that waits holds its list: %v", x.ID)
				}
			}
			if n := metric(t, p.reg, "altavoz_fanout_tasks_paused"); n != 2005 {
				t.Errorf("%v tasks are paused", n)
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
		w.once(paused[0])
	})
}

// Nobody asks any more what was wanted of a task that is over.
func TestControlsOfAFinishedTaskAreTakenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.large(5000)
		w.shows(id, w.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 800))
		w.shows(id, w.cancel(id))
		w.finished(id)
		passes(time.Second)
		if _, ok := p.controls.Get(id); ok || len(w.takenBack) != 3 {
			t.Errorf("%v", w.takenBack)
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
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.large(20_000)
		say := func(phase schemas.Phase, why string) {
			at := time.Now().Add(time.Hour).UnixMilli() // by a clock that is ahead
			w.append(nil, schemas.EncodeResult(&schemas.Result{
				Task: id.Bytes(), AtMs: at, Event: &schemas.Result_Note{Note: &schemas.TaskUpdate{Phase: phase, Why: why}},
			}))
			passes(time.Second)
		}
		w.shows(id, w.pause(id))
		passes(time.Second)
		for _, phase := range []schemas.Phase{phaseWaiting, phaseRunning} {
			say(phase, "token")
			if st := w.status(id); st.GetPhase() != phasePaused || whyOf(st) != whyPaused {
				t.Errorf("%s %q", st.GetPhase(), whyOf(st))
			}
		}
		w.shows(id, w.resume(id))
		passes(100 * time.Millisecond)
		say(phaseWaiting, "token")
		if st := w.status(id); st.GetPhase() != phaseWaiting || whyOf(st) != "token" {
			t.Errorf("%s %q", st.GetPhase(), whyOf(st))
		}
		if st := w.shows(id, w.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, 100)); st.GetPhase() != phaseWaiting {
			t.Errorf("a speed made it %s", st.GetPhase())
		}
		w.cancel(id)
		w.finished(id)
	})
}

// A lease of an earlier owner is repeated though its task was paused, or cancelled, since: it may be in the pipe.
func TestLeaseOfACancelledTaskIsRepeatedFirst(t *testing.T) {
	for _, pauses := range []bool{false, true} {
		t.Run(fmt.Sprintf("paused %t", pauses), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				id := w.large(10_000)
				w.set(func() { w.stuck = map[stream.Topic]bool{schemas.TopicSendsBulk: true} })
				passes(5 * time.Second)
				before := w.once(id)
				if pauses {
					w.pause(id)
				} else {
					w.cancel(id)
				}
				passes(time.Second)
				p.kill()
				w.set(func() { w.stuck = nil })
				w.run()
				passes(time.Minute)
				if n := len(w.sends(id)); n != before+125 {
					t.Errorf("%d dispatched after the takeover", n-before)
				}
				if pauses {
					w.resume(id)
				}
				w.finished(id)
				if c := w.counts(id); c["sent"]+c["cancelled"] != 10_000 {
					t.Errorf("%v", c)
				}
			})
		})
	}
}

// The rest is cancelled after that was said: an owner that dies in between must not leave a task that ended as if by itself.
func TestRestIsCancelledOnceThatWasSaid(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 200)...)
		b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
		id := w.submit(b)
		passes(time.Second)
		w.set(func() { w.faults.refuse = 1 })
		w.cancel(id)
		passes(10 * time.Second)
		if x := w.ranges(id); len(x) > 0 || w.status(id).GetControls() > 0 {
			t.Errorf("%v, %v", x, w.status(id))
		}
		w.set(func() { w.faults.refuse, w.noNotes = 0, true })
		passes(10 * time.Second)
		if x := w.ranges(id); len(x) > 0 {
			t.Errorf("the note is not in the log, and %v", x)
		}
		w.set(func() { w.noNotes = false })
		w.finished(id)
		if st := w.status(id); st.GetPhase() != phaseCancelled || st.GetControls() == 0 {
			t.Errorf("%v", st)
		}
	})
}

// A phase that stands for good, which the last owner said and nobody has folded yet, hides the note that a new owner learns
// by. It says it again.
func TestLeaseIsLearntThoughAnEndWasSaid(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.large(10_000)
		w.set(func() { w.stuck = map[stream.Topic]bool{schemas.TopicSendsBulk: true} })
		passes(5 * time.Second)
		p.kill()
		w.set(func() { w.stuck, w.stopAggregator = nil, true })
		w.append(nil, schemas.EncodeResult(&schemas.Result{
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
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, 5000)...)))
		w.until("it is under way", patient, func() bool { return w.view[id].GetCursor() > 500 })
		p.controls.listen(id, schemas.Controls{Resumed: true, Next: 1000})
		passes(100 * time.Millisecond)
		p.controls.listen(id, schemas.Controls{Paused: true, Next: 2, Cuts: 1})
		w.until("it is paused", patient, func() bool { return w.view[id].GetPhase() == schemas.Phase_PHASE_PAUSED })
		p.controls.listen(id, schemas.Controls{Resumed: true, Next: 1000}) // onStatus late
		passes(time.Minute)
		if st := w.status(id); st.GetPhase() != schemas.Phase_PHASE_PAUSED || status.Finished(st) {
			t.Errorf("%s, finished %t", st.GetPhase(), status.Finished(st))
		}
		p.controls.listen(id, schemas.Controls{Resumed: true, Next: 3, Cuts: 1})
		w.finished(id)
	})
}
