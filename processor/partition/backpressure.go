package partition

import (
	"sync"

	"altavoz/stream"
)

// Backpressure pauses the fetching of one partition while too much of it waits. It orders the calls, so that the last one is right.
type Backpressure struct {
	pauser stream.Pauser
	of     stream.TopicPartition

	mu     sync.Mutex
	paused bool
}

// NewBackpressure returns that of a partition which is not paused.
func NewBackpressure(pauser stream.Pauser, of stream.TopicPartition) *Backpressure {
	return &Backpressure{pauser: pauser, of: of}
}

// Update pauses or resumes the fetching, as want says of the moment; it is told whether the partition is paused.
func (b *Backpressure) Update(want func(paused bool) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	paused := want(b.paused)
	if paused == b.paused {
		return
	}
	b.paused = paused
	if paused {
		b.pauser.Pause(b.of)
	} else {
		b.pauser.Resume(b.of)
	}
}
