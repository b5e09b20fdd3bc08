package fanout

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"altavoz/blob"
	"altavoz/processor/fanout/canary"
	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/stream"
)

// patient is when a task goes on though nobody knows of its first recipients.
const patient = canary.OutcomesWithin + 10*time.Second

// phonesFrom returns n different phones.
func phonesFrom(first, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("57300%07d", first+i)
	}
	return out
}

// event is a broadcast as the ingress writes it, with its list inline.
func event(sender string, phones ...string) *schemas.Broadcast {
	return &schemas.Broadcast{
		Task: schemas.NewTaskID().Bytes(), Sender: sender, Content: &schemas.Content{Body: "hola"}, Phones: phones,
		Total: uint32(len(phones)), AcceptedMs: time.Now().UnixMilli(), RequestSha256: []byte("request"),
	}
}

// sliced moves the list of a broadcast to blobs.
func (w *world) sliced(b *schemas.Broadcast) *schemas.Broadcast {
	w.slicedAs(b, "")
	return b
}

// slicedAs is sliced with a key, and without a proof, as older versions did; with no key it is sliced.
func (w *world) slicedAs(b *schemas.Broadcast, key string) *blob.List {
	l := blob.NewList()
	proven := key == ""
	if !proven {
		l.Key = key
	}
	if err := l.Add(w.slices(l.Key, b.GetPhones())...); err != nil {
		w.failf("%v", err)
	}
	b.Phones, b.Slices = nil, l.Ref(schemas.TaskID(b.GetTask()), b.GetSender())
	if !proven {
		b.Slices.Proof, b.Slices.Task, b.Slices.Sender = nil, nil, ""
	}
	return l
}

// slices writes a list to blobs.
func (w *world) slices(key string, phones []string) (out []stream.Record) {
	for c := range slices.Chunk(phones, schemas.SliceRecipients) {
		rec := schemas.EncodeSlice(key, &schemas.Slice{Phones: c})
		rec.Partition = 1
		out = append(out, w.Append(rec))
	}
	return out
}

// submit puts a broadcast where it belongs, and its TaskOpened, as the ingress does.
func (w *world) submit(b *schemas.Broadcast) schemas.TaskID {
	rec := w.Append(schemas.EncodeBroadcast(b))
	id := schemas.TaskID(b.GetTask())
	w.Append(schemas.EncodeResult(&schemas.Result{Task: id.Bytes(), AtMs: time.Now().UnixMilli(), Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
		Total: b.GetTotal(), Origin: &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}, RequestSha256: b.GetRequestSha256(),
		Sender: b.GetSender(), AcceptedMs: b.GetAcceptedMs(), ScheduleMs: b.GetScheduleMs(), ExpireMs: b.GetExpireMs(), Direct: b.GetDirect(),
		Window: b.GetWindow(), Speed: b.GetSpeed(), Owner: b.GetOwner(), Earlier: b.GetEarlier(),
	}}}))
	return id
}

// until waits, in fake time, for a condition, which is called with the lock held.
func (w *world) until(what string, most time.Duration, cond func() bool) {
	w.t.Helper()
	if !w.Await(most, cond) {
		w.dump()
		w.t.Fatalf("seed %d: after %s still not: %s", w.seed, most, what)
	}
	synctest.Wait() // so that the test may look around
}

// underWay waits until more recipients of a task are dispatched than so many, and its Status says so.
func (w *world) underWay(id schemas.TaskID, more uint32) {
	w.t.Helper()
	w.until("it is under way", patient, func() bool { return w.view[id].GetCursor() > more })
}

// bulkWindow is how many sends of number 100, or 200, may be in flight on the bulk lane.
const bulkWindow = 2000

// bulkQuantum is the quantum of a task that is alone there: a third of that.
const bulkQuantum = bulkWindow / 3

// mostUnknown is how many of a task alone may be unknown whose offsets are gone: a window beyond its Status, and the quantum behind it.
const mostUnknown = bulkWindow + schedule.MaxQuantum

// full checks that so many sends fill the window of number 100, but for what is not worth a quantum of one of so many tasks.
func (w *world) full(sends, tasks int) int {
	w.t.Helper()
	if quantum := min(bulkWindow/min(3*tasks, 16), schedule.MaxQuantum); sends > bulkWindow || sends <= bulkWindow-quantum {
		w.t.Errorf("%d sends, want the %d that may be in flight, but for less than a quantum of %d", sends, bulkWindow, quantum)
	}
	return sends
}

func (w *world) finished(ids ...schemas.TaskID) {
	w.t.Helper()
	for _, id := range ids {
		w.until("task "+id.String()+" is finished", 10*time.Minute, func() bool {
			return w.view[id] != nil && status.Finished(w.view[id])
		})
	}
}

// passes lets fake time pass and everything that it wakes end.
func passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// counts says how many recipients are in which state.
type counts map[string]int

func (w *world) counts(id schemas.TaskID) counts {
	w.Lock()
	defer w.Unlock()
	out := make(counts)
	if f := w.tasks[id]; f != nil {
		for _, m := range f.states {
			out[m.Label()]++
		}
	}
	return out
}

// expect fails the test unless the recipients of a task are in these states.
func (w *world) expect(id schemas.TaskID, want counts) {
	w.t.Helper()
	if d := cmp.Diff(want, w.counts(id)); d != "" {
		w.t.Errorf("recipients of %s (-want +got), which ended with %q:\n%s", id, w.why(id), d)
	}
}

func (w *world) records(t stream.Topic) (out []stream.Record) {
	for _, p := range partitionsOf(t) {
		out = append(out, w.All(p, 0)...)
	}
	return out
}

// sentToNone fails the test if somebody of another list has a send of a task.
func (w *world) sentToNone(id schemas.TaskID, others []string) {
	w.t.Helper()
	theirs := make(map[string]bool)
	for _, phone := range others {
		theirs[phone] = true
	}
	for _, made := range w.sends(id) {
		if slices.ContainsFunc(made, func(s *schemas.Send) bool { return theirs[s.GetPhone()] }) {
			w.t.Fatalf("%v, to one of another list", made)
		}
	}
}

// sends returns the sends of a task, by index.
func (w *world) sends(id schemas.TaskID) map[uint32][]*schemas.Send {
	out := make(map[uint32][]*schemas.Send)
	for _, t := range []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk} {
		for _, rec := range w.records(t) {
			s := &schemas.Send{}
			if schemas.Decode(&rec, s) == nil && schemas.TaskID(s.GetTask()) == id {
				out[s.GetIndex()] = append(out[s.GetIndex()], s)
			}
		}
	}
	return out
}

// events returns the results of a task, in order.
func (w *world) events(id schemas.TaskID) (out []*schemas.Result) {
	for _, rec := range w.records(schemas.TopicResults) {
		r := &schemas.Result{}
		if schemas.Decode(&rec, r) == nil && schemas.TaskID(r.GetTask()) == id {
			out = append(out, r)
		}
	}
	return out
}

func (w *world) why(id schemas.TaskID) string {
	w.Lock()
	defer w.Unlock()
	if f := w.tasks[id]; f != nil && f.phase == schemas.Phase_PHASE_FAILED {
		return whyOf(f.said)
	}
	return ""
}

func (w *world) status(id schemas.TaskID) *schemas.Status {
	w.Lock()
	defer w.Unlock()
	return w.view[id]
}

// in fails the test unless the Status of a task shows this phase and reason.
func (w *world) in(id schemas.TaskID, phase schemas.Phase, why string) {
	w.t.Helper()
	if st := w.status(id); st.GetPhase() != phase || whyOf(st) != why {
		w.t.Errorf("%s is %s %q, want %s %q", id, st.GetPhase(), whyOf(st), phase, why)
	}
}

// ledger returns what is committed for the partition of a sender number.
func (w *world) ledger(sender string) ledger.Ledger {
	w.t.Helper()
	pos := w.committed(sender)
	l, err := ledger.Decode(max(0, pos.Offset), pos.Metadata)
	if err != nil {
		w.t.Error(err)
	}
	return l
}

func (w *world) committed(sender string) stream.Position {
	w.Lock()
	defer w.Unlock()
	return w.Position(partitionOf(sender))
}

// allCommitted fails the test unless the broadcasts of a sender number are committed to their end: none holds the watermark.
func (w *world) allCommitted(sender string) {
	w.t.Helper()
	if pos := w.committed(sender); pos.Offset != pos.End {
		w.t.Errorf("committed %d of %d", pos.Offset, pos.End)
	}
}

func (w *world) lock(f func()) {
	w.Lock()
	defer w.Unlock()
	f()
}

func partitionOf(sender string) stream.TopicPartition {
	return stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: home(schemas.TopicBroadcasts, []byte(sender))}
}

// shows waits until the Status says that a control is in force.
func (w *world) shows(id schemas.TaskID, control int64) *schemas.Status {
	w.t.Helper()
	w.until("the control is in force", time.Minute, func() bool { return w.view[id].GetControls() > control })
	return w.status(id)
}

// updates returns what was said of a task as a whole, in the order of the log.
func (w *world) updates(id schemas.TaskID) (out []string) {
	for _, r := range w.events(id) {
		if n := r.GetNote(); n != nil && n.GetPhase() != schemas.Phase_PHASE_NONE {
			out = append(out, n.GetPhase().String()+" "+whyOf(n))
		}
	}
	return out
}

// told fails the test unless that, and nothing else, was said of a task as a whole.
func (w *world) told(id schemas.TaskID, want ...string) {
	w.t.Helper()
	if d := cmp.Diff(want, w.updates(id)); d != "" {
		w.t.Errorf("said of %s (-want +got):\n%s", id, d)
	}
}

func (w *world) ranges(id schemas.TaskID) (out []*schemas.OutcomeRange) {
	for _, r := range w.events(id) {
		if x := r.GetRange(); x != nil {
			out = append(out, x)
		}
	}
	return out
}

// once fails the test if somebody was dispatched twice, of one task or, without one, of any, and returns how many were dispatched.
func (w *world) once(of ...schemas.TaskID) (n int) {
	w.t.Helper()
	w.Lock()
	defer w.Unlock()
	for k, made := range w.made {
		if len(of) > 0 && k.task != of[0] {
			continue
		}
		if n += made.sends; made.sends > 1 {
			w.t.Errorf("recipient %d of %s was dispatched %d times", k.index, k.task, made.sends)
		}
	}
	return n
}

// eachOnce fails the test unless every recipient of a task was dispatched once.
func (w *world) eachOnce(id schemas.TaskID, total int) {
	w.t.Helper()
	if n := w.once(id); n != total {
		w.t.Errorf("%d of %d recipients were dispatched", n, total)
	}
}

// large submits a list that takes some seconds, and waits until it is under way.
func (w *world) large(n int, change ...func(*schemas.Broadcast)) schemas.TaskID {
	w.t.Helper()
	b := event("100", phonesFrom(0, n)...)
	for _, f := range change {
		f(b)
	}
	id := w.submit(w.sliced(b))
	w.underWay(id, 1000)
	return id
}

// cut takes the end of a log away, from an offset on.
func (w *world) cut(of stream.TopicPartition, left int64) {
	w.Cut(of, left)
	w.lock(func() { w.logLost[of] = true })
}

// offsetsGone takes what is committed of a partition away.
func (w *world) offsetsGone(of stream.TopicPartition) {
	w.lock(func() {
		w.logLost[of] = true
		delete(w.Positions, of)
	})
}

// rejected returns the codes of all rejects.
func (w *world) rejected() (codes []string) {
	for _, r := range w.records(schemas.TopicRejects) {
		codes = append(codes, r.Header("reject.code"))
	}
	return codes
}

// rejects fails the test unless there are rejects with these codes, and no others.
func (w *world) rejects(want ...string) {
	w.t.Helper()
	if got := w.rejected(); !slices.Equal(got, want) {
		w.t.Errorf("rejects %q, want %q", got, want)
	}
}

// failedWith fails the test unless a task ended with a sentence, and nobody was sent to.
func (w *world) failedWith(id schemas.TaskID, why string) {
	w.t.Helper()
	if n := len(w.sends(id)); w.why(id) != why || n > 0 {
		w.t.Errorf("it ended with %q and %d sends, want %q and none", w.why(id), n, why)
	}
}

// upstream puts an event on broadcasts as another system does: without a TaskOpened.
func (w *world) upstream(b *schemas.Broadcast) schemas.TaskID {
	rec := schemas.EncodeBroadcast(b)
	rec.Partition = partitionOf("100").Partition
	at := w.Append(rec)
	if id, err := schemas.TaskIDFromBytes(b.GetTask()); err == nil {
		return id
	}
	return schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), &schemas.Origin{Partition: at.Partition, Offset: at.Offset})
}

// metric sums a metric over its labels.
func metric(t testing.TB, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
