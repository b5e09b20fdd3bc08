package aggregator

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/processor/aggregator/fold"
	"altavoz/schemas"
	"altavoz/stream"
)

// world is Kafka in memory, as far as this stage can see it: logs, compaction, positions and who owns a slot.
type world struct {
	t  *testing.T
	mu sync.Mutex
	// A record whose key was compacted away is nil.
	logs       map[stream.TopicPartition][]*stream.Record
	positions  map[stream.TopicPartition]int64
	beside     map[stream.TopicPartition]string // what was committed with them
	generation int32
	owner      *process
	paused     map[stream.TopicPartition]bool
	pauses     int
	reads      int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, logs: make(map[stream.TopicPartition][]*stream.Record), positions: make(map[stream.TopicPartition]int64), beside: make(map[stream.TopicPartition]string), paused: make(map[stream.TopicPartition]bool),
	}
}

var (
	slot0     = stream.TopicPartition{Topic: schemas.TopicResults}
	statuses0 = stream.TopicPartition{Topic: schemas.TopicStatuses}
	marks0    = stream.TopicPartition{Topic: schemas.TopicMarks}
	rejects0  = stream.TopicPartition{Topic: schemas.TopicRejects}
)

func (w *world) append(rec stream.Record) stream.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	if rec.Partition == stream.NoPartition {
		rec.Partition = 0
	}
	at := stream.TopicPartition{Topic: rec.Topic, Partition: rec.Partition}
	rec.Offset = int64(len(w.logs[at]))
	w.logs[at] = append(w.logs[at], &rec)
	return rec
}

// result appends results to partition 0, where every task of these tests lives.
func (w *world) result(rs ...*schemas.Result) {
	for _, r := range rs {
		w.append(schemas.EncodeResult(r))
	}
}

// records returns what is left in a log from an offset on.
func (w *world) records(of stream.TopicPartition, from int64) (out []stream.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.logs[of]
	for _, r := range log[min(int(max(from, 0)), len(log)):] {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out
}

// compact keeps the last record of each key, as the log cleaner does when it gets round to it.
func (w *world) compact(of stream.TopicPartition, below int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := make(map[string]int)
	for i, r := range w.logs[of] {
		if r != nil {
			last[string(r.Key)] = i
		}
	}
	for i, r := range w.logs[of][:below] {
		if r != nil && last[string(r.Key)] != i {
			w.logs[of][i] = nil
		}
	}
}

func (w *world) size(of stream.TopicPartition) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.logs[of])
}

func (w *world) position(of stream.TopicPartition) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p, ok := w.positions[of]; ok {
		return p
	}
	return stream.NoOffset
}

// status is the view of a task: of all its records the one with the highest version.
func (w *world) status(id schemas.TaskID) *schemas.Status {
	var best *schemas.Status
	for _, rec := range w.records(statuses0, 0) {
		if string(rec.Key) != id.String() {
			continue
		}
		if len(rec.Value) == 0 {
			best = nil
			continue
		}
		var s schemas.Status
		if err := schemas.Decode(&rec, &s); err != nil {
			w.t.Fatal(err)
		}
		if s.GetVersion() >= best.GetVersion() {
			best = &s
		}
	}
	return best
}

// process is one run of the stage, and what connects it to the world until it is cut off.
type process struct {
	*world
	st      *Stage
	joined  int32 // the generation in which it became the owner
	ctx     context.Context
	cancel  context.CancelFunc
	writing *publisher
	fed     int64
	wg      sync.WaitGroup
	commits int
	hang    chan struct{} // not nil: commits wait for it
	refuse  bool
	unknown bool // commits are answered with an error
	reg     *prometheus.Registry
}

// publisher delivers records in order after a delay.
type publisher struct {
	w     *world
	mu    sync.Mutex
	queue []pending
	wake  chan struct{}
	delay time.Duration
	busy  bool // refuse at once
	hold  bool // deliver nothing for now
	cut   bool // the process is dead: nothing arrives any more
	fail  func(stream.Record) error
}

type pending struct {
	rec  stream.Record
	done func(stream.Record, error)
}

var errBusy = errors.New("buffers are full")

func (p *publisher) Append(rec stream.Record, done func(stream.Record, error)) {
	p.mu.Lock()
	if p.busy {
		p.mu.Unlock()
		done(rec, errBusy)
		return
	}
	p.queue = append(p.queue, pending{rec, done})
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *publisher) set(change func(*publisher)) {
	p.mu.Lock()
	change(p)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *publisher) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		for p.deliver() {
		}
	}
}

func (p *publisher) deliver() bool {
	p.mu.Lock()
	if len(p.queue) == 0 || p.hold || p.cut {
		p.mu.Unlock()
		return false
	}
	delay, fail := p.delay, p.fail
	p.mu.Unlock()
	time.Sleep(delay)
	p.mu.Lock()
	if len(p.queue) == 0 || p.hold || p.cut {
		p.mu.Unlock()
		return false
	}
	next := p.queue[0]
	p.queue = p.queue[1:]
	p.mu.Unlock()
	if fail != nil {
		if err := fail(next.rec); err != nil {
			next.done(next.rec, err)
			return true
		}
	}
	next.done(p.w.append(next.rec), nil)
	return true
}

// start begins a new process that owns partition 0. The one before is not told.
func (w *world) start(cfg Config) *process {
	w.t.Helper()
	p := w.join(cfg)
	p.assign()
	return p
}

func (w *world) join(cfg Config) *process {
	p := &process{world: w, reg: prometheus.NewRegistry()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.writing = &publisher{w: w, wake: make(chan struct{}, 1), delay: time.Millisecond}
	p.wg.Go(func() { p.writing.run(p.ctx) })
	cfg.Registerer = p.reg
	p.st = New(cfg, Ports{
		Committer: p, Pauser: p, Statuses: p.writing, Marks: p.writing, Table: p,
		Reject: func(rec stream.Record, stage, code, reason string) stream.Record {
			rec.Topic, rec.Partition = schemas.TopicRejects, 0
			rec.Headers = append(slices.Clone(rec.Headers), stream.Header{Key: "reject", Value: []byte(stage + " " + code + " " + reason)})
			return rec
		},
	})
	p.st.Start()
	return p
}

func (p *process) assign() {
	p.t.Helper()
	p.mu.Lock()
	p.generation++
	p.joined = p.generation
	p.owner = p
	meta, begun := p.beside[slot0]
	pos := stream.Position{Partition: slot0, Metadata: meta, Begun: begun, End: int64(len(p.logs[slot0]))}
	p.mu.Unlock()
	pos.Offset = p.position(slot0)
	from, err := p.st.OnAssigned(context.Background(), pos)
	if err != nil {
		p.t.Fatal(err)
	}
	p.fed = max(from, 0)
}

// feed gives the process up to n of the results it has not had.
func (p *process) feed(n int) int {
	p.mu.Lock()
	var recs []stream.Record
	for _, r := range p.logs[slot0][p.fed:min(int(p.fed)+n, len(p.logs[slot0]))] {
		recs = append(recs, *r)
	}
	p.mu.Unlock()
	if len(recs) == 0 {
		return 0
	}
	p.fed += int64(len(recs))
	p.st.Process(slot0, recs)
	return len(recs)
}

func (p *process) feedAll() {
	for p.feed(1000) > 0 {
	}
}

// crash ends the process as kill -9 does: what was under way may have arrived or not.
func (p *process) crash() {
	p.writing.set(func(w *publisher) { w.cut = true })
	p.end()
}

// end takes the process out of the bubble.
func (p *process) end() {
	p.writing.set(func(w *publisher) { w.hold = false })
	if err := p.st.Stop(context.Background()); err != nil {
		p.t.Error(err)
	}
	p.cancel()
	p.wg.Wait()
}

// leave is a graceful stop.
func (p *process) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	p.st.OnRevoked(ctx, []stream.TopicPartition{slot0})
	p.end()
}

func (p *process) Generation() stream.Generation { return stream.Generation{Number: p.joined} }

func (p *process) Commit(_ context.Context, f stream.Generation, ps []stream.Position) (map[stream.TopicPartition]error, error) {
	p.mu.Lock()
	hang := p.hang
	p.mu.Unlock()
	if hang != nil {
		<-hang
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commits++
	if p.unknown {
		return nil, errors.New("connection reset")
	}
	refused := make(map[stream.TopicPartition]error)
	for _, pos := range ps {
		if p.refuse || f.Number != p.generation {
			refused[pos.Partition] = errors.New("illegal generation")
			continue
		}
		p.positions[pos.Partition] = pos.Offset
		p.beside[pos.Partition] = pos.Metadata
	}
	return refused, nil
}

func (p *process) Pause(slots ...stream.TopicPartition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range slots {
		p.paused[s] = true
		p.pauses++
	}
}

func (p *process) Resume(slots ...stream.TopicPartition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range slots {
		p.paused[s] = false
	}
}

func (p *process) Ends(_ context.Context, t stream.Topic) (map[int32]int64, error) {
	return map[int32]int64{0: int64(p.size(stream.TopicPartition{Topic: t}))}, nil
}

func (p *process) Range(ctx context.Context, of stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	p.mu.Lock()
	p.reads++
	p.mu.Unlock()
	for _, rec := range p.records(of, from) {
		if rec.Offset >= to || ctx.Err() != nil {
			break
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// metric returns the sum of a metric over its labels.
func (p *process) metric(name string) (sum float64) {
	p.t.Helper()
	all, err := p.reg.Gather()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
		}
		return sum
	}
	p.t.Fatalf("no metric %s", name)
	return 0
}

// labelled returns the sum of a metric over the labels other than one.
func (p *process) labelled(name, label, value string) (sum float64) {
	p.t.Helper()
	all, err := p.reg.Gather()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == label && l.GetValue() == value {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

// checkView compares what the topics show, the last record of each key and the highest version, with a fold of the whole
// log of results, for every task in it.
func (w *world) checkView(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, words bool,
) {
	t.Helper()
	var log fold.Recount
	for _, rec := range w.records(slot0, 0) {
		log.Take(rec)
	}
	last := make(map[string][]byte)
	for _, rec := range w.records(marks0, 0) {
		var p schemas.StatePage
		if err := schemas.Decode(&rec, &p); err != nil {
			t.Fatalf("%v", err)
		}
		last[string(rec.Key)] = p.GetMarks()
	}
	for _, id := range slices.SortedFunc(maps.Keys(log.Tasks), func(a, b schemas.TaskID) int { return slices.Compare(a[:], b[:]) }) {
		task := log.Tasks[id]
		want, _ := task.Status(nil)
		got := w.status(id)
		if got == nil {
			t.Fatalf("task %s has no status", id)
		}
		got.Version, got.UpdatedMs, got.Rate = 0, 0, 0
		if (got.GetFinishedMs() == 0) == (want.GetFinishedMs() == 0) {
			got.FinishedMs = want.GetFinishedMs() // which of the last results decided it may differ after a crash
		}
		if !words {
			unworded(got)
			unworded(want)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreEmptyMessages()); diff != "" {
			t.Fatalf("task %s: fold of the log (-) and view (+) differ:\n%s", id, diff)
		}
		for n := range task.List {
			key := schemas.PageKey(id, uint32(n))
			if diff := cmp.Diff(partOf(task, n), partOf(&fold.Task{Pages: fold.Pages{List: []fold.Page{{States: last[key]}}}}, 0)); diff != "" {
				t.Fatalf("%s: fold of the log (-) and the last marks (+) differ:\n%s", key, diff)
			}
		}
	}
}

// bubble runs a test in fake time.
func bubble(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newWorld(t)) })
}

func of(id schemas.TaskID, r *schemas.Result) *schemas.Result {
	r.Task = id.Bytes()
	return r
}

func taskNo(n int) schemas.TaskID { return schemas.TaskIDFromKey("tests", strconv.Itoa(n)) }

// settle lets everything that is due now happen.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
