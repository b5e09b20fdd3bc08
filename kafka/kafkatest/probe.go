package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/schemas"
	"altavoz/stream"
)

// Probe is a stage that writes down what it is told.
type Probe struct {
	Rewind     int64
	Mu         sync.Mutex
	Events     chan string // "assign sends.bulk/0 5 meta", "revoke ...", "lost ..."
	Records    chan stream.Record
	Positions  map[stream.TopicPartition]stream.Position
	Assign     func(pos stream.Position)
	Revoke     func(Positions []stream.TopicPartition)
	inside     atomic.Int32 // calls under way that may not meet
	Overlapped atomic.Bool
}

// exclusive notes a call of Assign, Revoke or Lost that begins before another one has ended.
func (p *Probe) exclusive() (over func()) {
	if p.inside.Add(1) > 1 {
		p.Overlapped.Store(true)
	}
	return func() { p.inside.Add(-1) }
}

// OnAssigned is group.Stage's.
func (p *Probe) OnAssigned(_ context.Context, pos stream.Position) (int64, error) {
	defer p.exclusive()()
	if p.Assign != nil {
		p.Assign(pos)
	}
	p.Mu.Lock()
	p.Positions[pos.Partition] = pos
	p.Mu.Unlock()
	p.Events <- fmt.Sprintf("assign %s %d %s", pos.Partition, pos.Offset, pos.Metadata)
	if pos.Offset == stream.NoOffset {
		return stream.NoOffset, nil
	}
	return pos.Offset - p.Rewind, nil
}

// Process is group.Stage's.
func (p *Probe) Process(_ stream.TopicPartition, recs []stream.Record) {
	for _, r := range recs {
		p.Records <- r
	}
}

// OnRevoked is group.Stage's.
func (p *Probe) OnRevoked(_ context.Context, tps []stream.TopicPartition) {
	defer p.exclusive()()
	if p.Revoke != nil {
		p.Revoke(tps)
	}
	p.gone("revoke", tps)
}

// OnLost is group.Stage's.
func (p *Probe) OnLost(tps []stream.TopicPartition) {
	defer p.exclusive()()
	p.gone("lost", tps)
}

// Received returns what it was told since it was asked last.
func (p *Probe) Received() (events []string) {
	for {
		select {
		case e := <-p.Events:
			events = append(events, e)
		default:
			return events
		}
	}
}

func (p *Probe) gone(how string, tps []stream.TopicPartition) {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	for _, s := range tps {
		if _, ok := p.Positions[s]; ok {
			delete(p.Positions, s)
			p.Events <- how + " " + s.String()
		}
	}
}

// Owned returns the partitions that are assigned.
func (p *Probe) Owned() []stream.TopicPartition {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	var out []stream.TopicPartition
	for s := range p.Positions {
		out = append(out, s)
	}
	return out
}

// NewProbe returns a stage without partitions.
func NewProbe() *Probe {
	return &Probe{Events: make(chan string, 1000), Records: make(chan stream.Record, 100_000), Positions: map[stream.TopicPartition]stream.Position{}}
}

// Join runs a member of the senders' group until the test ends or leave is called.
func Join(t *testing.T, c kafka.Config, st group.Stage) (g *group.Group, leave func()) {
	t.Helper()
	return JoinGroup(t, c, "sender", schemas.TopicSendsExpress, st)
}

// JoinGroup is Join for a group that reads any topic.
func JoinGroup(t *testing.T, c kafka.Config, name string, topic stream.Topic, st group.Stage) (g *group.Group, leave func()) {
	t.Helper()
	g, err := group.New(c, name, []stream.Topic{topic})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, st) }()
	var once sync.Once
	leave = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil && !errors.Is(err, group.ErrInstanceIDInUse) {
				t.Errorf("the group ended with %v", err)
			}
		})
	}
	t.Cleanup(leave)
	return g, leave
}

// JoinAs runs a member with any stage until the test ends; done gets the error of Run.
func JoinAs(t *testing.T, c kafka.Config, st group.Stage) (g *group.Group, done chan error) {
	t.Helper()
	g, err := group.New(c, "sender", []stream.Topic{schemas.TopicSendsExpress})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done = make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		done <- g.Run(ctx, st)
	}()
	t.Cleanup(func() { cancel(); <-over })
	return g, done
}
