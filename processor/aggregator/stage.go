package aggregator

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"altavoz/processor/aggregator/lastresult"
	"altavoz/processor/aggregator/meters"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// Stage folds the results of the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg     Config
	ports   Ports
	log     *slog.Logger
	metrics *meters.Metrics
	loading chan struct{} // holds a token while a partition is loaded
	workers *partition.Assignments[*worker]
}

// New returns a stage that is not started.
func New(cfg Config, ports Ports) *Stage {
	cfg = cfg.withDefaults()
	return &Stage{
		cfg: cfg, ports: ports, log: cfg.Logger, metrics: meters.New(cfg.Registerer),
		loading: make(chan struct{}, 1), workers: partition.New[*worker](ports.Committer, ports.Pauser, cfg.Logger),
	}
}

// Start starts what the partitions share: commits, and the watch over what others write.
func (st *Stage) Start() { st.workers.Start(st.watch) }

// Stop ends the stage. Partitions that were not revoked before are given up without a last commit.
func (st *Stage) Stop(ctx context.Context) error {
	if err := st.workers.Stop(ctx); err != nil {
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
	w := st.newWorker(pos)
	w.replay.last, _ = lastresult.Parse(pos.Metadata)
	bound := context.AfterFunc(ctx, w.Stop)
	err = w.loadTopics(ctx)
	if err == nil {
		// Asked after the statuses were read: what they contain lies below.
		err = w.findReplayEnd(ctx)
	}
	if !bound() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		w.Stop()
		w.Close()
		return 0, fmt.Errorf("taking over %s: %w", pos.Partition, err)
	}
	st.workers.Put(pos.Partition, w)
	st.log.Debug("partition taken over", "partition", pos.Partition.Partition, "from", pos.Offset, "replay_to", w.replay.to,
		"tasks", len(w.tasks.entries)+w.tasks.finished.Len(), "open", w.tasks.open, "seconds", time.Since(began).Seconds())
	w.catchUp()
	w.Start(w)
	return pos.Offset, nil
}

// findReplayEnd finds out how far the previous owner may have come.
func (w *worker) findReplayEnd(ctx context.Context) error {
	ends, err := w.st.ports.Table.Ends(ctx, schemas.TopicResults)
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", w.Partition(), err)
	}
	w.replay.to = ends[w.partition()]
	return nil
}

// Process hands over the next results of a partition. It does not block.
func (st *Stage) Process(of stream.TopicPartition, recs []stream.Record) {
	st.workers.Process(of, recs)
}

// OnRevoked gives partitions up in good order: what they know is written, acknowledged and committed before it returns, unless ctx ends
// first; then the next owner reads the results again.
func (st *Stage) OnRevoked(ctx context.Context, of []stream.TopicPartition) {
	st.workers.OnRevoked(ctx, of)
}

// OnLost gives partitions up at once. It returns when nothing of them goes on, the commit under way included.
func (st *Stage) OnLost(of []stream.TopicPartition) { st.workers.OnLost(of) }
