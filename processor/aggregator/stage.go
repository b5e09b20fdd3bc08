package aggregator

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"altavoz/schemas"
)

// Stage folds the results of the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg     Config
	ports   Ports
	log     *slog.Logger
	metrics *metrics
	owned   atomic.Int64
	loading chan struct{} // holds a token while a slot is loaded
	asked   chan struct{} // cap 1: positions wait to be committed

	start, stop sync.Once
	cancel      context.CancelFunc
	running     sync.WaitGroup

	mu         sync.Mutex
	live       map[schemas.Slot]*slot
	positions  map[*slot]int64
	committing chan struct{} // closed when the commit under way is over; nil: none is
}

// New returns a stage that is not started.
func New(cfg Config, ports Ports) *Stage {
	cfg = cfg.withDefaults()
	return &Stage{
		cfg: cfg, ports: ports, log: cfg.Logger, metrics: newMetrics(cfg.Registerer),
		loading: make(chan struct{}, 1), asked: make(chan struct{}, 1),
		live: make(map[schemas.Slot]*slot), positions: make(map[*slot]int64),
	}
}

// Start starts what the slots share: commits, and the watch over the owned partitions.
func (st *Stage) Start() {
	st.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		st.cancel = cancel
		st.running.Go(func() { st.commits(ctx) })
		st.running.Go(func() { st.tail(ctx) })
	})
}

// Stop ends the stage. Slots that were not revoked before are given up without a last commit.
func (st *Stage) Stop(ctx context.Context) error {
	st.drop(st.all())
	done := make(chan struct{})
	st.stop.Do(func() {
		if st.cancel != nil {
			st.cancel()
		}
	})
	go func() {
		st.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopping the aggregator: %w", context.Cause(ctx))
	}
}

// Assign takes a partition of results over: it reads the same partition of statuses and marks whole.
func (st *Stage) Assign(ctx context.Context, pos schemas.Position) (int64, error) {
	st.drop(st.named([]schemas.Slot{pos.Slot})) // in case it is assigned to itself
	select {
	case st.loading <- struct{}{}:
		defer func() { <-st.loading }()
	case <-ctx.Done():
		return 0, fmt.Errorf("taking over %s: %w", pos.Slot, context.Cause(ctx))
	}
	began := time.Now()
	s := st.newSlot(pos)
	bound := context.AfterFunc(ctx, s.stop)
	err := s.load(ctx)
	if err == nil {
		// Asked after the statuses were read: what they contain lies below.
		err = s.aim(ctx)
	}
	if !bound() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.stop()
		s.leave()
		return 0, fmt.Errorf("taking over %s: %w", pos.Slot, err)
	}
	st.mu.Lock()
	st.live[pos.Slot] = s
	st.owned.Store(int64(len(st.live)))
	st.mu.Unlock()
	st.log.Debug("partition taken over", "partition", pos.Slot.Partition, "from", pos.Offset, "replay_to", s.replayTo,
		"tasks", len(s.entries), "open", s.open, "seconds", time.Since(began).Seconds())
	go s.run()
	return pos.Offset, nil
}

func (st *Stage) newSlot(pos schemas.Position) *slot {
	of := func(t schemas.Topic) schemas.Slot { return schemas.Slot{Topic: t, Partition: pos.Slot.Partition} }
	now, from := time.Now(), max(pos.Offset, 0) // NoOffset: from the start
	s := &slot{
		st: st, results: pos.Slot, stats: of(schemas.TopicStatuses), markers: of(schemas.TopicMarks), box: newMailbox(),
		own:  map[schemas.Topic]*offsets{schemas.TopicStatuses: newOffsets(), schemas.TopicMarks: newOffsets()},
		over: make(chan struct{}), next: from, asked: from,
		entries: make(map[schemas.TaskID]*entry), leaving: make(map[schemas.TaskID]*leaver),
		floors: make(map[schemas.TaskID]uint64), held: make(map[*entry]struct{}), moving: make(map[*entry]struct{}), flight: make(map[*write]struct{}),
		marksAt: now.Add(st.cfg.MarksEvery), forgetAt: now.Add(forgetEvery),
	}
	s.box.reached = from
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// aim finds out how far the previous owner may have come.
func (s *slot) aim(ctx context.Context) error {
	ends, err := s.st.ports.Table.Ends(ctx, schemas.TopicResults)
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", s.results, err)
	}
	s.replayTo = ends[s.results.Partition]
	return nil
}

// Take hands over the next results of a slot. It does not block.
func (st *Stage) Take(of schemas.Slot, recs []schemas.Record) {
	st.mu.Lock()
	s := st.live[of]
	st.mu.Unlock()
	if s != nil {
		s.box.put(recs, st.ports.Flow, of)
	}
}

// Revoke gives slots up in good order: what they know is written, acknowledged and committed before it returns, unless
// ctx ends first; then the next owner reads the results again.
func (st *Stage) Revoke(ctx context.Context, of []schemas.Slot) {
	leaving := st.named(of)
	for _, s := range leaving {
		s.box.update(func(in *inbox) { in.drain = true })
	}
	for _, s := range leaving {
		select {
		case <-s.over:
		case <-ctx.Done():
			st.log.Warn("partition given up before all was written", "partition", s.results.Partition)
		}
	}
	st.drop(leaving)
}

// Lost gives slots up at once. It returns when nothing of them goes on, the commit under way included.
func (st *Stage) Lost(of []schemas.Slot) { st.drop(st.named(of)) }

func (st *Stage) drop(gone []*slot) {
	if len(gone) == 0 {
		return
	}
	st.mu.Lock()
	for _, s := range gone {
		if st.live[s.results] == s {
			delete(st.live, s.results)
		}
		delete(st.positions, s)
	}
	st.owned.Store(int64(len(st.live)))
	committing := st.committing
	st.mu.Unlock()
	for _, s := range gone {
		s.stop()
	}
	for _, s := range gone {
		<-s.over
		st.ports.Flow.Resume(s.results) // pausing outlives an assignment
	}
	if committing != nil {
		<-committing
	}
}

func (st *Stage) all() []*slot {
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.Collect(maps.Values(st.live))
}

func (st *Stage) named(of []schemas.Slot) (out []*slot) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, k := range of {
		if s := st.live[k]; s != nil {
			out = append(out, s)
		}
	}
	return out
}

// commit asks for a position to be committed; the slot hears of it through its box.
func (st *Stage) commit(s *slot, pos int64) {
	st.mu.Lock()
	if st.live[s.results] == s {
		st.positions[s] = pos
	}
	st.mu.Unlock()
	select {
	case st.asked <- struct{}{}:
	default:
	}
}

// commits makes the commits of all slots, one at a time.
func (st *Stage) commits(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-st.asked:
		}
		// Before the positions: each belongs to a slot that is live afterwards, so that a fence can be too old for its
		// position, which is refused, and never too new.
		fence := st.ports.Ledger.Fence()
		st.mu.Lock()
		positions := st.positions
		st.positions = make(map[*slot]int64)
		if len(positions) == 0 {
			st.mu.Unlock()
			continue
		}
		over := make(chan struct{})
		st.committing = over
		st.mu.Unlock()

		ps := make([]schemas.Position, 0, len(positions))
		for s, pos := range positions {
			ps = append(ps, schemas.Position{Slot: s.results, Offset: pos})
		}
		refused, err := st.ports.Ledger.Commit(ctx, fence, ps)
		if err != nil {
			st.log.Warn("nobody knows whether positions were committed", "error", err)
		}
		st.mu.Lock()
		st.committing = nil
		st.mu.Unlock()
		close(over)
		for s, pos := range positions {
			no := err
			if no == nil {
				no = refused[s.results]
			}
			if no != nil {
				st.metrics.refused.Inc()
				st.log.Debug("a position was not committed", "slot", s.results.String(), "offset", pos, "error", no)
			} else {
				st.metrics.commits.Inc()
			}
			s.box.answer(committed{pos: pos, refused: no != nil})
		}
	}
}

// summary logs how a broadcast ended.
func (st *Stage) summary(t *Task) {
	attrs := []any{"task", t.ID.String(), "total", t.plan.GetTotal(), "failed_as_a_whole", t.phase == schemas.Phase_PHASE_FAILED}
	sums := make(map[schemas.OutcomeClass]uint32)
	for m, n := range t.counts {
		sums[schemas.Mark(m).Outcome()] += n
	}
	for _, o := range schemas.Outcomes {
		if sums[o] > 0 {
			attrs = append(attrs, string(o), sums[o])
		}
	}
	since := t.plan.GetAcceptedMs()
	if since == 0 {
		since = t.started
	}
	if since > 0 {
		attrs = append(attrs, "seconds", time.Duration(max(0, t.finished-since)*int64(time.Millisecond)).Seconds())
	}
	st.log.Info("broadcast finished", attrs...)
}
