package aggregator

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"altavoz/processor/aggregator/cold"
	"altavoz/processor/aggregator/own"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// Stage folds the results of the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg     Config
	ports   Ports
	log     *slog.Logger
	metrics *metrics
	loading chan struct{} // holds a token while a slot is loaded
	slots   *partition.Assignments[*slot]
}

// New returns a stage that is not started.
func New(cfg Config, ports Ports) *Stage {
	cfg = cfg.withDefaults()
	return &Stage{
		cfg: cfg, ports: ports, log: cfg.Logger, metrics: newMetrics(cfg.Registerer),
		loading: make(chan struct{}, 1), slots: partition.New[*slot](ports.Committer, ports.Pauser, cfg.Logger),
	}
}

// Start starts what the slots share: commits, and the watch over the owned partitions.
func (st *Stage) Start() { st.slots.Start(st.tail) }

// Stop ends the stage. Slots that were not revoked before are given up without a last commit.
func (st *Stage) Stop(ctx context.Context) error {
	if err := st.slots.Stop(ctx); err != nil {
		return fmt.Errorf("stopping the aggregator: %w", err)
	}
	return nil
}

// OnAssigned takes a partition of results over: it reads the same partition of statuses and marks whole.
func (st *Stage) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	st.OnLost([]stream.TopicPartition{pos.Partition}) // in case it is assigned to itself
	select {
	case st.loading <- struct{}{}:
		defer func() { <-st.loading }()
	case <-ctx.Done():
		return 0, fmt.Errorf("taking over %s: %w", pos.Partition, context.Cause(ctx))
	}
	began := time.Now()
	pos, err := st.verify(ctx, pos)
	if err != nil {
		return 0, fmt.Errorf("taking over %s: %w", pos.Partition, err)
	}
	s := st.newSlot(pos)
	s.folded, _ = parseLast(pos.Metadata)
	bound := context.AfterFunc(ctx, s.Stop)
	err = s.load(ctx)
	if err == nil {
		// Asked after the statuses were read: what they contain lies below.
		err = s.aim(ctx)
	}
	if !bound() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.Stop()
		s.Close()
		return 0, fmt.Errorf("taking over %s: %w", pos.Partition, err)
	}
	st.slots.Put(pos.Partition, s)
	st.log.Debug("partition taken over", "partition", pos.Partition.Partition, "from", pos.Offset, "replay_to", s.replayTo,
		"tasks", len(s.entries)+s.away.Len(), "open", s.open, "seconds", time.Since(began).Seconds())
	s.catchUp()
	s.Start(s)
	return pos.Offset, nil
}

func (st *Stage) newSlot(pos stream.Position) *slot {
	of := func(t stream.Topic) stream.TopicPartition {
		return stream.TopicPartition{Topic: t, Partition: pos.Partition.Partition}
	}
	now, from := time.Now(), max(pos.Offset, 0) // NoOffset: from the start
	s := &slot{
		st: st, results: pos.Partition, stats: of(schemas.TopicStatuses), markers: of(schemas.TopicMarks),
		Engine: partition.NewEngine(pos.Partition, partition.Config{Logger: st.log, Pauser: st.ports.Pauser, MaxRecords: maxInbox, MaxBytes: maxInboxBytes}),
		own:    map[stream.Topic]*own.Offsets{schemas.TopicStatuses: own.New(), schemas.TopicMarks: own.New()},
		next:   from, asked: from, reached: from,
		entries: make(map[schemas.TaskID]*entry), away: cold.New(), leaving: make(map[schemas.TaskID]*leaver),
		floors: make(map[schemas.TaskID]uint64), held: make(map[*entry]struct{}), moving: make(map[*entry]struct{}), flight: make(map[*write]struct{}),
		marksAt: now.Add(st.cfg.MarksEvery), forgetAt: now.Add(forgetEvery),
	}
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

// Process hands over the next results of a slot. It does not block.
func (st *Stage) Process(of stream.TopicPartition, recs []stream.Record) { st.slots.Process(of, recs) }

// OnRevoked gives slots up in good order: what they know is written, acknowledged and committed before it returns, unless
// ctx ends first; then the next owner reads the results again.
func (st *Stage) OnRevoked(ctx context.Context, of []stream.TopicPartition) {
	st.slots.OnRevoked(ctx, of)
}

// OnLost gives slots up at once. It returns when nothing of them goes on, the commit under way included.
func (st *Stage) OnLost(of []stream.TopicPartition) { st.slots.OnLost(of) }

// summary logs how a broadcast ended.
func (st *Stage) summary(t *Task) {
	attrs := []any{"task", t.ID.String(), "total", t.plan.GetTotal(), "failed_as_a_whole", t.phase == schemas.Phase_PHASE_FAILED}
	sums := make(map[schemas.OutcomeClass]uint32)
	for m, n := range t.counts {
		sums[schemas.RecipientState(m).Outcome()] += n
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
