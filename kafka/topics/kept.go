package topics

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"altavoz/kafka"
	"altavoz/stream"
)

// Kept is for how long a topic keeps a record, as its brokers are set. A segment is deleted whole, once its newest record is old enough.
type Kept struct {
	Deletes   bool          // by age
	Retention time.Duration // below 0: for ever
	Segment   time.Duration // what a segment takes to be closed where little is written, at most
}

// Until returns when a record that was written then is gone at the latest, and false where no time says that.
func (k Kept) Until(written time.Time) (time.Time, bool) {
	if !k.Deletes || k.Retention < 0 {
		return time.Time{}, false
	}
	return written.Add(k.Retention + k.Segment), true
}

// HowLong asks for how long topics keep their records. What a broker does not tell is an error: nothing is promised that nobody knows.
func HowLong(ctx context.Context, c kafka.Config) (map[stream.Topic]Kept, error) {
	c = c.WithDefaults()
	cl, err := c.NewClient()
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	configs, err := kadm.NewClient(cl).DescribeTopicConfigs(ctx, c.Topics.Names(c.TopicName)...)
	if err != nil {
		return nil, fmt.Errorf("asking how long topics are kept: %w", err)
	}
	out := make(map[stream.Topic]Kept, len(c.Topics))
	for _, s := range c.Topics {
		t := describe(kadm.TopicDetail{Topic: c.TopicName(s.Topic)}, configs)
		retention, one := t.number(retentionTime)
		segment, two := t.number("segment.ms")
		if !one || !two {
			return nil, fmt.Errorf("the brokers do not tell how long %s is kept", t.Name)
		}
		out[s.Topic] = Kept{Deletes: t.deletes(), Retention: time.Duration(retention) * time.Millisecond, Segment: time.Duration(segment) * time.Millisecond}
	}
	return out, nil
}
