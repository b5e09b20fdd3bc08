package slots

import (
	"sync"

	"altavoz/stream"
)

// Flow stops and restarts the reading of slots. Neither call blocks.
type Flow interface {
	Pause(slots ...stream.TopicPartition)
	Resume(slots ...stream.TopicPartition)
}

// Backpressure stops the reading of one slot while too much of it waits. It orders the calls, so that the last word is the right one.
type Backpressure struct {
	flow Flow
	of   stream.TopicPartition

	mu   sync.Mutex
	shut bool
}

// NewBackpressure returns one that is open.
func NewBackpressure(flow Flow, of stream.TopicPartition) *Backpressure {
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
