package fanout

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/internal/logtest"
	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// world is what surrounds the stage: Kafka in memory, the senders, the aggregator and what it shows, and the processes. It checks what must
// always hold. Functions that say so are called with its lock held, which is the broker's.
type world struct {
	*logtest.Broker
	t        testing.TB
	seed     uint64
	began    time.Time
	failures int

	templates prepare.Templates // nil: nobody judges them

	members   map[*logtest.Member]*process
	processes []*process // that were not killed
	written   []tenures  // which assignments the writer of a record had, by number (headerTenures)

	// What the checks know.
	copies    map[schemas.TaskID][]place // where the broadcasts of a task lie
	made      map[pair]*production
	inFlight  map[string]int                 // sends, by number and lane
	unseen    int                            // sends in flight that count into no window: a takeover can't know of them, or they wait for places
	logLost   map[stream.TopicPartition]bool // it, or its position: positions may go back
	reported  map[schemas.TaskID]bool        // the results have more of it than its TaskOpened
	doubtful  map[schemas.TaskID]bool        // its offsets were gone
	wanted    map[schemas.TaskID]schemas.Controls
	bounds    map[schemas.TaskID]bound
	takenBack map[string]int // Controls

	// The senders.
	stopSenders bool
	held        []stream.Record // sends that they, stopped, have not read
	sent        map[pair]int
	outcomes    func(pair) (schemas.RecipientState, *receipt) // nil: sent

	// The aggregator and its view.
	stopAggregator bool
	backlog        []stream.Record // results that it, stopped, has not read
	tasks          map[schemas.TaskID]*folded
	view           map[schemas.TaskID]*schemas.Status
	evicted        map[schemas.TaskID]*schemas.Status // not in memory; nil: can't be read any more
	cursors        map[schemas.TaskID]uint32          // that were shown
	unheard        int                                // statuses that are lost on their way to the view

	// Faults, beside the broker's, and the configuration of the stage.
	sync      time.Duration  // how long the view takes to catch up
	behind    time.Duration  // and the view of controls, always
	stuck     stream.Topic   // nothing gets in
	noUpdates bool           // no TaskUpdate gets in
	ours      schemas.TaskID // the id that an ingress made, where only signed broadcasts are an ingress's
	media     func(ctx context.Context, sender string, m *schemas.MediaRef) (*schemas.MediaRef, error)
	numbers   map[string]Number
	byDefault string // the number of broadcasts that name none
	predicts  func(code int) bool
	receipts  bool
}

type pair struct {
	task  schemas.TaskID
	index uint32
}

// production is what was produced for a recipient.
type production struct {
	sends, outcomes int
	by              *tenure // who was last
	counts          string  // where it is in flight
}

// tenure is one assignment of a partition to a process.
type tenure struct {
	partition stream.TopicPartition
	found     map[int64]ledger.Line // the ledger that it took over
	granted   map[int64][]grant     // leases that it committed
	// by offset; see world_gone_test.go
	doubtful, unreported map[int64]bool
}

// tenures are the assignments that a process has. They are not changed.
type tenures map[stream.TopicPartition]*tenure

// headerTenures says in what a process writes which assignments it had when it began to write it.
const headerTenures = "tenures"

// grant is a line with a lease, and when it was committed.
type grant struct {
	ledger.Line
	at time.Time
}

// place is where a copy of a task's broadcast lies.
type place struct {
	partition stream.TopicPartition
	offset    int64
}

var partitions = map[stream.Topic]int32{
	schemas.TopicBroadcasts: 2, schemas.TopicBlobs: 2, schemas.TopicSendsExpress: 2, schemas.TopicSendsBulk: 3,
	schemas.TopicControls: 1, schemas.TopicResults: 2, schemas.TopicMarks: 2, schemas.TopicStatuses: 2, schemas.TopicRejects: 2,
}

var controls0 = stream.TopicPartition{Topic: schemas.TopicControls}

func home(t stream.Topic, key []byte) int32 {
	h := fnv.New32a()
	_, _ = h.Write(key)
	return int32(h.Sum32()>>1) % partitions[t]
}

func partitionsOf(t stream.Topic) (all []stream.TopicPartition) {
	for i := range partitions[t] {
		all = append(all, stream.TopicPartition{Topic: t, Partition: i})
	}
	return all
}

func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	w := &world{
		Broker: logtest.New(), t: t, seed: seed, began: time.Now(), members: make(map[*logtest.Member]*process),
		copies: make(map[schemas.TaskID][]place), made: make(map[pair]*production), inFlight: make(map[string]int),
		logLost: make(map[stream.TopicPartition]bool), reported: make(map[schemas.TaskID]bool), doubtful: make(map[schemas.TaskID]bool),
		wanted: make(map[schemas.TaskID]schemas.Controls), bounds: make(map[schemas.TaskID]bound), takenBack: make(map[string]int),
		sent: make(map[pair]int), tasks: make(map[schemas.TaskID]*folded), view: make(map[schemas.TaskID]*schemas.Status),
		evicted: make(map[schemas.TaskID]*schemas.Status), cursors: make(map[schemas.TaskID]uint32),
		numbers: map[string]Number{"100": {Rate: bulkWindow / schedule.BulkSeconds}, "200": {Rate: bulkWindow / schedule.BulkSeconds}, "300": {}}, byDefault: "100",
	}
	w.Seed(seed)
	w.Faults.Delay = calm.Delay
	w.OwnersOnly, w.Home = true, home
	w.Failf, w.OnAppend, w.OnAssign, w.OnCommit = w.failf, w.appended, w.assigned, w.committing
	for topic := range partitions {
		for _, p := range partitionsOf(topic) {
			w.Log(p)
		}
	}
	return w
}

// calm are no faults.
var calm = logtest.Chances{Delay: 5 * time.Millisecond}

// bubble runs a test in fake time, in a world of its own.
func bubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		defer w.end()
		f(t, w)
	})
}

func (w *world) end() {
	for _, p := range w.alive() {
		p.end()
	}
}

func (w *world) alive() []*process {
	w.Lock()
	defer w.Unlock()
	return slices.Clone(w.processes)
}

func (w *world) failf(format string, args ...any) {
	if w.failures++; w.failures > 10 {
		return
	}
	w.t.Errorf("seed %d, %s: %s", w.seed, time.Since(w.began), fmt.Sprintf(format, args...))
}

// appended is a record reaching the log.
func (w *world) appended(rec stream.Record) {
	var by tenures // nil: of the test
	if n := rec.Header(headerTenures); n != "" {
		i, _ := strconv.Atoi(n)
		by = w.written[i]
	}
	switch rec.Topic {
	case schemas.TopicBroadcasts:
		w.broadcast(rec)
	case schemas.TopicSendsExpress, schemas.TopicSendsBulk:
		w.send(by, rec)
	case schemas.TopicResults:
		w.result(by, rec)
	case schemas.TopicControls:
		w.controlled(rec)
	case schemas.TopicBlobs, schemas.TopicMarks, schemas.TopicStatuses, schemas.TopicRejects, schemas.TopicRegistry:
	}
}

func (w *world) broadcast(rec stream.Record) {
	var b schemas.Broadcast
	if schemas.Decode(&rec, &b) != nil {
		return
	}
	id, err := schemas.TaskIDFromBytes(b.GetTask())
	if err != nil {
		id = schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset})
	}
	w.copies[id] = append(w.copies[id], place{stream.TopicPartition{Topic: rec.Topic, Partition: rec.Partition}, rec.Offset})
}

// leases reports whether the line has a lease of the recipient.
func leases(l ledger.Line, index uint32) bool {
	return index >= l.Cursor && index-l.Cursor < l.Lease
}

// inherited reports whether the recipient of the broadcast at the offset was leased at the takeover.
func (n *tenure) inherited(offset int64, index uint32) bool { return leases(n.found[offset], index) }

// leased returns the first lease that was committed for the recipient of the broadcast at the offset, or nil.
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
	for _, c := range w.copies[k.task] {
		if x := by[c.partition]; x != nil && x.leased(c.offset, k.index) != nil {
			now = x
		}
	}
	if now == nil {
		w.failf("recipient %d of %s was produced without a lease", k.index, k.task)
		return made
	}
	if made.by != nil && made.by != now && !slices.ContainsFunc(w.copies[k.task], func(c place) bool {
		// A zombie may come after its successor; it repeats what that one found.
		return now.mayRepeat(c.offset, k.index, outcome) || made.by.mayRepeat(c.offset, k.index, outcome)
	}) {
		w.failf("recipient %d of %s was produced again and was not leased at a takeover", k.index, k.task)
	}
	made.by = now
	return made
}

// process is one process of ours: a stage, its ports, and its place in the group.
type process struct {
	*world
	*logtest.Member
	stage    *Stage
	listen   func(schemas.TaskID, *schemas.Status)
	controls *controlsView
	tenures  int // number of the last
	reg      *prometheus.Registry
}

func (w *world) start() *process {
	p := &process{world: w, reg: prometheus.NewRegistry()}
	p.controls = &controlsView{p: p, known: make(map[schemas.TaskID]schemas.Controls), numbers: make(map[string]standing.State)}
	cfg := Config{Number: w.number, Owner: func(b *schemas.Broadcast, _ time.Time) string { return b.GetOwner() }, Earlier: earlierOf, Move: move, Moved: moved, Registerer: p.reg, Predicts: w.predicts, Receipts: w.receipts}
	if w.ours != (schemas.TaskID{}) {
		cfg.Proof = func(b *schemas.Broadcast) (bool, bool) {
			return string(b.GetTask()) == string(w.ours[:]), string(b.GetOwnerMac()) == madeUp
		}
	}
	w.lock(func() { p.tenures, w.written = len(w.written), append(w.written, nil) }) // it has none
	p.Member = w.Join("p"+strconv.Itoa(p.tenures), logtest.Options{Batch: 100, Rejoins: true})
	p.stage = New(cfg, Ports{
		Committer: p, Pauser: p, Express: p, Bulk: p, Records: p, Statuses: p, Controls: p.controls, Media: p, Templates: w.templates, Home: home, Reject: rejected,
	})
	w.lock(func() {
		w.members[p.Member] = p
		w.processes = append(w.processes, p)
	})
	p.Run(p.stage)
	return p
}

func rejected(rec stream.Record, stage, code, reason string) stream.Record {
	rec.Topic, rec.Partition = schemas.TopicRejects, 0
	rec.Headers = append(slices.Clone(rec.Headers), stream.Header{Key: "reject.stage", Value: []byte(stage)},
		stream.Header{Key: "reject.code", Value: []byte(code)}, stream.Header{Key: "reject.reason", Value: []byte(reason)})
	return rec
}

// assigned begins a tenure.
func (w *world) assigned(m *logtest.Member, pos stream.Position) {
	l, err := ledger.Decode(max(0, pos.Offset), pos.Metadata)
	if err != nil {
		w.failf("the ledger of %s: %v", pos.Partition, err)
	}
	now := &tenure{
		partition: pos.Partition, found: make(map[int64]ledger.Line), granted: make(map[int64][]grant),
		doubtful: make(map[int64]bool), unreported: make(map[int64]bool),
	}
	for _, e := range l.Lines {
		now.found[e.Offset] = e
	}
	w.doubts(now, doubtBelow(pos, l))
	p := w.members[m]
	all := tenures{pos.Partition: now}
	for of, t := range w.written[p.tenures] {
		if of != pos.Partition {
			all[of] = t
		}
	}
	p.tenures, w.written = len(w.written), append(w.written, all)
}

// run gives all broadcasts to one new process.
func (w *world) run() *process {
	p := w.start()
	p.assignAll()
	return p
}

func (p *process) assignAll() {
	for _, of := range partitionsOf(schemas.TopicBroadcasts) {
		p.Assign(of)
	}
}

// worker is what the process holds of a partition.
func (p *process) worker(of stream.TopicPartition) *worker {
	all := p.stage.assignments.All()
	return all[slices.IndexFunc(all, func(x *worker) bool { return x.Partition() == of })]
}

// kill is kill -9.
func (p *process) kill() {
	p.Kill()
	p.end()
}

// end takes the process out of the bubble.
func (p *process) end() {
	p.lock(func() { p.processes = slices.DeleteFunc(p.processes, func(x *process) bool { return x == p }) })
	if err := p.End(context.Background()); err != nil {
		p.failf("%v", err)
	}
}

// committing checks what no ledger may do: go back, lose a task.
func (w *world) committing(m *logtest.Member, taken []stream.Position) {
	for _, pos := range taken {
		w.commit(w.written[w.members[m].tenures][pos.Partition], pos)
	}
}

func (w *world) commit(now *tenure, pos stream.Position) {
	old, had := w.Positions[pos.Partition]
	l, err := ledger.Decode(pos.Offset, pos.Metadata)
	if err != nil {
		w.failf("a ledger is not readable: %v", err)
	}
	if had && !w.logLost[pos.Partition] {
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
}

// Append lets nothing of a topic in that is stuck, and says whose the record is.
func (p *process) Append(rec stream.Record, done func(stream.Record, error)) {
	p.Lock()
	stuck := p.stuck == rec.Topic || p.noUpdates && isUpdate(rec)
	by := strconv.Itoa(p.tenures)
	p.Unlock()
	if stuck {
		done(rec, logtest.ErrBusy)
		return
	}
	marked := rec
	marked.Headers = append(slices.Clip(rec.Headers), stream.Header{Key: headerTenures, Value: []byte(by)})
	p.Member.Append(marked, func(written stream.Record, err error) {
		if err != nil {
			written = rec
		}
		done(written, err)
	})
}

func isUpdate(rec stream.Record) bool {
	var r schemas.Result
	return rec.Topic == schemas.TopicResults && schemas.Decode(&rec, &r) == nil && r.GetNote() != nil
}

// wait takes as long as an exchange does, and some more.
func (w *world) wait(more ...*time.Duration) {
	w.Lock()
	wait := w.Delay()
	for _, m := range more {
		wait += *m
	}
	w.Unlock()
	time.Sleep(wait)
}

func (p *process) Resolve(ctx context.Context, sender string, _ schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	if p.media == nil {
		return &schemas.MediaRef{MediaId: "id", Url: m.GetUrl()}, nil
	}
	return p.media(ctx, sender, m)
}

// dump logs what the stages hold. It looks at their state from outside, which is right only when all is still.
func (w *world) dump() {
	w.t.Logf("aggregator stopped %t (%d), senders stopped %t (%d)", w.stopAggregator, len(w.backlog), w.stopSenders, len(w.held))
	for id, f := range w.tasks {
		if st := w.view[id]; f.opened == nil || st == nil || !status.Finished(st) {
			made := 0
			for k := range w.made {
				if k.task == id {
					made++
				}
			}
			w.t.Logf("%s: opened %v, cursor %d, %d states, %d produced, phase %x, view %v", id, f.opened, f.cursor, len(f.states), made, f.phase, st)
		}
	}
	for i, p := range w.processes {
		for _, x := range p.stage.assignments.All() {
			tracked, overflow := x.members.Len()
			w.t.Logf("process %d, %s: owner %t, synced %t, restored %t, dead %t, draining %t, in flight %d, committing %t, dirty %t, urgent %t, "+
				"leases to commit %d, in commit %d, awaiting proof %d, tracked %d, overflow %d, repeats %d, intakes %d", i, x.Partition(), w.Owners[x.Partition()] == p.Member,
				x.synced, x.restored(), x.dead, x.Draining(), x.InFlight(), x.committing, x.dirty, x.urgent, len(x.leasesToCommit), len(x.leasesInCommit), len(x.awaitingProof),
				tracked, overflow, len(x.repeats), x.intakes)
			for id, t := range x.tasks {
				q := x.queue(t)
				w.t.Logf("  %s at %d: %+v, opened %+v, %+v of %d, end %d, decided %d, probe %d, body %t, seen %t, status %v, queue %d of %d, blocked %+v",
					id, t.Offset, t.Lifecycle, t.Opened, t.Progress, t.Total, t.End, t.Decided, t.ProbeMs, t.Body != nil, t.Seen != nil,
					t.Status.GetVersion(), q.InFlight(), q.Window, t.Blocked)
			}
			w.t.Logf("  %d broadcasts wait for the Status of their ids", x.claims.Len())
		}
	}
}

// number is a sender number as it is configured now.
func (w *world) number(id string) (Number, bool) {
	w.Lock()
	defer w.Unlock()
	id = cmp.Or(id, w.byDefault)
	n, ok := w.numbers[id]
	n.ID = id
	return n, ok
}
