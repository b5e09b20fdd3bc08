package offsets

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Bounds is where logs begin and end.
type Bounds struct{ Begins, Ends kadm.ListedOffsets }

var errNotListed = errors.New("no broker said so: the partition may be without a leader")

// Lookup returns where a partition of the topic with that name in Kafka begins and ends.
func (b Bounds) Lookup(name string, partition int32) (begin, end int64, err error) {
	for _, ask := range []struct {
		of *int64
		in kadm.ListedOffsets
	}{{&begin, b.Begins}, {&end, b.Ends}} {
		at, ok := ask.in.Lookup(name, partition)
		if !ok {
			at.Err = errNotListed
		}
		if at.Err != nil {
			return 0, 0, at.Err
		}
		*ask.of = at.Offset
	}
	return begin, end, nil
}

// Partial reports whether an error of listing offsets is one of some partitions, or of some brokers: what is listed beside it is valid. That
// nothing is listed is then so of all partitions, because each of them is without a leader.
func Partial(err error) bool {
	var shards *kadm.ShardErrors
	var code *kerr.Error
	return errors.As(err, &shards) && (!shards.AllFailed || errors.As(err, &code))
}
