package aggregator

import (
	"slices"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/schemas"
	"altavoz/stream"
)

// A crash after the event and before the Status that has it: the correction is told again, and whoever hears it twice can tell.
func TestACorrectionThatIsToldAgainIsTheSameEvent(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(Config{})
		defer func() { p.leave() }()
		w.runTask1()
		p.feedAll()
		settle(10 * time.Second)
		p.OnWrite(func(rec stream.Record) logtest.Fault { return logtest.Fault{Lose: rec.Topic == schemas.TopicStatuses} })
		w.result(received(9000, 1, uint32(schemas.Undelivered(131049))))
		p.feedAll()
		settle(10 * time.Second)
		settle(5 * time.Minute)
		once := w.size(events0)
		p.crash()
		p = w.start(Config{})
		p.feedAll()
		settle(5 * time.Minute)
		if n := w.size(events0) - once; n != 1 {
			w.t.Fatalf("the next owner told %d events, want the correction again", n)
		}
		if got := w.told(task1); len(got) != len(lifeOfTask1)+1 || !slices.Equal(got[:len(lifeOfTask1)], lifeOfTask1) {
			w.t.Errorf("told %q, want one correction", got)
		}
	})
}
