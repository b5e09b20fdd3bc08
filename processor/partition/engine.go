package partition

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"altavoz/stream"
)

// leastWait is how long the timer is set for at least: see "Timers due at once" in DESIGN.md.
const leastWait = time.Microsecond

// Handler is what a stage does in a partition. The partition's goroutine alone calls it.
type Handler interface {
	// Step does what can be done now. It returns when to call it again if nothing arrives until then; the zero time: no need.
	Step(now time.Time) (next time.Time)
	// OnCommitted takes in how a commit ended that was asked for by Assignments.Commit.
	OnCommitted(r CommitResult)
	// Drained reports whether a partition that drains has nothing more to wait for. It is asked after each Step.
	Drained() bool
	// Close gives back what the partition holds. It is the last call; all background work has ended.
	Close()
}

// Config is how an engine behaves.
type Config struct {
	Logger *slog.Logger
	Pauser stream.Pauser
	// MaxRecords and MaxBytes (of values) are what may wait in the mailbox before the fetching of the partition is paused. It is
	// resumed at half of both. What was fetched by then still comes: a poll more at most.
	MaxRecords, MaxBytes int
	// Retried is told how many records have to be written again. nil: nobody.
	Retried func(records int)
}

// Engine runs one owned partition. A stage embeds it in what it holds of a partition, which makes that a Worker.
//
// Process, Drain, Stop, Over, Committed, Post and Wake may be called from anywhere. All else is for the partition's goroutine, and
// for whoever prepares the partition before Start.
type Engine struct {
	cfg     Config
	of      stream.TopicPartition
	ctx     context.Context //nolint:containedctx // the life of the partition's goroutine, ended by cancel
	cancel  context.CancelFunc
	over    chan struct{}
	handler Handler
	box     mailbox
	work    sync.WaitGroup // background work, ended by ctx

	draining bool
	inFlight int // appends and batches that are not acknowledged
}

// NewEngine returns the engine of a partition that was just assigned.
func NewEngine(of stream.TopicPartition, cfg Config) *Engine {
	e := &Engine{cfg: cfg, of: of, over: make(chan struct{}), box: mailbox{
		signal: make(chan struct{}, 1), pressure: NewBackpressure(cfg.Pauser, of), maxRecords: cfg.MaxRecords, maxBytes: cfg.MaxBytes,
	}}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// Start starts the partition's goroutine.
func (e *Engine) Start(h Handler) {
	e.handler = h
	go e.run()
}

// Partition is the partition that the engine runs.
func (e *Engine) Partition() stream.TopicPartition { return e.of }

// Context ends when the partition is stopped.
func (e *Engine) Context() context.Context { return e.ctx }

// Draining reports whether the partition is to be given up in good order.
func (e *Engine) Draining() bool { return e.draining }

// InFlight is how many appends and batches are not acknowledged.
func (e *Engine) InFlight() int { return e.inFlight }

// Drain has the partition end in good order: as soon as its Handler is drained.
func (e *Engine) Drain() { e.Post(func() { e.draining = true }) }

// Stop ends the partition at once: the step under way is the last.
func (e *Engine) Stop() { e.cancel() }

// Over is closed when nothing of the partition goes on.
func (e *Engine) Over() <-chan struct{} { return e.over }

// Committed passes on how a commit ended.
func (e *Engine) Committed(r CommitResult) { e.Post(func() { e.handler.OnCommitted(r) }) }

// run is the life of the partition.
func (e *Engine) run() {
	defer close(e.over)
	defer e.close()
	timer := time.NewTimer(leastWait)
	defer timer.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-e.box.signal:
		case <-timer.C:
		}
		next, over := e.step()
		switch {
		case over:
			return
		case next.IsZero():
			timer.Stop()
		default:
			timer.Reset(max(leastWait, time.Until(next)))
		}
	}
}

func (e *Engine) step() (next time.Time, over bool) {
	for _, call := range e.box.takeCalls() {
		if e.ctx.Err() != nil { //mutant:stopped-partition-calls-nobody
			return time.Time{}, true
		}
		call()
	}
	if e.ctx.Err() != nil { //mutant:stopped-partition-takes-no-step
		return time.Time{}, true
	}
	next = e.handler.Step(time.Now())
	return next, e.ctx.Err() != nil || e.draining && e.handler.Drained()
}

func (e *Engine) close() {
	e.cancel()
	e.work.Wait()
	e.box.close()
	e.handler.Close()
}
