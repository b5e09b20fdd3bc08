package aggregator

import (
	"testing"
	"testing/synctest"
	"time"

	"altavoz/schemas"
)

// The last offsets of a partition of results hold no record that a reader gets: a batch that can't be unpacked and is passed
// over, or the marker of a foreign transaction. Statuses come all the same.
func TestTakeoverOfALogThatEndsWithoutARecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := schemas.NewTaskID()
		of := func(r *schemas.Result) *schemas.Result { r.Task = id.Bytes(); return r }
		w.result(of(planOf(3)))
		for i := range uint32(3) {
			w.result(of(outcome(i, schemas.StateSent, "", "")))
		}
		w.Skip(results0, 1) // offset 4
		p := w.start(Config{})
		defer p.end()
		p.feed(4)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if s := w.status(id); s.GetFinishedMs() == 0 {
			t.Errorf("half an hour after everything was folded the status is %v: nobody hears of it until something else is written to the partition, want FinishedMs other than 0", s)
		}
	})
}
