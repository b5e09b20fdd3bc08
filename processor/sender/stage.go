package sender

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"altavoz/processor/partition"
	"altavoz/processor/sender/dedup"
	"altavoz/processor/sender/route"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/stream"
)

// Stage sends what is on the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg     Config
	ports   Ports
	log     *slog.Logger
	metrics *metrics
	lifecycle

	mu          sync.Mutex // guards the rest; released with unlock wherever something may have to be written
	assignments map[stream.TopicPartition]*assignment
	backlogged  []*assignment // with a backlog, or paused
	schedule    *schedule.Scheduler
	routes      *route.Router
	commits     commits
	callers     callers
	results     results
	detached    detached
}

// lifecycle is what ends when the stage does.
type lifecycle struct {
	starting, ending sync.Once
	ctx              context.Context // of the commit loop and of reads
	cancel           context.CancelFunc
	calls            context.Context // of calls
	cancelCalls      context.CancelFunc
	running          sync.WaitGroup
}

// New returns a stage that is not started.
func New(cfg Config, ports Ports) *Stage {
	cfg = cfg.withDefaults()
	st := &Stage{
		cfg: cfg, ports: ports, log: cfg.Logger, assignments: make(map[stream.TopicPartition]*assignment),
		commits: commits{woken: make(chan struct{}, 1), over: make(chan *commit, 1)}, callers: callers{starts: make(chan *send, maxIdleCallers)},
	}
	st.ctx, st.cancel = context.WithCancel(context.Background())
	st.calls, st.cancelCalls = context.WithCancel(context.Background())
	st.schedule = schedule.New(schedule.Config{
		Logger: cfg.Logger, Registerer: cfg.Registerer, Partitions: cfg.Partitions, Number: cfg.Number, MaxInFlight: cfg.MaxInFlight,
	}, schedule.Ports{Contents: ports.Contents, Media: ports.Media, API: ports.Messenger, Host: host{st}, People: ports.People})
	st.metrics = newMetrics(cfg.Registerer, st)
	st.routes = route.New(ports.Inbound, cfg.Registerer, time.Now())
	ports.Numbers.ListenNumbers(st.onNumberState)
	if ports.People != nil {
		ports.People.ListenVerdicts(st.onVerdict)
	}
	for _, id := range cfg.Numbers { // from the start, so that each is guaranteed its part of the calls in flight
		st.schedule.EnsureNumber(id, time.Now())
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
	st.results.stopping = true
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

// OnAssigned takes a partition over: it goes on from what the last owner committed.
func (st *Stage) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	//mutant:takeover-waits-for-the-states-of-numbers
	if err := known(ctx, st.ports.Numbers.CaughtUp(), "what was said of numbers"); err != nil {
		return 0, err
	}
	//mutant:takeover-waits-for-opt-outs
	if err := known(ctx, st.ports.OptOuts.CaughtUp(), "who opted out"); err != nil {
		return 0, err
	}
	st.routes.Await(ctx)
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
	a := &assignment{partition: pos.Partition, ledger: l, commits: &st.commits, optOuts: st.ports.OptOuts, routes: st.routes, from: l.Watermark(), live: true}
	a.pressure = partition.NewBackpressure(st.ports.Pauser, pos.Partition)
	a.AssignedAt = time.Now()
	if schemas.LaneOf(pos.Partition.Topic) == schemas.LaneBulk {
		a.Lane = schedule.Bulk
	}
	st.mu.Lock()
	st.assignments[pos.Partition] = a
	if cut {
		st.commits.markDirty(a)
	}
	st.countOwned(time.Now())
	st.unlock()
	if a.from < 0 {
		return stream.NoOffset, nil
	}
	return max(0, a.from-dedup.Size), nil
}

// known waits until a view knows everything that was published before it started.
func known(ctx context.Context, caughtUp <-chan struct{}, what string) error {
	select {
	case <-caughtUp:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
	}
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
	for _, a := range as {
		a.pressure.Update(func(bool) bool {
			st.mu.Lock()
			defer st.mu.Unlock()
			a.paused = a.live && !a.draining && a.saturated()
			return a.paused
		})
	}
}

// OnRevoked gives partitions up in good order: nothing more of them is admitted, calls end, results are acknowledged, and the
// ledger says so, before it returns; unless ctx ends first, and then what is still under way is unknown to the next owner.
func (st *Stage) OnRevoked(ctx context.Context, partitions []stream.TopicPartition) {
	st.mu.Lock()
	leaving, idle := st.find(partitions), []<-chan struct{}(nil)
	for _, a := range leaving {
		a.draining = true
		a.backlog = nil
		for c := a.ledger.First(); c != nil; c = c.Next() {
			if e := c.Send; e != nil {
				st.giveBack(e) //mutant:group-of-a-revoked-partition-is-given-back
				if !e.Phase().InFlight() {
					st.schedule.Park(&e.Send)
				}
			}
		}
		st.results.releaseHeld(time.Now(), true)
		if a.InFlight() > 0 {
			idle = append(idle, a.Drained())
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
		if n := a.InFlight(); n > 0 {
			st.log.Warn("partition given up with sends under way", "topic", a.partition.Topic, "partition", a.partition.Partition, "sends", n)
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
			st.commits.flushWaiters = append(st.commits.flushWaiters, flushed)
			st.commits.wake()
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
	committing := st.commits.underWay
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
	for c := a.ledger.First(); c != nil; c = c.Next() {
		if c.Send != nil {
			st.giveBack(c.Send) //mutant:group-of-a-lost-partition-is-known
		}
	}
	st.results.releaseHeld(time.Now(), true)
	a.live, a.backlog = false, nil
	delete(st.assignments, a.partition)
	st.keepDetached(a, time.Now())
	for c := a.ledger.First(); c != nil; c = c.Next() {
		if e := c.Send; e != nil && !e.Phase().InFlight() {
			st.schedule.Park(&e.Send)
			st.schedule.Remove(&e.Send)
		}
	}
	st.countOwned(time.Now())
	st.commits.wake()
}

// giveBack takes a send out of its group, if it is in one: its start is committed, and no call of it began. So it is free again.
func (st *Stage) giveBack(e *send) bool {
	if e.Phase() == schedule.PhaseGrouped { //mutant:only-what-is-not-called-is-given-back
		st.schedule.GiveBack(&e.Send)
		return true
	}
	return false
}

// countOwned tells the scheduler how many partitions the process owns: that is its share of each number's rate.
func (st *Stage) countOwned(now time.Time) {
	var owned [schedule.Lanes]int
	for _, a := range st.assignments {
		owned[a.Lane]++
	}
	st.schedule.SetOwned(owned, now)
}
