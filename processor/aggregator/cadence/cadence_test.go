package cadence

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever changes whenever: each change is in a status a second and a tick later at most, one that is not of few outcomes 150 ms and a tick, what
// hurries at once; and nothing is written more often than that.
func TestEveryChangeIsWrittenInTime(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		now := time.Unix(1_800_000_000, 0)
		type task struct {
			Task
			decided             uint32
			changedAt, promptAt time.Time
			written             time.Time
		}
		var q Queue[*task]
		tasks := make([]task, 1+rng.IntN(20))
		for step := range 2000 {
			for range rng.IntN(4) {
				e := &tasks[rng.IntN(len(tasks))]
				if e.changedAt.IsZero() {
					e.changedAt = now
				}
				hurried := false
				switch rng.IntN(20) {
				case 0:
					e.Prompt()
				case 1:
					e.Hurry()
					hurried = true
				default:
					e.decided += uint32(rng.IntN(10))
					e.Decided(e.decided)
				}
				if e.prompt && e.promptAt.IsZero() {
					e.promptAt = now
				}
				q.Add(e, &e.Task, now)
				if hurried && q.Next().After(now) {
					t.Fatalf("seed %d, step %d: what hurries waits", seed, step)
				}
			}
			for _, e := range q.Due(now) {
				if e.changedAt.IsZero() {
					t.Fatalf("seed %d, step %d: written twice", seed, step)
				}
				least := quietEvery
				if e.prompt {
					least = busyEvery
				}
				if !e.urgent && now.Sub(e.written) < least {
					t.Fatalf("seed %d, step %d: written %v after the last one", seed, step, now.Sub(e.written))
				}
				e.Written(now, e.decided)
				e.written, e.changedAt, e.promptAt = now, time.Time{}, time.Time{}
			}
			for i := range tasks {
				e := &tasks[i]
				if !e.changedAt.IsZero() && now.Sub(e.changedAt) > quietEvery+busyEvery || !e.promptAt.IsZero() && now.Sub(e.promptAt) > 2*busyEvery {
					t.Fatalf("seed %d, step %d: changed for %v", seed, step, now.Sub(e.changedAt))
				}
				if e.Waits() != !e.changedAt.IsZero() {
					t.Fatalf("seed %d, step %d: waits %v, changed at %v", seed, step, e.Waits(), e.changedAt)
				}
			}
			next := now.Add(time.Duration(rng.IntN(30)) * time.Millisecond)
			if at := q.Next(); !at.IsZero() && at.Before(next) {
				next = at
			}
			now = next
		}
	}
}

// What a checkpoint has written meanwhile waits until it is due, and is not looked at all the time.
func TestWhatWasWrittenElsewhereIsSeldomLookedAt(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	var q Queue[int]
	tasks := make([]Task, 3*maxBatch)
	for i := range tasks {
		q.Add(i, &tasks[i], now)
	}
	written := len(q.Due(now))
	for i := range tasks {
		tasks[i].Written(now, 1)
	}
	const most = 50
	for looks := 0; !q.Next().IsZero(); looks++ {
		if looks == most {
			t.Fatalf("%d looks, and %d of %d are written", looks, written, len(tasks))
		}
		if now = now.Add(20 * time.Microsecond); q.Next().After(now) {
			now = q.Next()
		}
		written += len(q.Due(now))
	}
	if written != len(tasks) {
		t.Errorf("%d written, want %d", written, len(tasks))
	}
}

// A list is written in batches, and none of it is left behind.
func TestManyAreWrittenInBatches(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	var q Queue[int]
	tasks := make([]Task, 2*maxBatch+1)
	for i := range tasks {
		q.Add(i, &tasks[i], now)
	}
	for _, want := range []int{maxBatch, maxBatch, 1, 0} {
		if got := len(q.Due(now)); got != want {
			t.Errorf("%d at once, want %d", got, want)
		}
	}
	if at := q.Next(); !at.IsZero() {
		t.Errorf("empty, and due at %v", at)
	}
}
