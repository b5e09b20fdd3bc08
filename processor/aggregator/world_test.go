package aggregator

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/internal/logtest"
	"altavoz/processor/aggregator/fold"
	"altavoz/processor/aggregator/outbox"
	"altavoz/schemas"
	"altavoz/stream"
)

// world is Kafka in memory, and what this stage shows in it.
type world struct {
	*logtest.Broker // its lock is the world's
	t               *testing.T
	processes       int  // so far
	disordered      bool // a process that was taken for dead may have written events late
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Broker: logtest.New(), t: t}
	w.Failf = t.Errorf
	for _, p := range []stream.TopicPartition{results0, statuses0, marks0, events0, rejects0} {
		w.Log(p)
	}
	return w
}

var (
	results0  = stream.TopicPartition{Topic: schemas.TopicResults}
	statuses0 = stream.TopicPartition{Topic: schemas.TopicStatuses}
	marks0    = stream.TopicPartition{Topic: schemas.TopicMarks}
	events0   = stream.TopicPartition{Topic: schemas.TopicEvents}
	rejects0  = stream.TopicPartition{Topic: schemas.TopicRejects}
)

func (w *world) append(rec stream.Record) { w.Append(rec) }

// result appends results to partition 0, where every task of these tests lives.
func (w *world) result(rs ...*schemas.Result) {
	for _, r := range rs {
		w.append(schemas.EncodeResult(r))
	}
}

// records returns what is left in a log from an offset on.
func (w *world) records(of stream.TopicPartition, from int64) []stream.Record { return w.All(of, from) }

func (w *world) size(of stream.TopicPartition) int { return int(w.End(of)) }

// eventOf is an event as these tests have it: a text.
func eventOf(s *schemas.Status, e *schemas.TaskEvent) stream.Record {
	return stream.Record{Topic: schemas.TopicEvents, Key: []byte(schemas.TaskID(s.GetTask()).String()), Value: []byte(strings.ToUpper(strings.Replace(e.Name(), "-", " ", 1)))}
}

// told is what was told of a task, in order, each event where it came first.
func (w *world) told(id schemas.TaskID) (all []string) {
	for _, rec := range w.records(events0, 0) {
		if string(rec.Key) == id.String() && rec.Header(groupHeader) == "" && !slices.Contains(all, string(rec.Value)) {
			all = append(all, string(rec.Value))
		}
	}
	return all
}

// position is the offset that is committed.
func (w *world) position(of stream.TopicPartition) int64 {
	w.Lock()
	defer w.Unlock()
	return w.Position(of).Offset
}

// setPosition commits an offset from outside, with metadata or, as the version before, with none at all.
func (w *world) setPosition(offset int64, begun bool) {
	w.Positions[results0] = stream.Position{Partition: results0, Offset: offset}
	w.Begun[results0] = begun
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
	*logtest.Member
	st      *Stage
	reg     *prometheus.Registry
	commits int // asked for; the counters are under the world's lock
	pauses  int
	reads   int
}

// start begins a new process that owns partition 0. The one before is not told.
func (w *world) start(cfg Config) *process {
	w.t.Helper()
	p := w.join(cfg)
	p.assign()
	return p
}

func (w *world) join(cfg Config) *process {
	w.processes++
	p := &process{world: w, reg: prometheus.NewRegistry(), Member: w.Join("p"+strconv.Itoa(w.processes), logtest.Options{InOrder: true})}
	cfg.Registerer = p.reg
	p.st = New(cfg, Ports{
		Committer: p, Pauser: p, Statuses: p, Marks: p, Table: p, Event: eventOf, Recipients: groupOf,
		Reject: func(rec stream.Record, stage, code, reason string) stream.Record {
			rec.Topic, rec.Partition = schemas.TopicRejects, 0
			rec.Headers = append(slices.Clone(rec.Headers), stream.Header{Key: "reject", Value: []byte(stage + " " + code + " " + reason)})
			return rec
		},
	})
	p.Run(p.st)
	return p
}

// assign makes the process the only member of the next generation and the owner of the partition.
func (p *process) assign() {
	p.Lock()
	p.Regroup(p.Member)
	p.Unlock()
	p.Assign(results0)
}

// feed gives the process up to n of the results it has not had.
func (p *process) feed(n int) int { return p.Feed(n) }

func (p *process) feedAll() {
	for p.feed(1000) > 0 {
	}
}

// crash ends the process as kill -9 does: what was under way may have arrived or not.
func (p *process) crash() {
	p.Kill()
	p.end()
}

// end takes the process out of the bubble.
func (p *process) end() {
	p.ReleaseWrites()
	if err := p.End(context.Background()); err != nil {
		p.t.Error(err)
	}
}

// leave is a graceful stop.
func (p *process) leave() {
	p.Revoke(results0)
	p.end()
}

func (p *process) count(n *int) {
	p.Lock()
	defer p.Unlock()
	*n++
}

func (p *process) Commit(ctx context.Context, g stream.Generation, ps []stream.Position) (map[stream.TopicPartition]error, error) {
	defer p.count(&p.commits)
	return p.Member.Commit(ctx, g, ps)
}

func (p *process) Pause(ps ...stream.TopicPartition) {
	p.count(&p.pauses)
	p.Member.Pause(ps...)
}

func (p *process) Range(ctx context.Context, of stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	p.count(&p.reads)
	return p.Member.Range(ctx, of, from, to, each)
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

// checkEvents compares what was told of each task, but for corrections, with what follows from the log, in its order; repeats count once.
func (w *world) checkEvents(t interface {
	Helper()
	Fatalf(format string, args ...any)
},
) {
	t.Helper()
	var log recount
	lives, want := make(map[schemas.TaskID]*[2]outbox.Life), make(map[schemas.TaskID][]string)
	maybe := make(map[string]bool) // after the end: after a crash the end may be told later
	for _, rec := range w.records(results0, 0) {
		log.take(rec)
		id, err := schemas.ParseTaskID(string(rec.Key))
		if err != nil || log.tasks[id] == nil {
			continue
		}
		if lives[id] == nil {
			lives[id] = new([2]outbox.Life)
		}
		text := func(e *schemas.TaskEvent) string { return string(eventOf(&schemas.Status{Task: id.Bytes()}, e).Value) }
		for _, e := range lives[id][0].Next(log.tasks[id], rec.Offset, rec.Offset, true) {
			want[id] = append(want[id], text(e))
		}
		for _, e := range lives[id][1].Next(log.tasks[id], rec.Offset, rec.Offset, false) {
			if !slices.Contains(want[id], text(e)) {
				maybe[id.String()+text(e)] = true
			}
		}
	}
	for id := range want {
		if w.status(id) != nil && len(w.status(id).GetEvents()) == 0 { // made by an earlier version
			continue
		}
		got := slices.DeleteFunc(w.told(id), func(text string) bool { return strings.HasPrefix(text, "CORRECTED") || maybe[id.String()+text] })
		if w.disordered { // and show the end, by its marks, before this process has read of a pause
			pauses := func(text string) bool { return strings.HasPrefix(text, "PAUSED") || strings.HasPrefix(text, "RESUMED") }
			got, want[id] = slices.DeleteFunc(got, pauses), slices.DeleteFunc(want[id], pauses)
			slices.Sort(want[id])
			slices.Sort(got)
		}
		if diff := cmp.Diff(want[id], got); diff != "" {
			t.Fatalf("task %s: what follows from the log (-) and what was told (+) differ:\n%s", id, diff)
		}
	}
}

// checkView compares what the topics show, the last record of each key and the highest version, with a fold of the whole
// log of results, for every task in it.
func (w *world) checkView(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, words bool,
) {
	t.Helper()
	var log recount
	for _, rec := range w.records(results0, 0) {
		log.take(rec)
	}
	w.checkEvents(t)
	w.checkGroups(t, log)
	last, prices := make(map[string][]byte), make(map[string][]byte)
	for _, rec := range w.records(marks0, 0) {
		var p schemas.StatePage
		if err := schemas.Decode(&rec, &p); err != nil {
			t.Fatalf("%v", err)
		}
		last[string(rec.Key)], prices[string(rec.Key)] = p.GetMarks(), p.GetPrices()
	}
	for _, id := range slices.SortedFunc(maps.Keys(log.tasks), func(a, b schemas.TaskID) int { return slices.Compare(a[:], b[:]) }) {
		task := log.tasks[id]
		want, _ := task.Status(nil)
		got := w.status(id)
		if got == nil {
			t.Fatalf("task %s has no status", id)
		}
		got.Version, got.UpdatedMs, got.Rate, got.Events = 0, 0, 0, nil
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
			if diff := cmp.Diff(bytes.TrimRight(task.List[n].Prices, "\x00"), bytes.TrimRight(prices[key], "\x00"), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s: prices by a fold of the log (-) and the last ones (+) differ:\n%s", key, diff)
			}
		}
	}
}

// bubble runs a test in fake time, in a world of its own, beside other tests.
func bubble(t *testing.T, f func(w *world)) {
	t.Helper()
	t.Parallel()
	inBubble(t, f)
}

// inBubble is bubble for a test that is parallel already.
func inBubble(t *testing.T, f func(w *world)) {
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
