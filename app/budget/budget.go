// Package budget keeps the embedded Kafka within a number of bytes on disk.
//
//	size ──► above 80 %: finished work is trimmed, down to 70 % ──► still 100 %: new broadcasts are refused
//
// What a task that goes on, a takeover or a retry under way needs stays, so a task never fails for want of room: what is trimmed is what has an
// outcome, and lists of recipients and retries of tasks that are over, the oldest first. Statuses, marks and events are not trimmed.
// plan.go decides, without a client; needs.go says what is needed.
package budget

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/kafka/trim"
	"altavoz/producer/codes"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

const (
	// every is how often the folder is measured, at 15,000 sends a second it grows by 1 MB meanwhile; and everyFull how often from where it is trimmed:
	// what comes between two looks may exceed the budget.
	every     = time.Second
	everyFull = 500 * time.Millisecond
	// passTime bounds one look and one trimming.
	passTime = 30 * time.Second
	// warnEvery is how often a failure is logged.
	warnEvery = time.Minute
	// RetryAfter is what refused callers are told: running tasks may have ended by then.
	RetryAfter = time.Minute
)

// Logs is the Kafka that is trimmed.
type Logs interface {
	// Logs returns the partitions of topics.
	Logs(ctx context.Context, topics ...stream.Topic) ([]trim.Log, error)
	// Since returns the first offset of each partition that is not older than a moment.
	Since(ctx context.Context, of stream.Topic, moment time.Time) (map[int32]int64, error)
	// Written returns when the first record at or behind an offset was written.
	Written(ctx context.Context, of stream.TopicPartition, offset int64) (time.Time, error)
	// Delete removes what lies before the offsets.
	Delete(ctx context.Context, before map[stream.TopicPartition]int64) error
}

// Tasks is the view of the topic statuses.
type Tasks interface {
	// Each calls each for every task that goes on, and others.
	Each(each func(schemas.TaskID, *schemas.Status) bool)
	// Find returns the status of any task; nil: there is none.
	Find(ctx context.Context, t schemas.TaskID) (*schemas.Status, error)
	// Sync waits until all is known that was written before.
	Sync(ctx context.Context) error
}

// Config is what is kept how large.
type Config struct {
	Bytes      int64
	Size       func() (int64, error) // how many there are
	Logs       Logs
	Tasks      Tasks
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Budget is the bytes that a process may keep. A nil one has no bound.
type Budget struct {
	cfg     Config
	metrics *metrics
	size    atomic.Int64
	full    atomic.Int64 // unix milliseconds since when; 0: it is not
	warned  time.Time
}

// New returns a budget that Run keeps.
func New(cfg Config) *Budget {
	b := &Budget{cfg: cfg}
	b.metrics = newMetrics(cfg.Registerer, cfg.Bytes, func() float64 { return float64(b.size.Load()) })
	return b
}

// Run measures and trims until ctx ends.
func (b *Budget) Run(ctx context.Context) {
	next := time.NewTimer(every)
	defer next.Stop()
	for {
		b.pass(ctx)
		wait := every
		if b.size.Load() >= b.part(trimAt) {
			wait = everyFull
		}
		next.Reset(wait)
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *Budget) pass(run context.Context) {
	ctx, cancel := context.WithTimeoutCause(run, passTime, errors.New("trimming takes too long"))
	defer cancel()
	size, err := b.measure()
	if err == nil && size >= b.part(trimAt) {
		if err = b.trim(ctx, size-b.part(trimTo)); err == nil {
			size, err = b.measure()
		}
	}
	if now := time.Now(); err != nil && run.Err() == nil && now.Sub(b.warned) >= warnEvery {
		b.warned = now
		b.cfg.Logger.Warn("the data of the embedded Kafka is not trimmed for now", "error", err)
	}
	b.judge(size)
}

func (b *Budget) part(p float64) int64 { return int64(p * float64(b.cfg.Bytes)) }

func (b *Budget) measure() (int64, error) {
	size, err := b.cfg.Size()
	if err != nil {
		return b.size.Load(), err
	}
	b.size.Store(size)
	return size, nil
}

// judge decides whether broadcasts are refused.
func (b *Budget) judge(size int64) {
	full := b.full.Load() != 0
	switch {
	case !full && size >= b.cfg.Bytes: //mutant:a-full-budget-takes-no-broadcast
		b.full.Store(time.Now().UnixMilli())
		b.cfg.Logger.Error("the data budget is full and nothing of it can be trimmed: broadcasts are refused until tasks end", "bytes", size, "budget", b.cfg.Bytes)
	case full && size < b.part(takeAt):
		b.full.Store(0)
		b.cfg.Logger.Info("there is room again in the data budget: broadcasts are taken", "bytes", size, "budget", b.cfg.Bytes)
	}
}

func (b *Budget) trim(ctx context.Context, free int64) error {
	now := time.Now()
	have, err := b.cfg.Logs.Logs(ctx, topics()...)
	if err != nil {
		return err //nolint:wrapcheck // says all
	}
	// The tasks after the watermarks: what a group has committed is in the statuses that were written before.
	if err := b.cfg.Tasks.Sync(ctx); err != nil { //mutant:tasks-are-learnt-after-the-watermarks
		return fmt.Errorf("learning of all tasks: %w", err)
	}
	u, err := tasksOf(ctx, b.cfg.Tasks, now)
	if err != nil {
		return err
	}
	need, err := needsOf(ctx, b.cfg.Logs, have, u, now)
	if err != nil {
		return err
	}
	cuts := plan(free, have, need)
	if len(cuts) == 0 {
		return nil
	}
	if err := b.cfg.Logs.Delete(ctx, cuts); err != nil {
		return err //nolint:wrapcheck // says all
	}
	removed := int64(0)
	for _, l := range have {
		if to, ok := cuts[l.Partition]; ok {
			b.metrics.trimmed[l.Partition.Topic].Add(float64(to - l.Begin))
			removed += to - l.Begin
		}
	}
	b.cfg.Logger.Debug("finished work is trimmed", "records", removed, "partitions", len(cuts), "bytes_to_free", free)
	return nil
}

// Room returns why no broadcast is taken; nil: it is.
func (b *Budget) Room() *codes.RefusedError {
	if b == nil || b.full.Load() == 0 {
		return nil
	}
	percent := b.size.Load() * 100 / b.cfg.Bytes
	return &codes.RefusedError{
		Status: http.StatusServiceUnavailable, Code: codes.DataFull, Says: es.Say(es.DataFull, percent, megabytes(b.cfg.Bytes)), Hint: es.Say(es.HintDataFull),
		Again: true, Wait: RetryAfter, Close: true,
	}
}

// Relay is Room as an error.
func (b *Budget) Relay() error {
	if no := b.Room(); no != nil {
		return no
	}
	return nil
}

// Full reports since when broadcasts are refused; the zero time: they are not.
func (b *Budget) Full() time.Time {
	if at := b.full.Load(); at != 0 {
		return time.UnixMilli(at)
	}
	return time.Time{}
}

func megabytes(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// FolderSize returns the bytes of the files below a folder. A file that is removed meanwhile has none.
func FolderSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				size += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measuring %s: %w", dir, err)
	}
	return size, nil
}
