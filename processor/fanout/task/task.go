package task

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// Task is a broadcast being carried out, with its place in its queue and what was read of it. Only its partition's goroutine
// touches it.
type Task struct {
	schedule.Entry[*Task]
	Spec
	Lifecycle
	Progress
	Run
	Loaded

	Opened  Gate // the log has its TaskOpened: what is published of a task before that is lost
	Status  *schemas.Status
	Others  map[schemas.TaskID]*schemas.Status // of Earlier, those that were read back
	ProbeMs int64                              // phase_ms that shows that the aggregator has passed the takeover
}

// Loaded is what was read of a task for its next quanta. All but Content, Ref and Files can be read again.
type Loaded struct {
	Body        *schemas.Broadcast
	CachedBytes int              // of Body, as far as they count as cached
	List        *recipients.List // nil: Body has it
	SharedFile  bool             // Body's content has a file that all have
	Personal    bool             // Body says that recipients have values or messages of their own
	TwoWays     bool             // and that who wrote lately gets another message than the others
	ListKey     string           // of the slices of a list without a proof; empty: not known yet
	Slice       *Slice
	Prefetched  *Slice // the next one
	Prefetching bool   // it is being read
	Seen        *recipients.Seen
	SeenBytes   int64                  // that are reserved for Seen
	Content     *schemas.Content       // of express sends, which carry it
	Ref         *schemas.BlobRef       // of bulk sends, which point at it
	Files       []*schemas.MediaRef    // those of Body's files, in the order of AllFiles, that Meta knows, or has refused
	Refused     map[uint32]es.Sentence // why, of recipients' own files, from 1
	// TemplateChecked says that its template was held to its account's, Category what that is billed as; "": that is not known, or the body says it.
	TemplateChecked bool
	Category        string
}

// IsOwnFile reports whether the file that is not resolved yet is one that some recipients have for themselves. The task's body may not be there.
func (t *Task) IsOwnFile() bool { return t.ownFile() > 0 }

// ownFile is the number of the next file to be resolved among recipients' own, from 1; 0: it is that of all.
func (t *Task) ownFile() uint32 {
	n := len(t.Files)
	if !t.SharedFile {
		n++
	}
	return uint32(n)
}

// RefuseFile takes note that the next file is refused: recipients who have it for themselves get no message.
func (t *Task) RefuseFile(why es.Sentence) {
	if t.Refused == nil {
		t.Refused = make(map[uint32]es.Sentence)
	}
	t.Refused[t.ownFile()] = why
	t.Files = append(t.Files, &schemas.MediaRef{})
}

// Slice is a run of recipients in memory.
type Slice struct {
	First    uint32
	Phones   []string
	Personal []*schemas.Personal // what each has of its own; nil: nobody has anything
}

// Own returns what a recipient of the slice has of its own.
func (c *Slice) Own(index uint32) *schemas.Personal {
	if len(c.Personal) == 0 {
		return nil
	}
	return c.Personal[index-c.First]
}

// Has reports whether the recipient is in the slice.
func (c *Slice) Has(index uint32) bool {
	return c != nil && index >= c.First && index-c.First < uint32(len(c.Phones))
}

// Rest is how many recipients the slice has from index on.
func (c *Slice) Rest(index uint32) uint32 { return c.First + uint32(len(c.Phones)) - index }

// Gate keeps calls until it opens.
type Gate struct {
	open    bool
	waiting []func()
}

// Then calls f once the gate is open.
func (g *Gate) Then(f func()) {
	if g.open {
		f()
		return
	}
	g.waiting = append(g.waiting, f)
}

// Open makes the calls that wait.
func (g *Gate) Open() {
	waiting := g.waiting
	g.open, g.waiting = true, nil
	for _, f := range waiting {
		f()
	}
}

// Known lets calls through from now on; those that wait do so until Open.
func (g *Gate) Known() { g.open = true }

// Idle reports whether no call waits.
func (g *Gate) Idle() bool { return len(g.waiting) == 0 }

// At returns the task of a record at the offset.
func At(offset int64) *Task { return &Task{Spec: Spec{Offset: offset}} }

// Found returns the task of a Status whose record is not read.
func Found(id schemas.TaskID, st *schemas.Status) *Task {
	p := st.GetPlan()
	t := &Task{Lifecycle: Lifecycle{membership: Untracked}, Opened: Gate{open: true}, Status: st}
	t.ID, t.Offset = id, status.Position(p).GetOffset()
	t.FillOpened(p)
	t.Total, t.Direct, t.Task = p.GetTotal(), p.GetDirect(), t
	return t
}

// Fill takes over what the broadcast says of itself.
func (t *Task) Fill(b *schemas.Broadcast) {
	t.Spec.Fill(b)
	t.Total, t.Direct, t.Task = b.GetTotal(), b.GetDirect(), t
}

// Resume goes on where the ledger and the Status say, whichever says more.
func (t *Task) Resume(known ledger.Line) {
	t.resume(known, t.Status.GetCursor(), t.Total)
	t.End, t.Decided = t.Cursor+t.Lease, status.Decided(t.Status)
	t.Deadline = t.ExpiresAt()
}

// Line is what the ledger says of the task.
func (t *Task) Line() ledger.Line {
	e := ledger.Line{Offset: t.Offset, Cursor: t.Cursor, Lease: max(t.Quantum, t.Lease), Doubt: t.Unknown}
	if t.state == Closed {
		e = ledger.Line{Offset: t.Offset, Closed: true}
	}
	if !e.Untouched() {
		e.Sum = ledger.SumOf(t.ID.Bytes())
	}
	return e
}

// IsShown reports whether the Status says all that the ledger says, so that whoever takes over does not need the ledger:
// the broadcast is found, by the same position, and goes on at the same cursor, or does not go on.
func (t *Task) IsShown(partition int32) bool {
	st := t.Status
	if st == nil || !status.SameOrigin(st.GetPlan().GetOrigin(), t.Origin) {
		return false
	}
	if status.Finished(st) {
		return true
	}
	home := status.Position(st.GetPlan())
	//mutant:parked-task-is-in-its-status
	return home.GetPartition() == partition && home.GetOffset() == t.Offset && st.GetCursor() >= t.Cursor &&
		(t.state == Closed || t.Open() && t.state != Dispatching && t.Lease == 0) &&
		(t.state != Closed || st.GetCursor() >= t.Total)
}

// Schedulable reports whether nothing keeps the task from its next quantum.
func (t *Task) Schedulable() bool {
	return t.state == Waiting && !t.Blocked.Held && t.membership != Overflow && t.Lease == 0
}

// QuantumLimit is how many recipients the task's next quantum may have.
func (t *Task) QuantumLimit() uint32 {
	if t.Total > schemas.ExpressRecipients && t.End < firstRecipients {
		return firstRecipients - t.End
	}
	return t.Total - t.End
}

// Record makes the record of something that happened to the task.
func (t *Task) Record(now time.Time, r *schemas.Result) stream.Record {
	r.Task, r.AtMs = t.ID.Bytes(), now.UnixMilli()
	return schemas.EncodeResult(r)
}

// Update makes the record of an update.
func (t *Task) Update(at time.Time, u *schemas.TaskUpdate) stream.Record {
	return t.Record(at, &schemas.Result{Event: &schemas.Result_Note{Note: u}})
}

// Dispatched makes the record of a cursor.
func (t *Task) Dispatched(now time.Time, cursor uint32) stream.Record {
	return t.Record(now, &schemas.Result{Event: &schemas.Result_Dispatched{Dispatched: &schemas.Dispatched{Cursor: cursor}}})
}

// OutcomeRange makes the record of the outcome that a run of recipients shares.
func (t *Task) OutcomeRange(now time.Time, from, to uint32, m schemas.RecipientState, why string) stream.Record {
	return t.Record(now, &schemas.Result{Event: &schemas.Result_Range{Range: &schemas.OutcomeRange{From: from, To: to, Mark: uint32(m), Reason: why}}})
}
