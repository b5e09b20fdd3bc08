// Package trim says how large partitions are and how far their groups have come, and removes the beginnings of their logs. What may be removed is
// its caller's to decide.
package trim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/stream"
)

// timeout bounds one question to the brokers.
const timeout = 10 * time.Second

var errSlow = errors.New("the broker does not answer")

// Log is a partition as it was found.
type Log struct {
	Partition  stream.TopicPartition
	Bytes      int64 // of the largest replica; Offsets does not ask
	Begin, End int64
	Committed  int64 // where its group goes on; stream.NoOffset: it has none, or none is committed
}

// Client asks and trims.
type Client struct {
	cfg    kafka.Config
	cl     *kgo.Client
	adm    *kadm.Client
	reader *records.Reader
	groups map[stream.Topic]string // the group, without the prefix, that reads a topic
}

// NewClient returns a client that knows the groups of topics.
func NewClient(c kafka.Config, groups map[stream.Topic]string) (*Client, error) {
	c = c.WithDefaults()
	cl, err := c.NewClient()
	if err != nil {
		return nil, err //nolint:wrapcheck // says all
	}
	return &Client{cfg: c, cl: cl, adm: kadm.NewClient(cl), reader: records.ReaderOver(c, cl), groups: groups}, nil
}

// Close ends the client.
func (c *Client) Close() { c.cl.Close() }

// Logs returns the partitions of topics.
func (c *Client) Logs(ctx context.Context, topics ...stream.Topic) ([]Log, error) {
	out, err := c.Offsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errSlow)
	defer cancel()
	sizes, err := kafka.Within(ctx, func() (kadm.DescribedAllLogDirs, error) { return c.adm.DescribeAllLogDirs(ctx, nil) })
	if err != nil {
		return nil, fmt.Errorf("asking how large partitions are: %w", err)
	}
	bytes := make(map[stream.TopicPartition]int64)
	sizes.Each(func(d kadm.DescribedLogDir) {
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) {
			of := stream.TopicPartition{Topic: c.cfg.Topic(p.Topic), Partition: p.Partition}
			bytes[of] = max(bytes[of], p.Size)
		})
	})
	for i := range out {
		out[i].Bytes = bytes[out[i].Partition]
	}
	return out, nil
}

// Offsets is Logs without sizes, for which a user needs a right on the whole cluster. Of an answer that is not complete nothing is used: what is not
// known may be needed.
func (c *Client) Offsets(ctx context.Context, topics ...stream.Topic) ([]Log, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errSlow)
	defer cancel()
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = c.cfg.TopicName(t)
	}
	begins, err := c.list(ctx, c.adm.ListStartOffsets, names...)
	if err != nil {
		return nil, err
	}
	ends, err := c.list(ctx, c.adm.ListEndOffsets, names...)
	if err != nil {
		return nil, err
	}
	committed, err := c.committed(ctx, topics)
	if err != nil {
		return nil, err
	}
	var out []Log
	begins.Each(func(o kadm.ListedOffset) {
		of := stream.TopicPartition{Topic: c.cfg.Topic(o.Topic), Partition: o.Partition}
		l := Log{Partition: of, Begin: o.Offset, Committed: stream.NoOffset}
		if end, ok := ends.Lookup(o.Topic, o.Partition); ok {
			l.End = end.Offset
		}
		if at, ok := committed[of]; ok {
			l.Committed = at
		}
		out = append(out, l)
	})
	return out, nil
}

func (c *Client) list(ctx context.Context, ask func(context.Context, ...string) (kadm.ListedOffsets, error), names ...string) (kadm.ListedOffsets, error) {
	listed, err := kafka.Within(ctx, func() (kadm.ListedOffsets, error) { return ask(ctx, names...) })
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("asking where partitions begin and end: %w", err)
	}
	return listed, nil
}

func (c *Client) committed(ctx context.Context, topics []stream.Topic) (map[stream.TopicPartition]int64, error) {
	out := make(map[stream.TopicPartition]int64)
	groups := make(map[string]bool)
	for _, t := range topics {
		if g := c.groups[t]; g != "" {
			groups[g] = true
		}
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		fetched, err := kafka.Within(ctx, func() (kadm.OffsetResponses, error) { return c.adm.FetchOffsets(ctx, c.cfg.Prefix+g) })
		if err == nil {
			err = fetched.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("asking how far group %s has come: %w", g, err)
		}
		fetched.Each(func(r kadm.OffsetResponse) {
			if of := (stream.TopicPartition{Topic: c.cfg.Topic(r.Topic), Partition: r.Partition}); c.groups[of.Topic] == g && r.At >= 0 {
				out[of] = r.At
			}
		})
	}
	return out, nil
}

// Since returns for each partition of a topic the offset of its first record that is not older than a moment; its end where there is none.
func (c *Client) Since(ctx context.Context, of stream.Topic, moment time.Time) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errSlow)
	defer cancel()
	listed, err := c.list(ctx, func(ctx context.Context, names ...string) (kadm.ListedOffsets, error) {
		return c.adm.ListOffsetsAfterMilli(ctx, moment.UnixMilli(), names...)
	}, c.cfg.TopicName(of))
	if err != nil {
		return nil, err
	}
	out := make(map[int32]int64)
	listed.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
	return out, nil
}

// Written returns when the first record at or behind an offset was written, as it says itself.
func (c *Client) Written(ctx context.Context, of stream.TopicPartition, offset int64) (at time.Time, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errSlow)
	defer cancel()
	err = c.reader.Range(ctx, of, offset, offset+1, func(rec stream.Record) error { at = rec.Time; return nil })
	if err == nil && at.IsZero() {
		err = stream.ErrGone
	}
	if err != nil {
		return at, fmt.Errorf("asking when %s at %d was written: %w", of, offset, err)
	}
	return at, nil
}

// Delete removes what lies before the offsets.
func (c *Client) Delete(ctx context.Context, before map[stream.TopicPartition]int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errSlow)
	defer cancel()
	at := make(kadm.Offsets)
	for of, offset := range before {
		at.AddOffset(c.cfg.TopicName(of.Topic), of.Partition, offset, -1)
	}
	deleted, err := kafka.Within(ctx, func() (kadm.DeleteRecordsResponses, error) { return c.adm.DeleteRecords(ctx, at) })
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("removing the beginnings of logs: %w", err)
	}
	return nil
}
