package fold

import (
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// maxNumbers bounds the sender numbers that are kept: at 200 bytes 20 MB. Only configured numbers are written.
const maxNumbers = 100_000

// Numbers is the fold of the events of sender numbers, which are in the topic controls. ListenNumbers comes first; records are read in one
// goroutine.
type Numbers struct {
	of        map[string]standing.State
	listeners []func(standing.State)
}

// ListenNumbers has listener called with the state of a number at every change.
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
		if was, known := n.of[e.GetNumber()]; e != nil && (known || len(n.of) < maxNumbers) {
			n.of[e.GetNumber()] = was.Fold(e)
			for _, heard := range n.listeners {
				heard(n.of[e.GetNumber()])
			}
		}
		return err
	}
}
