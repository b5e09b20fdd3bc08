package webhooks

import (
	"container/heap"
	"time"

	"altavoz/whatsapp/simulator/ledger"
)

// event is one status of a message that is to be told.
type event struct {
	*Message
	status   ledger.Status
	happened time.Time
	again    bool
	posted   chan struct{} // closed after its first post; nil where nobody waits for it
}

// Bytes of an event beside its texts, generously; a character of the callback data may become six.
const (
	eventBytes     = 1200
	callbackFactor = 6
)

func (e *event) size() int { return eventBytes + callbackFactor*len(e.Callback) }

// batch is what one request tells: events, or a body as it is.
type batch struct {
	events []*event
	raw    []byte
	held   *int // how many such bodies are pending
	tries  int
}

// weight is how much of what may be pending it is.
func (b *batch) weight() int { return max(len(b.events), 1) }

// job is what is due at a time: an event, or a batch that was not taken.
type job struct {
	due   time.Time
	event *event
	batch *batch
}

// queue is jobs, the one that is due first at the top.
type queue []job

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(j any)        { *q = append(*q, *j.(*job)) }

func (q *queue) Pop() any {
	old := *q
	last := &old[len(old)-1]
	top := *last
	*last = job{}
	*q = old[:len(old)-1]
	return &top
}

// add reports whether the job is due before all others.
func (q *queue) add(j job) bool {
	first := len(*q) == 0 || j.due.Before((*q)[0].due)
	heap.Push(q, &j)
	return first
}

// take returns what is to be posted next of what is due; nil where that is nothing.
func (q *queue) take(now time.Time) *batch {
	out, size := &batch{}, 0
	for len(*q) > 0 && len(out.events) < MaxBatch {
		top := (*q)[0]
		if top.due.After(now) || (top.batch != nil && len(out.events) > 0) {
			break
		}
		if top.event != nil && size+top.event.size() > maxBatchBytes {
			break
		}
		heap.Pop(q)
		if top.batch != nil {
			return top.batch
		}
		size += top.event.size()
		out.events = append(out.events, top.event)
	}
	if len(out.events) == 0 {
		return nil
	}
	return out
}
