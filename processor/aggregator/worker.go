package aggregator

import (
	"sync/atomic"
	"time"

	"altavoz/processor/aggregator/cadence"
	"altavoz/processor/aggregator/finished"
	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/lastresult"
	"altavoz/processor/aggregator/outbox"
	"altavoz/processor/aggregator/ownwrites"
	"altavoz/processor/aggregator/readback"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// maxInbox is how many results may wait in a partition before its fetching is paused: at some 150 bytes each, 5 MB.
	maxInbox = 32768
	// maxInboxBytes bounds them where they are larger.
	maxInboxBytes = 16 << 20
	// foldBatch is how many results are folded before anything is written: some 4 ms of work, which is what the status of a task
	// that ends may wait.
	foldBatch = 4096
)

// worker is one owned partition of results, with the partitions of the same number of statuses and marks. Its engine's goroutine alone
// touches what it holds, but for ahead, and lacked, which is the watch's (foreign.go).
type worker struct {
	*partition.Engine
	st     *Stage
	topics readback.Reader // gives up only when the partition stops
	own    map[stream.Topic]*ownwrites.Offsets
	ahead  atomic.Pointer[span] // what must be folded before the partition has caught up; for the watch
	lacked span                 // ahead at the watch's last look, if nothing waited

	replay replay
	tasks  tasks
	memory memory
	queue  cadence.Queue[*entry]
	writes writes
	rates  rates
	batch  batch

	events      outbox.Queue
	groups      outbox.Groups
	corrections outbox.Corrections
	warnedAt    time.Time // that events are not written

	deletionAt time.Time // of the next look for expired tasks
}

// replay is how far results are folded. Below to lie results that the previous owner may have folded. Until these are folded here too
// no status is written and nothing committed: a status would have less than one that was written before.
type replay struct {
	next     int64             // offset of the next result to fold
	last     lastresult.Result // the one before
	to       int64
	caughtUp bool
}

// tasks are those of the partition. One is in exactly one of the three.
type tasks struct {
	entries     map[schemas.TaskID]*entry
	finished    *finished.Index
	deletions   map[schemas.TaskID]*deletion
	minVersions map[schemas.TaskID]uint64 // versions that others gave to tasks not known here yet
	recent      *entry                    // the last that a result was folded into
	open        int                       // not finished
}

// batch is what folding a batch of results needs.
type batch struct {
	outcome schemas.FlatOutcome
	several []schemas.FlatOutcome
	tally   fold.Tally
}

func (st *Stage) newWorker(pos stream.Position) *worker {
	of := func(t stream.Topic) stream.TopicPartition {
		return stream.TopicPartition{Topic: t, Partition: pos.Partition.Partition}
	}
	now, from := time.Now(), max(pos.Offset, 0) // NoOffset: from the start
	return &worker{
		Engine: partition.NewEngine(pos.Partition, partition.Config{
			Logger: st.log.With("partition", pos.Partition.Partition), Pauser: st.ports.Pauser, MaxRecords: maxInbox, MaxBytes: maxInboxBytes,
		}),
		st:     st,
		topics: readback.Reader{Table: st.ports.Table, Log: st.log, Statuses: of(schemas.TopicStatuses), Pages: of(schemas.TopicMarks)},
		own:    map[stream.Topic]*ownwrites.Offsets{schemas.TopicStatuses: ownwrites.New(), schemas.TopicMarks: ownwrites.New()},
		replay: replay{next: from},
		tasks: tasks{
			entries: make(map[schemas.TaskID]*entry), finished: finished.New(), deletions: make(map[schemas.TaskID]*deletion),
			minVersions: make(map[schemas.TaskID]uint64),
		},
		memory:     memory{resident: make(map[*entry]struct{})},
		writes:     writes{inFlight: make(map[*write]struct{}), checkpointAt: now.Add(st.cfg.MarksEvery), requested: from, committed: from},
		rates:      rates{of: make(map[*entry]struct{})},
		groups:     outbox.NewGroups(st.ports.Recipients, st.ports.Tapped, pos.Partition.Partition),
		deletionAt: now.Add(deletionEvery),
	}
}

// partition is the number of the partition, in all three topics.
func (w *worker) partition() int32 { return w.Partition().Partition }

// Step does what there is to do.
func (w *worker) Step(time.Time) time.Time {
	if w.step() != nil { // the partition was stopped while something was read back: nothing more is asked of it
		return time.Time{}
	}
	return w.next()
}

// step is Step. Its errors mean that the partition was stopped.
func (w *worker) step() error {
	if !w.Draining() && w.mayFold() {
		if err := w.fold(w.Take(foldBatch)); err != nil {
			return err
		}
	}
	now := time.Now()
	w.catchUp()
	w.ahead.Store(&span{w.replay.next, w.replay.to})
	w.endRates(now)
	if err := w.writeStatuses(now); err != nil {
		return err
	}
	if err := w.writeEvents(now); err != nil {
		return err
	}
	// It needs no catching up: of what is told of a recipient the maximum counts. The groups that events wait for are closed by now.
	w.groups.CloseDue(now)
	w.writeQueue(w.groups.Queue(), now)
	w.evictPages()
	if err := w.runCheckpoint(now); err != nil {
		return err
	}
	w.deleteExpired(now)
	if w.mayFold() && !w.Draining() && w.Waiting() > 0 {
		w.Wake()
	}
	return nil
}

// next is when the next step is due by time.
func (w *worker) next() time.Time {
	at := w.deletionAt
	if w.writes.checkpoint == nil && w.writes.checkpointAt.Before(at) { // one under way ends with an acknowledgement, not with time
		at = w.writes.checkpointAt
	}
	due := []time.Time{w.rates.endAt, w.groups.Next()}
	if w.replay.caughtUp {
		due = append(due, w.queue.Next(), w.events.Next(), w.corrections.Next())
	}
	for _, t := range due {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return at
}

// catchUp records that everything is folded which the previous owner may have folded. From now on statuses may be written: they have no
// less than what was written before. (So a zombie's status is repaired only then, too: catching up must take less than
// min.compaction.lag, ten minutes, in which some hundred million results are folded.) What was read from marks and named by nobody is
// then known to be left over from a task that was deleted.
func (w *worker) catchUp() {
	if w.replay.caughtUp || w.replay.next < w.replay.to {
		return
	}
	w.replay.caughtUp = true
	for e := range w.memory.resident {
		if e.unnamed {
			w.evictTask(e)
			w.addOpen(-1)
			w.startDeletion(e)
			continue
		}
		w.announce(e, time.Now())
	}
}

// Close gives back what the partition added to the gauges.
func (w *worker) Close() {
	w.addOpen(-w.tasks.open)
	w.addBytes(-w.memory.bytes)
	w.st.metrics.Resident.Sub(float64(len(w.memory.resident)))
}
