package partition

import (
	"sync"

	"altavoz/stream"
)

// mailbox is what others hand to the partition's goroutine. Nobody waits in it.
type mailbox struct {
	signal               chan struct{} // cap 1
	pressure             *Backpressure
	maxRecords, maxBytes int

	mu      sync.Mutex
	records []stream.Record
	bytes   int // of their values
	calls   []func()
	closed  bool // nobody empties it any more
}

// Wake has Step called.
func (e *Engine) Wake() { e.box.wake() }

// Post has call called on the partition's goroutine, before the next Step; never, once the partition has ended.
func (e *Engine) Post(call func()) {
	b := &e.box
	b.mu.Lock()
	if !b.closed {
		b.calls = append(b.calls, call)
	}
	b.mu.Unlock()
	b.wake()
}

// Process hands over the next records. It does not block.
func (e *Engine) Process(recs []stream.Record) {
	b := &e.box
	b.mu.Lock()
	if !b.closed {
		b.records = append(b.records, recs...)
		for i := range recs {
			b.bytes += len(recs[i].Value)
		}
	}
	b.mu.Unlock()
	b.wake()
	b.throttle()
}

// Take returns at most n of the records that wait, in order. Step is called again for the others, unless n is 0: then it is for the
// stage to say when (Wake).
func (e *Engine) Take(n int) []stream.Record {
	b := &e.box
	b.mu.Lock()
	n = min(len(b.records), n)
	recs := b.records[:n:n]
	if b.records = b.records[n:]; len(b.records) == 0 {
		b.records = nil
	}
	for i := range recs {
		b.bytes -= len(recs[i].Value)
	}
	more := n > 0 && len(b.records) > 0
	b.mu.Unlock()
	if more {
		b.wake()
	}
	if n > 0 {
		b.throttle()
	}
	return recs
}

// Waiting is how many records wait. It may be called from anywhere.
func (e *Engine) Waiting() int {
	e.box.mu.Lock()
	defer e.box.mu.Unlock()
	return len(e.box.records)
}

func (b *mailbox) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

// throttle pauses the fetching of the partition when enough waits, and resumes it at half of that.
func (b *mailbox) throttle() {
	b.pressure.Update(func(paused bool) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		if paused {
			return len(b.records) > b.maxRecords/2 || b.bytes > b.maxBytes/2
		}
		return len(b.records) >= b.maxRecords || b.bytes >= b.maxBytes
	})
}

func (b *mailbox) takeCalls() []func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls := b.calls
	b.calls = nil
	return calls
}

// close drops what is left, and resumes the fetching of the partition if it is paused: pausing outlives an assignment. A call of
// throttle that was under way is over by then (see Backpressure), and later ones find nothing that waits.
func (b *mailbox) close() {
	b.mu.Lock()
	b.closed, b.calls, b.records, b.bytes = true, nil, nil, 0
	b.mu.Unlock()
	b.throttle() //mutant:partition-that-ends-does-not-stay-paused
}
