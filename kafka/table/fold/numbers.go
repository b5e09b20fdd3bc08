package fold

import (
	"sync"

	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// maxNumbers bounds the sender numbers that are kept: at 200 bytes 20 MB. Only configured numbers are written.
const maxNumbers = 100_000

// Numbers is the fold of the events of sender numbers, which are in the topic controls. ListenNumbers comes first; records are read in one
// goroutine. Number is safe for concurrent use.
type Numbers struct {
	mu        sync.Mutex
	of        map[string]standing.State
	listeners []func(standing.State)
}

// ListenNumbers has listener called with the state of a number at every change, but for what processes say of themselves.
func (n *Numbers) ListenNumbers(listener func(standing.State)) {
	n.listeners = append(n.listeners, listener)
}

// Intercept returns a reader of the topic that folds the events of numbers, and passes other records on.
func (n *Numbers) Intercept(rest func(stream.Record) error) func(stream.Record) error {
	n.of = make(map[string]standing.State)
	return func(rec stream.Record) error {
		e, ours, err := standing.Decode(&rec)
		if !ours {
			return rest(rec)
		}
		if e == nil {
			return err
		}
		state, kept := n.apply(e)
		if kept && e.GetKind() != schemas.NumberEventKind_NUMBER_EVENT_KIND_PROCESS {
			for _, heard := range n.listeners {
				heard(state)
			}
		}
		return nil
	}
}

func (n *Numbers) apply(e *schemas.NumberEvent) (s standing.State, kept bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	was, known := n.of[e.GetNumber()]
	if !known && len(n.of) >= maxNumbers {
		return was, false
	}
	s = was.Fold(e)
	n.of[e.GetNumber()] = s
	return s, true
}

// Number returns what was said of a number; nothing, where nothing was.
func (n *Numbers) Number(id string) standing.State {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.of[id]
}
