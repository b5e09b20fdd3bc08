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
	// syncRetryPause is between two tries to learn where the topic ends.
	syncRetryPause = time.Second

	tailFetchBytes          = 4 << 20
	tailFetchPartitionBytes = 1 << 20
	// tailRecheck is how often a Sync that waits asks anew where partitions begin: records may go by age under it.
	tailRecheck = 2 * time.Second
	// tailWarnEvery is how often at most a view says that it can't read.
	tailWarnEvery = 10 * time.Second
)

// tail reads a topic whole, from its start, and stays at its end: what the views of this package have in common.
type tail struct {
	topic   stream.Topic
	cfg     kafka.Config
	cl      *kgo.Client
	reader  *records.Reader // over the same client
	log     *slog.Logger
	metrics *Metrics
	take    func(stream.Record) error // an error is that of a record that can't be read
	anew    func()                    // offsets begin anew, and so does the reading
	whole   func()                    // what was there then is read again
	unread  blocked.Partitions

	caught chan struct{}
	done   chan struct{}
	start  sync.Once
	stop   context.CancelFunc
	kill   context.CancelFunc // ends the client with all that it waits for
	warned time.Time          // in the goroutine of run

	progress *Progress
}

func newTail(c kafka.Config, l kafka.Layout, t stream.Topic, take func(stream.Record) error) (*tail, error) {
	at := make(map[int32]kgo.Offset)
	for p := range l[t] {
		at[p] = kgo.NewOffset().AtStart()
	}
	life, kill := context.WithCancel(context.Background())
	cl, err := c.NewClient(
		kgo.WithContext(life),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.TopicName(t): at}),
		kgo.FetchMaxBytes(tailFetchBytes), kgo.FetchMaxPartitionBytes(tailFetchPartitionBytes), kgo.MaxConcurrentFetches(2),
	)
	if err != nil {
		kill()
		return nil, err
	}
	log, metrics := c.Logger.With("view", string(t)), NewMetrics(c.Registerer, string(t))
	view := &tail{
		topic: t, cfg: c, cl: cl, reader: records.ReaderOver(c, cl), log: log,
		metrics: metrics, take: take, kill: kill,
		caught: make(chan struct{}), done: make(chan struct{}), progress: NewProgress(), anew: func() {}, whole: func() {},
	}
	view.unread.Open(life, kafka.Fetcher{Config: c, Client: cl}, metrics.Held, log)
	return view, nil
}

// Start begins to read. It does not wait; CaughtUp says when the view knows what was there.
func (t *tail) Start(ctx context.Context) error {
	t.start.Do(func() {
		life, stop := context.WithCancel(ctx)
		t.stop = stop
		go t.run(life)
		go func() {
			if t.follow(life) {
				close(t.caught)
			}
		}()
	})
	return nil
}

// follow waits until the view has caught up, or is to end.
func (t *tail) follow(ctx context.Context) bool {
	for ctx.Err() == nil {
		if t.Sync(ctx) == nil {
			return true
		}
		kafka.Sleep(ctx, syncRetryPause)
	}
	return false
}

// Stop ends the view; what it knows can still be read.
func (t *tail) Stop() {
	started := true
	t.start.Do(func() { started = false })
	if started {
		t.stop()
		<-t.done
	}
	t.kill() // first: nobody hears its last words, and a broker that does not answer is not waited for
	t.cl.Close()
}

// CaughtUp is closed when the view first knew all that was there at its start.
func (t *tail) CaughtUp() <-chan struct{} { return t.caught }

// Sync waits until the view has taken all up to where the topic ends now.
func (t *tail) Sync(ctx context.Context) error {
	ends, err := t.ends(ctx)
	if err != nil {
		return err
	}
	for slow := false; ; slow = true {
		starts, err := t.reader.Starts(ctx, t.topic)
		if err != nil {
			return err
		}
		if slow {
			if err := t.passEmpty(ctx, starts, ends); err != nil {
				return err
			}
		}
		again := time.NewTimer(tailRecheck)
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

// passEmpty passes over offsets at the end of a partition that hold no record: the marker of a foreign transaction, what compaction
// left of a batch, or what went by age. Nobody hands those over. Where a partition ends below what was waited for, that is all there is:
// ends becomes the lower one.
func (t *tail) passEmpty(ctx context.Context, starts, ends map[int32]int64) error {
	next, empty := t.progress.Next(), make([]int32, 0, len(ends))
	for p, end := range ends {
		var err error
		if max(starts[p], next[p]) < end {
			err = t.reader.Range(ctx, stream.TopicPartition{Topic: t.topic, Partition: p}, next[p], end, func(stream.Record) error { return errRecord })
		}
		switch {
		case errors.Is(err, errRecord): // it will be handed over
		case err != nil:
			return err
		default:
			empty = append(empty, p)
		}
	}
	now, err := t.ends(ctx)
	if err != nil {
		return err
	}
	for p, end := range now {
		ends[p] = min(ends[p], end) //mutant:lower-end-is-waited-for
	}
	for _, p := range empty {
		t.progress.Pass(p, next[p], ends[p])
	}
	return nil
}

// errRecord ends the search for a record: there is one.
var errRecord = errors.New("there is a record")

func (t *tail) run(ctx context.Context) {
	defer close(t.done)
	for {
		fetches := t.poll(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(_ string, p int32, err error) { t.trouble(ctx, p, err) })
		again := t.restart(ctx)
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { //nolint:contextcheck // what is held is tried again for as long as the client lives
			if again[p.Partition] {
				return
			}
			recs := t.unread.Readable(stream.TopicPartition{Topic: t.topic, Partition: p.Partition}, t.cfg.Records(p.Records)) //mutant:views-hold-newer-records
			t.hand(p.Partition, recs)
		})
		t.settle(t.progress.Due()...)
	}
}

// hand takes records of a partition.
func (t *tail) hand(p int32, recs []stream.Record) {
	end, again := t.progress.Again(p)
	for _, rec := range recs {
		if again && rec.Offset >= end {
			t.settle(p)
			again = false
		}
		if err := t.take(rec); err != nil {
			t.metrics.Unreadable.Inc()
			t.log.Warn("a record can't be read", "partition", rec.Partition, "offset", rec.Offset, "error", err)
		}
	}
	if n := len(recs); n > 0 {
		t.progress.Advance(p, recs[n-1].Offset+1)
	}
}

// trouble passes over a batch that can't be unpacked. What else goes wrong passes, and the library tries again.
func (t *tail) trouble(ctx context.Context, p int32, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	if loss, ok := errors.AsType[*kgo.ErrDataLoss](err); ok { //mutant:view-of-a-cut-log-is-read-anew
		t.log.Error(saysCut, "partition", p, "error", err)
		t.lost(ctx, loss)
		return
	}
	if errors.Is(err, kafka.ErrCorruptBatch) {
		skipped := t.skip(ctx, p)
		if skipped == nil {
			t.metrics.Poisoned.Inc()
			t.log.Error("a batch can't be unpacked and is passed over", "partition", p, "error", err)
			return
		}
		err = errors.Join(err, skipped)
	}
	if now := time.Now(); now.Sub(t.warned) >= tailWarnEvery {
		t.warned = now
		t.log.Warn("reading a topic", "partition", p, "error", err)
	}
}

func (t *tail) skip(ctx context.Context, p int32) error {
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
