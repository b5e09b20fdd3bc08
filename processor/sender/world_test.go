package sender

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"altavoz/blob"
	"altavoz/internal/logtest"
	"altavoz/processor/sender/ledger"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// world is everything around the stages: a broker with its log and its committed positions, the Cloud API, and the
// processes. It watches what must always hold: see Send.
type world struct {
	*logtest.Broker // its lock is the world's
	t               *testing.T

	commits      []committedAt
	results      []*schemas.Result
	sent         []stream.Record // who was sent what can be tapped
	records      int             // that results came in
	numberEvents []*schemas.NumberEvent
	rejects      []stream.Record
	at           map[who][]place // where a send lies in the log
	resend       map[who]bool
	terms        map[who]*schemas.Send // when it may start
	calls        []*apiCall
	attempts     map[who]int
	refused      map[who]int // calls that certainly reached nobody
	processes    []*process
	broken       []string
	mutant       bool // what is broken is what is looked for

	answer   func(c *apiCall) schemas.Reply    // under the lock; nil: sent
	read     func(sender string) schemas.Reply // to read-only calls, under the lock; nil: answered
	reads    int
	latency  func(c *apiCall) time.Duration
	contents map[schemas.TaskID]*schemas.Content
	loads    func(t schemas.TaskID) error
	loaded   int
	rendered int
	renewed  int
	renew    func() (*schemas.MediaRef, error)
	people   people
	claims   []stream.Record // of the topic people
	media    Media           // instead of renew; set before the processes start
}

// who is a recipient.
type who struct {
	task  schemas.TaskID
	index uint32
}

type place struct {
	partition stream.TopicPartition
	offset    int64
}

type committedAt struct {
	at time.Time
	ps []stream.Position
}

// apiCall is one attempt as the Cloud API saw it.
type apiCall struct {
	who
	n       int // which attempt of its recipient, from 1
	sender  string
	phone   schemas.Phone
	message string
	process *process

	templated bool // as its callback says
	at        time.Time
}

var (
	expressPartition = stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 0}
	bulkPartition    = stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 0}
)

const testNumber = "100200300"

// bubbleStart is when the test of a bubble begins.
var bubbleStart = time.Date(2000, time.January, 1, 1, 0, 0, 0, time.UTC)

// bubble runs a test in fake time, in a world of its own, beside other tests.
func bubble(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	inBubble(t, test)
}

// inBubble is bubble for one of several worlds of a test.
func inBubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			Broker: logtest.New(), t: t, at: map[who][]place{}, resend: map[who]bool{}, terms: map[who]*schemas.Send{},
			attempts: map[who]int{}, refused: map[who]int{}, contents: map[schemas.TaskID]*schemas.Content{},
		}
		w.Failf = w.fail
		w.OnAppend = func(rec stream.Record) { w.take(rec) }
		w.OnCommit = func(_ *logtest.Member, taken []stream.Position) {
			w.commits = append(w.commits, committedAt{time.Now(), taken})
		}
		time.Sleep(time.Hour) // so that no time of a test is at the epoch of the bubble
		defer w.close()
		test(w)
	})
}

func (w *world) close() {
	w.t.Helper()
	w.lock(func() { w.latency = nil })
	for _, p := range w.processes {
		p.Thaw()
		p.end()
	}
	for _, b := range w.broken {
		if w.mutant {
			w.t.Log(b)
		} else {
			w.t.Error(b)
		}
	}
}

func (w *world) lock(f func()) {
	w.Lock()
	defer w.Unlock()
	f()
}

// until waits, in fake time, for a condition (under the lock).
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	if !w.Await(10*time.Minute, cond) {
		w.t.Fatalf("waited in vain: %s", what)
	}
	synctest.Wait() // so that the test may look around
}

// rest lets everything that can happen within d happen.
func (w *world) rest(d time.Duration) {
	w.lock(func() {}) // what the test has looked at may change from here on
	time.Sleep(d)
	synctest.Wait()
}

type sendOpt func(*schemas.Send)

func by(sender string) sendOpt     { return func(s *schemas.Send) { s.Sender = sender } }
func to(phone string) sendOpt      { return func(s *schemas.Send) { s.Phone = phone } }
func until(at time.Time) sendOpt   { return func(s *schemas.Send) { s.NotAfterMs = at.UnixMilli() } }
func in(x *schemas.Window) sendOpt { return func(s *schemas.Send) { s.Window = x } }
func again(s *schemas.Send)        { s.OnUnknown = schemas.OnUnknown_ON_UNKNOWN_RESEND }
func inline(body string) sendOpt {
	return func(s *schemas.Send) { s.Content = &schemas.Content{Body: body} }
}
func file(m *schemas.Content) sendOpt { return func(s *schemas.Send) { s.Content = m } }

// produce puts a send into the log.
func (w *world) produce(partition stream.TopicPartition, task schemas.TaskID, index uint32, opts ...sendOpt) {
	s := &schemas.Send{Task: task.Bytes(), Index: index, Phone: "57300" + fmt.Sprintf("%07d", index), Sender: testNumber}
	if schemas.LaneOf(partition.Topic) == schemas.LaneExpress {
		s.Content = &schemas.Content{Body: "hola"}
	} else {
		s.ContentRef = blob.NewRef(0, []int64{7})
	}
	for _, o := range opts {
		o(s)
	}
	w.lock(func() { w.terms[who{task, index}] = s })
	w.append(partition, schemas.EncodeSend(schemas.LaneOf(partition.Topic), s), who{task, index}, s.GetOnUnknown() == schemas.OnUnknown_ON_UNKNOWN_RESEND)
}

// produceAll puts sends to a task's first n recipients into the log.
func (w *world) produceAll(partition stream.TopicPartition, task schemas.TaskID, n uint32, opts ...sendOpt) {
	for i := range n {
		w.produce(partition, task, i, opts...)
	}
}

func (w *world) append(partition stream.TopicPartition, rec stream.Record, id who, resend bool) {
	rec.Topic, rec.Partition = partition.Topic, partition.Partition
	w.lock(func() {
		w.at[id] = append(w.at[id], place{partition, w.Log(partition).End()})
		w.resend[id] = resend
	})
	w.Append(rec)
}

// cut takes the end of a log away, and with it where sends lie.
func (w *world) cut(partition stream.TopicPartition, from int64) {
	w.Cut(partition, from)
	w.lock(func() {
		for id, places := range w.at {
			w.at[id] = slices.DeleteFunc(places, func(p place) bool { return p.partition == partition && p.offset >= from })
		}
	})
}

// process is one process of the sender role, with its own view of the group. It is the stream.Committer, stream.Pauser and so on of its stage.
type process struct {
	*logtest.Member
	w     *world
	stage *Stage
	reg   *prometheus.Registry
	logs  bytes.Buffer

	numberSaid func(standing.State)
	behind     chan struct{} // not nil: what was said of numbers is not read yet, until it is closed
	claims     *claims
	idle       time.Duration // how long after its start a call begins
}

type option func(*Config)

func inFlight(n int) option { return func(c *Config) { c.MaxInFlight = n } }
func rate(r float64) option {
	return func(c *Config) {
		c.Numbers, c.Number = []string{testNumber}, func(id string) (NumberConfig, bool) { return NumberConfig{Rate: r}, id == testNumber }
	}
}

func partitions(ex, bu int32) option {
	return func(c *Config) {
		c.Partitions = map[stream.Topic]int32{schemas.TopicSendsExpress: ex, schemas.TopicSendsBulk: bu}
	}
}

// unlimited are the numbers of a process that is not told otherwise.
var unlimited = []string{testNumber, "2", "3"}

// start starts a process that owns the given partitions.
func (w *world) start(partitions []stream.TopicPartition, opts ...option) *process {
	p := &process{
		w: w, reg: prometheus.NewRegistry(), Member: w.Join("p"+strconv.Itoa(len(w.processes)), logtest.Options{Batch: 500}),
	}
	cfg := Config{
		Logger: slog.New(slog.NewTextHandler(&p.logs, nil)), Registerer: p.reg,
		Numbers: unlimited, Number: func(id string) (NumberConfig, bool) { return NumberConfig{}, slices.Contains(unlimited, id) },
	}
	for _, o := range opts {
		o(&cfg)
	}
	p.stage = New(cfg, Ports{
		Committer: p, Pauser: p, Express: p, Bulk: p, Records: p, Contents: p, Media: p, Numbers: p, OptOuts: &w.people, Inbound: &w.people, People: p.newClaims(), Messenger: p,
		RefusedBy: w.people.refusedBy,
		Reject: func(rec stream.Record, stage, code, reason string) stream.Record {
			rec.Topic = schemas.TopicRejects
			rec.Headers = append(rec.Headers, stream.Header{Key: "reject", Value: []byte(stage + "/" + code + "/" + reason)},
				stream.Header{Key: "offset", Value: strconv.AppendInt(nil, rec.Offset, 10)}) // its own is given to it when it is written
			return rec
		},
	})
	w.lock(func() { w.processes = append(w.processes, p) })
	p.Run(p.stage)
	for _, s := range partitions {
		p.Assign(s)
	}
	return p
}

// ListenNumbers and CaughtUp make the process the view of what was said of numbers, which has read all of it.
func (p *process) ListenNumbers(heard func(standing.State)) { p.numberSaid = heard }

func (p *process) CaughtUp() <-chan struct{} {
	if p.behind != nil {
		return p.behind
	}
	read := make(chan struct{})
	close(read)
	return read
}

// end stops the process in the end.
func (p *process) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Hour) // longer than any call
	defer cancel()
	if err := p.End(ctx); err != nil {
		p.w.t.Error(err)
	}
	p.claims.end()
}

// Generation is the member's. It is asked for while the stage holds its lock: what is encoded under it may not change meanwhile.
func (p *process) Generation() stream.Generation {
	if p.stage.mu.TryLock() {
		p.stage.mu.Unlock()
		p.w.lock(func() { p.w.fail("the fence is captured without the lock on what it is captured for") })
	}
	return p.Member.Generation()
}

// take keeps what a process has written, and not what the tests have. Under the lock.
func (w *world) take(rec stream.Record) {
	if rec.Topic == schemas.TopicRejects {
		w.rejects = append(w.rejects, rec)
		return
	}
	if rec.Topic == schemas.TopicPeople {
		w.claim(rec)
		return
	}
	if rec.Topic == schemas.TopicOptOuts {
		w.people.learn(rec)
		return
	}
	if e, ours, err := standing.Decode(&rec); ours && err == nil {
		w.numberEvents = append(w.numberEvents, e)
		return
	}
	if rec.Topic == schemas.TopicSent {
		w.sent = append(w.sent, rec)
	}
	if rec.Topic != schemas.TopicResults {
		return
	}
	var r schemas.Result
	if err := schemas.Decode(&rec, &r); err != nil {
		w.fail("result: %v", err)
		return
	}
	w.records++
	several := r.GetOutcomes()
	if several == nil {
		w.results = append(w.results, &r)
	} else if n := len(several.GetOutcomes()); n < 2 || n > schemas.MaxOutcomes {
		w.fail("a record with %d outcomes, want 2 to %d", n, schemas.MaxOutcomes)
	}
	for _, o := range several.GetOutcomes() { // as if each had come by itself
		w.results = append(w.results, &schemas.Result{Task: r.GetTask(), AtMs: r.GetAtMs(), Event: &schemas.Result_Outcome{Outcome: o}})
	}
}

// Record is what the sender asks for by its offset, if it is there.
func (p *process) Record(ctx context.Context, partition stream.TopicPartition, offset int64) (rec stream.Record, found bool, err error) {
	rec, err = p.Member.Record(ctx, partition, offset)
	if stream.IsGone(err) {
		return rec, false, nil
	}
	return rec, err == nil, err
}

func (p *process) Content(_ context.Context, t schemas.TaskID, ref *schemas.BlobRef) (*schemas.Content, error) {
	time.Sleep(time.Millisecond)
	w := p.w
	w.Lock()
	defer w.Unlock()
	w.loaded++
	if w.loads != nil {
		if err := w.loads(t); err != nil {
			return nil, err
		}
	}
	if c := w.contents[t]; c != nil {
		return c, nil
	}
	return &schemas.Content{Body: fmt.Sprint(ref.Offsets())}, nil
}

func (p *process) Refresh(ctx context.Context, sender string, kind schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	if p.w.media != nil {
		return p.w.media.Refresh(ctx, sender, kind, m)
	}
	time.Sleep(time.Second)
	p.w.Lock()
	defer p.w.Unlock()
	p.w.renewed++
	if p.w.renew != nil {
		return p.w.renew()
	}
	if kind != schemas.HeaderKind_HEADER_KIND_IMAGE || m.GetMediaId() == "" {
		p.w.fail("asked to renew %v %v", kind, m)
	}
	return &schemas.MediaRef{MediaId: m.GetMediaId() + "+"}, nil
}

func (p *process) Prepare(c *schemas.Content) (schemas.Message, error) {
	p.w.Lock()
	defer p.w.Unlock()
	p.w.rendered++
	if t := c.GetTemplate(); t != nil {
		return "template " + t.GetName(), nil
	}
	if c.GetBody() == "" {
		return nil, &schemas.ContentError{Why: es.Say(es.BodyEmpty)}
	}
	if c.Unprompted() {
		return "direct send " + c.GetBody(), nil
	}
	if c.GetMedia() != nil && c.GetMedia().GetMediaId() == "" {
		return nil, &schemas.ContentError{Why: es.Say(es.FileMissing)}
	}
	return c.GetBody() + c.GetMedia().GetMediaId(), nil
}

// fail notes that something that must always hold does not. Under the lock.
func (w *world) fail(format string, args ...any) {
	if len(w.broken) < 10 {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
	}
}

// definite are the verdicts after which a send may be called again.
func definite(v schemas.Verdict) bool {
	switch v {
	case schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictThrottled, schemas.VerdictPair, schemas.VerdictAccount, schemas.VerdictMedia, schemas.VerdictTemplate:
		return true
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictLost:
	}
	return false
}

// Probe is a read-only call.
func (p *process) Probe(_ context.Context, sender string) schemas.Reply {
	p.Pass()
	time.Sleep(time.Millisecond)
	w := p.w
	w.Lock()
	defer w.Unlock()
	w.reads++
	if w.read != nil {
		return w.read(sender)
	}
	return schemas.Reply{Verdict: schemas.VerdictSent}
}

// Send is the Cloud API. It holds every call to the promise: what the broker has does not show the send as free, no other
// call of it may have reached anybody, and it may start now.
func (p *process) Send(ctx context.Context, sender string, m schemas.Message, phone schemas.Phone, callback string) schemas.Reply {
	w, begins := p.w, time.Now()
	p.Pass()
	time.Sleep(p.idle)
	if p.Dead() {
		return schemas.Reply{Verdict: schemas.VerdictUnsent}
	}
	task, index, ok := schemas.ParseCallback(callback)
	text, rendered := m.(string)
	c := &apiCall{who: who{task, index}, sender: sender, phone: phone, message: text, process: p, at: time.Now(), templated: schemas.CallbackOfTemplate(callback)}
	var took time.Duration
	var r schemas.Reply
	w.lock(func() {
		if !ok {
			w.fail("callback data %q", callback)
		}
		if !rendered {
			w.fail("%v is called without a message", c.who)
		}
		w.check(c)
		w.timely(c, begins)
		w.itsOwn(c)
		w.inWindow(c)
		w.calls = append(w.calls, c)
		w.attempts[c.who]++
		c.n = w.attempts[c.who]
		if w.latency != nil {
			took = w.latency(c)
		}
		r = schemas.Reply{Verdict: schemas.VerdictSent, WAMID: "wamid." + strconv.Itoa(len(w.calls))}
		if w.answer != nil {
			r = w.answer(c)
		}
		w.Touch()
	})
	if took > 0 {
		timer := time.NewTimer(took)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			r = schemas.Reply{Verdict: schemas.VerdictLost}
		}
	}
	p.Pass()
	w.lock(func() {
		if !p.Dead() && (definite(r.Verdict) || r.Code == schemas.CodeWindow) {
			w.refused[c.who]++
		}
		w.Touch()
	})
	return r
}

func (w *world) check(c *apiCall) {
	covered := false
	for _, at := range w.at[c.who] {
		pos, ok := w.Positions[at.partition]
		covered = covered || ok && stateIn(pos, at.offset) != ledger.Free
	}
	if !covered {
		w.fail("%s calls %v, and nothing that is committed says so", c.process.Name, c.index)
	}
	if w.resend[c.who] {
		return
	}
	if before := w.attempts[c.who]; before > w.refused[c.who] {
		w.fail("%s calls %v again, after %d calls of which %d were refused", c.process.Name, c.index, before, w.refused[c.who])
	}
}

// timely holds a call to the times that its send has: nothing starts outside a window or after a deadline.
func (w *world) timely(c *apiCall, begins time.Time) {
	s := w.terms[c.who]
	if end := s.GetNotAfterMs(); end > 0 && begins.UnixMilli() > end {
		w.fail("%s calls %v at %v, after its end", c.process.Name, c.index, begins)
	}
	if !s.GetWindow().Open(begins) {
		w.fail("%s calls %v at %v, outside its window", c.process.Name, c.index, begins)
	}
}

// stateIn reads a committed position for one record.
func stateIn(pos stream.Position, offset int64) ledger.State {
	if offset < pos.Offset {
		return ledger.Done
	}
	_, runs, err := ledger.Decode(pos.Metadata, pos.Offset)
	if err != nil {
		panic(err)
	}
	at := pos.Offset
	for _, r := range runs {
		if offset < at+r.N {
			return r.State
		}
		at += r.N
	}
	return ledger.Free
}

// outcomes returns the marks that were said of a recipient.
func (w *world) outcomes(id who) (out []schemas.RecipientState) {
	for _, r := range w.results {
		if o := r.GetOutcome(); o != nil && schemas.TaskID(r.GetTask()) == id.task && o.GetIndex() == id.index {
			out = append(out, schemas.RecipientState(o.GetMark()))
		}
	}
	return out
}

// count counts results by outcome.
func (w *world) count(o schemas.OutcomeClass) (n int) {
	for _, r := range w.results {
		if r.GetOutcome() != nil && schemas.RecipientState(r.GetOutcome().GetMark()).Outcome() == o {
			n++
		}
	}
	return n
}

// notes returns phase and words of the notes about a task.
func (w *world) notes(t schemas.TaskID) (out []string) {
	for _, r := range w.results {
		if n := r.GetNote(); n != nil && schemas.TaskID(r.GetTask()) == t {
			out = append(out, strings.TrimPrefix(n.GetPhase().String(), "PHASE_")+" "+n.GetWhy()+causeText(n.GetCause()))
		}
	}
	return out
}

// causeText is a cause as tests compare it.
func causeText(c *schemas.Cause) string {
	if c == nil {
		return ""
	}
	if c.GetUntilMs() != 0 {
		return fmt.Sprintf("%s %s", strings.TrimPrefix(c.GetReason().String(), "REASON_"), time.UnixMilli(c.GetUntilMs()).UTC().Format("2006-01-02 15:04"))
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s since %s %d %s", strings.TrimPrefix(c.GetReason().String(), "REASON_"), c.GetNumber(),
		time.UnixMilli(c.GetSinceMs()).UTC().Format(time.TimeOnly), c.GetCode(), c.GetDetail()))
}

// allDone reports whether all of a partition is committed as done.
func (w *world) allDone(partition stream.TopicPartition) bool {
	last := w.Log(partition).Last()
	if last == nil {
		return true
	}
	pos, ok := w.Positions[partition]
	_, runs, err := ledger.Decode(pos.Metadata, pos.Offset)
	return ok && err == nil && pos.Offset > last.Offset && len(runs) == 0
}

// value returns the sum of a metric's series that carry the label values.
func (p *process) value(name string, labels ...string) (sum float64) {
	families, err := p.reg.Gather()
	if err != nil {
		p.w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if carries(m, labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func carries(m *dto.Metric, values []string) bool {
	for _, v := range values {
		if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == v }) {
			return false
		}
	}
	return true
}
