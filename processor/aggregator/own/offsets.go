// Package own tells the records of a partition that were written here from those of others.
package own

import (
	"sync"

	"altavoz/stream"
)

// maxOwn is how many own writes are remembered until the tail has passed them: some ten seconds of the fastest writing.
// One that is forgotten is taken for foreign, folded in, and changes nothing.
const maxOwn = 65536

// Offsets knows which records of a partition were written here, and how far it was read.
type Offsets struct {
	mu   sync.Mutex
	mine map[int64]struct{}

	Seen  int64 // read up to here; the tail's alone from Start on
	Known int64 // the end at the last look
}

// New returns those of a partition that was not read yet.
func New() *Offsets { return &Offsets{mine: make(map[int64]struct{})} }

// Start says up to where the partition was read.
func (o *Offsets) Start(end int64) { o.Seen, o.Known = end, end }

// Add notes a record that was written here.
func (o *Offsets) Add(at int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.mine) < maxOwn {
		o.mine[at] = struct{}{}
	}
}

// Forget reports whether the record was written here, and forgets that.
func (o *Offsets) Forget(at int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.mine[at]
	delete(o.mine, at)
	return ok
}

// Of returns an appender that adds what it writes, before a reader of the partition can tell whose it is.
func (o *Offsets) Of(log stream.Appender) stream.Appender { return appender{o, log} }

type appender struct {
	own *Offsets
	log stream.Appender
}

// Append is stream.Appender's.
func (a appender) Append(rec stream.Record, done func(stream.Record, error)) {
	a.log.Append(rec, func(rec stream.Record, err error) {
		if err == nil {
			a.own.Add(rec.Offset)
		}
		done(rec, err)
	})
}
