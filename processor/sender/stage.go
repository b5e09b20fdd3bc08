package sender

import (
	"cmp"
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"altavoz/processor/sender/content"
	"altavoz/processor/sender/dedup"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// Stage sends what is on the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg     Config
	ports   Ports
	log     *slog.Logger
	metrics *metrics

	starting, ending sync.Once
	ctx              context.Context // of the commit loop and of reads
	cancel           context.CancelFunc
	calls            context.Context // of calls
	cancelCalls      context.CancelFunc
	running          sync.WaitGroup
	woken            chan struct{} // cap 1

	pausing sync.Mutex // orders pausing and resuming, so that the last word is the right one; taken before mu

	mu            sync.Mutex // guards the rest; released with unlock wherever something may have to be written
	assignments   map[stream.TopicPartition]*assignment
	numbers       map[string]*number
	numberStates  map[string]standing.State // what was said of numbers as a whole, those that are not here included
	runnable      []*number                 // with something ready, as far as is known
	tasks         map[schemas.TaskID]*task
	idleTasks     *list.List // of tasks without sends, the oldest first
	timers        timerSet
	cooldown      limits.Cooldown[pair]
	detached      detached
	capacity      limits.Capacity
	waiting       [causes]int // sends by what they wait for
	outbox        []*pendingRecord
	backlogged    []*assignment // with a backlog, or paused
	dirty         []*assignment
	dirtySince    time.Time
	lastCommit    time.Time       // when the last commit began
	commitMean    time.Duration   // what commits take, lately
	doneNotBefore time.Time       // a commit was refused: what only has to be said waits until then
	committing    chan struct{}   // closed when the commit under way is over; nil: none is
	flushWaiters  []chan struct{} // wait for the next commit
	sweepAt       time.Time
	capacityShort bool // something ready waits for a call or a result to end
	loads         content.Pool[*task]
	renewals      content.Pool[*task]
	stopping      bool

	failures      int
	failuresSince time.Time
}

// New returns a stage that is not started.
func New(cfg Config, ports Ports) *Stage {
	cfg = cfg.withDefaults()
	st := &Stage{
		cfg: cfg, ports: ports, log: cfg.Logger, woken: make(chan struct{}, 1),
		assignments: make(map[stream.TopicPartition]*assignment), numbers: make(map[string]*number), tasks: make(map[schemas.TaskID]*task),
		numberStates: make(map[string]standing.State), idleTasks: list.New(), capacity: limits.NewCapacity(cfg.MaxInFlight),
		loads: content.NewPool[*task](maxLoads, maxLoads), renewals: content.NewPool[*task](maxRenewals, renewalsEach),
	}
	st.ctx, st.cancel = context.WithCancel(context.Background())
	st.calls, st.cancelCalls = context.WithCancel(context.Background())
	st.metrics = newMetrics(cfg.Registerer, st)
	ports.Numbers.ListenNumbers(st.onNumberState)
	for _, id := range cfg.Numbers { // from the start, so that each has its part of the calls in flight
		st.ensureNumber(id, time.Now())
	}
	return st
}

// Start starts the commit loop.
func (st *Stage) Start() {
	st.starting.Do(func() { st.running.Go(st.commitLoop) })
}

// Stop ends the stage. Partitions that were not revoked before are given up without a last commit; calls under way may
// end until ctx does, and are then cut off.
func (st *Stage) Stop(ctx context.Context) error {
	st.mu.Lock()
	st.stopping = true
	for _, a := range st.assignments {
		st.endAssignment(a)
	}
	st.unlock()
	st.ending.Do(st.cancel)
	done := make(chan struct{})
	go func() {
		st.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		st.cancelCalls()
		return nil
	case <-ctx.Done():
		st.cancelCalls()
		return fmt.Errorf("stopping the sender: %w", context.Cause(ctx))
	}
}

// OnAssigned takes a partition over: what its last owner committed says where to go on.
func (st *Stage) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	select { //mutant:takeover-waits-for-what-was-said-of-numbers
	case <-st.ports.Numbers.CaughtUp():
	case <-ctx.Done():
		return 0, fmt.Errorf("waiting for what was said of numbers: %w", context.Cause(ctx))
	}
	l, cut, err := st.takeOver(ctx, pos)
	if err != nil {
		return 0, fmt.Errorf("taking over %s at offset %d: %w", pos.Partition, pos.Offset, err)
	}
	started := 0
	for c := l.First(); c != nil; c = c.Next() {
		if c.Started() {
			started++
		}
	}
	st.log.Debug("partition taken over", "topic", pos.Partition.Topic, "partition", pos.Partition.Partition, "offset", pos.Offset,
		"open", l.Open(), "started", started)
	st.OnLost([]stream.TopicPartition{pos.Partition}) // in case it is assigned to itself
	a := &assignment{partition: pos.Partition, ledger: l, from: l.Watermark(), live: true, assignedAt: time.Now()}
	if schemas.LaneOf(pos.Partition.Topic) == schemas.LaneBulk {
		a.lane = bulk
	}
	st.mu.Lock()
	st.assignments[pos.Partition] = a
	if cut {
		st.markDirty(a)
	}
	st.distributeRates(time.Now())
	st.unlock()
	if a.from < 0 {
		return stream.NoOffset, nil
	}
	return max(0, a.from-dedup.Size), nil
}

// Process hands over the next records of a partition. It does not block.
func (st *Stage) Process(of stream.TopicPartition, recs []stream.Record) {
	in := make([]arrival, len(recs))
	for i := range recs {
		in[i] = decode(&recs[i])
	}
	st.mu.Lock()
	a := st.assignments[of]
	if a == nil || a.draining {
		st.mu.Unlock()
		return
	}
	a.backlog = append(a.backlog, in...)
	st.takeBacklog(a, time.Now())
	full := a.saturated()
	st.unlock()
	if full {
		st.updatePausing([]*assignment{a})
	}
}

// updatePausing pauses and resumes the reading of partitions.
func (st *Stage) updatePausing(as []*assignment) {
	if len(as) == 0 {
		return
	}
	st.pausing.Lock()
	defer st.pausing.Unlock()
	for _, a := range as {
		st.mu.Lock()
		was, want := a.paused, a.live && !a.draining && a.saturated()
		a.paused = want
		st.mu.Unlock()
		switch {
		case want && !was:
			st.ports.Pauser.Pause(a.partition)
		case was && !want:
			st.ports.Pauser.Resume(a.partition)
		}
	}
}

// OnRevoked gives partitions up in good order: nothing more of them is admitted, calls end, results are acknowledged, and the
// ledger says so, before it returns; unless ctx ends first, and then what is still under way is unknown to the next owner.
func (st *Stage) OnRevoked(ctx context.Context, partitions []stream.TopicPartition) {
	st.mu.Lock()
	leaving, idle := st.find(partitions), []chan struct{}(nil)
	for _, a := range leaving {
		a.draining = true
		a.backlog = nil
		for c := a.ledger.First(); c != nil; c = c.Next() {
			if c.Send != nil && !c.Send.phase.busy() {
				st.park(c.Send)
			}
		}
		if a.inFlight > 0 {
			a.drained = cmp.Or(a.drained, make(chan struct{})) // somebody else may give it up too
			idle = append(idle, a.drained)
		}
	}
	st.unlock()
	for _, done := range idle {
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
	st.flush(ctx, leaving)
	st.mu.Lock()
	for _, a := range leaving {
		if a.inFlight > 0 {
			st.log.Warn("partition given up with sends under way", "topic", a.partition.Topic, "partition", a.partition.Partition, "sends", a.inFlight)
		}
		st.endAssignment(a)
	}
	st.unlock()
	st.awaitCommit(leaving)
}

// flush has what changed in the partitions committed. A refusal is tried again a few times: a group whose partitions are
// changing hands refuses for a moment, and what is not committed here is unknown to the next owner although it is not.
func (st *Stage) flush(ctx context.Context, as []*assignment) {
	for range lastCommits {
		st.mu.Lock()
		needed := slices.ContainsFunc(as, func(a *assignment) bool { return a.live && (a.dirty || a.inCommit) })
		flushed := make(chan struct{})
		if needed {
			st.flushWaiters = append(st.flushWaiters, flushed)
			st.wake()
		}
		st.mu.Unlock()
		if !needed {
			return
		}
		select {
		case <-flushed:
		case <-st.ctx.Done():
			return
		case <-ctx.Done():
			return
		}
		st.mu.Lock()
		refused := slices.ContainsFunc(as, func(a *assignment) bool { return a.live && a.dirty })
		st.mu.Unlock()
		if !refused {
			return
		}
		select {
		case <-time.After(refusedWait):
		case <-ctx.Done():
			return
		}
	}
}

// OnLost gives partitions up at once. It returns when no commit that contains them is under way any more. Calls that are under
// way end, and their results are written.
func (st *Stage) OnLost(partitions []stream.TopicPartition) {
	st.mu.Lock()
	gone := st.find(partitions)
	for _, a := range gone {
		st.endAssignment(a)
	}
	st.unlock()
	st.awaitCommit(gone)
}

// awaitCommit waits for the commit under way, and leaves the reading of partitions as it was found: pausing outlives an assignment.
func (st *Stage) awaitCommit(gone []*assignment) {
	st.updatePausing(gone)
	st.mu.Lock()
	committing := st.committing
	st.mu.Unlock()
	if committing != nil { //mutant:giving-up-waits-for-the-commit
		<-committing
	}
}

func (st *Stage) find(partitions []stream.TopicPartition) (out []*assignment) {
	for _, s := range partitions {
		if a := st.assignments[s]; a != nil {
			out = append(out, a)
		}
	}
	return out
}

// endAssignment ends an assignment, if that was not done before. Sends under way finish by themselves.
func (st *Stage) endAssignment(a *assignment) {
	if !a.live {
		return
	}
	a.live, a.backlog = false, nil
	delete(st.assignments, a.partition)
	st.keepDetached(a, time.Now())
	for c := a.ledger.First(); c != nil; c = c.Next() {
		if c.Send != nil && !c.Send.phase.busy() {
			st.park(c.Send)
			st.remove(c.Send)
		}
	}
	st.distributeRates(time.Now())
	st.wake()
}
