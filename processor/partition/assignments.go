package partition

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"altavoz/stream"
)

// Worker is what a stage holds of one partition: an Engine, embedded. None of its methods waits.
type Worker interface {
	comparable
	Process(recs []stream.Record)
	Drain()                // end in good order: write and commit what is known
	Stop()                 // end at once
	Over() <-chan struct{} // closed at the end
	Committed(a CommitResult)
}

// CommitResult is how a commit ended.
type CommitResult struct {
	Position stream.Position
	Asked    time.Time // before the request was made
	Refused  error     // certainly not written
	Unknown  error     // nobody knows
}

// Assignments is the partitions of a stage. It is safe for concurrent use.
//
// All stages but the sender use it. That encodes the ledgers of all its partitions under one lock and commits them by its
// own loop: see "One engine for owned partitions" in DESIGN.md.
type Assignments[S Worker] struct {
	committer stream.Committer
	pauser    stream.Pauser
	log       *slog.Logger
	asked     chan struct{} // cap 1: positions wait to be committed

	start, stop sync.Once
	cancel      context.CancelFunc
	running     sync.WaitGroup

	giving chan struct{} // holds a token while partitions are given up: a second caller returns when that is done

	mu         sync.Mutex
	live       map[stream.TopicPartition]S
	positions  map[stream.TopicPartition]stream.Position // of live ones, to be committed
	committing chan struct{}                             // closed when the commit under way is over; nil: none is
}

// New returns an empty set.
func New[S Worker](committer stream.Committer, pauser stream.Pauser, log *slog.Logger) *Assignments[S] {
	return &Assignments[S]{
		committer: committer, pauser: pauser, log: log, asked: make(chan struct{}, 1), giving: make(chan struct{}, 1), cancel: func() {},
		live: make(map[stream.TopicPartition]S), positions: make(map[stream.TopicPartition]stream.Position),
	}
}

// Start makes commits until Stop, and runs what else the stage has for all its partitions beside that.
func (set *Assignments[S]) Start(beside ...func(context.Context)) {
	set.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		set.cancel = cancel
		for _, f := range append(beside, set.commits) {
			set.running.Go(func() { f(ctx) })
		}
	})
}

// Stop ends it. Partitions that were not revoked before are given up without a last commit.
func (set *Assignments[S]) Stop(ctx context.Context) error {
	set.mu.Lock()
	left := slices.Collect(maps.Keys(set.live))
	set.mu.Unlock()
	set.OnLost(left)
	set.stop.Do(set.cancel)
	done := make(chan struct{})
	go func() {
		set.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Put adds a partition. An earlier assignment of it must have been given up.
func (set *Assignments[S]) Put(of stream.TopicPartition, s S) {
	set.mu.Lock()
	set.live[of] = s
	set.mu.Unlock()
}

// Len is how many partitions there are.
func (set *Assignments[S]) Len() int {
	set.mu.Lock()
	defer set.mu.Unlock()
	return len(set.live)
}

// Each calls do for every partition; do must not wait.
func (set *Assignments[S]) Each(do func(S)) {
	set.mu.Lock()
	defer set.mu.Unlock()
	for _, s := range set.live {
		do(s)
	}
}

// All returns the partitions of this moment.
func (set *Assignments[S]) All() []S {
	set.mu.Lock()
	defer set.mu.Unlock()
	return slices.Collect(maps.Values(set.live))
}

// Process hands over the next records of a partition. It does not block.
func (set *Assignments[S]) Process(of stream.TopicPartition, recs []stream.Record) {
	if s, ok := set.get(of); ok {
		s.Process(recs)
	}
}

func (set *Assignments[S]) get(of stream.TopicPartition) (S, bool) {
	set.mu.Lock()
	defer set.mu.Unlock()
	s, ok := set.live[of]
	return s, ok
}

// OnRevoked gives partitions up in good order: what they know is written, acknowledged and committed before it returns, unless ctx
// ends first; then the next owner goes on from what was committed before.
func (set *Assignments[S]) OnRevoked(ctx context.Context, of []stream.TopicPartition) {
	leaving := make(map[stream.TopicPartition]S)
	for _, k := range of {
		if s, ok := set.get(k); ok {
			s.Drain()
			leaving[k] = s
		}
	}
	for k, s := range leaving {
		select {
		case <-s.Over():
		case <-ctx.Done():
			set.log.Warn("a partition is given up before all was written", "partition", k.String())
		}
	}
	set.OnLost(of)
}

// OnLost gives partitions up at once. It returns when nothing of them goes on, the commit under way included.
func (set *Assignments[S]) OnLost(of []stream.TopicPartition) {
	set.giving <- struct{}{}
	defer func() { <-set.giving }()
	gone := make(map[stream.TopicPartition]S)
	set.mu.Lock()
	for _, k := range of {
		if s, ok := set.live[k]; ok {
			gone[k] = s
			delete(set.live, k)
			delete(set.positions, k) //mutant:position-of-a-lost-partition-is-not-committed
		}
	}
	committing := set.committing
	set.mu.Unlock()
	if len(gone) == 0 {
		return
	}
	for _, s := range gone {
		s.Stop()
	}
	for k, s := range gone {
		<-s.Over()
		set.pauser.Resume(k) // pausing outlives an assignment
	}
	if committing != nil { //mutant:giving-up-a-partition-waits-for-the-commit
		<-committing
	}
}

// Commit asks for the position of a partition to be committed, unless it was given up. Committed is called when that is over.
func (set *Assignments[S]) Commit(s S, pos stream.Position) {
	set.mu.Lock()
	if set.live[pos.Partition] == s { //mutant:position-belongs-to-its-assignment
		set.positions[pos.Partition] = pos
	}
	set.mu.Unlock()
	select {
	case set.asked <- struct{}{}:
	default:
	}
}

// commits makes the commits, one at a time: what is asked for meanwhile goes with the next.
func (set *Assignments[S]) commits(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-set.asked:
		}
		set.mu.Lock()
		ps := slices.Collect(maps.Values(set.positions))
		if len(ps) == 0 {
			set.mu.Unlock()
			continue
		}
		clear(set.positions)
		of := make([]S, len(ps))
		for i := range ps {
			of[i] = set.live[ps[i].Partition]
		}
		over := make(chan struct{})
		set.committing = over
		// Taken under the lock that OnLost needs: an assignment that is still here has not ended, and what it encoded is true of
		// it, whatever generation the group is in.
		generation := set.committer.Generation() //mutant:positions-are-taken-under-their-generation
		set.mu.Unlock()

		asked := time.Now()
		refused, err := set.committer.Commit(ctx, generation, ps)
		set.mu.Lock()
		set.committing = nil
		set.mu.Unlock()
		close(over)
		for i, s := range of {
			s.Committed(CommitResult{Position: ps[i], Asked: asked, Refused: refused[ps[i].Partition], Unknown: err})
		}
	}
}
