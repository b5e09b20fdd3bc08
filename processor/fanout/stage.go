package fanout

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"altavoz/processor/fanout/ledger"
	"altavoz/schemas"
)

// stageName is this stage in rejects.
const stageName = "fanout"

// Stage carries out the broadcasts of the partitions that it is assigned. It is safe for concurrent use.
type Stage struct {
	cfg     Config
	ports   Ports
	log     *slog.Logger
	metrics *metrics
	sets    *semaphore.Weighted // recipients in the sets of long lists
	reading *semaphore.Weighted // bytes of records that are being normalised
	asked   chan struct{}       // cap 1: positions wait to be committed

	start, stop sync.Once
	cancel      context.CancelFunc
	running     sync.WaitGroup

	mu         sync.Mutex
	live       map[schemas.Slot]*slot
	positions  map[*slot]schemas.Position
	committing chan struct{} // closed when the commit under way is over; nil: none is
}

// New returns a stage that is not started. It listens to the statuses, so it must be made before their view is started.
func New(cfg Config, ports Ports) *Stage {
	cfg = cfg.withDefaults()
	st := &Stage{
		cfg: cfg, ports: ports, log: cfg.Logger, metrics: newMetrics(cfg.Registerer),
		sets: semaphore.NewWeighted(setRecipients), reading: semaphore.NewWeighted(readingBytes),
		asked: make(chan struct{}, 1), live: make(map[schemas.Slot]*slot), positions: make(map[*slot]schemas.Position),
	}
	ports.Statuses.Listen(st.heard)
	ports.Controls.Listen(st.steered)
	return st
}

// Start starts what the slots share: their commits.
func (st *Stage) Start() {
	st.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		st.cancel = cancel
		st.running.Go(func() { st.commits(ctx) })
	})
}

// Stop ends the stage. Slots that were not revoked before are given up without a last commit.
func (st *Stage) Stop(ctx context.Context) error {
	st.mu.Lock()
	left := make([]schemas.Slot, 0, len(st.live))
	for of := range st.live {
		left = append(left, of)
	}
	st.mu.Unlock()
	st.Lost(left)
	st.stop.Do(func() {
		if st.cancel != nil {
			st.cancel()
		}
	})
	done := make(chan struct{})
	go func() {
		st.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopping the fanout: %w", context.Cause(ctx))
	}
}

// Assign takes a partition of broadcasts over. It returns at once; the first turn waits for the view of statuses.
func (st *Stage) Assign(_ context.Context, pos schemas.Position) (int64, error) {
	st.Lost([]schemas.Slot{pos.Slot}) // in case it is assigned to itself
	l, err := ledger.Decode(max(0, pos.Offset), pos.Metadata)
	if err != nil {
		return 0, fmt.Errorf("taking over %s: reading its ledger: %w", pos.Slot, err)
	}
	s := newSlot(st, pos, l)
	st.mu.Lock()
	st.live[pos.Slot] = s
	st.mu.Unlock()
	go s.run()
	return pos.Offset, nil
}

// Take hands over the next broadcasts of a slot. It does not block.
func (st *Stage) Take(of schemas.Slot, recs []schemas.Record) {
	st.mu.Lock()
	s := st.live[of]
	st.mu.Unlock()
	if s != nil {
		s.box.put(recs, st.ports.Flow, of)
	}
}

// Revoke gives slots up in good order: produces in flight end, and what they did is committed, unless ctx ends first.
func (st *Stage) Revoke(ctx context.Context, of []schemas.Slot) {
	leaving := st.slots(of)
	for _, s := range leaving {
		s.box.post(func() { s.draining = true })
	}
	for _, s := range leaving {
		select {
		case <-s.over:
		case <-ctx.Done():
			st.log.Warn("partition given up before its produces ended", "partition", s.of.Partition)
		}
	}
	st.Lost(of)
}

// Lost gives slots up at once. It returns when nothing of them goes on, the commit under way included.
func (st *Stage) Lost(of []schemas.Slot) {
	gone := st.slots(of)
	if len(gone) == 0 {
		return
	}
	st.mu.Lock()
	for _, s := range gone {
		delete(st.live, s.of)
		delete(st.positions, s)
	}
	committing := st.committing
	st.mu.Unlock()
	for _, s := range gone {
		s.stop()
	}
	for _, s := range gone {
		<-s.over
		st.ports.Flow.Resume(s.of) // pausing outlives an assignment
	}
	if committing != nil {
		<-committing
	}
}

func (st *Stage) slots(of []schemas.Slot) []*slot {
	st.mu.Lock()
	defer st.mu.Unlock()
	var out []*slot
	for _, k := range of {
		if s := st.live[k]; s != nil {
			out = append(out, s)
		}
	}
	return out
}

// heard passes a newer status on to the slots that watch its task.
func (st *Stage) heard(id schemas.TaskID, s *schemas.Status) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, slot := range st.live {
		slot.box.heard(id, s)
	}
}

// steered passes new controls on.
func (st *Stage) steered(id schemas.TaskID, c schemas.Controls) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, slot := range st.live {
		slot.box.steered(id, c)
	}
}

// catchUp waits until this process knows what was decided, and what was asked for, up to now.
func (st *Stage) catchUp(ctx context.Context) error {
	if err := st.ports.Statuses.Sync(ctx); err != nil {
		return fmt.Errorf("catching up with the statuses: %w", err)
	}
	if err := st.ports.Controls.Sync(ctx); err != nil {
		return fmt.Errorf("catching up with the controls: %w", err)
	}
	return nil
}

// answer is how a commit ended.
type answer struct {
	asked   time.Time // before the request was made
	refused error     // certainly not written
	unknown error     // nobody knows
}

// commit asks for a slot's position to be committed; the slot hears of it through its box.
func (st *Stage) commit(s *slot, pos schemas.Position) {
	st.mu.Lock()
	if st.live[s.of] == s {
		st.positions[s] = pos
	}
	st.mu.Unlock()
	select {
	case st.asked <- struct{}{}:
	default:
	}
}

// commits makes the commits of all slots, one at a time: what is asked for meanwhile goes with the next.
func (st *Stage) commits(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-st.asked:
		}
		st.mu.Lock()
		positions := st.positions
		st.positions = make(map[*slot]schemas.Position)
		if len(positions) == 0 {
			st.mu.Unlock()
			continue
		}
		over := make(chan struct{})
		st.committing = over
		// Taken under the lock that Lost needs: an assignment whose slot is still here has not ended, and what it
		// encoded is true of it, whatever generation the group is in.
		fence := st.ports.Ledger.Fence()
		st.mu.Unlock()

		ps := make([]schemas.Position, 0, len(positions))
		for _, pos := range positions {
			ps = append(ps, pos)
		}
		a := answer{asked: time.Now()}
		refused, err := st.ports.Ledger.Commit(ctx, fence, ps)
		st.mu.Lock()
		st.committing = nil
		st.mu.Unlock()
		close(over)
		st.metrics.commits.Inc()
		for s, pos := range positions {
			a := a
			a.refused, a.unknown = refused[pos.Slot], err
			s.box.post(func() { s.committed(a) })
		}
	}
}
