package records

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

var (
	// ErrBusy is the error of a record that was not accepted: the buffers are full, or earlier records of its partition are unanswered. Nothing of
	// it was written.
	ErrBusy = fmt.Errorf("the buffers to Kafka are full: %w", stream.ErrNotWritten)
	// ErrUnanswered is the error of a record that was accepted and has no answer in time. It may be in the log, or appear there later, however much
	// later: what was sent cannot be cancelled (see unanswered).
	ErrUnanswered = errors.New("no answer from Kafka: the record may still be written")
)

const (
	// idRetryPause is between two requests for a producer id.
	idRetryPause = time.Second
	// What may wait in one publisher. Records of the broadcasts topic may be 24 MiB each, so bytes are bounded too.
	maxBuffered      = 20_000
	maxBufferedBytes = 32 << 20
	// deliveryTimeout is how long a record may wait to be sent. One that was sent waits for its answer without end.
	deliveryTimeout = 10 * time.Second
	// answerTimeout is when a record without an answer is reported to its writer: a little after the library has failed what it had not sent, of
	// which more is known.
	answerTimeout = deliveryTimeout + 2*time.Second
	// batchBytes is the largest batch of small records; a larger record travels alone.
	batchBytes = schemas.MaxRecordBytes
)

// Publisher writes records. It is safe for concurrent use.
type Publisher struct {
	cfg     kafka.Config
	layout  kafka.Layout
	cl      *kgo.Client
	bytes   atomic.Int64
	records atomic.Int64
	pending *unanswered[stream.TopicPartition]
}

// NewPublisher returns a publisher that waits for linger before it sends a batch: 0 for low latency, a few milliseconds for throughput.
func NewPublisher(c kafka.Config, l kafka.Layout, linger time.Duration) (*Publisher, error) {
	c = c.WithDefaults()
	cl, err := c.NewClient(
		kgo.ProducerLinger(linger),
		kgo.RecordPartitioner(kafka.ByKey(l, c)),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.MaxBufferedRecords(2*maxBuffered), // ours is the limit that counts; this one would block
		kgo.ProducerBatchMaxBytes(batchBytes+64<<10),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return c.Topics.MaxBatch(c.Topic(topic), batchBytes) }),
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.UnknownTopicRetries(-1), // a broker that just started may not know its topics yet; time is the bound
		kgo.ProduceRequestTimeout(deliveryTimeout),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
	)
	if err != nil {
		return nil, err
	}
	unanswered := func(of stream.TopicPartition, records int) {
		c.Logger.Warn("records have no answer; whether they are in the log is not known", "partition", of.String(), "records", records)
		c.Health.ObserveWrite(ErrUnanswered)
	}
	return &Publisher{cfg: c, layout: l, cl: cl, pending: newUnanswered(answerTimeout, unanswered)}, nil
}

// Ready returns when records can be written: it requests the producer id, so that the first batch need not wait for it. It waits for Kafka until
// ctx ends.
func (p *Publisher) Ready(ctx context.Context) error {
	for {
		_, _, err := p.cl.ProducerID(ctx)
		if err == nil {
			return nil
		}
		if !kafka.Sleep(ctx, idRetryPause) {
			return fmt.Errorf("asking for a producer's id: %w", errors.Join(context.Cause(ctx), err))
		}
	}
}

// Append accepts a record to be written and never blocks. done is called exactly once, within answerTimeout: with the record as it was
// acknowledged, or as it was given and with an error. After any error but ErrBusy the record may be in the log, or may still be written.
func (p *Publisher) Append(rec stream.Record, done func(stream.Record, error)) {
	size := int64(len(rec.Key) + len(rec.Value))
	records, bytes := p.records.Add(1), p.bytes.Add(size)
	if records > maxBuffered || bytes > maxBufferedBytes+size { // one record of any size is always accepted
		p.release(size)
		done(rec, ErrBusy)
		return
	}
	to := stream.TopicPartition{Topic: rec.Topic, Partition: rec.Partition}
	if rec.Partition == stream.NoPartition {
		to.Partition = p.layout.Home(rec.Topic, rec.Key)
	}
	w := &write{p: p, rec: rec, size: size, done: done}
	if !p.pending.add(&w.pending, to, w) {
		p.release(size)
		done(rec, fmt.Errorf("writing to %s: earlier records have no answer: %w", to, ErrBusy))
		return
	}
	// A cancelled context would fail a batch, and with it the sequence numbers of all that follow.
	p.cl.TryProduce(context.Background(), p.cfg.KgoRecord(rec), w.answer)
}

// release takes a record of so many bytes out of what is buffered.
func (p *Publisher) release(size int64) {
	p.records.Add(-1)
	p.bytes.Add(-size)
}

// write is a record that was accepted.
type write struct {
	p       *Publisher
	rec     stream.Record
	size    int64
	done    func(stream.Record, error)
	pending entry[stream.TopicPartition]
}

// answer is told what the library says of the record.
func (w *write) answer(k *kgo.Record, err error) {
	w.p.release(w.size) // until its answer a record counts in the buffers
	w.p.cfg.Health.ObserveWrite(err)
	if !w.pending.answer() {
		return
	}
	switch {
	case errors.Is(err, kgo.ErrMaxBuffered):
		err = ErrBusy
	case err != nil:
		err = fmt.Errorf("writing to %s: %w", k.Topic, err)
	default:
		w.rec.Partition, w.rec.Offset, w.rec.Time = k.Partition, k.Offset, k.Timestamp
	}
	w.done(w.rec, err)
}

func (w *write) expire() {
	w.done(w.rec, fmt.Errorf("writing to %s: %w", w.pending.key, ErrUnanswered))
}

// Publish writes records and returns them as acknowledged, in the order given. The end of ctx ends the waiting only: what was accepted is
// written. An error means that at least one was not acknowledged.
func (p *Publisher) Publish(ctx context.Context, recs ...stream.Record) ([]stream.Record, error) {
	var (
		mu    sync.Mutex
		first error
		left  = len(recs)
		all   = make(chan struct{})
		acked = make([]stream.Record, len(recs))
	)
	if left == 0 {
		return nil, nil
	}
	for i, rec := range recs {
		p.Append(rec, func(rec stream.Record, err error) { //nolint:contextcheck // what is accepted is written, whoever stops waiting
			mu.Lock()
			defer mu.Unlock()
			acked[i] = rec
			if err != nil && first == nil {
				first = err
			}
			if left--; left == 0 {
				close(all)
			}
		})
	}
	select {
	case <-all:
		return acked, first
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for Kafka: %w", context.Cause(ctx))
	}
}

// Close writes what is buffered, as long as ctx lasts, and ends the publisher.
func (p *Publisher) Close(ctx context.Context) error {
	err := p.cl.Flush(ctx)
	p.cl.Close()
	p.pending.stop()
	if err != nil {
		return fmt.Errorf("flushing to Kafka: %w", err)
	}
	return nil
}
