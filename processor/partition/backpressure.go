package partition

import (
	"sync"

	"altavoz/stream"
)

// Backpressure stops the reading of one slot while too much of it waits. It orders the calls, so that the last word is the right one.
type Backpressure struct {
	flow stream.Pauser
	of   stream.TopicPartition

	mu   sync.Mutex
	shut bool
}

// NewBackpressure returns one that is open.
func NewBackpressure(flow stream.Pauser, of stream.TopicPartition) *Backpressure {
	return &Backpressure{flow: flow, of: of}
}

// Turn shuts or opens it, as want says of the moment; it is told whether the tap is shut.
func (t *Backpressure) Turn(want func(shut bool) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	shut := want(t.shut)
	if shut == t.shut {
		return
	}
	t.shut = shut
	if shut {
		t.flow.Pause(t.of)
	} else {
		t.flow.Resume(t.of)
	}
}
