package fanout

import (
	"fmt"
	"testing"
	"time"

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
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		b := event("100", phonesFrom(0, 3000)...)
		b.Window, b.Speed = daily(evening+10, evening+12), 20
		began := time.Now()
		id := w.submit(w.sliced(b))
		passes(5 * time.Minute)
		w.in(id, phaseWaiting, fmt.Sprintf(whyClosed, "1999-12-31 19:10 (America/Bogota)"))
		w.allCommitted("100") // it does not wait for what is closed
		p.kill()
		p = w.run()
		w.until("it is under way", 10*time.Minute, func() bool { return w.cursors[id] > 0 })
		if opened := time.Since(began); opened < 10*time.Minute || opened > 10*time.Minute+time.Second {
			t.Errorf("the first quantum after %s, want 10 minutes", opened)
		}
		passes(time.Hour)
		if n := w.once(id); n < 2300 || n > 2450 {
			t.Errorf("%d dispatched in two minutes at 20 a second, want some 2400", n)
		}
		p.kill()
		w.run()
		passes(24 * time.Hour)
		w.finished(id)
		w.expect(id, counts{"sent": 3000})
		w.told(id,
			"PHASE_WAITING "+fmt.Sprintf(whyClosed, "1999-12-31 19:10 (America/Bogota)"), "PHASE_RUNNING ",
			"PHASE_WAITING "+fmt.Sprintf(whyClosed, "2000-01-01 19:10 (America/Bogota)"), "PHASE_RUNNING ",
		)
		plan := w.status(id).GetPlan()
		if plan.GetWindow().GetTimezone() != "America/Bogota" || plan.GetSpeed() != 20 {
			t.Errorf("%v, want its window and speed", plan)
		}
		for _, s := range w.sends(id) {
			if s[0].GetWindow().GetHours()[0].GetFrom() != evening+10 {
				t.Fatalf("%v", s[0])
			}
		}
	})
}

// A window that closes is told although all that may be in flight is what nobody may send now.
func TestSimulatedWindowClosesWhileAllIsInFlight(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 60_000)...)
		b.Window = daily(evening, evening+1)
		id := w.submit(w.sliced(b))
		passes(time.Second)
		w.lock(func() { w.stopSenders = true })
		passes(2 * time.Minute)
		w.in(id, phaseWaiting, fmt.Sprintf(whyClosed, "2000-01-01 19:00 (America/Bogota)"))
		w.startSenders()
		passes(24 * time.Hour)
		w.finished(id)
	})
}

func TestScheduledTaskThenWaitsForItsWindow(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 150)...)
		b.Window, b.ScheduleMs = daily(evening+60, evening+120), time.Now().Add(30*time.Minute).UnixMilli()
		id := w.submit(b)
		passes(2 * time.Hour)
		w.finished(id)
		w.told(id,
			"PHASE_WAITING "+fmt.Sprintf(whyScheduled, "1999-12-31 19:30 (America/Bogota)"),
			"PHASE_WAITING "+fmt.Sprintf(whyClosed, "1999-12-31 20:00 (America/Bogota)"), "PHASE_RUNNING ",
		)
	})
}

// Who may not be sent to before the end expires.
func TestRecipientsWhoseWindowDoesNotOpenInTimeExpire(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 150)...)
		b.Window, b.ExpireMs = daily(evening+60, evening+120), time.Now().Add(30*time.Minute).UnixMilli()
		id := w.submit(b)
		passes(29 * time.Minute)
		if status.Finished(w.status(id)) {
			t.Error("it is over early")
		}
		w.finished(id)
		w.expect(id, counts{"expired": 150})
	})
}

func TestBroadcastWithoutAValidWindowIsRejected(t *testing.T) {
	for name, window := range map[string]*schemas.Window{
		"it ends before it begins": daily(20, 10), "no time zone": {Timezone: "Mars/Olympus", Hours: daily(0, 10).GetHours()},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(_ *testing.T, w *world) {
				w.run()
				b := event("100", "573001234567")
				b.Window = window
				id := w.submit(b)
				w.finished(id)
				w.failedWith(id, spanish(es.WindowNotValid))
				w.rejects(codeInvalid)
			})
		})
	}
}

// A task from before TaskOpened had windows and speeds finds them in its broadcast.
func TestParkedTaskOfAnOlderTaskOpenedKeepsItsWindow(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		b := event("100", phonesFrom(0, 150)...)
		b.Window, b.Speed, b.ScheduleMs = daily(evening+60, evening+120), 50, time.Now().Add(30*time.Minute).UnixMilli()
		id := w.submit(b)
		w.lock(func() { w.tasks[id].opened.Window, w.tasks[id].opened.Speed = nil, 0 })
		passes(time.Minute)
		p.kill()
		w.run()
		passes(45 * time.Minute)
		if n := len(w.sends(id)); n > 0 {
			t.Errorf("%d sends outside the window", n)
		}
		passes(14*time.Minute + time.Second)
		if n := len(w.sends(id)); n == 0 || n > 110 {
			t.Errorf("%d sends in a second at 50 a second, want 1 to 110", n)
		}
		w.finished(id)
	})
}
