package aggregator

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/schemas"
	"altavoz/stream"
)

// loseEvents has no event of the process written.
func loseEvents(p *process) {
	p.OnWrite(func(rec stream.Record) logtest.Fault { return logtest.Fault{Lose: rec.Topic == schemas.TopicEvents} })
}

var lifeOfTask1 = []string{"ACCEPTED", "STARTED", "PAUSED 1600", "RESUMED 1700", "FINISHED"}

func (w *world) runTask1() {
	w.result(planOf(2), dispatched(2), noted(1600, schemas.Phase_PHASE_PAUSED, ""), noted(1700, schemas.Phase_PHASE_RUNNING, ""))
	w.result(outcome(0, schemas.StateSent, "", ""), outcome(1, schemas.StateSent, "", ""))
}

func TestLifeOfATaskIsTold(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(Config{})
		defer p.leave()
		w.runTask1()
		p.feedAll()
		settle(time.Second)
		if got := w.told(task1); !slices.Equal(got, lifeOfTask1) {
			w.t.Errorf("told %q, want %q", got, lifeOfTask1)
		}
		w.result(received(9000, 0, uint32(schemas.StateDelivered))) // changes no number that was told
		p.feedAll()
		settle(5 * time.Minute)
		if got := w.told(task1); !slices.Equal(got, lifeOfTask1) {
			w.t.Errorf("told %q after a delivery, want %q", got, lifeOfTask1)
		}
		w.result(received(9000, 1, uint32(schemas.Undelivered(131049))))
		p.feedAll()
		settle(5 * time.Minute)
		if got := w.told(task1); len(got) != len(lifeOfTask1)+1 || got[len(lifeOfTask1)][:9] != "CORRECTED" {
			w.t.Errorf("told %q, want a correction at the end", got)
		}
	})
}

// What is committed was told: results are not passed over whose events are not written.
func TestCommitWaitsForEvents(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(Config{})
		defer func() { p.leave() }()
		loseEvents(p)
		w.runTask1()
		p.feedAll()
		settle(time.Minute)
		if at := w.position(results0); at > 0 {
			w.t.Errorf("committed %d while no event is written, want 0", at)
		}
		p.OnWrite(nil)
		settle(time.Minute)
		if at := w.position(results0); at != int64(w.size(results0)) {
			w.t.Errorf("committed %d once events are written, want %d", at, w.size(results0))
		}
	})
}

// A crash between the Status and the event that it has: the next owner of the partition tells it, though the task's state shows nothing new.
func TestEventsThatACrashLostAreToldAgain(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(Config{})
		loseEvents(p)
		w.runTask1()
		p.feedAll()
		settle(time.Minute)
		if st := w.status(task1); st.GetFinishedMs() == 0 || len(w.told(task1)) > 0 {
			w.t.Fatalf("the Status is %v, and told was %q; want a finished task of which nothing was told", st, w.told(task1))
		}
		p.crash()
		p = w.start(Config{})
		defer func() { p.leave() }()
		p.feedAll()
		settle(10 * time.Second)
		if got := w.told(task1); !slices.Equal(got, lifeOfTask1) {
			w.t.Errorf("told %q, want %q", got, lifeOfTask1)
		}
		before := w.size(events0)
		p.crash()
		p = w.start(Config{})
		settle(10 * time.Second)
		if n := w.size(events0) - before; n != 0 {
			w.t.Errorf("a takeover of a quiet partition told %d events again, want 0", n)
		}
	})
}

// A topic that nobody may write to, or that is not there, costs a bounded number of events in memory, and is said.
func TestSimulatedResultsAreNotFoldedWhileTooManyEventsWait(t *testing.T) {
	bubble(t, func(w *world) {
		var log bytes.Buffer
		p := w.start(Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		defer func() { p.leave() }()
		loseEvents(p)
		const tasks = 16_000 // of three events each
		for n := range tasks {
			w.result(of(taskNo(n), planOf(1)), of(taskNo(n), outcome(0, schemas.StateSent, "", "")))
		}
		p.feedAll()
		settle(time.Minute + time.Second)
		if n := p.metric("altavoz_tasks_held"); n == 0 || n > tasks*9/10 {
			w.t.Errorf("%v of %d tasks were folded while no event is written", n, tasks)
		}
		if n := strings.Count(log.String(), "events of tasks are not written"); n < 1 || n > 3 {
			w.t.Errorf("that events are not written was said %d times within a minute, want once", n)
		}
		p.OnWrite(nil)
		p.feedAll()
		settle(2 * time.Minute)
		p.feedAll()
		settle(2 * time.Minute)
		if at, n := w.position(results0), w.size(events0); at != int64(w.size(results0)) || n != 3*tasks {
			w.t.Errorf("committed %d of %d results, and told %d events once they are written; want all, and %d", at, w.size(results0), n, 3*tasks)
		}
	})
}
