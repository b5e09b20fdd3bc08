// Package ownwrites tells the records of a partition that this process wrote from those of others.
package ownwrites

import (
	"sync"

	"altavoz/stream"
)

// maxWrites is how many own writes are remembered until the reader has passed them: some ten seconds of the fastest writing. One that
// is not remembered is taken for foreign, merged, and changes nothing.
const maxWrites = 65536

// Offsets knows which records of a partition were written here, and how far it was read.
type Offsets struct {
	mu   sync.Mutex
	mine map[int64]struct{}

	Read int64 // up to here; the reader's alone from Start on
	End  int64 // at the last look
}

// New returns those of a partition that was not read yet.
func New() *Offsets { return &Offsets{mine: make(map[int64]struct{})} }

// Start sets up to where the partition was read.
func (o *Offsets) Start(end int64) { o.Read, o.End = end, end }

// Take reports whether the record was written here, and removes it.
func (o *Offsets) Take(at int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.mine[at]
	delete(o.mine, at)
	return ok
}

// TakeAll reports whether all records in [from, to) were written here, and removes them. If one was not, it removes none.
func (o *Offsets) TakeAll(from, to int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for at := from; at < to; at++ {
		if _, ok := o.mine[at]; !ok {
			return false
		}
	}
	for at := from; at < to; at++ {
		delete(o.mine, at)
	}
	return true
}

func (o *Offsets) add(at int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.mine) < maxWrites {
		o.mine[at] = struct{}{}
	}
}

// Appender returns an appender that remembers what it writes, before a reader of the partition can tell whose it is.
func (o *Offsets) Appender(to stream.Appender) stream.Appender { return appender{o, to} }

type appender struct {
	own *Offsets
	to  stream.Appender
}

// Append is stream.Appender's.
func (a appender) Append(rec stream.Record, done func(stream.Record, error)) {
	a.to.Append(rec, func(rec stream.Record, err error) {
		if err == nil {
			a.own.add(rec.Offset)
		}
		done(rec, err)
	})
}
