package schedule

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
)

// publisher is a stage of which nothing is wanted but that it counts what tasks publish.
type publisher struct {
	Host
	phases map[schemas.Phase]int
}

func (p publisher) Publish(_ schemas.TaskID, u *schemas.TaskUpdate, _ time.Time) {
	p.phases[u.GetPhase()]++
}

// newScheduler returns one whose numbers are all configured alike.
func newScheduler(maxInFlight int, number NumberConfig, host Host) *Scheduler {
	return New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), MaxInFlight: maxInFlight,
		Number: func(string) (NumberConfig, bool) { return number, true },
	}, Ports{Host: host})
}

// TestTasksWithoutSendsAreForgotten: the last ones are kept for sends that may come, and their number knows of none of them but those that
// have to publish yet that they go on.
func TestTasksWithoutSendsAreForgotten(t *testing.T) {
	t.Parallel()
	const forgotten, told = 500, 3
	now, published := time.Unix(1_700_000_000, 0), publisher{phases: make(map[schemas.Phase]int)}
	s := newScheduler(8, NumberConfig{}, published)
	for i := range MaxIdleTasks + forgotten {
		e := new(Send)
		s.Attach(e, schemas.NewTaskID(), &schemas.Send{Sender: "1"}, now)
		if i >= MaxIdleTasks+forgotten-told {
			e.Task.announced.WaitsFor(&schemas.Cause{}, now)
		}
		s.detach(e)
	}
	if held, idle := len(s.tasks), s.idle.Len(); held != MaxIdleTasks || idle != held {
		t.Errorf("%d tasks are kept, %d of them idle, want %d", held, idle, MaxIdleTasks)
	}
	n := s.numbers.byID["1"]
	if got := len(n.tasks); got != told {
		t.Errorf("the number has %d tasks, want the %d that publish that they go on", got, told)
	}
	s.announceAll(n, now)
	if got := len(n.tasks); got != 0 || published.phases[schemas.Phase_PHASE_RUNNING] != told {
		t.Errorf("the number has %d tasks after %v were published, want none after %d that go on", got, published.phases, told)
	}
}
