package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// activeTask is a task with its place in its queue and what was read of it. Only its partition's goroutine touches it.
type activeTask struct {
	schedule.Entry[*activeTask]
	task.Spec
	task.Lifecycle
	task.Progress
	task.Run

	opened  gate // the log has its TaskOpened: what is said of a task before that is lost
	status  *schemas.Status
	others  map[schemas.TaskID]*schemas.Status // of Earlier, those that were read back
	probeMs int64                              // phase_ms that shows that the aggregator has passed the takeover
	loaded
}

// loaded is what was read of a task for its next quanta. All but content and ref can be read again.
type loaded struct {
	body        *schemas.Broadcast
	cachedSize  int              // bytes of body that count as cached
	list        *recipients.List // nil: the body has it
	listKey     string           // of the slices of a list without a proof; empty: not known yet
	slice       *slice
	prefetched  *slice // the next one
	prefetching bool   // it is being read
	seen        *recipients.Seen
	seenBytes   int64 // of Stage.seenBudget
	content     *schemas.Content
	ref         *schemas.BlobRef
}

// gate keeps calls until it opens.
type gate struct {
	open    bool
	waiting []func()
}

// then calls f once the gate is open.
func (g *gate) then(f func()) {
	if g.open {
		f()
		return
	}
	g.waiting = append(g.waiting, f)
}

func (g *gate) unlock() {
	waiting := g.waiting
	g.open, g.waiting = true, nil
	for _, f := range waiting {
		f()
	}
}

// slice is a run of recipients in memory.
type slice struct {
	first  uint32
	phones []string
}

func (c *slice) has(index uint32) bool {
	return c != nil && index >= c.first && index-c.first < uint32(len(c.phones))
}

// quantum is a run of recipients that is leased, and then dispatched.
type quantum struct {
	t       *activeTask
	from, n uint32
}

// fill takes over what the broadcast says of itself.
func (t *activeTask) fill(b *schemas.Broadcast) {
	t.Spec.Fill(b)
	t.Total, t.Direct, t.Task = b.GetTotal(), b.GetDirect(), t
}

// line is what the ledger says of the task.
func (t *activeTask) line() ledger.Line { return task.Line(&t.Spec, &t.Lifecycle, &t.Progress) }

// isShown reports whether the Status says all that the ledger says.
func (t *activeTask) isShown(partition int32) bool {
	return task.IsShown(t.status, &t.Spec, &t.Lifecycle, &t.Progress, partition, t.Total)
}

// result makes the record of something that happened to the task.
func (t *activeTask) result(now time.Time, r *schemas.Result) stream.Record {
	return schemas.EncodeResult(t.Result(now, r))
}

func (t *activeTask) update(at time.Time, n *schemas.TaskUpdate) stream.Record {
	return t.result(at, &schemas.Result{Event: &schemas.Result_Note{Note: n}})
}

func (t *activeTask) dispatched(now time.Time, cursor uint32) stream.Record {
	return t.result(now, &schemas.Result{Event: &schemas.Result_Dispatched{Dispatched: &schemas.Dispatched{Cursor: cursor}}})
}

func (t *activeTask) outcomeRange(now time.Time, from, to uint32, m schemas.RecipientState, why string) stream.Record {
	return t.result(now, &schemas.Result{Event: &schemas.Result_Range{Range: &schemas.OutcomeRange{From: from, To: to, Mark: uint32(m), Reason: why}}})
}
