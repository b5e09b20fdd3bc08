package fanout

import (
	"sync"

	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// inboxRecords and inboxBytes are what may wait in a slot before its reading is paused; it goes on at half of it.
	inboxRecords = 4096
	inboxBytes   = 8 << 20
	// intakeBatch is how many records a slot takes in before it looks at its turns again.
	intakeBatch = 256
)

// mailbox is what others hand to a slot's goroutine. Nobody waits in it.
type mailbox struct {
	signal chan struct{} // cap 1

	mu      sync.Mutex
	records []stream.Record
	bytes   int
	calls   []func()
	news    map[schemas.TaskID]news
	watched map[schemas.TaskID]int // how many of the slot's tasks go by that id
	closed  bool                   // nobody reads it any more

	tap *partition.Backpressure
}

func newMailbox(tap *partition.Backpressure) *mailbox {
	return &mailbox{
		tap: tap, signal: make(chan struct{}, 1), news: make(map[schemas.TaskID]news),
		watched: make(map[schemas.TaskID]int),
	}
}

func (b *mailbox) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

// post has f called on the slot's goroutine; never, once the slot is gone.
func (b *mailbox) post(f func()) {
	b.mu.Lock()
	if !b.closed {
		b.calls = append(b.calls, f)
	}
	b.mu.Unlock()
	b.wake()
}

// news is the newest that was heard of a task.
type news struct {
	status   *schemas.Status
	controls schemas.Controls
}

// heard keeps the newest status of a task that the slot watches, and steered its controls.
func (b *mailbox) heard(id schemas.TaskID, s *schemas.Status) {
	b.tell(id, func(n *news) {
		if n.status == nil || n.status.GetVersion() < s.GetVersion() {
			n.status = s
		}
	})
}

func (b *mailbox) steered(id schemas.TaskID, c schemas.Controls) {
	b.tell(id, func(n *news) { n.controls = c })
}

func (b *mailbox) tell(id schemas.TaskID, what func(*news)) {
	b.mu.Lock()
	_, ok := b.watched[id]
	if ok {
		n := b.news[id]
		what(&n)
		b.news[id] = n
	}
	b.mu.Unlock()
	if ok {
		b.wake()
	}
}

func (b *mailbox) watch(id schemas.TaskID) {
	b.mu.Lock()
	b.watched[id]++
	b.mu.Unlock()
}

func (b *mailbox) unwatch(id schemas.TaskID) {
	b.mu.Lock()
	if b.watched[id]--; b.watched[id] <= 0 {
		delete(b.watched, id)
		delete(b.news, id)
	}
	b.mu.Unlock()
}

// put adds records, and pauses the reading of the slot when enough wait.
func (b *mailbox) put(recs []stream.Record) {
	b.mu.Lock()
	b.records = append(b.records, recs...)
	for i := range recs {
		b.bytes += len(recs[i].Value)
	}
	b.mu.Unlock()
	b.wake()
	b.throttle()
}

func (b *mailbox) throttle() {
	b.tap.Turn(func(shut bool) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		if shut {
			return len(b.records) > inboxRecords/2 || b.bytes > inboxBytes/2
		}
		return len(b.records) >= inboxRecords || b.bytes >= inboxBytes
	})
}

// take empties the box, but for its records.
func (b *mailbox) take() (calls []func(), all map[schemas.TaskID]news) {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls, b.calls = b.calls, nil
	if len(b.news) > 0 {
		all, b.news = b.news, make(map[schemas.TaskID]news)
	}
	return calls, all
}

// takeRecords takes at most n records; the slot comes back for the others by itself.
func (b *mailbox) takeRecords(n int) []stream.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(len(b.records), n)
	recs := b.records[:n:n]
	if b.records = b.records[n:]; len(b.records) == 0 {
		b.records = nil
	}
	for i := range recs {
		b.bytes -= len(recs[i].Value)
	}
	if n > 0 && len(b.records) > 0 {
		b.wake()
	}
	return recs
}

func (b *mailbox) close() {
	b.mu.Lock()
	b.closed, b.calls, b.records, b.watched = true, nil, nil, nil
	b.mu.Unlock()
}

// What the stage tells the slot: see partition.Worker.

func (s *slot) Process(recs []stream.Record)       { s.box.put(recs) }
func (s *slot) Drain()                             { s.box.post(func() { s.draining = true }) }
func (s *slot) Stop()                              { s.stop() }
func (s *slot) Over() <-chan struct{}              { return s.over }
func (s *slot) Committed(a partition.CommitResult) { s.box.post(func() { s.committed(a) }) }
