package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

// upstream is a producer of somebody else, that writes in transactions.
type upstream struct {
	t    *testing.T
	cl   *kgo.Client
	to   stream.TopicPartition
	name string
}

func newUpstream(t *testing.T, c kafka.Config, to stream.TopicPartition) *upstream {
	t.Helper()
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(c.Brokers...), kgo.TransactionalID(fmt.Sprint(c.Prefix, "upstream-", to.Topic)), kgo.TransactionTimeout(time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &upstream{t: t, cl: cl, to: to, name: c.Prefix + string(to.Topic)}
}

// begin writes records in a transaction and leaves it open. It returns the offset of the first.
func (u *upstream) begin(values ...string) int64 {
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

func (u *upstream) end(how kgo.TransactionEndTry) {
	u.t.Helper()
	if err := u.cl.EndTransaction(u.t.Context(), how); err != nil {
		u.t.Fatal(err)
	}
}

func reading(t *testing.T, c kafka.Config, l kafka.Layout, topic stream.Topic) *probe {
	t.Helper()
	p := newProbe()
	g, err := kafka.NewGroup(c, l, "fanout", []stream.Topic{topic})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, p) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

// Any exactly-once upstream aborts at times. What it aborted was never there, wherever it lies, for the stage and for whoever follows a
// pointer to it.
func TestAbortedBroadcastsAreNeverSeen(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		l := layout(t, c)
		slot := stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: l.Home(schemas.TopicBroadcasts, []byte("k"))}
		up, pub, r := newUpstream(t, c, slot), publisher(t, c, l), reader(t, c)
		gone := up.begin("aborted 1", "aborted 2")
		up.end(kgo.TryAbort)
		there := up.begin("1", "2")
		up.end(kgo.TryCommit)
		up.begin("aborted 3")
		up.end(kgo.TryAbort)
		say(t, pub, stream.Record{Topic: slot.Topic, Partition: slot.Partition, Value: []byte("3")})
		up.begin("aborted 4")
		up.end(kgo.TryAbort)
		say(t, pub, stream.Record{Topic: slot.Topic, Partition: slot.Partition, Value: []byte("4")})
		p := reading(t, c, l, slot.Topic)
		for _, want := range []string{"1", "2", "3", "4"} {
			if got := take(t, p.recs, "record "+want); string(got.Value) != want {
				t.Fatalf("got %q, want %q", got.Value, want)
			}
		}
		for _, at := range []int64{gone, gone + 1} {
			if rec, err := r.Record(t.Context(), slot, at); !errors.Is(err, stream.ErrGone) {
				t.Errorf("an aborted record is read: %q, %v", rec.Value, err)
			}
		}
		if rec, err := r.Record(t.Context(), slot, there+1); err != nil || string(rec.Value) != "2" {
			t.Errorf("a committed record: %q, %v", rec.Value, err)
		}
	})
}

// A slice may be asked for before the transaction that wrote it has ended in its partition: it is waited for, and not called gone.
func TestARecordOfAnOpenTransactionIsWaitedFor(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		layout(t, c)
		slot := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 0}
		up, r := newUpstream(t, c, slot), reader(t, c)
		at := up.begin("slice")
		type answer struct {
			rec stream.Record
			err error
		}
		got := make(chan answer, 1)
		go func() {
			rec, err := r.Record(context.WithoutCancel(t.Context()), slot, at)
			got <- answer{rec, err}
		}()
		select {
		case a := <-got:
			t.Fatalf("before the transaction ended: %q, %v", a.rec.Value, a.err)
		case <-time.After(time.Second): // long enough for an answer
		}
		up.end(kgo.TryCommit)
		if a := take(t, got, "the slice"); a.err != nil || string(a.rec.Value) != "slice" {
			t.Errorf("%q, %v", a.rec.Value, a.err)
		}
	})
}

// A transaction that hangs stops what lies behind it. A metric says so, and it goes on when the transaction ends.
func TestAHangingTransactionIsMeasured(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		reg := prometheus.NewRegistry()
		l := layout(t, c)
		slot := stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: 1}
		up, pub := newUpstream(t, c, slot), publisher(t, c, l)
		c.Registerer = reg
		up.begin("first")
		say(t, pub, stream.Record{Topic: slot.Topic, Partition: slot.Partition, Value: []byte("second")})
		p := reading(t, c, l, slot.Topic)
		open := func() float64 {
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				if f.GetName() == "altavoz_open_transaction_seconds" {
					return f.GetMetric()[0].GetGauge().GetValue()
				}
			}
			return 0
		}
		until(t, "the transaction is measured", func() bool { return open() > 0 })
		select {
		case rec := <-p.recs:
			t.Errorf("%q is read while the transaction is open", rec.Value)
		default:
		}
		up.end(kgo.TryCommit)
		for _, want := range []string{"first", "second"} {
			if got := take(t, p.recs, "record "+want); string(got.Value) != want {
				t.Errorf("got %q, want %q", got.Value, want)
			}
		}
		until(t, "nothing is open", func() bool { return open() == 0 })
	})
}
