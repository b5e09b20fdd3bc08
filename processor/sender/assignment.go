package sender

import (
	"fmt"
	"time"

	"altavoz/processor/partition"
	"altavoz/processor/sender/dedup"
	"altavoz/processor/sender/ledger"
	"altavoz/processor/sender/route"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/stream"
)

// assignment is a partition from when it was assigned until it is revoked or lost. A partition that comes back is another assignment:
//
//	assigned (live) ──► draining (revoked) ──► ended
//	       └────────────────────────────────────►┘ lost, or nobody knows what was committed
type assignment struct {
	schedule.Partition
	partition stream.TopicPartition
	ledger    *ledger.Ledger[*send]
	commits   *commits // of the stage
	optOuts   OptOuts
	routes    *route.Router

	dedup   dedup.Dedup
	from    int64     // records below it are only remembered
	backlog []arrival // read, and without room in the ledger
	bytes   int       // values of the open records that were read

	live         bool // this process owns it, as far as it knows
	draining     bool // being given up: nothing of it is admitted any more
	inBacklogged bool // in Stage.backlogged
	paused       bool // as pressure has it
	pressure     *partition.Backpressure

	commitState
}

// commitState is how far the commits of an assignment's ledger are.
type commitState struct {
	dirty     bool   // the ledger is not the one that was committed
	inCommit  bool   // in the commit under way
	encodings uint64 // how often the ledger was encoded for a commit

	doneUncommitted []recordID // done since the last encoding
	doneInCommit    []recordID // done, and encoded in the commit under way
}

// arrival is a record as it was read.
type arrival struct {
	rec  *stream.Record
	send *schemas.Send // nil: it can't be understood
	task schemas.TaskID
	err  error
}

func decode(rec *stream.Record) arrival {
	in := arrival{rec: rec}
	var s schemas.Send
	if in.err = schemas.Decode(rec, &s); in.err != nil {
		return in
	}
	if in.task, in.err = schemas.TaskIDFromBytes(s.GetTask()); in.err != nil {
		return in
	}
	if s.GetSender() == "" || s.GetPhone() == "" {
		in.err = fmt.Errorf("a send without sender or phone: %w", schemas.ErrDecode)
		return in
	}
	in.send = &s
	return in
}

// checksum is which record it is.
func (in *arrival) checksum() uint32 {
	if in.send == nil {
		return ledger.SumOfValue(in.rec.Value)
	}
	return ledger.SumOf(in.task[:], in.send.GetIndex())
}

// hasRoom reports whether the record has or can get a place in the ledger.
func (a *assignment) hasRoom(in *arrival) bool {
	if in.rec.Offset < a.ledger.Next() || a.ledger.Open() == 0 {
		return true
	}
	return a.bytes+len(in.rec.Value) <= maxOpenBytes && a.ledger.HasRoom(in.rec.Offset)
}

// saturated reports whether reading should stop. It goes on when a quarter is free again.
func (a *assignment) saturated() bool {
	if len(a.backlog) > 0 {
		return true
	}
	return a.paused && (a.ledger.Crowded() || a.bytes > maxOpenBytes/4*3)
}

// takeBacklog takes what was read into the ledger, as far as it has room.
func (st *Stage) takeBacklog(a *assignment, now time.Time) {
	n := 0
	for ; n < len(a.backlog) && a.hasRoom(&a.backlog[n]); n++ {
		st.accept(a, &a.backlog[n], now)
		a.backlog[n] = arrival{}
	}
	if a.backlog = a.backlog[n:]; len(a.backlog) == 0 {
		a.backlog = nil
	}
	if (a.backlog != nil || a.paused) && !a.inBacklogged {
		a.inBacklogged = true
		st.backlogged = append(st.backlogged, a)
	}
}

// accept decides what becomes of a record that was read.
func (st *Stage) accept(a *assignment, in *arrival, now time.Time) {
	sum := in.checksum()
	a.ledger.Read(in.rec.Offset, sum)
	if in.rec.Offset < a.from {
		if in.send != nil {
			a.dedup.IsNew(in.task, in.send) //mutant:below-the-watermark-is-remembered
		}
		return
	}
	c, lost := a.ledger.Locate(in.rec.Offset)
	if lost > 0 {
		st.log.Error("sends that were started are not in the log any more; their tasks will not finish by themselves",
			"topic", a.partition.Topic, "partition", a.partition.Partition, "before", in.rec.Offset, "sends", lost)
		st.commits.markDirty(a)
	}
	//mutant:repeat-is-noticed
	fresh := in.send == nil || a.dedup.IsNew(in.task, in.send)
	if c != nil {
		a.ledger.Verify(c, sum)
	}
	if c == nil || in.send != nil && st.reattach(a, c, in) { // done, as the last owner or this process knows
		return
	}
	e := &send{assignment: a, cell: c, size: len(in.rec.Value)}
	e.Partition, e.Record, e.Lane, e.At = &a.Partition, e, a.Lane, in.rec.Time
	c.Send = e
	a.bytes += e.size
	st.schedule.Add(&e.Send)
	switch {
	case in.send == nil:
		st.reject(e, in)
		return
	case !fresh && !c.Started(): //mutant:started-repeat-is-not-dropped
		st.metrics.repeats.Inc()
		st.finish(e)
		return
	}
	e.resend, e.namePhone = in.send.GetOnUnknown() == schemas.OnUnknown_ON_UNKNOWN_RESEND, in.send.GetNamePhone()
	st.schedule.Attach(&e.Send, in.task, in.send, now)
	if c.InDoubt() || c.Started() && (!e.resend || c.Repeated()) { //mutant:record-in-doubt-is-not-called
		// It stays started in the ledger until that is recorded: another takeover must find it so.
		st.recordOutcome(e, schemas.StateUnknown, schemas.StateUnknown.Spanish(), "")
		return
	}
	e.Doubtful = c.Started()
	st.schedule.Enqueue(&e.Send, false)
}

// finish is the end of a send: done, if its partition is still ours.
func (st *Stage) finish(e *send) {
	if a := e.assignment; a.live {
		if e.cell.Started() && e.Task != nil {
			a.doneUncommitted = append(a.doneUncommitted, e.recordID())
		}
		a.ledger.Finish(e.cell)
		a.bytes -= e.size
		st.commits.markDirty(a)
	} else {
		st.detached.resolve(e, false)
	}
	st.schedule.Remove(&e.Send)
}
