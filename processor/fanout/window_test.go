package fanout

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

// daily is a window that is open every day from one minute to another.
func daily(from, to uint32) *schemas.Window {
	return &schemas.Window{Timezone: "America/Bogota", Hours: []*schemas.Hours{{Days: 0b1111111, From: from, To: to}}}
}

// The bubble's clock begins at midnight UTC: 19:00 in Bogotá.
const evening = 19 * 60

func TestTaskWaitsForItsWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		b := event("100", phonesFrom(0, 3000)...)
		b.Window, b.Speed = daily(evening+10, evening+12), 20
		began := time.Now()
		id := w.submit(w.sliced(b))
		passes(5 * time.Minute)
		st := w.status(id)
		if want := fmt.Sprintf(whyClosed, "1999-12-31 19:10 (America/Bogota)"); st.GetPhase() != phaseWaiting || whyOf(st) != want {
			t.Errorf("%s %q, want %q", st.GetPhase(), whyOf(st), want)
		}
		if pos, end := w.position(slotOf("100")); pos.Offset != end {
			t.Errorf("the watermark waits at %d of %d for what is closed", pos.Offset, end)
		}
		p.kill()
		p = w.run()
		w.until("it is under way", 10*time.Minute, func() bool { return w.cursors[id] > 0 })
		if opened := time.Since(began); opened < 10*time.Minute || opened > 10*time.Minute+time.Second {
			t.Errorf("the first turn after %s", opened)
		}
		passes(time.Hour)
		if n := w.once(id); n < 2300 || n > 2450 {
			t.Errorf("%d dispatched in two minutes at 20 a second", n)
		}
		p.kill()
		w.run()
		passes(24 * time.Hour)
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 3000}, w.counts(id)); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{
			"PHASE_WAITING " + fmt.Sprintf(whyClosed, "1999-12-31 19:10 (America/Bogota)"), "PHASE_RUNNING ",
			"PHASE_WAITING " + fmt.Sprintf(whyClosed, "2000-01-01 19:10 (America/Bogota)"), "PHASE_RUNNING ",
		}, w.notes(id)); d != "" {
			t.Error(d)
		}
		plan := w.status(id).GetPlan()
		if plan.GetWindow().GetTimezone() != "America/Bogota" || plan.GetSpeed() != 20 {
			t.Errorf("%v", plan)
		}
		for _, s := range w.sends(id) {
			if s[0].GetWindow().GetHours()[0].GetFrom() != evening+10 {
				t.Fatalf("%v", s[0])
			}
		}
	})
}

// A window that closes is told although the pipe is full of what nobody may send now.
func TestClosedWindowIsToldWithAFullPipe(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 60_000)...)
		b.Window = daily(evening, evening+1)
		id := w.submit(w.sliced(b))
		passes(time.Second)
		w.set(func() { w.stopSenders = true })
		passes(2 * time.Minute)
		if st := w.status(id); st.GetPhase() != phaseWaiting || whyOf(st) != fmt.Sprintf(whyClosed, "2000-01-01 19:00 (America/Bogota)") {
			t.Errorf("%s %q", st.GetPhase(), whyOf(st))
		}
		w.startSenders()
		passes(24 * time.Hour)
		w.finished(id)
	})
}

func TestScheduleThenWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 150)...)
		b.Window, b.ScheduleMs = daily(evening+60, evening+120), time.Now().Add(30*time.Minute).UnixMilli()
		id := w.submit(b)
		passes(2 * time.Hour)
		w.finished(id)
		if d := cmp.Diff([]string{
			"PHASE_WAITING " + fmt.Sprintf(whyScheduled, "1999-12-31 19:30 (America/Bogota)"),
			"PHASE_WAITING " + fmt.Sprintf(whyClosed, "1999-12-31 20:00 (America/Bogota)"), "PHASE_RUNNING ",
		}, w.notes(id)); d != "" {
			t.Error(d)
		}
	})
}

// Who may not be sent to before the end expires.
func TestWindowThatDoesNotOpenInTime(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 150)...)
		b.Window, b.ExpireMs = daily(evening+60, evening+120), time.Now().Add(30*time.Minute).UnixMilli()
		id := w.submit(b)
		passes(29 * time.Minute)
		if status.Finished(w.status(id)) {
			t.Error("it is over early")
		}
		w.finished(id)
		if d := cmp.Diff(map[string]int{"expired": 150}, w.counts(id)); d != "" {
			t.Error(d)
		}
	})
}

func TestNoWindowIsRejected(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		for _, window := range []*schemas.Window{daily(20, 10), {Timezone: "Mars/Olympus", Hours: daily(0, 10).GetHours()}} {
			b := event("100", "573001234567")
			b.Window = window
			id := w.submit(b)
			w.finished(id)
			if w.why(id) != spanish(es.WindowNotValid) {
				t.Errorf("%q", w.why(id))
			}
		}
		if n := len(w.records(schemas.TopicRejects)); n != 2 {
			t.Errorf("%d rejects", n)
		}
	})
}

// A task from before Plans had windows and speeds finds them in its broadcast.
func TestParkedTaskOfAnOlderPlanKeepsItsWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		b := event("100", phonesFrom(0, 150)...)
		b.Window, b.Speed, b.ScheduleMs = daily(evening+60, evening+120), 50, time.Now().Add(30*time.Minute).UnixMilli()
		id := w.submit(b)
		w.set(func() { w.tasks[id].plan.Window, w.tasks[id].plan.Speed = nil, 0 })
		passes(time.Minute)
		p.kill()
		w.run()
		passes(45 * time.Minute)
		if n := len(w.sends(id)); n > 0 {
			t.Errorf("%d sends outside the window", n)
		}
		passes(14*time.Minute + time.Second)
		if n := len(w.sends(id)); n == 0 || n > 110 {
			t.Errorf("%d sends in a second at 50 a second", n)
		}
		w.finished(id)
	})
}
