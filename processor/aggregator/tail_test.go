package aggregator

import (
	"testing"
	"time"

	"altavoz/schemas"
)

// Each of these was found by the simulation, about once in three thousand histories.

// A foreign record says all that memory says, but an older record of our own lands after it: that one is the last, and
// the part is not stored.
func TestOwnRecordLandsAfterForeignOne(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(3), outcome(0, schemas.StateSent, "", ""))
		p.feedAll()
		settle(time.Second)
		p.HoldWrites()
		settle(2 * time.Second) // the checkpoint's record of one recipient is under way
		w.result(outcome(1, schemas.StateSent, "", ""))
		p.feedAll()
		settle(time.Second)
		w.append(schemas.EncodePage(0, &schemas.StatePage{Task: task1.Bytes(), Marks: []byte{124, 124, 0}}))
		settle(5 * time.Second)
		p.ReleaseWrites()
		settle(5 * time.Minute) // long enough to be unloaded
		w.result(outcome(1, schemas.StateSent, "", ""), outcome(2, schemas.StateSent, "", ""))
		p.feedAll()
		settle(5 * time.Second)
		w.checkView(t, true)
	})
}

// A foreign record reaches beyond the task's end, as one written before the plan was known does.
func TestForeignMarksBeyondTheEnd(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(1), outcome(0, schemas.StateSent, "", ""))
		p.feedAll()
		settle(5 * time.Second)
		w.append(schemas.EncodePage(0, &schemas.StatePage{Task: task1.Bytes(), Marks: []byte{124, 8, 0}}))
		settle(5 * time.Minute)
		w.result(outcome(0, schemas.StateRead, "", ""))
		p.feedAll()
		settle(5 * time.Second)
		w.checkView(t, true)
	})
}

// The status of the highest version is a zombie's and knows less of the task than one below it, whose results are
// committed: nobody will say them again.
func TestTakeoverFoldsEveryStatus(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		w.result(planOf(2), dispatched(2), noted(41, schemas.Phase_PHASE_WAITING, "Token vencido"))
		plan := planOf(2).GetPlan()
		for v, s := range []*schemas.Status{
			{Cursor: 2, StartedMs: 1500, Phase: schemas.Phase_PHASE_WAITING, Why: "Token vencido", PhaseMs: 41},
			{Cursor: 1, StartedMs: 1600, Phase: schemas.Phase_PHASE_RUNNING, PhaseMs: 31},
		} {
			s.Task, s.Version, s.Plan = task1.Bytes(), uint64(v+1), plan
			w.append(schemas.EncodeStatus(0, s))
		}
		w.setPosition(3, false)
		p := w.start(Config{})
		defer p.leave()
		settle(5 * time.Second)
		if s := w.status(task1); s.GetVersion() != 3 {
			t.Fatalf("not repaired: %v, want Version 3", s)
		}
		w.checkView(t, true)
	})
}
