package partition_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/testio"
	"altavoz/processor/partition"
	"altavoz/stream"
)

const maxWaiting, maxPoll = 40, 30 // records

// copier is a stage that writes every record of a partition to a log, and commits up to where all of them are acknowledged.
type copier struct {
	*partition.Engine
	w *simWorld

	next, committed int64          // to be taken; as of the last commit that was made
	done            map[int64]bool // acknowledged, above mark
	mark            int64          // all below are acknowledged
	committing      bool           // a commit was asked for and not answered
	refused, ended  bool
}

func (c *copier) Step(now time.Time) time.Time {
	c.alive()
	if !c.Draining() {
		for _, rec := range c.Take(1 + c.w.rng.IntN(20)) {
			if rec.Offset != c.next {
				c.w.t.Errorf("took record %d, not %d", rec.Offset, c.next)
			}
			c.next++
			c.Write(&partition.Write{To: c.w, Records: []stream.Record{rec}, Done: func(stream.Record) { c.acked(rec.Offset) }})
		}
	}
	if c.mark > c.committed && !c.committing && (!c.Draining() || !c.refused) {
		c.committing = true
		c.w.set.Commit(c, stream.Position{Partition: c.Partition(), Offset: c.mark})
	}
	return now.Add(time.Second)
}

func (c *copier) acked(offset int64) {
	c.alive()
	c.done[offset] = true
	for c.done[c.mark] {
		delete(c.done, c.mark)
		c.mark++
	}
}

func (c *copier) OnCommitted(r partition.CommitResult) {
	c.alive()
	c.committing, c.refused = false, r.Refused != nil || r.Unknown != nil
	if !c.refused {
		c.committed = r.Position.Offset
	}
}

func (c *copier) Drained() bool {
	return c.InFlight() == 0 && !c.committing && (c.refused || c.committed == c.mark)
}

func (c *copier) Close() { c.ended = true }

func (c *copier) alive() {
	if c.ended {
		c.w.t.Error("called after its end")
	}
}

// simWorld is one partition, the log that its records are copied to, its group's offset, and faults from a seed.
type simWorld struct {
	t   *testing.T
	rng *lockedRand
	set *partition.Assignments[*copier]

	mu        sync.Mutex
	healthy   bool
	owner     *copier // nil: given up
	committed int64
	written   map[int64]bool
	paused    bool
}

type lockedRand struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (l *lockedRand) IntN(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.IntN(n)
}

func (w *simWorld) Pause(...stream.TopicPartition)  { w.setPaused(true) }
func (w *simWorld) Resume(...stream.TopicPartition) { w.setPaused(false) }

func (w *simWorld) setPaused(to bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = to
}

func (w *simWorld) faulty(one int) bool {
	w.mu.Lock()
	healthy := w.healthy
	w.mu.Unlock()
	return !healthy && w.rng.IntN(one) == 0
}

// Append answers after a while; one in four fails, and half of these are in the log all the same.
func (w *simWorld) Append(rec stream.Record, done func(stream.Record, error)) {
	time.AfterFunc(time.Duration(w.rng.IntN(300))*time.Millisecond, func() {
		failed := w.faulty(4)
		if !failed || w.rng.IntN(2) == 0 {
			w.mu.Lock()
			w.written[rec.Offset] = true
			w.mu.Unlock()
		}
		if failed {
			done(rec, errWrite)
			return
		}
		done(rec, nil)
	})
}

func (w *simWorld) Generation() stream.Generation { return stream.Generation{} }

// Commit takes a while; one in four is refused, and of one in eight nobody knows. The broker would take it of anybody.
func (w *simWorld) Commit(_ context.Context, _ stream.Generation, ps []stream.Position) (map[stream.TopicPartition]error, error) {
	w.check(ps[0])
	time.Sleep(time.Duration(w.rng.IntN(2000)) * time.Millisecond)
	w.check(ps[0])
	refused, unknown := w.faulty(4), w.faulty(8)
	if refused {
		return map[stream.TopicPartition]error{ps[0].Partition: errWrite}, nil
	}
	if !unknown || w.rng.IntN(2) == 0 {
		w.mu.Lock()
		w.committed = ps[0].Offset
		w.mu.Unlock()
	}
	if unknown {
		return nil, errWrite
	}
	return nil, nil //nolint:nilnil // nothing refused and no error
}

// check holds a position against what must be true of it.
func (w *simWorld) check(pos stream.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owner == nil {
		w.t.Errorf("position %d is committed of a partition that was given up", pos.Offset)
	}
	if pos.Offset < w.committed {
		w.t.Errorf("position %d is committed after %d", pos.Offset, w.committed)
	}
	for offset := w.committed; offset < pos.Offset; offset++ {
		if !w.written[offset] {
			w.t.Errorf("position %d is committed, and record %d is not in the log", pos.Offset, offset)
		}
	}
}

// assign makes the next owner, which reads from the committed offset on.
func (w *simWorld) assign() (c *copier, from int64) {
	w.mu.Lock()
	from = w.committed
	w.mu.Unlock()
	c = &copier{w: w, next: from, mark: from, committed: from, done: make(map[int64]bool), Engine: partition.NewEngine(at(0), partition.Config{
		Logger: slog.New(slog.DiscardHandler), Pauser: w, MaxRecords: maxWaiting, MaxBytes: 1 << 20,
	})}
	w.set.Put(at(0), c)
	w.mu.Lock()
	w.owner = c
	w.mu.Unlock()
	c.Start(c)
	return c, from
}

// own is one assignment: records come, as long as fetching is not paused, until the partition is revoked or lost.
func (w *simWorld) own(records int64, last time.Duration) (committed int64) {
	c, fetched := w.assign()
	for end := time.Now().Add(last); time.Now().Before(end); time.Sleep(time.Duration(1+w.rng.IntN(200)) * time.Millisecond) {
		w.mu.Lock()
		paused := w.paused
		w.mu.Unlock()
		if n := min(records-fetched, int64(w.rng.IntN(maxPoll))); !paused && n > 0 {
			recs := make([]stream.Record, n)
			for i := range recs {
				recs[i].Offset = fetched
				fetched++
			}
			w.set.Process(at(0), recs)
		}
		if most := maxWaiting + maxPoll; c.Waiting() > most {
			w.t.Errorf("%d records wait, more than %d", c.Waiting(), most)
		}
	}
	began, bound := time.Now(), time.Duration(w.rng.IntN(4000))*time.Millisecond
	if w.rng.IntN(3) == 0 {
		bound = 0
		w.set.OnLost([]stream.TopicPartition{at(0)})
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		w.set.OnRevoked(ctx, []stream.TopicPartition{at(0)})
		cancel()
	}
	const commit = 2 * time.Second // that is waited for
	if took := time.Since(began); took > bound+commit {
		w.t.Errorf("giving it up took %s, more than %s and a commit", took, bound)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owner = nil
	if w.paused {
		w.t.Error("it was given up, and its fetching stays paused")
	}
	return w.committed
}

// Whatever fails, and whenever a partition is revoked or lost: what is committed is in the log, no record between mailbox and stop
// is passed over, nothing of a partition that was given up is committed, and giving it up ends within its bound.
func TestNothingIsLostBetweenMailboxAndCommit(t *testing.T) {
	t.Parallel()
	const records = 600
	testio.Seeds(t, 60, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			w := &simWorld{t: t, rng: &lockedRand{r: rand.New(rand.NewPCG(seed, 1))}, written: make(map[int64]bool)}
			w.set = partition.New[*copier](w, w, slog.New(slog.DiscardHandler))
			w.set.Start()
			for range 12 {
				w.own(records, time.Duration(w.rng.IntN(8000))*time.Millisecond)
			}
			w.mu.Lock()
			w.healthy = true
			w.mu.Unlock()
			if committed := w.own(records, 10*time.Minute); committed != records {
				t.Errorf("committed %d of %d; want %v", committed, records, records)
			}
			time.Sleep(time.Minute) // what is on its way
			if err := w.set.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
}
