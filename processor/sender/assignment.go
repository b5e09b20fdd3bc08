package sender

import (
	"fmt"
	"time"

	"altavoz/processor/sender/dedup"
	"altavoz/processor/sender/ledger"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/stream"
)

// assignment is a partition from when it was assigned until it is revoked or lost. A partition that comes back is
// another assignment.
type assignment struct {
	partition stream.TopicPartition
	lane      lane
	from      int64 // records below it are only remembered

	assignedAt time.Time // when it was assigned

	ledger  *ledger.Ledger[*send]
	dedup   dedup.Dedup
	backlog []arrival // read, and without room in the ledger
	bytes   int       // values of the open records that were read

	live         bool // this process owns it, as far as it knows
	draining     bool // being given up: nothing of it is admitted any more
	dirty        bool // its ledger is not the one that was committed
	inCommit     bool // in the commit under way
	inBacklogged bool // in Stage.backlogged
	inFlight     int  // sends admitted, called or with a result to be acknowledged
	drained      chan struct{}

	encodings       uint64     // how often its ledger was encoded for a commit
	doneUncommitted []recordID // done since the last time
	doneInCommit    []recordID // done, and said in the commit under way

	notBefore time.Time // its ledger was refused: nothing is admitted before

	paused bool // under Stage.pausing
}

// send is one record of sends.* that is not done.
type send struct {
	timer timer
	link  link

	assignment *assignment
	cell       *cell
	number     *number
	task       *task

	phone    schemas.Phone
	index    uint32
	lane     lane
	resend   bool // may be called again although a call may have reached somebody
	notAfter int64
	at       time.Time // of the record
	size     int

	phase          phase
	cause          cause
	attempts       int
	unsentInRow    int                 // calls in a row that sent nothing
	renewed        bool                // its media id was renewed
	probes         [limits.Faults]bool // of a stopped number
	wasProbe       bool                // its last call was one
	suspectTry     bool                // of a task whose sends fail alone
	uncharged      int                 // calls refused for now that were nobody's attempt
	trial          bool                // of a number that was throttled
	doubtful       bool                // an earlier call may have reached somebody: it stays started while it waits for another
	attached       bool                // among its task's sends
	repeatStarted  bool                // the call under way is one more, and made the ledger say so
	startCommitted bool                // its last start was acknowledged
	releasedAt     uint64              // its assignment's encoded, when its start was taken back

	message  schemas.Message // of the call
	version  int             // of the message
	calledAt time.Time
}

// phase is where a send is.
type phase uint8

const (
	phaseParked    phase = iota // nowhere: new, or of a partition that is being given up
	phaseLoading                // in its task's queue
	phaseReady                  // in its number's queue
	phaseWaiting                // behind its timer
	phaseAdmitted               // started in the next commit or the one under way
	phaseCalling                // being called
	phaseRecording              // its result is being written
	phaseGone
)

func (p phase) busy() bool {
	return p == phaseAdmitted || p == phaseCalling || p == phaseRecording
}

// moveTo moves a send on. The cause says what it waits for, if it does.
func (st *Stage) moveTo(e *send, p phase, c cause) {
	st.waiting[e.cause]--
	st.waiting[c]++
	if e.cause == causeCooldown {
		e.task.coolingDown--
	}
	if c == causeCooldown {
		e.task.coolingDown++
	}
	was := e.phase.busy()
	e.phase, e.cause = p, c
	a := e.assignment
	switch {
	case !was && p.busy():
		a.inFlight++
	case was && !p.busy():
		a.leaveFlight()
	}
}

// leaveFlight says that one send less is under way.
func (a *assignment) leaveFlight() {
	a.inFlight--
	if a.inFlight == 0 && a.drained != nil {
		close(a.drained)
		a.drained = nil
	}
}

// expired reports whether it is too late to call.
func (e *send) expired(now time.Time) bool {
	return e.notAfter > 0 && now.UnixMilli() > e.notAfter
}

// arrival is a record as it was read.
type arrival struct {
	rec  stream.Record
	send *schemas.Send // nil: it can't be understood
	task schemas.TaskID
	err  error
}

func decode(rec *stream.Record) arrival {
	in := arrival{rec: *rec}
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
		st.markDirty(a)
	}
	//mutant:repeat-is-noticed
	fresh := in.send == nil || a.dedup.IsNew(in.task, in.send)
	if c != nil {
		a.ledger.Verify(c, sum)
	}
	if c == nil || in.send != nil && st.reattach(a, c, in) { // done, said the last owner or this process
		return
	}
	e := &send{assignment: a, cell: c, lane: a.lane, at: in.rec.Time, size: len(in.rec.Value)}
	c.Send = e
	a.bytes += e.size
	st.waiting[causeNone]++
	switch {
	case in.send == nil:
		st.reject(e, in)
		return
	case !fresh && !c.Started(): //mutant:started-repeat-is-not-dropped
		st.metrics.repeats.Inc()
		st.finish(e)
		return
	}
	e.phone, e.index, e.notAfter = schemas.Phone(in.send.GetPhone()), in.send.GetIndex(), in.send.GetNotAfterMs()
	e.resend = in.send.GetOnUnknown() == schemas.OnUnknown_ON_UNKNOWN_RESEND
	e.number = st.ensureNumber(in.send.GetSender(), now)
	st.attach(e, in)
	if c.InDoubt() || c.Started() && (!e.resend || c.Repeated()) { //mutant:record-in-doubt-is-not-called
		// It stays started in the ledger until that is recorded: another takeover must find it so.
		st.recordOutcome(e, schemas.StateUnknown, schemas.StateUnknown.Spanish(), "")
		return
	}
	e.doubtful = c.Started()
	st.enqueue(e, false)
}

// release returns a send to free: its call was refused, or not made.
func (st *Stage) release(e *send) {
	switch {
	case !e.doubtful: //mutant:doubtful-send-stays-started
		e.assignment.ledger.Release(e.cell)
		e.releasedAt = e.assignment.encodings
	case e.repeatStarted:
		e.assignment.ledger.UndoRepeat(e.cell)
	default:
		return
	}
	e.repeatStarted = false
	st.markDirty(e.assignment)
}

// enqueue lets a send wait for its turn, once its message is there.
func (st *Stage) enqueue(e *send, front bool) {
	t := e.task
	switch {
	case t.failed != "" && e.doubtful: // an earlier call may have reached somebody
		st.recordOutcome(e, schemas.StateUnknown, schemas.StateUnknown.Spanish(), "")
	case t.failed != "":
		st.recordOutcome(e, schemas.Failed(schemas.CodeContent), t.failed, "")
	case t.message == nil:
		st.moveTo(e, phaseLoading, causeContent)
		t.waiting.push(e)
		st.load(t)
	default:
		st.moveTo(e, phaseReady, causePace)
		if q := &e.number.ready[e.lane]; front {
			q.pushFront(e)
		} else {
			q.push(e)
		}
		st.makeRunnable(e.number)
	}
}

// waitUntil puts a send behind a timer.
func (st *Stage) waitUntil(e *send, at time.Time, c cause) {
	st.moveTo(e, phaseWaiting, c)
	st.timers.Start(&e.timer, e, at)
}

// onTimer is a send's timer.
func (e *send) onTimer(st *Stage, now time.Time) {
	if e.cause == causeWindow {
		st.announceTask(e.task, e.number.waitCause(now), now)
	}
	st.enqueue(e, false)
}

// park takes a send out of wherever it waits.
func (st *Stage) park(e *send) {
	e.unlink()
	st.timers.Stop(&e.timer)
	st.moveTo(e, phaseParked, causeNone)
}

// finish is the end of a send: done, if its partition is still ours.
func (st *Stage) finish(e *send) {
	if a := e.assignment; a.live {
		if e.cell.Started() && e.task != nil {
			a.doneUncommitted = append(a.doneUncommitted, e.recordID())
		}
		a.ledger.Finish(e.cell)
		a.bytes -= e.size
		st.markDirty(a)
	} else {
		st.resolveDetached(e, false)
	}
	st.remove(e)
}

// remove forgets a send.
func (st *Stage) remove(e *send) {
	st.moveTo(e, phaseGone, causeNone)
	st.waiting[causeNone]--
	st.detach(e)
}

// markDirty says that the partition's ledger has to be committed again.
func (st *Stage) markDirty(a *assignment) {
	if a.dirty || !a.live {
		return
	}
	a.dirty = true
	if len(st.dirty) == 0 {
		st.dirtySince = time.Now()
		st.wake()
	}
	st.dirty = append(st.dirty, a)
}
