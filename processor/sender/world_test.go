package sender

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"altavoz/processor/sender/ledger"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// world is everything around the stages: a broker with its log and its committed positions, the Cloud API, and the
// processes. It watches what must always hold: see Send.
type world struct {
	t *testing.T

	mu           sync.Mutex
	logs         map[stream.TopicPartition][]stream.Record
	committed    map[stream.TopicPartition]stream.Position
	begun        map[stream.TopicPartition]bool // what was ever committed by a process of this version
	commits      []committedAt
	members      map[string]int32 // whose commits the broker takes, and of which generation
	owners       map[stream.TopicPartition]*process
	results      []*schemas.Result
	numberEvents []*schemas.NumberEvent
	rejects      []stream.Record
	at           map[who][]place // where a send lies in the log
	resend       map[who]bool
	terms        map[who]*schemas.Send // when it may start
	calls        []*apiCall
	attempts     map[who]int
	refused      map[who]int // calls that certainly reached nobody
	busy         map[who]int
	changed      chan struct{} // closed and replaced at every change
	processes    []*process
	writing      sync.WaitGroup
	broken       []string
	mutant       bool // what is broken is what is looked for

	answer   func(c *apiCall) schemas.Reply    // under mu; nil: sent
	read     func(sender string) schemas.Reply // to read-only calls, under mu; nil: answered
	reads    int
	latency  func(c *apiCall) time.Duration
	contents map[schemas.TaskID]*schemas.Content
	loads    func(t schemas.TaskID) error
	loaded   int
	rendered int
	renewed  int
	renew    func() (*schemas.MediaRef, error)
	media    Media // instead of renew; set before the processes start
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
	at      time.Time
}

var (
	expressPartition = stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: 0}
	bulkPartition    = stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 0}
)

const testNumber = "100200300"

// bubbleStart is when the test of a bubble begins.
var bubbleStart = time.Date(2000, time.January, 1, 1, 0, 0, 0, time.UTC)

// bubble runs a test in fake time, in a world of its own.
func bubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, logs: map[stream.TopicPartition][]stream.Record{}, committed: map[stream.TopicPartition]stream.Position{}, begun: map[stream.TopicPartition]bool{},
			members: map[string]int32{}, owners: map[stream.TopicPartition]*process{}, at: map[who][]place{}, resend: map[who]bool{}, terms: map[who]*schemas.Send{},
			attempts: map[who]int{}, refused: map[who]int{}, busy: map[who]int{}, changed: make(chan struct{}), contents: map[schemas.TaskID]*schemas.Content{},
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
		p.thaw()
		p.end()
	}
	w.writing.Wait()
	for _, b := range w.broken {
		if w.mutant {
			w.t.Log(b)
		} else {
			w.t.Error(b)
		}
	}
}

func (w *world) lock(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// touch tells those who wait that something changed. Under mu.
func (w *world) touch() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits, in fake time, for a condition (under mu).
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	deadline := time.NewTimer(10 * time.Minute)
	defer deadline.Stop()
	for {
		w.mu.Lock()
		ok, changed := cond(), w.changed
		w.mu.Unlock()
		if ok {
			synctest.Wait() // so that the test may look around
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
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
		s.ContentRef = schemas.NewBlobRef(0, []int64{7})
	}
	for _, o := range opts {
		o(s)
	}
	w.lock(func() { w.terms[who{task, index}] = s })
	w.append(partition, schemas.EncodeSend(schemas.LaneOf(partition.Topic), s), who{task, index}, s.GetOnUnknown() == schemas.OnUnknown_ON_UNKNOWN_RESEND)
}

func (w *world) append(partition stream.TopicPartition, rec stream.Record, id who, resend bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rec.Topic, rec.Partition, rec.Time = partition.Topic, partition.Partition, time.Now()
	rec.Offset = int64(0)
	if log := w.logs[partition]; len(log) > 0 {
		rec.Offset = log[len(log)-1].Offset + 1
	}
	w.logs[partition] = append(w.logs[partition], rec)
	w.at[id] = append(w.at[id], place{partition, rec.Offset})
	w.resend[id] = resend
	w.touch()
}

// skip leaves a gap in the offsets, as control records and compaction do.
func (w *world) skip(partition stream.TopicPartition, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.logs[partition]
	last := stream.Record{Topic: "gap"}
	if len(log) > 0 {
		last.Offset = log[len(log)-1].Offset
	}
	last.Offset += n
	w.logs[partition] = append(log, last)
}

// cut takes the end of a log away: a page cache that was lost, an election that was unclean.
func (w *world) cut(partition stream.TopicPartition, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, places := range w.at {
		w.at[id] = slices.DeleteFunc(places, func(p place) bool { return p.partition == partition && p.offset >= at })
	}
	i, _ := slices.BinarySearchFunc(w.logs[partition], at, func(r stream.Record, o int64) int { return cmp.Compare(r.Offset, o) })
	w.logs[partition] = slices.Clone(w.logs[partition][:i])
}

// process is one process of the sender role, with its own view of the group. It is the stream.Committer, stream.Pauser and so on of its stage.
type process struct {
	w     *world
	name  string
	stage *Stage
	reg   *prometheus.Registry
	logs  bytes.Buffer

	numberSaid func(standing.State)
	behind     chan struct{} // not nil: what was said of numbers is not read yet, until it is closed

	mu       sync.Mutex
	session  uint64
	gen      int32
	dead     bool
	paused   map[stream.TopicPartition]bool
	feeds    map[stream.TopicPartition]context.CancelFunc
	feeding  sync.WaitGroup
	commit   func(ps []stream.Position) fault // how the next commit goes
	logFault func(rec stream.Record) fault
	dropping bool          // a commit's answer was lost: the group gives all partitions up
	frozen   chan struct{} // not nil: stopped, as by SIGSTOP, until it is closed
	expelled bool          // the broker has given its partitions to others, and it does not know
	hasty    bool          // a mutant: commits are answered before they are made
	careless bool          // a mutant: results are acknowledged and not written
	idle     time.Duration // how long after its start a call begins
}

// pass holds whoever comes by while the process is frozen.
func (p *process) pass() {
	for {
		p.mu.Lock()
		frozen := p.frozen
		p.mu.Unlock()
		if frozen == nil {
			return
		}
		<-frozen
	}
}

func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen == nil {
		p.frozen = make(chan struct{})
	}
}

func (p *process) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}

// fault is how an exchange with the broker goes wrong.
type fault struct {
	before, after time.Duration // how long it takes
	refuse        func(stream.TopicPartition) error
	lose          bool // it does not arrive
	loseAnswer    bool // it arrives, and nobody learns of it
}

var errBroker = errors.New("connection reset")

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
		w: w, name: "p" + strconv.Itoa(len(w.processes)), reg: prometheus.NewRegistry(), session: 1,
		paused: map[stream.TopicPartition]bool{}, feeds: map[stream.TopicPartition]context.CancelFunc{},
	}
	cfg := Config{
		Logger: slog.New(slog.NewTextHandler(&p.logs, nil)), Registerer: p.reg,
		Numbers: unlimited, Number: func(id string) (NumberConfig, bool) { return NumberConfig{}, slices.Contains(unlimited, id) },
	}
	for _, o := range opts {
		o(&cfg)
	}
	p.stage = New(cfg, Ports{
		Committer: p, Pauser: p, Express: p, Bulk: p, Records: p, Contents: p, Media: p, Numbers: p, Messenger: p,
		Reject: func(rec stream.Record, stage, code, reason string) stream.Record {
			rec.Topic = schemas.TopicRejects
			rec.Headers = append(rec.Headers, stream.Header{Key: "reject", Value: []byte(stage + "/" + code + "/" + reason)})
			return rec
		},
	})
	w.lock(func() {
		w.processes = append(w.processes, p)
		p.join()
	})
	p.stage.Start()
	for _, s := range partitions {
		p.assign(s)
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

// join makes the process a member of the group's present generation. Under w.mu.
func (p *process) join() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gen++
	p.w.members[p.member()] = p.gen
}

func (p *process) member() string { return p.name + "/" + strconv.FormatUint(p.session, 10) }

// assign gives the process a partition and what was last committed of it.
func (p *process) assign(partition stream.TopicPartition) {
	w := p.w
	pos := stream.Position{Partition: partition, Offset: stream.NoOffset}
	w.lock(func() {
		if c, ok := w.committed[partition]; ok {
			pos = c
		}
		if log := w.logs[partition]; len(log) > 0 {
			pos.Begin, pos.End = log[0].Offset, log[len(log)-1].Offset+1
		}
		pos.Begun = w.begun[partition]
		w.owners[partition] = p
	})
	from, err := p.stage.OnAssigned(context.Background(), pos)
	if err != nil {
		w.t.Errorf("assigning %s: %v", partition, err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.mu.Lock()
	p.feeds[partition] = cancel
	p.mu.Unlock()
	p.feeding.Go(func() { p.feed(ctx, partition, from) })
}

// feed hands the log of a partition over, a few records at a time.
func (p *process) feed(ctx context.Context, partition stream.TopicPartition, from int64) {
	w := p.w
	for ctx.Err() == nil {
		w.mu.Lock()
		changed := w.changed
		var recs []stream.Record
		log := w.logs[partition]
		at, _ := slices.BinarySearchFunc(log, from, func(r stream.Record, o int64) int { return cmp.Compare(r.Offset, o) })
		for _, r := range log[at:min(at+500, len(log))] {
			if p.isPaused(partition) {
				break
			}
			from = r.Offset + 1
			if r.Topic != "gap" {
				recs = append(recs, r)
			}
		}
		w.mu.Unlock()
		if len(recs) > 0 {
			p.stage.Process(partition, recs) //nolint:contextcheck // what it reads has a life of its own
			continue
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

func (p *process) isPaused(partition stream.TopicPartition) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused[partition]
}

// unfeed stops the reading of partitions.
func (p *process) unfeed(partitions []stream.TopicPartition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range partitions {
		if stop := p.feeds[s]; stop != nil {
			stop()
			delete(p.feeds, s)
		}
	}
}

func (p *process) owned() []stream.TopicPartition {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.feeds))
}

// revoke takes partitions away in good order.
func (p *process) revoke(partitions ...stream.TopicPartition) {
	p.unfeed(partitions)
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	p.stage.OnRevoked(ctx, partitions)
}

// lose takes partitions away without warning; the process comes back as another member.
func (p *process) lose(partitions ...stream.TopicPartition) {
	p.unfeed(partitions)
	p.stage.OnLost(partitions)
}

// rejoin gives the process a new session. What it had is lost.
func (p *process) rejoin() {
	p.lose(p.owned()...)
	p.w.lock(func() {
		delete(p.w.members, p.member())
		p.mu.Lock()
		p.session++
		p.dropping, p.expelled = false, false
		p.mu.Unlock()
		p.join()
	})
}

// kill ends the process as kill -9 does: nothing of it gets out any more, and the broker knows it no longer.
func (p *process) kill() {
	p.w.lock(func() {
		p.mu.Lock()
		p.dead = true
		p.mu.Unlock()
		delete(p.w.members, p.member())
	})
	p.unfeed(p.owned())
}

// end stops the process in the end.
func (p *process) end() {
	p.unfeed(p.owned())
	p.feeding.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Hour) // longer than any call
	defer cancel()
	if err := p.stage.Stop(ctx); err != nil {
		p.w.t.Error(err)
	}
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

func (p *process) Generation() stream.Generation {
	if p.stage.mu.TryLock() {
		p.stage.mu.Unlock()
		p.w.lock(func() { p.w.fail("the fence is captured without the lock on what it is captured for") })
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return stream.Generation{Member: p.member(), Number: p.gen, Session: p.session}
}

func (p *process) Commit(_ context.Context, f stream.Generation, ps []stream.Position) (map[stream.TopicPartition]error, error) {
	var how fault
	p.mu.Lock()
	if p.commit != nil {
		how = p.commit(ps)
	}
	stale := f.Session != p.session || p.dropping
	p.mu.Unlock()
	refused := map[stream.TopicPartition]error{}
	if stale {
		for _, pos := range ps {
			refused[pos.Partition] = errors.New("fenced")
		}
		return refused, nil
	}
	if p.hasty {
		p.w.writing.Go(func() {
			time.Sleep(how.before + 20*time.Millisecond)
			if !p.isDead() {
				p.apply(f, ps, how)
			}
		})
		return nil, nil
	}
	time.Sleep(how.before)
	p.pass()
	if how.lose || p.isDead() {
		p.drop()
		return nil, errBroker
	}
	refused = p.apply(f, ps, how)
	time.Sleep(how.after)
	p.pass()
	if how.loseAnswer || p.isDead() {
		p.drop()
		return nil, errBroker
	}
	return refused, nil
}

// apply is the coordinator's part.
func (p *process) apply(f stream.Generation, ps []stream.Position, how fault) map[stream.TopicPartition]error {
	refused := map[stream.TopicPartition]error{}
	w := p.w
	w.lock(func() {
		known := w.members[f.Member] == f.Number && f.Number > 0
		var done []stream.Position
		for _, pos := range ps {
			if len(pos.Metadata) > stream.MaxMetadata {
				w.fail("metadata of %d bytes", len(pos.Metadata))
			}
			switch {
			case !known:
				refused[pos.Partition] = errors.New("illegal generation")
			case how.refuse != nil && how.refuse(pos.Partition) != nil:
				refused[pos.Partition] = how.refuse(pos.Partition)
			default: // whoever owns it: the broker does not look
				w.committed[pos.Partition] = pos
				w.begun[pos.Partition] = true
				done = append(done, pos)
			}
		}
		w.commits = append(w.commits, committedAt{time.Now(), done})
		w.touch()
	})
	return refused
}

// onCommit sets how commits go from now on; f is called under the process's lock.
func (p *process) onCommit(f func([]stream.Position) fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commit = f
}

// onWrite sets how results are written from now on.
func (p *process) onWrite(f func(stream.Record) fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logFault = f
}

// drop is what the group does when nobody knows what was committed.
func (p *process) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropping = true
}

func (p *process) Pause(partitions ...stream.TopicPartition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range partitions {
		p.paused[s] = true
	}
}

func (p *process) Resume(partitions ...stream.TopicPartition) {
	p.mu.Lock()
	for _, s := range partitions {
		delete(p.paused, s)
	}
	p.mu.Unlock()
	p.w.lock(p.w.touch)
}

// Enqueue acknowledges in a goroutine of its own, a millisecond later unless a fault says otherwise.
func (p *process) Append(rec stream.Record, done func(stream.Record, error)) {
	var how fault
	p.mu.Lock()
	if p.logFault != nil {
		how = p.logFault(rec)
	}
	p.mu.Unlock()
	if how.lose && how.before == 0 {
		done(rec, errors.New("buffers are full")) // at once, as a full publisher does
		return
	}
	p.w.writing.Go(func() {
		time.Sleep(how.before + time.Millisecond)
		p.pass()
		if p.isDead() {
			return // and nobody hears of it
		}
		if how.lose {
			done(rec, errBroker)
			return
		}
		if !p.careless {
			p.w.take(rec)
		}
		time.Sleep(how.after)
		p.pass()
		if how.loseAnswer {
			done(rec, errBroker)
			return
		}
		done(rec, nil)
	})
}

func (w *world) take(rec stream.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.touch()
	if rec.Topic == schemas.TopicRejects {
		w.rejects = append(w.rejects, rec)
		return
	}
	if e, ours, err := standing.Decode(&rec); ours && err == nil {
		w.numberEvents = append(w.numberEvents, e)
		return
	}
	var r schemas.Result
	if err := schemas.Decode(&rec, &r); err != nil {
		w.fail("result: %v", err)
		return
	}
	w.results = append(w.results, &r)
}

func (p *process) Record(_ context.Context, partition stream.TopicPartition, offset int64) (rec stream.Record, found bool, err error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, r := range p.w.logs[partition] {
		if r.Offset == offset && r.Topic != "gap" {
			return r, true, nil
		}
	}
	return rec, false, nil
}

func (p *process) Content(_ context.Context, t schemas.TaskID, ref *schemas.BlobRef) (*schemas.Content, error) {
	time.Sleep(time.Millisecond)
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
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
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
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
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.rendered++
	if c.GetBody() == "" {
		return nil, &schemas.ContentError{Why: es.Say(es.BodyEmpty)}
	}
	return c.GetBody() + c.GetMedia().GetMediaId(), nil
}

// fail notes that something that must always hold does not. Under mu.
func (w *world) fail(format string, args ...any) {
	if len(w.broken) < 10 {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
	}
}

// definite are the verdicts after which a send may be called again.
func definite(v schemas.Verdict) bool {
	switch v {
	case schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictThrottled, schemas.VerdictPair, schemas.VerdictAccount, schemas.VerdictMedia:
		return true
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictLost:
	}
	return false
}

// Probe is a read-only call.
func (p *process) Probe(_ context.Context, sender string) schemas.Reply {
	p.pass()
	time.Sleep(time.Millisecond)
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
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
	p.pass()
	time.Sleep(p.idle)
	if p.isDead() {
		return schemas.Reply{Verdict: schemas.VerdictUnsent}
	}
	task, index, ok := schemas.ParseCallback(callback)
	c := &apiCall{who: who{task, index}, sender: sender, phone: phone, message: m.(string), process: p, at: time.Now()}
	var took time.Duration
	var r schemas.Reply
	w.lock(func() {
		if !ok {
			w.fail("callback data %q", callback)
		}
		w.check(c)
		w.timely(c, begins)
		w.calls = append(w.calls, c)
		w.busy[c.who]++
		w.attempts[c.who]++
		c.n = w.attempts[c.who]
		if w.latency != nil {
			took = w.latency(c)
		}
		r = schemas.Reply{Verdict: schemas.VerdictSent, WAMID: "wamid." + strconv.Itoa(len(w.calls))}
		if w.answer != nil {
			r = w.answer(c)
		}
		w.touch()
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
	p.pass()
	w.lock(func() {
		w.busy[c.who]--
		if !p.isDead() && definite(r.Verdict) {
			w.refused[c.who]++
		}
		w.touch()
	})
	return r
}

func (w *world) check(c *apiCall) {
	covered := false
	for _, at := range w.at[c.who] {
		pos, ok := w.committed[at.partition]
		covered = covered || ok && stateIn(pos, at.offset) != ledger.Free
	}
	if !covered {
		w.fail("%s calls %v, and nothing that is committed says so", c.process.name, c.index)
	}
	if w.resend[c.who] {
		return
	}
	if before := w.attempts[c.who]; before > w.refused[c.who] {
		w.fail("%s calls %v again, after %d calls of which %d were refused", c.process.name, c.index, before, w.refused[c.who])
	}
}

// timely holds a call to the times that its send has: nothing starts outside a window or after a deadline.
func (w *world) timely(c *apiCall, begins time.Time) {
	s := w.terms[c.who]
	if end := s.GetNotAfterMs(); end > 0 && begins.UnixMilli() > end {
		w.fail("%s calls %v at %v, after its end", c.process.name, c.index, begins)
	}
	if !s.GetWindow().Open(begins) {
		w.fail("%s calls %v at %v, outside its window", c.process.name, c.index, begins)
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
	log := w.logs[partition]
	for len(log) > 0 && log[len(log)-1].Topic == "gap" {
		log = log[:len(log)-1]
	}
	if len(log) == 0 {
		return true
	}
	pos, ok := w.committed[partition]
	_, runs, err := ledger.Decode(pos.Metadata, pos.Offset)
	return ok && err == nil && pos.Offset > log[len(log)-1].Offset && len(runs) == 0
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
