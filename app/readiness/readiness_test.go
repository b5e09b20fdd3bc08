package readiness

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// kafka is one that is away since a moment, or takes nothing since then.
type kafka struct {
	silent       bool
	answered, no time.Time
}

func (k *kafka) Silent() bool        { return k.silent }
func (k *kafka) Answered() time.Time { return k.answered }
func (k *kafka) Failing() time.Time  { return k.no }
func (k *kafka) Refused() string     { return "" }

func TestReadyUntilARequiredCheckFailsForLongerThanItsGrace(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*kafka){
		"kafka":  func(k *kafka) { k.silent = true },
		"writes": func(k *kafka) { k.no = time.Now() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				k := &kafka{answered: began}
				p := &Process{
					Started: true, Producer: true, Kafka: k, Tasks: func() error { return nil },
					Redis: func() (bool, time.Time) { return false, began.Add(-time.Hour) },
				}
				r := p.Report()
				if !r.Ready() || r.Status != "ready" || !r.Checks[name].OK || r.Checks["redis"].OK || r.Checks["redis"].Required {
					t.Errorf("got %+v, want Status %q", r, "ready")
				}
				away(k)
				time.Sleep(Grace - time.Millisecond)
				if r := p.Report(); !r.Ready() || r.Checks[name].OK || r.Checks[name].Why == "" {
					t.Errorf("within the grace: %+v", r)
				}
				time.Sleep(time.Millisecond)
				r = p.Report()
				if r.Ready() || r.Status != "unavailable" || !strings.HasPrefix(r.Hint, name+": ") || r.Checks[name].Seconds != Grace.Seconds() {
					t.Errorf("after the grace: %+v, want Status %q", r, "unavailable")
				}
			})
		})
	}
}

func TestNotReadyBeforeItIsStartedAndKnowsAllTasks(t *testing.T) {
	t.Parallel()
	k := &kafka{answered: time.Now()}
	for want, p := range map[string]*Process{
		"started": {Kafka: k}, "tasks": {Kafka: k, Started: true, Tasks: func() error { return errors.New("reading") }},
	} {
		if r := p.Report(); r.Ready() || !strings.HasPrefix(r.Hint, want) {
			t.Errorf("got %+[2]v, want not ready with a hint that begins with %[1]q", want, r)
		}
	}
	if r := (&Process{Kafka: &kafka{answered: time.Now(), no: time.Now().Add(-time.Hour)}, Started: true}).Report(); !r.Ready() {
		t.Errorf("writes are the producer's: %+v", r)
	}
}

func TestProbeWritesOnlyWhileWritesFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var failing atomic.Bool
		var writes atomic.Int32
		go Probe(ctx, failing.Load, func() { failing.Store(writes.Add(1) < 3) })
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := writes.Load(); n != 0 {
			t.Errorf("%d writes although none failed, want 0", n)
		}
		failing.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := writes.Load(); n != 3 {
			t.Errorf("%d writes until one was taken, not 3", n)
		}
	})
}
