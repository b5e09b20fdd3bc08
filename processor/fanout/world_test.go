package fanout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/stream"
)

// world is what surrounds the stage, in memory: the log, the group of consumers, senders and the aggregator.
type world struct {
	ours schemas.TaskID // the id that an ingress made, where only signed broadcasts are an ingress\'s
	t    testing.TB
	seed uint64

	began    time.Time
	failures int

	mu        sync.Mutex
	rng       *rand.Rand
	logs      map[stream.TopicPartition][]stream.Record
	gone      map[stream.TopicPartition]int64 // below it everything was trimmed
	positions map[stream.TopicPartition]stream.Position
	begun     map[stream.TopicPartition]bool // was ever committed
	lost      map[stream.TopicPartition]bool // its log, or its position: positions may go back
	said      map[schemas.TaskID]bool        // the results have more of it than its Plan
	doubtful  map[schemas.TaskID]bool        // its offsets were gone
	unseen    int                            // sends in the pipe of which a takeover can't know
	owner     map[stream.TopicPartition]*process
	session   uint64
	processes []*process
	homes     map[schemas.TaskID][]copyAt
	tasks     map[schemas.TaskID]*folded
	view      map[schemas.TaskID]*schemas.Status
	evicted   map[schemas.TaskID]*schemas.Status // not in memory; nil: can't be read any more
	unheard   int                                // statuses that are lost on their way to the view
	backlog   []stream.Record                    // results that the aggregator, stopped, has not read
	cursors   map[schemas.TaskID]uint32
	sent      map[pair]int
	made      map[pair]*production
	pipe      map[string]int
	windows   map[string]int

	wanted    map[schemas.TaskID]schemas.Controls
	bounds    map[schemas.TaskID]bound
	started   map[schemas.TaskID]int // calls
	takenBack map[string]int         // Controls

	sync           time.Duration         // how long the view takes to catch up
	behind         time.Duration         // and the view of controls, always
	stuck          map[stream.Topic]bool // nothing gets in
	unanswered     stream.Topic          // what is published there is written and not acknowledged
	noNotes        bool                  // no note does
	stopAggregator bool
	stopSenders    bool
	held           []stream.Record // sends that senders, stopped, have not read
	faults         faults
	media          func(ctx context.Context, sender string, m *schemas.MediaRef) (*schemas.MediaRef, error)
	numbers        map[string]Number
	byDefault      string // the number of broadcasts that name none
	outcomes       func(pair) (schemas.RecipientState, *receipt)
	predicts       func(code int) bool
	receipts       bool
}

// faults are probabilities.
type faults struct {
	busy, fail, failWritten, refuse, unknown, read float64
	delay                                          time.Duration // quantumLimit that a write or a commit takes
}

type pair struct {
	task  schemas.TaskID
	index uint32
}

// production is what was produced for a recipient.
type production struct {
	sends, outcomes int
	by              *tenure // who was last
	pipe            string  // where it counts
}

// tenure is one assignment of a slot to a process.
type tenure struct {
	slot    stream.TopicPartition
	found   map[int64]ledger.Line // the ledger that it took over
	granted map[int64][]grant     // leases that it committed
	// by offset; see world_gone_test.go
	doubtful, unsaid map[int64]bool
}

// grant is a line with a lease, and when it was committed.
type grant struct {
	ledger.Line
	at time.Time
}

var partitions = map[stream.Topic]int32{
	schemas.TopicBroadcasts: 2, schemas.TopicBlobs: 2, schemas.TopicSendsExpress: 2, schemas.TopicSendsBulk: 3,
	schemas.TopicControls: 1, schemas.TopicResults: 2, schemas.TopicMarks: 2, schemas.TopicStatuses: 2, schemas.TopicRejects: 2,
}

func home(t stream.Topic, key []byte) int32 {
	h := fnv.New32a()
	_, _ = h.Write(key)
	return int32(h.Sum32()>>1) % partitions[t]
}

func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	return &world{
		t: t, seed: seed, began: time.Now(), rng: rand.New(rand.NewPCG(seed, 1)), logs: make(map[stream.TopicPartition][]stream.Record),
		gone: make(map[stream.TopicPartition]int64), positions: make(map[stream.TopicPartition]stream.Position), begun: map[stream.TopicPartition]bool{}, lost: map[stream.TopicPartition]bool{},
		said: make(map[schemas.TaskID]bool), doubtful: make(map[schemas.TaskID]bool),
		owner: make(map[stream.TopicPartition]*process), homes: make(map[schemas.TaskID][]copyAt),
		tasks: make(map[schemas.TaskID]*folded), view: make(map[schemas.TaskID]*schemas.Status),
		cursors: make(map[schemas.TaskID]uint32), sent: make(map[pair]int), made: make(map[pair]*production),
		wanted: make(map[schemas.TaskID]schemas.Controls), bounds: make(map[schemas.TaskID]bound),
		started: make(map[schemas.TaskID]int), takenBack: make(map[string]int),
		pipe: make(map[string]int), windows: make(map[string]int),
		faults:  faults{delay: 5 * time.Millisecond},
		numbers: map[string]Number{"100": {Rate: 1000}, "200": {Rate: 1000}, "300": {}}, byDefault: "100",
	}
}

// inBubble runs a test in a bubble of fake time.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		defer w.end()
		f(t, w)
	})
}

func (w *world) end() {
	w.mu.Lock()
	all := slices.Clone(w.processes)
	w.mu.Unlock()
	for _, p := range all {
		p.stop()
	}
}

func (w *world) failf(format string, args ...any) {
	if w.failures++; w.failures > 10 {
		return
	}
	w.t.Errorf("seed %d, %s: %s", w.seed, time.Since(w.began), fmt.Sprintf(format, args...))
}

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func (w *world) delay() time.Duration {
	return time.Duration(w.rng.Int64N(int64(w.faults.delay) + 1))
}

// append puts a record on the log, and lets those who read it know.
func (w *world) append(by tenures, rec stream.Record) stream.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	if rec.Partition == stream.NoPartition {
		rec.Partition = home(rec.Topic, rec.Key)
	}
	if rec.Time.IsZero() {
		rec.Time = time.Now()
	}
	at := stream.TopicPartition{Topic: rec.Topic, Partition: rec.Partition}
	rec.Offset = w.gone[at] + int64(len(w.logs[at]))
	w.logs[at] = append(w.logs[at], rec)
	switch rec.Topic {
	case schemas.TopicBroadcasts:
		w.broadcast(at, rec)
	case schemas.TopicSendsExpress, schemas.TopicSendsBulk:
		w.send(by, rec)
	case schemas.TopicResults:
		w.result(by, rec)
	case schemas.TopicControls:
		w.controlled(rec)
	case schemas.TopicBlobs, schemas.TopicMarks, schemas.TopicStatuses, schemas.TopicRejects, schemas.TopicRegistry:
	}
	return rec
}

func (w *world) broadcast(at stream.TopicPartition, rec stream.Record) {
	var b schemas.Broadcast
	if schemas.Decode(&rec, &b) == nil {
		id, err := schemas.TaskIDFromBytes(b.GetTask())
		if err != nil {
			id = schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset})
		}
		w.homes[id] = append(w.homes[id], copyAt{at, rec.Offset})
	}
	for _, p := range w.processes {
		p.wake()
	}
}

// send is a record reaching the senders.
func (w *world) send(by tenures, rec stream.Record) {
	var s schemas.Send
	if err := schemas.Decode(&rec, &s); err != nil {
		w.failf("a send is not readable: %v", err)
		return
	}
	k := pair{schemas.TaskID(s.GetTask()), s.GetIndex()}
	made := w.produced(by, k, false)
	for _, c := range w.homes[k.task] {
		x := by[c.slot]
		if x == nil || x.inherited(c.offset, k.index) {
			continue
		}
		if g := x.leased(c.offset, k.index); g != nil {
			w.inTime(k.task, &s, g.at)
		}
	}
	if made.sends++; made.sends == 1 {
		w.fill(k, s.GetSender(), schemas.LaneOf(rec.Topic))
	}
	if w.stopSenders {
		w.held = append(w.held, rec)
		return
	}
	w.deliver(k, &s)
}

// deliver is a sender sending, once for each pair.
func (w *world) deliver(k pair, s *schemas.Send) {
	if w.sent[k]++; w.sent[k] > 1 {
		return
	}
	at, expired := mayStart(s, time.Now())
	if expired {
		time.AfterFunc(w.delay(), func() { w.answer(k, schemas.StateExpired, nil) })
		return
	}
	if wait := time.Until(at); wait > 0 {
		time.AfterFunc(wait, func() { w.call(k, s) })
		return
	}
	w.begin(k, s)
}

// call is a sender that has waited for a window.
func (w *world) call(k pair, s *schemas.Send) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(k, s)
}

func (w *world) begin(k pair, s *schemas.Send) {
	w.starts(k, s)
	m, r := w.outcome(k)
	time.AfterFunc(10*time.Millisecond+10*w.delay(), func() { w.answer(k, m, r) })
}

func (w *world) startSenders() {
	w.set(func() {
		w.stopSenders = false
		w.release(len(w.held))
	})
}

// release lets senders have the first n of what they had not read. Called with the lock held.
func (w *world) release(n int) {
	for _, rec := range w.held[:n] {
		var s schemas.Send
		_ = schemas.Decode(&rec, &s)
		w.deliver(pair{schemas.TaskID(s.GetTask()), s.GetIndex()}, &s)
	}
	w.held = w.held[n:]
}

// Fill counts the pipe of a number's lane.
func (w *world) fill(k pair, sender string, lane schemas.Lane) {
	if f := w.tasks[k.task]; f != nil && f.marks[k.index].Decided() {
		return
	}
	key := sender + "/" + string(lane)
	w.pipe[key]++
	w.made[k].pipe = key
	rate := w.numbers[sender].Rate
	if rate <= 0 {
		return
	}
	seconds := float64(schedule.BulkSeconds)
	if lane == schemas.LaneExpress {
		seconds = schedule.ExpressSeconds
	}
	if most := max(schedule.MinWindow, int(rate*seconds)) + w.unseen; w.pipe[key] > most {
		w.failf("%d sends of %s are in the pipe, %d may be", w.pipe[key], key, most)
	}
}

// leases reports whether the line has a turn with the recipient in it.
func leases(l ledger.Line, index uint32) bool {
	return index >= l.Cursor && index-l.Cursor < l.Lease
}

// inherited reports whether the recipient of the broadcast at the offset was leased at the takeover.
func (n *tenure) inherited(offset int64, index uint32) bool { return leases(n.found[offset], index) }

// leasesInCommit returns the first lease that was committed for the recipient of the broadcast at the offset, or nil.
func (n *tenure) leased(offset int64, index uint32) *grant {
	i := slices.IndexFunc(n.granted[offset], func(g grant) bool { return leases(g.Line, index) })
	if i < 0 {
		return nil
	}
	return &n.granted[offset][i]
}

// produced checks that what a process produces was leased, and that it repeats nothing but what it found leased.
func (w *world) produced(by tenures, k pair, outcome bool) *production {
	made := w.made[k]
	if made == nil {
		made = &production{}
		w.made[k] = made
	}
	if by == nil {
		return made
	}
	var now *tenure
	for _, c := range w.homes[k.task] {
		if x := by[c.slot]; x != nil && x.leased(c.offset, k.index) != nil {
			now = x
		}
	}
	if now == nil {
		w.failf("recipient %d of %s was produced without a lease", k.index, k.task)
		return made
	}
	if made.by != nil && made.by != now && !slices.ContainsFunc(w.homes[k.task], func(c copyAt) bool {
		// A zombie may come after its successor; it repeats what that one found.
		return now.mayRepeat(c.offset, k.index, outcome) || made.by.mayRepeat(c.offset, k.index, outcome)
	}) {
		w.failf("recipient %d of %s was produced again and was not leased at a takeover", k.index, k.task)
	}
	made.by = now
	return made
}

// folded is the aggregator's state of a task.
type folded struct {
	plan    *schemas.TaskOpened
	cursor  uint32
	steered *schemas.TaskUpdate // the one with the highest controls
	marks   map[uint32]schemas.RecipientState
	phase   schemas.Phase
	said    *schemas.TaskUpdate
	phaseMs int64
	version uint64
	end     int64
	dirty   bool
	stale   map[uint32]bool // parts of marks to be written
}

func (w *world) result(by tenures, rec stream.Record) {
	var r schemas.Result
	if err := schemas.Decode(&rec, &r); err != nil {
		w.failf("a result is not readable: %v", err)
		return
	}
	if o := r.GetOutcome(); o != nil && by != nil {
		w.produced(by, pair{schemas.TaskID(r.GetTask()), o.GetIndex()}, true).outcomes++
	}
	if r.GetPlan() == nil && r.GetNote() == nil {
		w.said[schemas.TaskID(r.GetTask())] = true
	}
	if w.stopAggregator {
		w.backlog = append(w.backlog, rec)
		return
	}
	w.fold(rec)
}

func (w *world) startAggregator() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopAggregator = false
	for _, rec := range w.backlog {
		w.fold(rec)
	}
	w.backlog = nil
}

func (w *world) fold(rec stream.Record) {
	var r schemas.Result
	_ = schemas.Decode(&rec, &r)
	id := schemas.TaskID(r.GetTask())
	f := w.tasks[id]
	if f == nil {
		if r.GetPlan() == nil && r.GetDispatched() == nil && r.GetOutcome() == nil {
			return
		}
		f = &folded{marks: make(map[uint32]schemas.RecipientState), stale: make(map[uint32]bool)}
		w.tasks[id] = f
	}
	switch e := r.GetEvent().(type) {
	case *schemas.Result_Plan:
		if f.plan == nil {
			f.plan = e.Plan
		}
	case *schemas.Result_Dispatched:
		f.cursor = max(f.cursor, e.Dispatched.GetCursor())
	case *schemas.Result_Outcome:
		w.mark(id, f, e.Outcome.GetIndex(), schemas.RecipientState(e.Outcome.GetMark()))
	case *schemas.Result_Range:
		for i := e.Range.GetFrom(); i < e.Range.GetTo(); i++ {
			if m := schemas.RecipientState(e.Range.GetMark()); m == schemas.StateCancelled && w.made[pair{id, i}] != nil && !w.doubtful[id] {
				w.failf("recipient %d of %s was dispatched and is called cancelled", i, id)
			}
			w.mark(id, f, i, schemas.RecipientState(e.Range.GetMark()))
		}
	case *schemas.Result_Receipts:
		for _, o := range e.Receipts.GetOutcomes() {
			w.mark(id, f, o.GetIndex(), schemas.RecipientState(o.GetMark()))
		}
	case *schemas.Result_Note:
		f.note(e.Note, r.GetAtMs())
	}
	if f.plan != nil && f.phase == schemas.Phase_PHASE_FAILED {
		for i := range f.plan.GetTotal() {
			w.mark(id, f, i, schemas.Failed(schemas.CodeContent))
		}
	}
	if f.plan != nil && f.end == 0 && len(f.marks) >= int(f.plan.GetTotal()) {
		f.end = time.Now().UnixMilli()
	}
	if !f.dirty {
		f.dirty = true
		time.AfterFunc(20*time.Millisecond+20*w.delay(), func() { w.publish(id, f) })
	}
}

// Update is the aggregator's fold of a Note.
func (f *folded) note(n *schemas.TaskUpdate, at int64) {
	stands := map[schemas.Phase]int{schemas.Phase_PHASE_CANCELLED: 1, schemas.Phase_PHASE_STOPPED: 2, schemas.Phase_PHASE_FAILED: 3}
	if p := n.GetPhase(); p != schemas.Phase_PHASE_NONE && cmp.Or(cmp.Compare(stands[p], stands[f.phase]), cmp.Compare(at, f.phaseMs)) > 0 {
		f.phase, f.said, f.phaseMs = p, n, at
	}
	was := f.steered
	if n.GetControls() > 0 && cmp.Or(cmp.Compare(n.GetControls(), was.GetControls()), cmp.Compare(n.GetPipe(), was.GetPipe()), cmp.Compare(n.GetSpeed(), was.GetSpeed())) > 0 {
		f.steered = n
	}
}

func (w *world) mark(id schemas.TaskID, f *folded, index uint32, m schemas.RecipientState) {
	if f.marks[index] >= m {
		return
	}
	if made := w.made[pair{id, index}]; !f.marks[index].Decided() && made != nil && made.pipe != "" {
		w.pipe[made.pipe]--
	}
	f.marks[index] = m
	part := index / schemas.PageRecipients
	if !f.stale[part] {
		f.stale[part] = true
		time.AfterFunc(2*time.Second, func() { w.writePart(id, f, part) })
	}
}

func (w *world) writePart(id schemas.TaskID, f *folded, part uint32) {
	w.mu.Lock()
	delete(f.stale, part)
	var marks []byte
	for i, m := range f.marks {
		if i/schemas.PageRecipients != part {
			continue
		}
		at := int(i % schemas.PageRecipients)
		if at >= len(marks) {
			marks = append(marks, make([]byte, at+1-len(marks))...)
		}
		marks[at] = byte(m)
	}
	w.mu.Unlock()
	w.append(nil, schemas.EncodePage(home(schemas.TopicResults, []byte(id.String())), &schemas.StatePage{Task: id.Bytes(), Number: part, Marks: marks}))
}

// publish shows a task to everybody.
func (w *world) publish(id schemas.TaskID, f *folded) {
	w.mu.Lock()
	f.dirty = false
	f.version++
	if w.unheard > 0 {
		w.unheard--
		w.mu.Unlock()
		return
	}
	st := &schemas.Status{
		Task: id.Bytes(), Version: f.version, Plan: f.plan, Cursor: f.cursor, Phase: f.phase, Why: f.said.GetWhy(), Cause: f.said.GetCause(), PhaseMs: f.phaseMs, FinishedMs: f.end,
		Controls: f.steered.GetControls(), Pipe: f.steered.GetPipe(), Speed: f.steered.GetSpeed(),
	}
	w.bind(id, st)
	counts := make(map[schemas.RecipientState]uint32)
	for _, m := range f.marks {
		counts[m]++
	}
	for m, n := range counts {
		st.Counts = append(st.Counts, &schemas.StateCount{Mark: uint32(m), Count: n})
	}
	w.view[id] = st
	if st.GetCursor() < w.cursors[id] {
		w.failf("the cursor of %s went back from %d to %d", id, w.cursors[id], st.GetCursor())
	}
	w.cursors[id] = st.GetCursor()
	all := slices.Clone(w.processes)
	w.mu.Unlock()
	for _, p := range all {
		p.listen(id, st)
	}
}

// process is one process of ours: a stage and its doors.
type process struct {
	w        *world
	stage    *Stage
	listen   func(schemas.TaskID, *schemas.Status)
	controls *controlsView
	signal   chan struct{}
	ctx      context.Context
	cancel   context.CancelFunc
	over     sync.WaitGroup
	session  uint64
	dead     bool // killed: nothing of it reaches anybody
	fed      map[stream.TopicPartition]int64
	paused   map[stream.TopicPartition]bool
	tenures  tenures
	dropped  bool          // the group takes everything away
	handing  chan struct{} // SeenBytes a token while the stage is given partitions or loses them: the group does one at a time
	reg      *prometheus.Registry
}

func (w *world) start() *process {
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{
		w: w, signal: make(chan struct{}, 1), ctx: ctx, cancel: cancel, fed: make(map[stream.TopicPartition]int64), reg: prometheus.NewRegistry(),
		paused: make(map[stream.TopicPartition]bool), tenures: make(tenures), handing: make(chan struct{}, 1),
	}
	p.controls = &controlsView{p: p, known: make(map[schemas.TaskID]schemas.Controls)}
	cfg := Config{Number: w.number, Owner: func(b *schemas.Broadcast, _ time.Time) string { return b.GetOwner() }, Earlier: earlierOf, Move: move, Moved: moved, Registerer: p.reg, Predicts: w.predicts, Receipts: w.receipts}
	if w.ours != (schemas.TaskID{}) {
		cfg.Proof = func(b *schemas.Broadcast) (bool, bool) {
			return string(b.GetTask()) == string(w.ours[:]), string(b.GetOwnerMac()) == madeUp
		}
	}
	p.stage = New(cfg, Ports{
		Committer: p, Pauser: p, Express: p, Bulk: p, Records: p, Statuses: p, Controls: p.controls, Media: p, Home: home, Reject: rejected,
	})
	p.stage.Start()
	w.mu.Lock()
	w.session++
	p.session = w.session
	w.processes = append(w.processes, p)
	w.mu.Unlock()
	p.over.Go(p.read)
	return p
}

var (
	errBusy    = errors.New("busy")
	errFenced  = errors.New("fenced")
	errUnknown = errors.New("no answer")
	errWrite   = errors.New("timed out")
)

func rejected(rec stream.Record, stage, code, reason string) stream.Record {
	rec.Topic, rec.Partition = schemas.TopicRejects, 0
	rec.Headers = append(slices.Clone(rec.Headers), stream.Header{Key: "reject.stage", Value: []byte(stage)},
		stream.Header{Key: "reject.code", Value: []byte(code)}, stream.Header{Key: "reject.reason", Value: []byte(reason)})
	return rec
}

// hand runs do when nothing else gives the stage partitions or takes them from it.
func (p *process) hand(do func()) {
	p.handing <- struct{}{}
	defer func() { <-p.handing }()
	do()
}

// assign gives a slot to the process, unless it is over. Whoever has it is not told: that is up to the test.
func (p *process) assign(of stream.TopicPartition) { p.hand(func() { p.assigned(of) }) }

func (p *process) assigned(of stream.TopicPartition) {
	if p.ctx.Err() != nil {
		return
	}
	w := p.w
	w.mu.Lock()
	pos, ok := w.positions[of]
	if !ok {
		pos = stream.Position{Partition: of, Offset: stream.NoOffset}
	}
	pos.Begun = w.begun[of]
	pos.Begin, pos.End = w.gone[of], w.gone[of]+int64(len(w.logs[of]))
	w.owner[of] = p
	l, err := ledger.Decode(max(0, pos.Offset), pos.Metadata)
	if err != nil {
		w.failf("the ledger of %s: %v", of, err)
	}
	now := &tenure{
		slot: of, found: make(map[int64]ledger.Line), granted: make(map[int64][]grant), doubtful: make(map[int64]bool), unsaid: make(map[int64]bool),
	}
	for _, e := range l.Lines {
		now.found[e.Offset] = e
	}
	w.doubts(now, doubtBelow(pos, l))
	p.tenures[of] = now
	w.mu.Unlock()
	from, err := p.stage.OnAssigned(context.Background(), pos)
	for try := 0; err != nil && try < 100; try++ { // as the group does
		from, err = p.stage.OnAssigned(context.Background(), pos)
	}
	if err != nil {
		w.t.Fatalf("seed %d: %v", w.seed, err)
	}
	w.mu.Lock()
	p.fed[of] = max(from, w.gone[of])
	w.mu.Unlock()
	p.wake()
}

// run gives all broadcasts to one new process.
func (w *world) run() *process {
	p := w.start()
	for i := range partitions[schemas.TopicBroadcasts] {
		p.assign(stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: i})
	}
	return p
}

// lose takes slots away without a warning; revoke with one.
func (p *process) lose(of ...stream.TopicPartition) {
	p.hand(func() {
		p.forget(of)
		p.stage.OnLost(of)
	})
}

func (p *process) revoke(of ...stream.TopicPartition) { p.hand(func() { p.revoked(of) }) }

func (p *process) revoked(of []stream.TopicPartition) {
	p.w.mu.Lock()
	for _, o := range of {
		delete(p.fed, o)
	}
	p.w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	p.stage.OnRevoked(ctx, of)
}

func (p *process) forget(of []stream.TopicPartition) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, o := range of {
		delete(p.fed, o)
		if p.w.owner[o] == p {
			delete(p.w.owner, o)
		}
	}
}

func (p *process) owned() (of []stream.TopicPartition) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return slices.SortedFunc(maps.Keys(p.fed), func(a, b stream.TopicPartition) int { return int(a.Partition - b.Partition) })
}

// worker is what the process holds of a partition.
func (p *process) slot(of stream.TopicPartition) *worker {
	all := p.stage.assignments.All()
	return all[slices.IndexFunc(all, func(s *worker) bool { return s.Partition() == of })]
}

// kill is kill -9.
func (p *process) kill() {
	p.w.mu.Lock()
	p.dead = true
	p.w.mu.Unlock()
	p.forget(p.owned())
	p.stop()
}

func (p *process) stop() {
	p.w.mu.Lock()
	p.w.processes = slices.DeleteFunc(p.w.processes, func(x *process) bool { return x == p })
	p.w.mu.Unlock()
	p.cancel()
	p.over.Wait()
	p.hand(func() {
		if err := p.stage.Stop(context.Background()); err != nil {
			p.w.failf("%v", err)
		}
	})
}

func (p *process) wake() {
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// readFor hands records over, as the group's loop does.
func (p *process) read() {
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.signal:
		}
		for again := true; again; {
			again = false
			p.w.mu.Lock()
			batches := make(map[stream.TopicPartition][]stream.Record)
			for of, at := range p.fed {
				log := p.w.logs[of][at-p.w.gone[of]:]
				if n := min(len(log), 100); n > 0 && !p.paused[of] {
					batches[of] = slices.Clone(log[:n])
					p.fed[of] += int64(n)
					again = true
				}
			}
			p.w.mu.Unlock()
			for of, recs := range batches {
				p.stage.Process(of, recs)
			}
		}
	}
}

// tenures are the slots that a process had when it began to write something.
type tenures map[stream.TopicPartition]*tenure

// copyAt is where a copy of a task's broadcast lies.
type copyAt struct {
	slot   stream.TopicPartition
	offset int64
}

// The ports.

func (p *process) Generation() stream.Generation {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return stream.Generation{Session: p.session}
}

func (p *process) Commit(_ context.Context, f stream.Generation, ps []stream.Position) (map[stream.TopicPartition]error, error) {
	w := p.w
	w.mu.Lock()
	before, after := w.delay(), w.delay()
	w.mu.Unlock()
	time.Sleep(before)
	refused := make(map[stream.TopicPartition]error)
	w.mu.Lock()
	unknown := w.chance(w.faults.unknown)
	lost := unknown && w.chance(0.5)
	for _, pos := range ps {
		if p.dead || w.owner[pos.Partition] != p || f.Session != p.session || w.chance(w.faults.refuse) || lost {
			refused[pos.Partition] = errFenced
			continue
		}
		w.commit(p.tenures[pos.Partition], pos)
	}
	if unknown && !p.dropped {
		p.dropped = true
		go p.rejoin() //nolint:contextcheck // a life of its own
	}
	w.mu.Unlock()
	time.Sleep(after)
	if unknown {
		return nil, errUnknown
	}
	return refused, nil
}

// rejoin is what the group does when a commit was not answered: everything is lost, and then assigned again.
func (p *process) rejoin() {
	of := p.owned()
	p.hand(func() { p.stage.OnLost(of) })
	p.w.mu.Lock()
	p.w.session++
	p.session, p.dropped = p.w.session, false
	p.w.mu.Unlock()
	for _, o := range of {
		p.w.mu.Lock()
		still := p.w.owner[o] == p && !p.dead
		p.w.mu.Unlock()
		if still {
			p.assign(o)
		}
	}
}

// commit checks what no ledger may do: go back, be too long, lose a task.
func (w *world) commit(now *tenure, pos stream.Position) {
	if len(pos.Metadata) > stream.MaxMetadata {
		w.failf("%d characters of metadata", len(pos.Metadata))
	}
	old, had := w.positions[pos.Partition]
	l, err := ledger.Decode(pos.Offset, pos.Metadata)
	if err != nil {
		w.failf("a ledger is not readable: %v", err)
	}
	if had && !w.lost[pos.Partition] {
		was, _ := ledger.Decode(old.Offset, old.Metadata)
		if old.Offset > pos.Offset || was.Next > l.Next {
			w.failf("a position went back from %d, %d to %d, %d", old.Offset, was.Next, pos.Offset, l.Next)
		}
		before := make(map[int64]ledger.Line)
		for _, e := range was.Lines {
			before[e.Offset] = e
		}
		for _, e := range l.Lines {
			if e.Cursor < before[e.Offset].Cursor && !e.Closed || before[e.Offset].Closed && !e.Closed {
				w.failf("a line of the ledger went back: %+v, then %+v", before[e.Offset], e)
			}
		}
	}
	for _, e := range l.Lines {
		if e.Lease > 0 {
			now.granted[e.Offset] = append(now.granted[e.Offset], grant{e, time.Now()})
		}
	}
	w.positions[pos.Partition], w.begun[pos.Partition] = pos, true
}

func (p *process) Pause(of ...stream.TopicPartition) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, o := range of {
		p.paused[o] = true
	}
}

func (p *process) Resume(of ...stream.TopicPartition) {
	p.w.mu.Lock()
	for _, o := range of {
		delete(p.paused, o)
	}
	p.w.mu.Unlock()
	p.wake()
}

func (p *process) Append(rec stream.Record, done func(stream.Record, error)) {
	w := p.w
	w.mu.Lock()
	busy, fail, written, wait := w.stuck[rec.Topic] || w.noNotes && isNote(rec) || w.chance(w.faults.busy), w.chance(w.faults.fail), w.chance(w.faults.failWritten), w.delay()
	by := maps.Clone(p.tenures)
	w.mu.Unlock()
	if busy {
		done(rec, errBusy)
		return
	}
	time.AfterFunc(wait, func() {
		w.mu.Lock()
		dead := p.dead
		w.mu.Unlock()
		if dead || fail && !written {
			done(rec, errWrite)
			return
		}
		out := w.append(by, rec)
		if fail {
			done(rec, errWrite)
			return
		}
		done(out, nil)
	})
}

func isNote(rec stream.Record) bool {
	var r schemas.Result
	return rec.Topic == schemas.TopicResults && schemas.Decode(&rec, &r) == nil && r.GetNote() != nil
}

func (p *process) Publish(ctx context.Context, recs ...stream.Record) ([]stream.Record, error) {
	w := p.w
	w.mu.Lock()
	fail, wait := w.chance(w.faults.fail) || recs[0].Topic == w.unanswered, w.delay()
	w.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	out := make([]stream.Record, len(recs))
	for i, rec := range recs {
		w.mu.Lock()
		dead := p.dead
		w.mu.Unlock()
		if dead {
			return nil, errWrite
		}
		out[i] = w.append(nil, rec)
	}
	if fail {
		return nil, errWrite
	}
	return out, nil
}

func (p *process) at(of stream.TopicPartition, offset int64) (stream.Record, error) {
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	switch i := offset - w.gone[of]; {
	case w.chance(w.faults.read):
		return stream.Record{}, errWrite
	case i < 0:
		return stream.Record{}, stream.ErrGone
	case i >= int64(len(w.logs[of])):
		return stream.Record{}, fmt.Errorf("%s has no offset %d: %w", of, offset, stream.ErrGone)
	default:
		return w.logs[of][i], nil
	}
}

func (p *process) Record(_ context.Context, of stream.TopicPartition, offset int64) (stream.Record, error) {
	p.w.mu.Lock()
	wait := p.w.delay()
	p.w.mu.Unlock()
	time.Sleep(wait)
	return p.at(of, offset)
}

func (p *process) Records(ctx context.Context, of stream.TopicPartition, offsets []int64, each func(stream.Record) error) error {
	for _, o := range offsets {
		rec, err := p.Record(ctx, of, o)
		if err != nil {
			return err
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) Range(_ context.Context, of stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	p.w.mu.Lock()
	from = max(from, p.w.gone[of])
	p.w.mu.Unlock()
	for o := from; o < to; o++ {
		rec, err := p.at(of, o)
		if err != nil {
			return err
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) Ends(_ context.Context, t stream.Topic) (map[int32]int64, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	ends := make(map[int32]int64)
	for i := range partitions[t] {
		of := stream.TopicPartition{Topic: t, Partition: i}
		ends[i] = p.w.gone[of] + int64(len(p.w.logs[of]))
	}
	return ends, nil
}

func (p *process) Get(id schemas.TaskID) (*schemas.Status, bool) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	st, ok := p.w.view[id]
	return st, ok
}

// evict takes a finished task out of the view's memory: what is known of it without reading is that it is finished.
func (w *world) evict(id schemas.TaskID, readable bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.evicted == nil {
		w.evicted = make(map[schemas.TaskID]*schemas.Status)
	}
	if w.evicted[id] = nil; readable {
		w.evicted[id] = w.view[id]
	}
	delete(w.view, id)
}

// retiring is the last word on a task that retention deletes between the two looks at it.
var retiring = &schemas.Status{}

// retire has retention delete a finished task of one recipient, between the view's word that it is finished and its being read back.
func (w *world) retire(id schemas.TaskID) {
	w.evict(id, true)
	w.set(func() {
		w.evicted[id] = retiring
		delete(w.tasks, id)
		delete(w.cursors, id)
		delete(w.made, pair{id, 0})
		delete(w.sent, pair{id, 0})
	})
}

func (p *process) Finished(id schemas.TaskID) bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	_, ok := p.w.evicted[id]
	return ok || p.w.view[id].GetFinishedMs() != 0
}

func (p *process) Find(_ context.Context, id schemas.TaskID) (*schemas.Status, error) {
	p.w.mu.Lock()
	wait := p.w.delay()
	p.w.mu.Unlock()
	time.Sleep(wait)
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	st, ok := p.w.evicted[id]
	switch {
	case ok && st == nil:
		return nil, stream.ErrGone
	case st == retiring:
		delete(p.w.evicted, id)
		return nil, nil
	case ok:
		return st, nil
	}
	return p.w.view[id], nil
}

func (p *process) Each(each func(schemas.TaskID, *schemas.Status) bool) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for id, st := range p.w.view {
		if !each(id, st) {
			return
		}
	}
}

func (p *process) Listen(heard func(schemas.TaskID, *schemas.Status)) { p.listen = heard }

func (p *process) Sync(context.Context) error {
	p.w.mu.Lock()
	wait := p.w.delay() + p.w.sync
	p.w.mu.Unlock()
	time.Sleep(wait)
	return nil
}

func (p *process) Resolve(ctx context.Context, sender string, _ schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	if p.w.media == nil {
		return &schemas.MediaRef{MediaId: "id", Url: m.GetUrl()}, nil
	}
	return p.w.media(ctx, sender, m)
}

// dump logs what the stages hold. It looks at their state from outside, which is right only when all is still.
func (w *world) dump() {
	w.t.Logf("aggregator stopped %t (%d), senders stopped %t (%d)", w.stopAggregator, len(w.backlog), w.stopSenders, len(w.held))
	for id, f := range w.tasks {
		if st := w.view[id]; f.plan == nil || st == nil || !status.Finished(st) {
			made := 0
			for k := range w.made {
				if k.task == id {
					made++
				}
			}
			w.t.Logf("%s: plan %v, cursor %d, %d marks, %d produced, phase %s, view %v", id, f.plan, f.cursor, len(f.marks), made, f.phase, st)
		}
	}
	for i, p := range w.processes {
		for _, s := range p.stage.assignments.All() {
			tracked, overflow := s.members.Len()
			w.t.Logf("process %d, %s: owner %t, synced %t, restored %t, dead %t, draining %t, in flight %d, committing %t, dirty %t, urgent %t, "+
				"leases to commit %d, in commit %d, awaiting proof %d, tracked %d, overflow %d, repeats %d, intakes %d", i, s.Partition(), w.owner[s.Partition()] == p,
				s.synced, s.restored(), s.dead, s.Draining(), s.InFlight(), s.committing, s.dirty, s.urgent, len(s.leasesToCommit), len(s.leasesInCommit), len(s.awaitingProof),
				tracked, overflow, len(s.repeats), s.intakes)
			for id, t := range s.tasks {
				q := s.queue(t)
				w.t.Logf("  %s at %d: %+v, opened %+v, %+v of %d, end %d, decided %d, probe %d, body %t, seen %t, status %v, queue %d of %d, blocked %+v",
					id, t.Offset, t.Lifecycle, t.Opened, t.Progress, t.Total, t.End, t.Decided, t.ProbeMs, t.Body != nil, t.Seen != nil,
					t.Status.GetVersion(), q.InFlight(), q.Window, t.Blocked)
			}
			w.t.Logf("  %d broadcasts wait for the Status of their ids", s.claims.Len())
		}
	}
}

// number is a sender number as it is configured now.
func (w *world) number(id string) (Number, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id = cmp.Or(id, w.byDefault)
	n, ok := w.numbers[id]
	n.ID = id
	return n, ok
}
