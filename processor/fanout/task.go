package fanout

import (
	"bytes"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/schemas/taskids"
	"altavoz/stream"
)

// state is how far a record of the broadcasts topic has come.
type state uint8

const (
	stateIntake  state = iota // being written elsewhere: to its home partition, or to rejects
	stateClaim                // its id was chosen by a caller: it starts when its Status shows that it came first
	stateOpen                 // takes turns
	stateClosing              // its last records are being written
	stateClosed               // they are; the ledger keeps it until the Status says the same
	stateGone
)

// place is where the ledger has a broadcast.
type place uint8

const (
	placeOverflow place = iota // from ledger.next on: as if it had not been read
	placeTracked
	placeUntracked // parked, or finished
)

// task is a broadcast being carried out. Only its slot's goroutine touches it.
type task struct {
	schedule.Entry[*task]
	id             schemas.TaskID
	owner          string
	sender         string
	lane           schemas.Lane
	offset         int64 // tp its record on this partition
	origin         *schemas.Origin
	sha            []byte
	earlier        []schemas.TaskID                   // other ids of the request
	others         map[schemas.TaskID]*schemas.Status // tp them, those that were read back
	claimed        *schemas.Origin                    // another origin, which the record claims and nobody proves
	chosen         bool
	accepted       int64 // unix milliseconds, as are the other two
	schedule       int64
	expire         int64
	window         *schemas.Window
	requestedSpeed uint32    // sends a second; 0: as fast as its number goes
	deadline       time.Time // no turn is taken at it or after; of a closed task, when it is given up
	failure        string    // set: it is to fail, and this is what the person reads

	state          state
	place          place
	belowWatermark bool // was parked: the watermark does not wait for it
	queued         bool // is in its queue
	opened         bool // the log has its Plan
	started        bool
	whenOpened     []func()
	status         *schemas.Status

	cursor  uint32
	quantum *quantum
	lease   uint32 // recipients from cursor on of a turn that an earlier owner had leased
	pending []bool // which of them are pending; nil: not known yet
	inDoubt bool   // nobody knows how far it came: who is pending of the lease is unknown, and not sent to
	probeMs int64  // phase_ms that shows that the aggregator has passed the takeover

	preparing   bool // something of it is being read or resolved
	body        *schemas.Broadcast
	cachedSize  int              // bytes of body that count as warm
	list        *recipients.List // nil: the body has it
	listKey     string           // tp the slices of a list without a proof; empty: not known yet
	slice       *slice
	prefetched  *slice // the next one
	prefetching bool   // prefetched is being read
	seen        *recipients.Seen
	seenBytes   int64 // tp Stage.seenBudget
	content     *schemas.Content
	ref         *schemas.BlobRef

	runState
}

// runState is what a task does as a whole, and what was said of it: see look.go and steer.go.
type runState struct {
	blocked           blocked // what the last look found
	published         taskStatus
	publishedMs       int64 // the time of the last note
	controls          schemas.Controls
	controlsPublished int64      // those below this offset were said to be in force
	terminal          taskStatus // not the zero one: nothing more is dispatched, and the rest is cancelled
	announced         bool       // the log has that
	canaryReason      string     // failure the canary has paused it; empty: it has not
	mediaPending      bool       // its file can't be uploaded at present
	paused            bool       // counts among the paused
	// The opening of the window that goes on, or the next.
	opens, closes time.Time
	// For how long, and since when, the task waits for its first recipients.
	waitLimit time.Duration
	waitStart time.Time
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
	t       *task
	from, n uint32
}

// fill takes over what the broadcast says of itself.
func (t *task) fill(b *schemas.Broadcast) {
	t.sender, t.lane, t.Total, t.Direct = b.GetSender(), b.Lane(), b.GetTotal(), b.GetDirect()
	t.sha, t.requestedSpeed, t.window = b.GetRequestSha256(), b.GetSpeed(), b.GetWindow()
	t.accepted, t.schedule, t.expire = b.GetAcceptedMs(), b.GetScheduleMs(), b.GetExpireMs()
	t.Task = t
}

// fillPlan is fill for a task that is known by its plan only.
func (t *task) fillPlan(p *schemas.TaskOpened) {
	t.fill(&schemas.Broadcast{
		Sender: p.GetSender(), Total: p.GetTotal(), Direct: p.GetDirect(), RequestSha256: p.GetRequestSha256(),
		AcceptedMs: p.GetAcceptedMs(), ScheduleMs: p.GetScheduleMs(), ExpireMs: p.GetExpireMs(),
		Window: p.GetWindow(), Speed: p.GetSpeed(),
	})
	t.origin, t.owner, t.earlier = p.GetOrigin(), p.GetOwner(), taskids.Read(p.GetEarlier())
}

// dispatchedTo returns up to where recipients may have been dispatched.
func (t *task) dispatchedTo() uint32 {
	if t.quantum != nil {
		return t.cursor + t.quantum.n
	}
	return t.cursor
}

// expiresAt returns when nothing more of the task is dispatched.
func (t *task) expiresAt() time.Time {
	at := time.UnixMilli(t.accepted).Add(schemas.TaskLife)
	if t.expire > 0 && time.UnixMilli(t.expire).Before(at) {
		at = time.UnixMilli(t.expire)
	}
	return at
}

// graceAfter is how long a task that is dispatched may stay undecided beyond its life, or beyond a takeover if that was
// later: long enough for the marks to show everything that was said.
const graceAfter = 10 * time.Minute

// graceEnd returns when a dispatched task that is still not decided never will be.
func (t *task) graceEnd(now time.Time) time.Time {
	at := time.UnixMilli(t.accepted).Add(schemas.TaskLife)
	if at.Before(now) {
		at = now
	}
	return at.Add(graceAfter)
}

// line is what the ledger says of the task.
func (t *task) line() ledger.Line {
	l := ledger.Line{Offset: t.offset, Cursor: t.cursor, Lease: t.lease, Doubt: t.inDoubt}
	switch {
	case t.state == stateClosed:
		l = ledger.Line{Offset: t.offset, Closed: true}
	case t.quantum != nil:
		l.Lease = max(t.quantum.n, t.lease)
	}
	if !l.Untouched() {
		l.Sum = ledger.SumOf(t.id.Bytes())
	}
	return l
}

// isShown reports whether the Status says all that the ledger says, so that whoever takes over does not need the ledger:
// the broadcast is found, by the same position, and goes on at the same cursor, or does not go on.
func (t *task) isShown(partition int32) bool {
	if t.status == nil || !status.SameOrigin(t.status.GetPlan().GetOrigin(), t.origin) {
		return false
	}
	if status.Finished(t.status) {
		return true
	}
	home := status.Position(t.status.GetPlan())
	//mutant:parked-task-is-in-its-status
	return home.GetPartition() == partition && home.GetOffset() == t.offset && t.status.GetCursor() >= t.cursor &&
		(t.state == stateClosed || t.state == stateOpen && t.quantum == nil && t.lease == 0) &&
		(t.state != stateClosed || t.status.GetCursor() >= t.Total)
}

// isFirst reports whether the plan is that of the task's record, read on a partition: another's may name the same place. What a fanout
// of an earlier version moved has no proof of where it was first, but a plan that names its copy. The owner may be another one since,
// as the topic's may, where the plan names the record's own place.
func (t *task) isFirst(p *schemas.TaskOpened, partition int32) bool {
	here := &schemas.Origin{Partition: partition, Offset: t.offset}
	if status.SameOrigin(p.GetHome(), here) && status.SameOrigin(p.GetOrigin(), t.claimed) {
		t.origin, t.claimed = t.claimed, nil
	}
	if !status.SameOrigin(p.GetOrigin(), t.origin) || !bytes.Equal(p.GetRequestSha256(), t.sha) { //mutant:plan-is-of-the-same-request
		return false
	}
	return p.GetOwner() == "" || p.GetOwner() == t.owner || status.SameOrigin(status.Position(p), here)
}

// result makes the record of something that happened to the task.
func (t *task) result(now time.Time, r *schemas.Result) stream.Record {
	r.Task, r.AtMs = t.id.Bytes(), now.UnixMilli()
	return schemas.EncodeResult(r)
}

func (t *task) update(at time.Time, n *schemas.TaskUpdate) stream.Record {
	return t.result(at, &schemas.Result{Event: &schemas.Result_Note{Note: n}})
}

func (t *task) dispatched(now time.Time, cursor uint32) stream.Record {
	return t.result(now, &schemas.Result{Event: &schemas.Result_Dispatched{Dispatched: &schemas.Dispatched{Cursor: cursor}}})
}

func (t *task) outcomeRange(now time.Time, from, to uint32, m schemas.RecipientState, why string) stream.Record {
	return t.result(now, &schemas.Result{Event: &schemas.Result_Range{Range: &schemas.OutcomeRange{From: from, To: to, Mark: uint32(m), Reason: why}}})
}
