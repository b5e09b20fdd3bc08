package aggregator

import (
	"testing"
	"testing/synctest"
	"time"

	"altavoz/schemas"
)

// A log of results that lost its end, and positions that are gone or foreign: results that were not folded are, whatever was said
// of their offsets, and those that were change nothing.
func TestResultsAtTheOffsetsOfLostOnesAreFolded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cut, more int
		move      func(w *world)
		alarms    float64
	}{
		"nothing is wrong":                  {cut: 4, more: 2},
		"it ends below what was folded":     {cut: 3, more: 0, alarms: 1},
		"it has grown to where it was":      {cut: 3, more: 1, alarms: 1},
		"it has grown beyond":               {cut: 2, more: 9, alarms: 1},
		"everything is lost":                {cut: 0, more: 0, alarms: 1},
		"the position is gone":              {cut: 4, more: 2, alarms: 1, move: func(w *world) { delete(w.Positions, results0) }},
		"somebody has set it back":          {cut: 4, more: 2, alarms: 1, move: func(w *world) { w.setPosition(1, true) }},
		"somebody has set it far beyond":    {cut: 4, more: 2, alarms: 1, move: func(w *world) { w.setPosition(1000, true) }},
		"it is of the version before (a5d)": {cut: 4, more: 2, move: func(w *world) { w.setPosition(4, false) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				id, other := schemas.NewTaskID(), schemas.NewTaskID()
				of := func(id schemas.TaskID, r *schemas.Result) *schemas.Result { r.Task = id.Bytes(); return r }
				w.result(of(id, planOf(3)))
				for i := range uint32(3) {
					w.result(of(id, outcome(i, schemas.StateSent, "", "")))
				}
				p := w.start(Config{})
				p.feed(4)
				time.Sleep(time.Minute)
				synctest.Wait()
				p.end()
				w.Lock()
				if n := w.Positions[results0].Offset; n != 4 {
					t.Errorf("%d of 4 are committed, want 4", n)
				}
				w.Log(results0).Records = w.Log(results0).Records[:c.cut]
				if c.move != nil {
					c.move(w)
				}
				w.Unlock()
				if c.more > 0 {
					w.result(of(other, planOf(uint32(c.more))))
				}
				for i := range uint32(c.more) {
					w.result(of(other, outcome(i, schemas.StateSent, "", "")))
				}
				q := w.start(Config{})
				defer q.end()
				for q.feed(100) > 0 {
					synctest.Wait()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := q.metric("altavoz_ledger_disagreements_total"); got != c.alarms {
					t.Errorf("%v disagreements, not %v", got, c.alarms)
				}
				for id, want := range map[schemas.TaskID]int{id: 3, other: c.more} {
					if s := w.status(id); want > 0 && (s.GetFinishedMs() == 0 || decided(s) != want) {
						t.Errorf("the status of one to %d is %v", want, s)
					}
				}
			})
		})
	}
}

func decided(s *schemas.Status) (n int) {
	for _, c := range s.GetCounts() {
		if schemas.RecipientState(c.GetMark()).Decided() {
			n += int(c.GetCount())
		}
	}
	return n
}
