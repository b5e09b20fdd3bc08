package table

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/blocked"
	"altavoz/kafka/records"
	"altavoz/stream"
)

const (
	// syncRetryPause is between two tries to list where the topic ends.
	syncRetryPause = time.Second

	fetchBytes          = 4 << 20
	fetchPartitionBytes = 1 << 20
	// syncRecheck is how often a waiting Sync lists again where partitions begin: records may expire while it waits.
	syncRecheck = 2 * time.Second
	// warnEvery is the shortest time between two warnings that a view cannot read.
	warnEvery = 10 * time.Second
)

// follower reads a topic whole, from its start, and follows it: what the views of this package have in common.
type follower struct {
	topic   stream.Topic
	cfg     kafka.Config
	cl      *kgo.Client
	reader  *records.Reader // over the same client
	log     *slog.Logger
	metrics *metrics
	hooks
	blocked blocked.Partitions

	caughtUp chan struct{}
	done     chan struct{}
	start    sync.Once
	stop     context.CancelFunc
	abort    context.CancelFunc // of the client, with all that it waits for
	warned   time.Time          // in the goroutine of run

	progress *progress
}

// hooks is what a view does with its topic, in the goroutine of run.
type hooks struct {
	apply        func(stream.Record) error // an error is that of a record that cannot be decoded
	onTruncation func()                    // a log was truncated: offsets start again, and so does the reading
	onReread     func()                    // what was in the log at the truncation is read again
}

func newFollower(c kafka.Config, l kafka.Layout, t stream.Topic, h hooks) (*follower, error) {
	at := make(map[int32]kgo.Offset)
	for p := range l[t] {
		at[p] = kgo.NewOffset().AtStart()
	}
	life, abort := context.WithCancel(context.Background())
	cl, err := c.NewClient(
		kgo.WithContext(life),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.TopicName(t): at}),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(fetchPartitionBytes),
	)
	if err != nil {
		abort()
		return nil, err
	}
	log, metrics := c.Logger.With("view", string(t)), newMetrics(c.Registerer, string(t))
	view := &follower{
		topic: t, cfg: c, cl: cl, reader: records.ReaderOver(c, cl), log: log,
		metrics: metrics, hooks: h, abort: abort,
		caughtUp: make(chan struct{}), done: make(chan struct{}), progress: newProgress(),
	}
	view.blocked.Bind(life, kafka.Fetcher{Config: c, Client: cl}, metrics.Blocked, log)
	return view, nil
}

// Start starts reading. It does not wait: CaughtUp says when the view has read what was there.
func (t *follower) Start(ctx context.Context) error {
	t.start.Do(func() {
		life, stop := context.WithCancel(ctx)
		t.stop = stop
		go t.run(life)
		go func() {
			if t.catchUp(life) {
				close(t.caughtUp)
			}
		}()
	})
	return nil
}

// catchUp waits until the view has caught up; false if ctx ended first.
func (t *follower) catchUp(ctx context.Context) bool {
	for ctx.Err() == nil {
		if t.Sync(ctx) == nil {
			return true
		}
		kafka.Sleep(ctx, syncRetryPause)
	}
	return false
}

// Stop ends the view; what it has in memory can still be read.
func (t *follower) Stop() {
	started := true
	t.start.Do(func() { started = false })
	if started {
		t.stop()
		<-t.done
	}
	t.abort() // first: nothing of the client is needed any more, and a broker that does not answer is not waited for
	t.cl.Close()
}

// CaughtUp is closed once the view has read all that was in the topic at Start.
func (t *follower) CaughtUp() <-chan struct{} { return t.caughtUp }

// Sync waits until the view has read up to where the topic ends now.
func (t *follower) Sync(ctx context.Context) error {
	ends, err := t.logEnds(ctx)
	if err != nil {
		return err
	}
	if there, _ := t.progress.Reached(nil, ends); there {
		return nil
	}
	for slow := false; ; slow = true {
		starts, err := t.reader.Starts(ctx, t.topic)
		if err != nil {
			return err
		}
		if slow {
			if err := t.skipEmptyEnd(ctx, starts, ends); err != nil {
				return err
			}
		}
		again := time.NewTimer(syncRecheck)
		for ahead := true; ahead; {
			there, moved := t.progress.Reached(starts, ends)
			if there {
				again.Stop()
				return nil
			}
			select {
			case <-moved:
			case <-again.C:
				ahead = false
			case <-ctx.Done():
				again.Stop()
				return fmt.Errorf("waiting for the view of %s: %w", t.topic, context.Cause(ctx))
			}
		}
	}
}

// skipEmptyEnd skips offsets without a record at the end of a partition, which no fetch returns: the marker of an upstream's transaction, what
// compaction left of a batch, or what has expired. If a partition ends below the offset waited for, ends becomes the lower one.
func (t *follower) skipEmptyEnd(ctx context.Context, starts, ends map[int32]int64) error {
	next, empty := t.progress.Next(), make([]int32, 0, len(ends))
	for p, end := range ends {
		var err error
		if max(starts[p], next[p]) < end {
			err = t.reader.Range(ctx, stream.TopicPartition{Topic: t.topic, Partition: p}, next[p], end, func(stream.Record) error { return errRecordFound })
		}
		switch {
		case errors.Is(err, errRecordFound): // a fetch will return it
		case err != nil:
			return err
		default:
			empty = append(empty, p)
		}
	}
	now, err := t.logEnds(ctx)
	if err != nil {
		return err
	}
	for p, end := range now {
		ends[p] = min(ends[p], end) //mutant:lower-end-is-waited-for
	}
	for _, p := range empty {
		t.progress.SkipEmpty(p, next[p], ends[p])
	}
	return nil
}

// errRecordFound ends the search for a record.
var errRecordFound = errors.New("there is a record")

func (t *follower) run(ctx context.Context) {
	defer close(t.done)
	for {
		fetches := t.poll(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(_ string, p int32, err error) { t.onFetchError(ctx, p, err) })
		again := t.rereadTruncated(ctx)
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { //nolint:contextcheck // blocked partitions are retried for as long as the client lives
			if again[p.Partition] {
				return
			}
			recs := t.blocked.Deliverable(stream.TopicPartition{Topic: t.topic, Partition: p.Partition}, t.cfg.Records(p.Records)) //mutant:views-hold-newer-records
			t.process(p.Partition, recs)
		})
		t.finishReread(t.progress.RereadDone()...)
	}
}

// process applies records of a partition.
func (t *follower) process(p int32, recs []stream.Record) {
	end, again := t.progress.RereadEnd(p)
	for _, rec := range recs {
		if again && rec.Offset >= end {
			t.finishReread(p)
			again = false
		}
		if err := t.apply(rec); err != nil {
			t.metrics.Unreadable.Inc()
			t.log.Warn("a record cannot be decoded", "partition", rec.Partition, "offset", rec.Offset, "error", err)
		}
	}
	if n := len(recs); n > 0 {
		t.progress.Advance(p, recs[n-1].Offset+1)
	}
}

// onFetchError skips a corrupt batch. Other errors pass, and the library retries.
func (t *follower) onFetchError(ctx context.Context, p int32, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	if loss, ok := errors.AsType[*kgo.ErrDataLoss](err); ok { //mutant:view-of-a-cut-log-is-read-anew
		t.log.Error(truncatedMessage, "partition", p, "error", err)
		t.onDataLoss(ctx, loss)
		return
	}
	if errors.Is(err, kafka.ErrCorruptBatch) {
		skipped := t.skipCorruptBatch(ctx, p)
		if skipped == nil {
			t.metrics.CorruptBatches.Inc()
			t.log.Error("a corrupt batch is skipped", "partition", p, "error", err)
			return
		}
		err = errors.Join(err, skipped)
	}
	if now := time.Now(); now.Sub(t.warned) >= warnEvery {
		t.warned = now
		t.log.Warn("fetching a topic", "partition", p, "error", err)
	}
}

func (t *follower) skipCorruptBatch(ctx context.Context, p int32) error {
	at := t.progress.Next()[p]
	starts, err := t.reader.Starts(ctx, t.topic)
	if err != nil {
		return err
	}
	behind, err := t.reader.SkipBatch(ctx, stream.TopicPartition{Topic: t.topic, Partition: p}, max(at, starts[p]))
	if err != nil {
		return err
	}
	t.progress.Advance(p, behind)
	return nil
}
