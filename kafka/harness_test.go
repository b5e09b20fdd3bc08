package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

// onBrokers runs a test on the embedded broker and, where one is given (ALTAVOZ_TEST_KAFKA=host:port), on a real one.
func onBrokers(t *testing.T, run func(t *testing.T, c kafka.Config)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		_, c := embedded(t)
		run(t, c)
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		addr := os.Getenv("ALTAVOZ_TEST_KAFKA")
		if addr == "" {
			t.Skip("ALTAVOZ_TEST_KAFKA is not set; make e2e sets it")
		}
		run(t, kafka.Config{Brokers: []string{addr}, Prefix: fmt.Sprintf("%s-%d.", t.Name()[:8], time.Now().UnixNano())})
	})
}

func embedded(t *testing.T) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, kafka.Config{Brokers: c.ListenAddrs(), Prefix: "t."}
}

func layout(t *testing.T, c kafka.Config) kafka.Layout {
	t.Helper()
	l, err := kafka.EnsureTopics(t.Context(), c, true)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func publisher(t *testing.T, c kafka.Config, l kafka.Layout) *kafka.Publisher {
	t.Helper()
	p, err := kafka.NewPublisher(c, l, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

// probe is a stage that writes down what it is told.
type probe struct {
	rewind int64
	mu     sync.Mutex
	events chan string // "assign sends.bulk/0 5 meta", "revoke ...", "lost ..."
	recs   chan stream.Record
	slots  map[stream.TopicPartition]stream.Position
	assign func(pos stream.Position)
	revoke func(slots []stream.TopicPartition)
	inside atomic.Int32 // calls under way that may not meet
	met    atomic.Bool
}

// alone notes a call of Assign, Revoke or Lost that begins before another one has ended.
func (p *probe) alone() (over func()) {
	if p.inside.Add(1) > 1 {
		p.met.Store(true)
	}
	return func() { p.inside.Add(-1) }
}

func newProbe() *probe {
	return &probe{events: make(chan string, 1000), recs: make(chan stream.Record, 100_000), slots: map[stream.TopicPartition]stream.Position{}}
}

func (p *probe) OnAssigned(_ context.Context, pos stream.Position) (int64, error) {
	defer p.alone()()
	if p.assign != nil {
		p.assign(pos)
	}
	p.mu.Lock()
	p.slots[pos.Partition] = pos
	p.mu.Unlock()
	p.events <- fmt.Sprintf("assign %s %d %s", pos.Partition, pos.Offset, pos.Metadata)
	if pos.Offset == stream.NoOffset {
		return stream.NoOffset, nil
	}
	return pos.Offset - p.rewind, nil
}

func (p *probe) Process(_ stream.TopicPartition, recs []stream.Record) {
	for _, r := range recs {
		p.recs <- r
	}
}

func (p *probe) OnRevoked(_ context.Context, slots []stream.TopicPartition) {
	defer p.alone()()
	if p.revoke != nil {
		p.revoke(slots)
	}
	p.gone("revoke", slots)
}

func (p *probe) OnLost(slots []stream.TopicPartition) {
	defer p.alone()()
	p.gone("lost", slots)
}

// told returns what it was told since it was asked last.
func (p *probe) told() (events []string) {
	for {
		select {
		case e := <-p.events:
			events = append(events, e)
		default:
			return events
		}
	}
}

func (p *probe) gone(how string, slots []stream.TopicPartition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range slots {
		if _, ok := p.slots[s]; ok {
			delete(p.slots, s)
			p.events <- how + " " + s.String()
		}
	}
}

func (p *probe) owned() []stream.TopicPartition {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []stream.TopicPartition
	for s := range p.slots {
		out = append(out, s)
	}
	return out
}

// join runs a member until the test ends or leave is called.
func join(t *testing.T, c kafka.Config, l kafka.Layout, p *probe) (g *kafka.Group, leave func()) {
	t.Helper()
	g, err := kafka.NewGroup(c, l, "sender", []stream.Topic{schemas.TopicSendsExpress})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, p) }()
	var once sync.Once
	leave = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil && !errors.Is(err, kafka.ErrTwin) {
				t.Errorf("the group ended with %v", err)
			}
		})
	}
	t.Cleanup(leave)
	return g, leave
}

const patience = 30 * time.Second

func take[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s in %v", what, patience)
		panic("unreachable")
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s in %v", what, patience)
		}
	}
}
