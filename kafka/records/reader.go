package records

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/stream"
)

const (
	// rangeFetchBytes is the limit of one fetch: the broker returns at least one batch, whatever its size.
	rangeFetchBytes = 1 << 20
	// singleFetchBytes is that for a single record: one batch, and not what follows it.
	singleFetchBytes = 1
	fetchWait        = 250 * time.Millisecond
	// fetchAttempts bounds the wait for a leader: with the pauses between, some 10 s.
	fetchAttempts   = 20
	fetchRetryPause = 500 * time.Millisecond
	// leaderMaxAge is how long cached metadata of leaders is used, leaderMinAge after a leader said that it is none, or did not answer.
	leaderMaxAge = time.Minute
	leaderMinAge = time.Second
)

// Reader reads records by partition and offset, outside any group. It is safe for concurrent use.
type Reader struct {
	cfg kafka.Config
	cl  *kgo.Client
	adm *kadm.Client
}

// NewReader returns a reader.
func NewReader(c kafka.Config) (*Reader, error) {
	c = c.WithDefaults()
	cl, err := c.NewClient()
	if err != nil {
		return nil, err
	}
	return ReaderOver(c, cl), nil
}

// ReaderOver returns a reader over a client of the caller, who closes it.
func ReaderOver(c kafka.Config, cl *kgo.Client) *Reader {
	return &Reader{cfg: c, cl: cl, adm: kadm.NewClient(cl)}
}

// Close ends the reader; reads under way fail.
func (r *Reader) Close() { r.cl.Close() }

// Record reads one record. The error is stream.ErrGone if there is none at the offset, or if its batch is corrupt.
func (r *Reader) Record(ctx context.Context, s stream.TopicPartition, offset int64) (stream.Record, error) {
	var found stream.Record
	ok := false
	err := r.Records(ctx, s, []int64{offset}, func(rec stream.Record) error {
		found, ok = rec, true
		return nil
	})
	if err == nil && !ok {
		err = fmt.Errorf("%s at %d: %w", s, offset, stream.ErrGone)
	}
	return found, err
}

// Records calls each for the records at the given offsets, which must increase. Adjacent ones come in one fetch.
func (r *Reader) Records(ctx context.Context, s stream.TopicPartition, offsets []int64, each func(stream.Record) error) error {
	for len(offsets) > 0 {
		recs, _, start, err := r.fetch(ctx, s, offsets[0], fetchSize(offsets[0], offsets[len(offsets)-1]))
		if err != nil {
			return r.corruptAsGone(err)
		}
		if offsets[0] < start || len(recs) == 0 || recs[0].Offset != offsets[0] {
			return fmt.Errorf("%s at %d: %w", s, offsets[0], stream.ErrGone)
		}
		for _, rec := range recs {
			if len(offsets) == 0 || rec.Offset < offsets[0] {
				continue
			}
			if rec.Offset > offsets[0] {
				break // the next fetch shows whether it is gone
			}
			offsets = offsets[1:]
			if err := each(rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// corruptAsGone turns the error of a corrupt batch into stream.ErrGone: its records cannot be read any more.
func (r *Reader) corruptAsGone(err error) error {
	if errors.Is(err, kafka.ErrCorruptBatch) {
		return fmt.Errorf("%w: %w", stream.ErrGone, err)
	}
	return err
}

// Range calls each for every record in [from, to), in order. Offsets that compaction removed are skipped, and so are corrupt batches; a from below
// the log's start means its start.
func (r *Reader) Range(ctx context.Context, s stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	for at := max(from, 0); at < to; {
		recs, end, start, err := r.fetch(ctx, s, at, fetchSize(at, to-1))
		if err != nil && errors.Is(err, kafka.ErrCorruptBatch) {
			behind, skip := r.batchEnd(ctx, s, at)
			if skip != nil {
				return errors.Join(err, skip)
			}
			r.cfg.Logger.Error("a corrupt batch is skipped", "partition", s.String(), "from", at, "to", behind, "error", err)
			at = behind
			continue
		}
		if err != nil {
			return err
		}
		if at < start {
			at = start
			continue
		}
		if len(recs) == 0 && at >= end {
			return nil // the log ends below to
		}
		for _, rec := range recs {
			if rec.Offset >= to {
				return nil
			}
			if err := each(rec); err != nil {
				return err
			}
		}
		if len(recs) == 0 {
			at++ // nothing but offsets that compaction removed
			continue
		}
		at = recs[len(recs)-1].Offset + 1
	}
	return nil
}

// fetchSize is the limit of a fetch for records up to an offset.
func fetchSize(from, last int64) int32 {
	if from == last {
		return singleFetchBytes
	}
	return rangeFetchBytes
}

// fetch asks the partition's leader for records from an offset on, and again after everything that passes. It returns
// them with the partition's end and start.
func (r *Reader) fetch(ctx context.Context, s stream.TopicPartition, at int64, most int32) (recs []stream.Record, end, start int64, err error) {
	for try := range fetchAttempts {
		if try > 0 {
			select {
			case <-ctx.Done():
				return nil, 0, 0, fmt.Errorf("reading %s at %d: %w", s, at, context.Cause(ctx))
			case <-time.After(fetchRetryPause):
			}
		}
		var again bool
		recs, end, start, again, err = r.fetchOnce(ctx, s, at, most, try > 0)
		if !again {
			break
		}
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("reading %s at %d: %w", s, at, err)
	}
	return recs, end, start, nil
}

// fetchOnce is one request of fetch; again says that the error may pass.
func (r *Reader) fetchOnce(ctx context.Context, s stream.TopicPartition, at int64, most int32, fresh bool) (recs []stream.Record, end, start int64, again bool, err error) {
	rp, err := r.fetchRaw(ctx, s, at, most, fresh)
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		return r.outOfRange(ctx, s, at)
	case err != nil:
		return nil, 0, 0, ctx.Err() == nil, err
	}
	opts := kgo.ProcessFetchPartitionOpts{Offset: at, Topic: r.cfg.TopicName(s.Topic), Partition: s.Partition}
	opts.IsolationLevel, _ = kafka.IsolationLevel(s.Topic)
	got, _ := kgo.ProcessFetchPartition(opts, rp, kafka.Decompressor{}, nil)
	if got.Err != nil {
		return nil, 0, 0, false, got.Err
	}
	if len(got.Records) == 0 && inOpenTransaction(s.Topic, rp, at) {
		return nil, 0, 0, true, errOpenTransaction
	}
	recs = make([]stream.Record, len(got.Records))
	for i, k := range got.Records {
		recs[i] = r.cfg.Record(k)
	}
	return recs, rp.HighWatermark, 0, false, nil
}

// fetchRaw fetches from the leader, without decoding.
func (r *Reader) fetchRaw(ctx context.Context, s stream.TopicPartition, at int64, most int32, fresh bool) (*kmsg.FetchResponseTopicPartition, error) {
	leader, id, err := r.leader(ctx, s, fresh)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = int32(fetchWait.Milliseconds())
	// The partition's own limit is the one that counts: where the whole answer is full, kfake leaves out which transactions were aborted.
	req.MinBytes, req.MaxBytes, req.SessionEpoch = 1, 2*rangeFetchBytes, -1
	_, req.IsolationLevel = kafka.IsolationLevel(s.Topic)
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = r.cfg.TopicName(s.Topic), id
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = s.Partition, at, most
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := r.cl.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("asking the leader: %w", err)
	}
	fetched := resp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(fetched.ErrorCode); err != nil {
		return nil, err
	}
	if len(fetched.Topics) != 1 || len(fetched.Topics[0].Partitions) != 1 {
		return nil, errors.New("the broker answered about other partitions")
	}
	rp := &fetched.Topics[0].Partitions[0]
	return rp, kerr.ErrorForCode(rp.ErrorCode)
}

// outOfRange finds out whether an offset lies below the log or above it.
func (r *Reader) outOfRange(ctx context.Context, s stream.TopicPartition, at int64) (recs []stream.Record, end, start int64, again bool, err error) {
	starts, err := r.Starts(ctx, s.Topic)
	if err != nil {
		return nil, 0, 0, ctx.Err() == nil, err
	}
	start, ok := starts[s.Partition]
	if !ok {
		return nil, 0, 0, true, fmt.Errorf("where %s begins is not known", s)
	}
	if at < start {
		return nil, 0, start, false, nil
	}
	return nil, at, 0, false, nil // beyond the end
}

// leader finds the broker that has the partition.
func (r *Reader) leader(ctx context.Context, s stream.TopicPartition, fresh bool) (int32, [16]byte, error) {
	age := leaderMaxAge
	if fresh {
		age = leaderMinAge
	}
	topics, err := r.metadata(ctx, age, s.Topic)
	if err != nil {
		return 0, [16]byte{}, fmt.Errorf("asking for the leader of %s: %w", s, err)
	}
	for _, t := range topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return 0, [16]byte{}, fmt.Errorf("asking for the leader of %s: %w", s, err)
		}
		for _, p := range t.Partitions {
			if p.Partition == s.Partition && p.Leader >= 0 {
				return p.Leader, t.TopicID, nil
			}
		}
	}
	return 0, [16]byte{}, fmt.Errorf("%s has no leader", s)
}

// metadata returns that of topics, of an age at most.
func (r *Reader) metadata(ctx context.Context, age time.Duration, topics ...stream.Topic) ([]kmsg.MetadataResponseTopic, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = new(r.cfg.TopicName(topic))
		req.Topics = append(req.Topics, t)
	}
	resp, err := kafka.Within(ctx, func() (*kmsg.MetadataResponse, error) { return r.cl.RequestCachedMetadata(ctx, req, age) })
	if err != nil {
		return nil, err
	}
	return resp.Topics, nil
}

// errOpenTransaction is the error of a record that may still be aborted. It is retried.
var errOpenTransaction = errors.New("the transaction that wrote the record is still open")

// inOpenTransaction reports whether an offset lies above the last stable offset.
func inOpenTransaction(t stream.Topic, rp *kmsg.FetchResponseTopicPartition, at int64) bool {
	return kafka.ReadCommitted(t) && at >= rp.LastStableOffset && at < rp.HighWatermark
}
