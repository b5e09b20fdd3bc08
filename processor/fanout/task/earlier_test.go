package task_test

import (
	"testing"
	"time"

	"altavoz/processor/fanout/canary"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// taskOf is an open task that an earlier owner left with a Status.
func taskOf(st *schemas.Status, total uint32) *task.Task {
	t := &task.Task{Status: st}
	t.Total, t.Cursor = total, 100
	t.BecomeOpen()
	t.Deadline = time.Unix(1e9, 0)
	return t
}

// What a version before reasons had decided, and said in words only, is still decided after a takeover, and nothing is said again.
func TestTakeoverOfATaskOfAnEarlierVersionKeepsWhatWasDecided(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC) // a Monday, 07:00 in Bogotá
	for name, c := range map[string]struct {
		phase  schemas.Phase
		why    string
		change func(*task.Task)
		at     time.Time
		want   schemas.Reason
		held   bool
	}{
		"paused by request": {schemas.Phase_PHASE_PAUSED, "En pausa por solicitud", func(x *task.Task) { x.Controls.Paused = true }, now, schemas.Reason_REASON_PAUSED, true},
		"paused by its first recipients": {
			schemas.Phase_PHASE_PAUSED, "En pausa: los primeros mensajes no se entregan: (131047) Pasaron más de 24 horas desde la última respuesta del destinatario",
			nil, now, schemas.Reason_REASON_CANARY, true,
		},
		"scheduled": {
			schemas.Phase_PHASE_WAITING, "Programado para 2026-03-02 13:00 (UTC)", func(x *task.Task) { x.Schedule = now.Add(time.Hour).UnixMilli() }, now, schemas.Reason_REASON_SCHEDULED, true,
		},
		"outside its window": {
			schemas.Phase_PHASE_WAITING, "Fuera del horario de envío; abre 2026-03-02 07:00 (America/Bogota)", func(x *task.Task) { x.Window = schemas.Preset(schemas.PresetLey2300) },
			now.Add(-time.Hour), schemas.Reason_REASON_WINDOW, true,
		},
		"its file is not ready": {
			schemas.Phase_PHASE_WAITING, "Esperando a que se pueda preparar el archivo del encabezado", nil, now, schemas.Reason_REASON_MEDIA_PENDING, false,
		},
		"cancelled": {schemas.Phase_PHASE_CANCELLED, "Cancelado por solicitud", nil, now, schemas.Reason_REASON_CANCELLED, true},
		"stopped":   {schemas.Phase_PHASE_STOPPED, "(131009) Valor de parámetro inválido", nil, now, schemas.Reason_REASON_REFUSED, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := taskOf(&schemas.Status{Phase: c.phase, Why: c.why, PhaseMs: 7, Cursor: 100}, 5000)
			x.Deadline = c.at.Add(24 * time.Hour)
			if c.change != nil {
				c.change(x)
			}
			x.Restore()
			if did, _ := x.Evaluate(c.at, task.Inputs{}); did != canary.Go || x.Blocked.Why.Reason() != c.want || x.Blocked.Phase != c.phase || x.Blocked.Held != c.held {
				t.Errorf("%v, blocked by %s in %s, held %v; want %s", did, x.Blocked.Why.Reason(), x.Blocked.Phase, x.Blocked.Held, c.want)
			}
			if p := x.Publish(c.at, 0); p != nil {
				t.Errorf("it is said again: %v", p.Update)
			}
			if c.phase == schemas.Phase_PHASE_STOPPED && x.Cancelled() != c.why {
				t.Errorf("the rest is cancelled for %q", x.Cancelled())
			}
		})
	}
}

// Senders have a task wait for its window when all of it is dispatched: that is theirs to say and to take back, and the fanout says nothing
// over it. Before there were reasons both used the same words.
func TestASendersWindowIsNotTheFanouts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 2, 11, 0, 0, 0, time.UTC)
	cause := schemas.Until(schemas.Reason_REASON_WINDOW_IN_FLIGHT, now.Add(time.Hour), "America/Bogota").Cause()
	x := taskOf(&schemas.Status{Phase: schemas.Phase_PHASE_RUNNING, PhaseMs: 7, Cursor: 100}, 100)
	x.Restore()
	x.BecomeClosing()
	x.BecomeClosed()
	x.Status = &schemas.Status{Phase: schemas.Phase_PHASE_WAITING, Cause: cause, PhaseMs: 8, Cursor: 100}
	x.Adopt()
	x.Evaluate(now, task.Inputs{})
	if p := x.Publish(now, 0); p != nil {
		t.Errorf("the fanout said over it: %v", p.Update)
	}
}
