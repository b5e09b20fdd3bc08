package fanout

import (
	"context"
	"fmt"
	"log/slog"

	"golang.org/x/sync/semaphore"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/fanout/tracking"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// stageName is this stage in rejects.
const stageName = "fanout"

// Stage carries out the broadcasts of the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg         Config
	ports       Ports
	log         *slog.Logger
	metrics     *metrics
	seenBudget  *semaphore.Weighted // bytes of the sets of long lists
	readBudget  *semaphore.Weighted // bytes of records that are being normalised
	assignments *partition.Assignments[*worker]
}

// New returns a stage that is not started. It listens to the statuses, so it must be made before their view is started.
func New(cfg Config, ports Ports) *Stage {
	cfg = cfg.withDefaults()
	st := &Stage{
		cfg: cfg, ports: ports, log: cfg.Logger, metrics: newMetrics(cfg.Registerer),
		seenBudget: semaphore.NewWeighted(prepare.SeenBytes), readBudget: semaphore.NewWeighted(readingBytes),
		assignments: partition.New[*worker](ports.Committer, ports.Pauser, cfg.Logger),
	}
	ports.Statuses.Listen(st.onStatus)
	ports.Controls.Listen(st.onControls)
	return st
}

// Start starts what the partitions share: their commits.
func (st *Stage) Start() { st.assignments.Start() }

// Stop ends the stage. Partitions that were not revoked before are given up without a last commit.
func (st *Stage) Stop(ctx context.Context) error {
	if err := st.assignments.Stop(ctx); err != nil {
		return fmt.Errorf("stopping the fanout: %w", err)
	}
	return nil
}

// OnAssigned takes a partition of broadcasts over. It returns at once; the first quantum waits for the view of statuses.
func (st *Stage) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	st.OnLost([]stream.TopicPartition{pos.Partition}) // in case it is assigned to itself
	//mutant:takeover-reads-the-fanouts-ledger
	l, err := ledger.Decode(max(0, pos.Offset), pos.Metadata)
	if err != nil {
		return 0, fmt.Errorf("taking over %s: reading its ledger: %w", pos.Partition, err)
	}
	committed, next := pos.Offset, l.Next
	pos, d, err := tracking.Verify(ctx, st.ports.Records, pos, &l)
	if err != nil {
		return 0, fmt.Errorf("taking over %s: %w", pos.Partition, err)
	}
	if d.Any() {
		st.metrics.disagreements.Inc()
		st.log.Error("ledger and log do not agree: the log lost its end, or the offset is gone; broadcasts are sought by their statuses",
			"partition", pos.Partition.String(), "committed", committed, "next", next, "begin", pos.Begin, "end", pos.End, "gone", d.Gone())
	}
	s := newWorker(st, pos.Partition, tracking.New(pos, &l, d))
	st.assignments.Put(pos.Partition, s)
	s.Background(st.catchUp, never, func(error) { s.takeOver() })
	s.Start(s)
	return pos.Offset, nil
}

// Process hands over the next broadcasts of a partition. It does not block.
func (st *Stage) Process(of stream.TopicPartition, recs []stream.Record) {
	st.assignments.Process(of, recs)
}

// OnRevoked gives partitions up in good order: writes in flight end, and what they did is committed, unless ctx ends first.
func (st *Stage) OnRevoked(ctx context.Context, of []stream.TopicPartition) {
	st.assignments.OnRevoked(ctx, of)
}

// OnLost gives partitions up at once. It returns when nothing of them goes on, the commit under way included.
func (st *Stage) OnLost(of []stream.TopicPartition) { st.assignments.OnLost(of) }

// onStatus passes a newer status on to the partitions that watch its task.
func (st *Stage) onStatus(id schemas.TaskID, s *schemas.Status) {
	st.assignments.Each(func(w *worker) { w.watched.OnStatus(id, s) })
}

// onControls passes new controls on.
func (st *Stage) onControls(id schemas.TaskID, c schemas.Controls) {
	st.assignments.Each(func(w *worker) { w.watched.OnControls(id, c) })
}

// catchUp waits until this process knows what was decided, and what was asked for, up to now.
func (st *Stage) catchUp(ctx context.Context) error {
	if err := st.ports.Statuses.Sync(ctx); err != nil {
		return fmt.Errorf("catching up with the statuses: %w", err)
	}
	if err := st.ports.Controls.Sync(ctx); err != nil { //mutant:takeover-waits-for-controls
		return fmt.Errorf("catching up with the controls: %w", err)
	}
	return nil
}
