package outbox

import (
	"strconv"
	"strings"
	"time"

	"altavoz/processor/aggregator/fold"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// MaxRows is how many recipients and ranges of them a record tells of at most: at 200 bytes each, 100 KB.
	MaxRows = 500
	// maxGroupText is the bytes of texts of a group from which on it is full.
	maxGroupText = 128 << 10
	// maxReason is the bytes of a reason that are told.
	maxReason = 512
	// groupEvery is how long what became of a recipient waits for others of its task.
	groupEvery = time.Second
	// maxOpenText is the bytes of all groups from which on none waits for more.
	maxOpenText = 4 << 20
	// maxGroups is the bytes of records that may wait to be written: when there are more no results are folded.
	maxGroups = 8 << 20
	// rowBytes is what a row takes without its texts.
	rowBytes = 128
)

// Record makes the record that tells what became of recipients of a task, the last of it at the given time, unix milliseconds. The Status has no
// lines of recipients. Of a recipient the highest mark that was ever told counts.
type Record func(s *schemas.Status, at int64, outcomes []*schemas.Outcome, ranges []*schemas.OutcomeRange) stream.Record

// Tapped makes the record that tells what a recipient tapped.
type Tapped func(s *schemas.Status, r *schemas.Tap) stream.Record

// group is the rows of a task that wait for more.
type group struct {
	task     *fold.Task
	at       int64 // of the newest, unix milliseconds
	outcomes []*schemas.Outcome
	ranges   []*schemas.OutcomeRange
	text     int // bytes
}

func (g *group) full() bool {
	return len(g.outcomes)+len(g.ranges) >= MaxRows || g.text >= maxGroupText
}

// Groups collects what became of the recipients of tasks that ask for it, until it is written. Rows may be repeated, and those of a task come in
// any order after a crash: whoever folds them by the maximum has the same.
type Groups struct {
	record    Record
	tapped    Tapped
	partition int32

	open    map[schemas.TaskID]*group
	text    int       // of those
	closeAt time.Time // when they are closed at last; zero: none is open

	queue   Queue
	bytes   int                         // of the records in it
	last    uint64                      // number of the newest record
	pending map[schemas.TaskID][]uint64 // of each task, numbers of records that are not written, the oldest first
}

// NewGroups returns groups whose records go to a partition.
func NewGroups(record Record, tapped Tapped, partition int32) Groups {
	return Groups{record: record, tapped: tapped, partition: partition, open: make(map[schemas.TaskID]*group), pending: make(map[schemas.TaskID][]uint64)}
}

// Asks reports whether a task asks for what became of its recipients.
func Asks(t *fold.Task) bool { return t.Plan.GetEvents() == schemas.Events_EVENTS_RECIPIENTS }

// Outcome adds an outcome that was just folded in, with the state that its recipient has by now. So it does with one that changed nothing: after a crash the
// states that were written may be ahead of what was told.
func (g *Groups) Outcome(t *fold.Task, o *schemas.FlatOutcome, now time.Time) {
	if !Asks(t) || o.Index >= t.Plan.GetTotal() {
		return
	}
	state := t.State(o.Index)
	row := &schemas.Outcome{Index: o.Index, Mark: uint32(state), Wamid: string(o.Wamid)}
	if !fold.IsReceipt(o.Mark) || o.Mark < uint32(schemas.StateConfirmed) { // receipts name people as Meta does
		row.Phone = string(o.Phone)
	}
	if o.Mark == uint32(state) {
		row.Reason = cut(string(o.Reason))
	}
	one := g.group(t, o.AtMs, rowBytes+len(row.Phone)+len(row.Reason)+len(row.Wamid), now)
	one.outcomes = append(one.outcomes, row)
	g.closeFull(one)
}

// Result is Outcome for any result. A task that failed as a whole has its recipients failed by that.
func (g *Groups) Result(t *fold.Task, r *schemas.Result, now time.Time) {
	g.taps(t, r.GetTaps())
	if !Asks(t) {
		return
	}
	switch e := r.GetEvent().(type) {
	case *schemas.Result_Outcome, *schemas.Result_Outcomes, *schemas.Result_Receipts:
		for _, o := range r.AllOutcomes() {
			g.Outcome(t, schemas.Flat(o, r.GetAtMs()), now)
		}
	case *schemas.Result_Range:
		g.addRange(t, e.Range, r.GetAtMs(), now)
	case *schemas.Result_Plan, *schemas.Result_Note:
		if t.Phase == schemas.Phase_PHASE_FAILED {
			g.addRange(t, &schemas.OutcomeRange{To: t.Plan.GetTotal(), Mark: uint32(schemas.Failed(schemas.CodeContent))}, r.GetAtMs(), now)
		}
	case *schemas.Result_Dispatched, *schemas.Result_Taps:
	}
}

// taps has each tap of a task written, whatever it asks for, if its opening is known: that says whose it is. Those of a recipient stay in order;
// a task may have hundreds a second, which can't wait for each other.
func (g *Groups) taps(t *fold.Task, all *schemas.Taps) {
	for _, r := range all.GetTaps() {
		if t.Plan != nil && r.GetIndex() < t.Plan.GetTotal() { //mutant:tap-is-a-recipients
			rec := g.tapped(t.Summary(), r)
			order := string(rec.Key) + "/" + strconv.FormatUint(uint64(r.GetIndex()), 10) //mutant:taps-do-not-wait-for-each-other
			g.put(order, rec, func() {})
		}
	}
}

// addRange adds that all recipients in [from, to) have at least a state.
func (g *Groups) addRange(t *fold.Task, r *schemas.OutcomeRange, at int64, now time.Time) {
	to := min(r.GetTo(), t.Plan.GetTotal())
	if r.GetFrom() >= to {
		return
	}
	row := &schemas.OutcomeRange{From: r.GetFrom(), To: to, Mark: r.GetMark(), Reason: cut(r.GetReason())}
	one := g.group(t, at, rowBytes+len(row.GetReason()), now)
	one.ranges = append(one.ranges, row)
	g.closeFull(one)
}

// group returns the task's, with room counted for one more row.
func (g *Groups) group(t *fold.Task, at int64, bytes int, now time.Time) *group {
	one := g.open[t.ID]
	if one == nil {
		one = &group{task: t}
		g.open[t.ID] = one
	}
	if g.closeAt.IsZero() {
		g.closeAt = now.Add(groupEvery)
	}
	one.at = max(one.at, at)
	one.text += bytes
	g.text += bytes
	return one
}

func (g *Groups) closeFull(one *group) {
	if one.full() {
		g.close(one.task.ID)
	}
	if g.text >= maxOpenText {
		g.Close()
	}
}

// Close has everything written that was collected.
func (g *Groups) Close() {
	for id := range g.open {
		g.close(id)
	}
}

// CloseDue is Close, if something waits for long enough.
func (g *Groups) CloseDue(now time.Time) {
	if !g.closeAt.IsZero() && !now.Before(g.closeAt) {
		g.Close()
	}
}

func (g *Groups) close(id schemas.TaskID) {
	one := g.open[id]
	if one == nil {
		return
	}
	delete(g.open, id)
	g.text -= one.text
	if len(g.open) == 0 {
		g.closeAt = time.Time{}
	}
	rec := g.record(one.task.Summary(), one.at, one.outcomes, one.ranges)
	g.last++
	g.pending[id] = append(g.pending[id], g.last)
	g.put(string(rec.Key), rec, func() {
		if g.pending[id] = g.pending[id][1:]; len(g.pending[id]) == 0 {
			delete(g.pending, id)
		}
	})
}

// put has a record written behind those of an order, and done called then.
func (g *Groups) put(order string, rec stream.Record, done func()) {
	rec.Partition = g.partition
	size := len(rec.Value)
	g.bytes += size
	g.queue.PutBehind(order, rec, nil, func() {
		g.bytes -= size
		done()
	})
}

// Written returns what reports whether everything is written that was collected of a task until it was asked first.
func (g *Groups) Written(id schemas.TaskID) func() bool {
	asked, until := false, uint64(0)
	return func() bool {
		if !asked {
			g.close(id)
			asked, until = true, g.last
		}
		p := g.pending[id]
		return len(p) == 0 || p[0] > until
	}
}

// Full reports whether so much waits that nothing more is to be made.
func (g *Groups) Full() bool { return g.bytes >= maxGroups }

// Queue is what is closed and not written yet.
func (g *Groups) Queue() *Queue { return &g.queue }

// Next returns when something is to be closed or written; the zero time: when something is collected or written.
func (g *Groups) Next() time.Time {
	at := g.queue.Next()
	if at.IsZero() || !g.closeAt.IsZero() && g.closeAt.Before(at) {
		return g.closeAt
	}
	return at
}

// cut keeps the beginning of a long reason.
func cut(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "…"
}
