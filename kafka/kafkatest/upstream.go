package kafkatest

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/stream"
)

// Upstream is a producer of somebody else, that writes in transactions.
type Upstream struct {
	t    *testing.T
	cl   *kgo.Client
	to   stream.TopicPartition
	name string
}

// NewUpstream returns a producer that writes to one partition.
func NewUpstream(t *testing.T, c kafka.Config, to stream.TopicPartition) *Upstream {
	t.Helper()
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(c.Brokers...), kgo.TransactionalID(fmt.Sprint(c.Prefix, "upstream-", to.Topic)), kgo.TransactionTimeout(time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &Upstream{t: t, cl: cl, to: to, name: c.Prefix + string(to.Topic)}
}

// Begin writes records in a transaction and leaves it open. It returns the offset of the first.
func (u *Upstream) Begin(values ...string) int64 {
	u.t.Helper()
	if err := u.cl.BeginTransaction(); err != nil {
		u.t.Fatal(err)
	}
	var recs []*kgo.Record
	for _, v := range values {
		recs = append(recs, &kgo.Record{Topic: u.name, Partition: u.to.Partition, Value: []byte(v)})
	}
	if err := u.cl.ProduceSync(u.t.Context(), recs...).FirstErr(); err != nil {
		u.t.Fatal(err)
	}
	return recs[0].Offset
}

// End commits or aborts the transaction.
func (u *Upstream) End(how kgo.TransactionEndTry) {
	u.t.Helper()
	if err := u.cl.EndTransaction(u.t.Context(), how); err != nil {
		u.t.Fatal(err)
	}
}
