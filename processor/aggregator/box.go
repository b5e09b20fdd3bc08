package aggregator

import (
	"sync"

	"altavoz/processor/partition"
	"altavoz/stream"
)

const (
	// inboxHigh is how many results may wait in a slot before its reading is paused, inboxLow when it goes on: at some
	// 150 bytes each, 5 MB a slot.
	inboxHigh = 32768
	inboxLow  = inboxHigh / 2
)

// mailbox is what others hand to a slot's goroutine. Nobody waits in it.
type mailbox struct {
	signal chan struct{} // cap 1

	mu      sync.Mutex
	in      inbox
	waiting int   // results
	reached int64 // highest position committed
	ahead   span  // what must be folded before the slot has caught up

	tap *partition.Backpressure
}

// inbox is one round's worth of it.
type inbox struct {
	results   []stream.Record
	acks      []ack
	foreign   []stream.Record
	committed *committed
	empty     span // offsets of results that hold no record
	drain     bool
}

// span is offsets [from, to).
type span struct{ from, to int64 }

// committed is the answer to a commit.
type committed struct {
	pos     int64
	refused bool
}

func newMailbox(tap *partition.Backpressure) *mailbox {
	return &mailbox{signal: make(chan struct{}, 1), reached: stream.NoOffset, tap: tap}
}

func (b *mailbox) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

// update changes the inbox and wakes the slot.
func (b *mailbox) update(change func(*inbox)) {
	b.mu.Lock()
	change(&b.in)
	b.waiting = len(b.in.results)
	b.mu.Unlock()
	b.wake()
}

func (b *mailbox) ack(a ack) { b.update(func(in *inbox) { in.acks = append(in.acks, a) }) }

func (b *mailbox) answer(c committed) {
	b.update(func(in *inbox) {
		in.committed = &c
		if !c.refused {
			b.reached = max(b.reached, c.pos)
		}
	})
}

// put adds results, and pauses the reading of the slot when enough wait.
func (b *mailbox) put(recs []stream.Record) {
	b.update(func(in *inbox) { in.results = append(in.results, recs...) })
	b.tap.Turn(func(shut bool) bool { return shut || b.size() >= inboxHigh })
}

// relax resumes the reading of the slot when little enough waits.
func (b *mailbox) relax() {
	b.tap.Turn(func(shut bool) bool { return shut && b.size() > inboxLow })
}

func (b *mailbox) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// stands notes what the slot has yet to fold, and lacks tells: nothing where it has caught up, or results wait for it.
func (b *mailbox) stands(ahead span) {
	b.mu.Lock()
	b.ahead = ahead
	b.mu.Unlock()
}

func (b *mailbox) lacks() span {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting > 0 || b.ahead.from >= b.ahead.to {
		return span{}
	}
	return b.ahead
}

func (b *mailbox) committedTo() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reached
}

// take empties the box, but for results beyond a batch, or all of them if results is false.
func (b *mailbox) take(results bool) inbox {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.in
	b.in = inbox{drain: out.drain}
	n := min(len(out.results), foldBatch)
	if !results {
		n = 0
	}
	b.in.results, out.results = out.results[n:], out.results[:n:n]
	b.waiting = len(b.in.results)
	if results && b.waiting > 0 {
		b.wake()
	}
	return out
}

// What the stage tells the slot: see partition.Worker.

func (s *slot) Process(recs []stream.Record) { s.box.put(recs) }
func (s *slot) Drain()                       { s.box.update(func(in *inbox) { in.drain = true }) }
func (s *slot) Stop()                        { s.stop() }
func (s *slot) Over() <-chan struct{}        { return s.over }

// Committed hears how the commit of a position ended.
func (s *slot) Committed(a partition.CommitResult) {
	switch {
	case a.Unknown != nil:
		s.st.metrics.refused.Inc()
		s.st.log.Warn("nobody knows whether a position was committed", "partition", s.results.Partition, "offset", a.Position.Offset, "error", a.Unknown)
	case a.Refused != nil:
		s.st.metrics.refused.Inc()
		s.st.log.Debug("a position was not committed", "partition", s.results.Partition, "offset", a.Position.Offset, "error", a.Refused)
	default:
		s.st.metrics.commits.Inc()
	}
	s.box.answer(committed{pos: a.Position.Offset, refused: a.Unknown != nil || a.Refused != nil})
}
