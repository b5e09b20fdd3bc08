package partition

import (
	"context"
	"log/slog"
	"testing"

	"altavoz/schemas"
	"altavoz/stream"
)

// free is a worker that does nothing, and noFlow pauses nothing.
type free struct{ answers chan CommitResult }

func (*free) Process([]stream.Record)    {}
func (*free) Drain()                     {}
func (*free) Stop()                      {}
func (s *free) Committed(a CommitResult) { s.answers <- a }

func (*free) Over() <-chan struct{} {
	over := make(chan struct{})
	close(over)
	return over
}

type noFlow struct{}

func (noFlow) Pause(...stream.TopicPartition)  {}
func (noFlow) Resume(...stream.TopicPartition) {}

// generations tells whether one was asked for while no partition could be given up.
type generations struct {
	set   *Assignments[*free]
	alone bool
}

func (f *generations) Generation() stream.Generation {
	if f.set.mu.TryLock() {
		f.set.mu.Unlock()
		f.alone = true
	}
	return stream.Generation{}
}

func (*generations) Commit(context.Context, stream.Generation, []stream.Position) (map[stream.TopicPartition]error, error) {
	return nil, nil //nolint:nilnil // nothing refused and no error
}

// A position goes under the generation of the moment at which its partition is known to be still here: one that was given up in between
// would be committed under a generation in which it is another's.
func TestPositionsAreTakenUnderTheirGeneration(t *testing.T) {
	t.Parallel()
	f := &generations{}
	f.set = New[*free](f, noFlow{}, slog.New(slog.DiscardHandler))
	f.set.Start()
	defer func() { _ = f.set.Stop(context.WithoutCancel(t.Context())) }()
	of, s := stream.TopicPartition{Topic: schemas.TopicResults}, &free{answers: make(chan CommitResult, 1)}
	f.set.Put(of, s)
	f.set.Commit(s, stream.Position{Partition: of, Offset: 1})
	<-s.answers
	if f.alone {
		t.Error("the generation was taken without the lock under which partitions are given up")
	}
}
