package fold

import (
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// maxNumbers bounds the sender numbers of which something is kept: at 200 bytes 20 MB. Only numbers that are ours are written of.
const maxNumbers = 100_000

// Numbers is the fold of what was said of sender numbers, which lies in the topic controls. ListenNumbers has to come first; records are read
// in one goroutine.
type Numbers struct {
	of        map[string]standing.State
	listeners []func(standing.State)
}

// ListenNumbers has heard called with what was said of a number whenever more was said.
func (n *Numbers) ListenNumbers(heard func(standing.State)) { n.listeners = append(n.listeners, heard) }

// Intercept returns a reader of the topic that takes what is said of numbers, and leaves the rest to another one.
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
