package partition

import (
	"sync"

	"altavoz/stream"
)

// Append sends one record on its way, once. done is called on the partition's goroutine with the record as it was written, or the
// error; it is never called while Append is.
func (e *Engine) Append(to stream.Appender, rec stream.Record, done func(stream.Record, error)) {
	e.inFlight++
	to.Append(rec, func(acked stream.Record, err error) {
		e.Post(func() {
			e.inFlight--
			done(acked, err)
		})
	})
}

// Write is a batch of records that is written until all of it is acknowledged.
type Write struct {
	To      stream.Appender
	Records []stream.Record // that are not acknowledged
	// Ready is asked before each attempt, on the partition's goroutine. Of a batch that is not ready nothing is written, and it
	// is for the stage to call Write again. nil: it always is.
	Ready func() bool
	// Done is called on the partition's goroutine with one of the records as it was written last; with none if there were none.
	Done func(last stream.Record)

	try int

	mu     sync.Mutex
	left   int // of the attempt under way
	failed []stream.Record
	last   stream.Record
	err    error
}

// Write writes a batch, its records that fail again after a back-off, and calls Done when all are acknowledged. While the partition
// drains nothing is tried again: what is not written is not done, and the commit must say so.
func (e *Engine) Write(w *Write) {
	if e.draining && w.try > 0 { //mutant:drain-tries-nothing-again
		return
	}
	if len(w.Records) == 0 {
		w.Done(stream.Record{})
		return
	}
	if w.Ready != nil && !w.Ready() {
		return
	}
	e.inFlight++
	w.left, w.failed = len(w.Records), nil
	done := func(rec stream.Record, err error) { // with an error, an Appender hands back the record as it was given
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.failed, w.err = append(w.failed, rec), err
		} else {
			w.last = rec
		}
		if w.left--; w.left == 0 {
			e.Post(func() { e.wrote(w) })
		}
	}
	for _, rec := range w.Records {
		w.To.Append(rec, done)
	}
}

func (e *Engine) wrote(w *Write) {
	e.inFlight--
	if len(w.failed) == 0 {
		w.Done(w.last)
		return
	}
	if e.cfg.Retried != nil {
		e.cfg.Retried(len(w.failed))
	}
	e.cfg.Logger.Debug("records were not written and will be again", "count", len(w.failed), "try", w.try, "error", w.err)
	w.Records = w.failed
	e.After(BackOff(w.try), func() { e.Write(w) })
	w.try++
}
