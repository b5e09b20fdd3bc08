// Package outbox finds what of a task's life is to be told, and keeps it in order until the topic events has it.
//
//	a fold ──► Life.Next ──► Queue ──► events    at least once, in the order of each task
//	     │        │            ▲
//	     │        │            │ an event waits for the groups that were begun before it
//	     │        └──► Status.events: what a takeover may have to write again
//	     │
//	     └──► Groups ──► Queue ──► events    what became of recipients, where a task asks for it
//
// The commit of a position of results waits until what was told up to it is acknowledged. So what a crash can lose was told behind the
// committed position: it is derived again from the same results, or stands in a Status with a position that says so. Nothing here waits or
// touches Kafka.
package outbox

import (
	"slices"
	"time"

	"altavoz/internal/backoff"
	"altavoz/stream"
)

const (
	// maxBatch is how many records are under way at once.
	maxBatch = 500
	// maxWaiting is how many records may wait before the queue is full: at about 1 KiB each, 32 MiB.
	maxWaiting = 32768
	// What was not written is written again after 100 ms, then twice that, up to 5 s; half of it is drawn.
	firstWait   = 100 * time.Millisecond
	longestWait = 5 * time.Second
)

// item is a record that is to be written once it is ready; done is called once it is written.
type item struct {
	order   string
	rec     stream.Record
	ready   func() bool // nil: at once
	done    func()
	awaited bool // a commit waits for it
}

// Queue is the records of a partition that are to be written, in order. Of one order one is under way at a time, so that none overtakes another.
type Queue struct {
	waiting []*item
	batch   []*item // under way
	left    int     // of it
	failed  []*item // of it
	awaited int     // that a commit waits for
	idle    bool    // nothing that waits was ready at the last Batch
	again   time.Time
	tries   int
}

// Put adds a record behind those of its key. It is not written before ready says so, nil: at once. done is called when it is written; nil: nobody
// asks.
func (q *Queue) Put(rec stream.Record, ready func() bool, done func()) {
	q.PutBehind(string(rec.Key), rec, ready, done)
}

// PutBehind is Put for a record that comes behind those of an order of its own, and before or behind the others of its key.
func (q *Queue) PutBehind(order string, rec stream.Record, ready func() bool, done func()) {
	q.waiting = append(q.waiting, &item{order: order, rec: rec, ready: ready, done: done})
	q.idle = false
}

// Await has Awaited count what is here now.
func (q *Queue) Await() {
	q.awaited = 0
	for _, it := range slices.Concat(q.failed, q.batch, q.waiting) {
		it.awaited = true
		q.awaited++
	}
}

// Awaited is how many of the records that were here at the last Await are not written yet.
func (q *Queue) Awaited() int { return q.awaited }

// Forgo has nothing awaited any more.
func (q *Queue) Forgo() { q.awaited = 0 }

// Empty reports whether everything is written.
func (q *Queue) Empty() bool { return len(q.waiting) == 0 && q.left == 0 }

// Full reports whether so much waits that nothing more is to be made.
func (q *Queue) Full() bool { return len(q.waiting) >= maxWaiting }

// Next returns when Batch is to be called again; the zero time: when something is put, written or ready.
func (q *Queue) Next() time.Time {
	if q.left > 0 || len(q.waiting) == 0 || q.idle {
		return time.Time{}
	}
	return q.again
}

// Batch hands over the records that may be written now. Written is told how each ended.
func (q *Queue) Batch(now time.Time, write func(rec stream.Record, end func(error))) {
	if q.left > 0 || len(q.waiting) == 0 || now.Before(q.again) {
		return
	}
	orders := make(map[string]struct{})
	var batch, passed []*item
	seen := 0
	for _, it := range q.waiting {
		if len(batch) == maxBatch {
			break
		}
		seen++
		if _, taken := orders[it.order]; taken { //mutant:events-of-a-task-do-not-overtake-each-other
			passed = append(passed, it)
			continue
		}
		orders[it.order] = struct{}{}
		if it.ready != nil && !it.ready() {
			passed = append(passed, it)
			continue
		}
		batch = append(batch, it)
	}
	if q.idle = len(batch) == 0; q.idle {
		return
	}
	// What was passed over stays first, and what was not looked at stays where it is: a takeover may put millions, which no batch may copy.
	rest := q.waiting[len(batch):]
	copy(q.waiting[len(batch):seen], passed)
	clear(q.waiting[:len(batch)])
	q.waiting, q.batch, q.left, q.failed = rest, slices.Clone(batch), len(batch), nil
	for _, it := range batch {
		write(it.rec, func(err error) { q.written(it, err, now) })
	}
}

// written takes in how a record ended. What failed comes first in the next batch.
func (q *Queue) written(it *item, err error, now time.Time) {
	q.left--
	q.batch = slices.DeleteFunc(q.batch, func(one *item) bool { return one == it })
	if err != nil {
		q.failed = append(q.failed, it)
	} else {
		if it.awaited {
			q.awaited = max(0, q.awaited-1)
		}
		if it.done != nil {
			it.done()
		}
	}
	if q.left > 0 {
		return
	}
	if len(q.failed) == 0 {
		q.tries = 0
		return
	}
	q.waiting, q.failed = append(q.failed, q.waiting...), nil
	q.again = now.Add(backoff.Equal(firstWait, longestWait, q.tries))
	q.tries++
}
