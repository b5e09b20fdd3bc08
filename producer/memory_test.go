package producer_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"altavoz/internal/testio"
	"altavoz/producer"
	"altavoz/producer/access"
	"altavoz/producer/dryrun"
	"altavoz/producer/export"
	"altavoz/producer/history"
	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/schemas/request"
	"altavoz/schemas/standing"
	"altavoz/stream"
	"altavoz/test/contract"
	"altavoz/whatsapp"
	"altavoz/whatsapp/marketing"
)

var (
	errFull       = fmt.Errorf("buffers are full: %w", stream.ErrNotWritten)
	errUnanswered = errors.New("no answer")
)

// harness is an ingress with a log and a view in memory. What would happen behind the log is a function of the test's.
type harness struct {
	*producer.Ingress
	t   *testing.T
	log *memoryLog
	view
	numbers   numbers
	files     files
	people    book
	templates catalogue
	handler   http.Handler
	reg       *prometheus.Registry
}

func setup(t *testing.T, cfg producer.Config) *harness {
	t.Helper()
	h := &harness{t: t, log: &memoryLog{}, view: newView(), numbers: numbers{ready: make(chan struct{})}, people: book{set: optout.NewSet(optout.MaxPairs)}, reg: prometheus.NewRegistry()}
	close(h.ready)
	close(h.numbers.ready)
	cfg.Registerer = h.reg
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h.Ingress = producer.New(cfg, producer.Ports{
		Log: h.log, Statuses: &h.view, Tasks: &h.view, Numbers: &h.numbers, Prices: &h.numbers, Webhooks: meta{}, OptOuts: &h.people, Templates: &h.templates,
		Recipients: export.Source{Records: h.log, Home: func(stream.Topic, []byte) int32 { return marksPartition }, Region: "CO"},
		DryRuns:    dryrun.Ports{Render: whatsapp.Renderer(func(string) marketing.Setting { return marketing.Setting{} }), Media: &h.files, Region: "CO"},
		Sends:      history.Source{Records: h.log, Home: sendsHome, Region: "CO"},
	})
	h.handler = h.Handler()
	return h
}

// keys are those of the short form, as a service that does not read them again has them.
func keys(t *testing.T, short schemas.Secret) func() *access.Table {
	t.Helper()
	callers, err := access.ParseShort(short)
	if err != nil {
		t.Fatal(err)
	}
	table, err := access.NewTable(callers...)
	if err != nil {
		t.Fatal(err)
	}
	return func() *access.Table { return table }
}

// post returns the code and the body of the answer, and its header.
func (h *harness) post(body string, headers ...string) (int, string, http.Header) {
	h.t.Helper()
	return h.do(http.MethodPost, request.PathSend, strings.NewReader(body), headers...)
}

func (h *harness) get(path string) (int, string, http.Header) {
	h.t.Helper()
	return h.do(http.MethodGet, path, nil)
}

func (h *harness) do(method, path string, body io.Reader, headers ...string) (int, string, http.Header) {
	h.t.Helper()
	req := httptest.NewRequestWithContext(h.t.Context(), method, path, body)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, req)
	if path != "/readyz" { // a process answers that itself
		if err := contract.Check(method, req.URL.Path, w.Code, w.Header(), w.Body.Bytes()); err != nil {
			h.t.Error(err)
		}
	}
	return w.Code, w.Body.String(), w.Header()
}

// finishing lets every broadcast end as soon as its plan is published: sent, but for those who are no phone.
func (h *harness) finishing() {
	h.log.after = func(rec stream.Record) {
		if s := statusOf(h.t, rec); s != nil {
			s.Cursor, s.FinishedMs = s.GetPlan().GetTotal(), 1
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: s.GetPlan().GetTotal()}}
			h.put(s)
		}
	}
}

// planning shows every plan, and nothing more.
func (h *harness) planning() {
	h.log.after = func(rec stream.Record) {
		if s := statusOf(h.t, rec); s != nil {
			h.put(s)
		}
	}
}

// statusOf is the first status of a record that is a plan, or nil.
func statusOf(t *testing.T, rec stream.Record) *schemas.Status {
	t.Helper()
	if rec.Topic != schemas.TopicResults {
		return nil
	}
	r := &schemas.Result{}
	if err := schemas.Decode(&rec, r); err != nil {
		t.Fatal(err)
	}
	return &schemas.Status{Task: r.GetTask(), Version: 1, Plan: r.GetPlan()}
}

// memoryLog is a log of four partitions a topic.
type memoryLog struct {
	mu     sync.Mutex
	recs   []stream.Record
	ends   map[stream.TopicPartition]int64
	err    map[stream.Topic]error    // what publishing to a topic ends in
	before func(ctx context.Context) // runs before records are taken
	after  func(stream.Record)       // runs when one was taken
	forget bool                      // keep no values
	reads  func(ctx context.Context) // runs before a slice is read
}

// marksPartition is where the states of all tasks lie.
const marksPartition = 2

func (l *memoryLog) Record(ctx context.Context, p stream.TopicPartition, offset int64) (stream.Record, error) {
	if l.reads != nil && p.Topic == schemas.TopicBlobs {
		l.reads(ctx)
	}
	for _, r := range l.of(p.Topic) {
		if r.Partition == p.Partition && r.Offset == offset {
			return r, ctx.Err()
		}
	}
	return stream.Record{}, stream.ErrGone
}

func (l *memoryLog) Records(ctx context.Context, p stream.TopicPartition, offsets []int64, each func(stream.Record) error) error {
	for _, o := range offsets {
		rec, err := l.Record(ctx, p, o)
		if err == nil {
			err = each(rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *memoryLog) Range(ctx context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error {
	if l.reads != nil && p.Topic == schemas.TopicSendsBulk {
		l.reads(ctx)
	}
	for _, r := range l.of(p.Topic) {
		if r.Partition == p.Partition && r.Offset >= from && r.Offset < to {
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// sendsHome is where the log puts a record, but for marks.
func sendsHome(t stream.Topic, key []byte) int32 {
	if t == schemas.TopicResults {
		return marksPartition
	}
	h := fnv.New32a()
	h.Write(key)
	return int32(h.Sum32() % 4)
}

func (l *memoryLog) Starts(context.Context, stream.Topic) (map[int32]int64, error) {
	return map[int32]int64{}, nil
}

func (l *memoryLog) Ends(_ context.Context, t stream.Topic) (map[int32]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := make(map[int32]int64)
	for p, end := range l.ends {
		if p.Topic == t {
			ends[p.Partition] = end
		}
	}
	return ends, nil
}

func (l *memoryLog) Publish(ctx context.Context, recs ...stream.Record) ([]stream.Record, error) {
	if l.before != nil {
		l.before(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]stream.Record, len(recs))
	for i, r := range recs {
		if err := l.err[r.Topic]; err != nil {
			return nil, err
		}
		out[i] = l.take(r)
		if l.after != nil {
			l.after(out[i])
		}
	}
	return out, nil
}

func (l *memoryLog) take(r stream.Record) stream.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends == nil {
		l.ends = map[stream.TopicPartition]int64{}
	}
	switch r.Topic {
	case schemas.TopicControls: // which has one partition
		r.Partition = 0
	case schemas.TopicMarks: // which lie where the results of their task do
		r.Partition = marksPartition
	default:
		r.Partition = sendsHome(r.Topic, r.Key)
	}
	slot := stream.TopicPartition{Topic: r.Topic, Partition: r.Partition}
	r.Offset = l.ends[slot]
	l.ends[slot] = r.Offset + 2 // as where a transaction or another writer came between
	if l.forget {
		r.Value = nil
	}
	l.recs = append(l.recs, r)
	return r
}

// of returns the records of a topic.
func (l *memoryLog) of(topic stream.Topic) []stream.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []stream.Record
	for _, r := range l.recs {
		if r.Topic == topic {
			out = append(out, r)
		}
	}
	return out
}

// at returns the blobs that ref points at.
func (l *memoryLog) at(t *testing.T, ref *schemas.BlobRef) []stream.Record {
	t.Helper()
	var out []stream.Record
	for _, o := range ref.Offsets() {
		for _, r := range l.of(schemas.TopicBlobs) {
			if r.Partition == ref.GetPartition() && r.Offset == o {
				out = append(out, r)
			}
		}
	}
	if len(out) != len(ref.Offsets()) {
		t.Fatalf("%d of %d blobs found", len(out), len(ref.Offsets()))
	}
	return out
}

// broadcast returns the only broadcast.
func (l *memoryLog) broadcast(t *testing.T) *schemas.Broadcast {
	t.Helper()
	recs := l.of(schemas.TopicBroadcasts)
	if len(recs) != 1 {
		t.Fatalf("%d broadcasts, want 1", len(recs))
	}
	b := &schemas.Broadcast{}
	if err := schemas.Decode(&recs[0], b); err != nil {
		t.Fatal(err)
	}
	return b
}

// numbers is what was said of sender numbers.
type numbers struct {
	ready  chan struct{}
	said   map[string]standing.State
	priced map[string][]*schemas.PriceCount
}

func (n *numbers) Priced(number string, _ int64) []*schemas.PriceCount { return n.priced[number] }

func (n *numbers) Number(id string) standing.State { return n.said[id] }

func (n *numbers) CaughtUp() <-chan struct{} { return n.ready }

// view is a table of statuses.
type view struct {
	mu       *sync.Mutex
	statuses map[schemas.TaskID]*schemas.Status
	old      map[schemas.TaskID]*schemas.Status // not in memory; nil: can't be read
	watchers map[chan struct{}]schemas.TaskID
	ready    chan struct{}
	watched  chan schemas.TaskID // told of every Watch, where it is made
}

func newView() view {
	return view{
		mu: &sync.Mutex{}, statuses: map[schemas.TaskID]*schemas.Status{}, watchers: map[chan struct{}]schemas.TaskID{},
		ready: make(chan struct{}),
	}
}

func (v *view) put(s *schemas.Status) {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := schemas.TaskID(s.GetTask())
	v.statuses[id] = proto.CloneOf(s)
	for c, t := range v.watchers {
		if t == id {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}

func (v *view) Get(t schemas.TaskID) (*schemas.Status, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s, ok := v.statuses[t]
	return s, ok
}

// evict takes a task out of memory. It is found all the same, if it can be read.
func (v *view) evict(t schemas.TaskID, readable bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.old == nil {
		v.old = make(map[schemas.TaskID]*schemas.Status)
	}
	if v.old[t] = nil; readable {
		v.old[t] = v.statuses[t]
	}
	delete(v.statuses, t)
}

var errUnread = errors.New("it can't be read")

func (v *view) Find(_ context.Context, t schemas.TaskID) (*schemas.Status, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s, ok := v.old[t]; ok && s == nil {
		return nil, errUnread
	} else if ok {
		return s, nil
	}
	return v.statuses[t], nil
}

func (v *view) Each(each func(schemas.TaskID, *schemas.Status) bool) {
	v.mu.Lock()
	all := maps.Clone(v.statuses)
	v.mu.Unlock()
	for id, s := range all {
		if !each(id, s) {
			return
		}
	}
}

func (v *view) Recipients(owner string, atMs int64) (sum uint64) {
	const day = 24 * 60 * 60 * 1000
	v.Each(func(_ schemas.TaskID, s *schemas.Status) bool {
		if p := s.GetPlan(); p.GetOwner() == owner && p.GetAcceptedMs()/day == atMs/day {
			sum += uint64(p.GetTotal())
		}
		return true
	})
	return sum
}

func (v *view) Finished(t schemas.TaskID) bool {
	s, ok := v.Get(t)
	return ok && s.GetFinishedMs() != 0
}

func (v *view) Watch(t schemas.TaskID) (<-chan struct{}, func()) {
	v.mu.Lock()
	c := make(chan struct{}, 1)
	v.watchers[c] = t
	v.mu.Unlock()
	if v.watched != nil {
		v.watched <- t
	}
	return c, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.watchers, c)
	}
}

func (v *view) CaughtUp() <-chan struct{} { return v.ready }

// dial connects to a server within the process, whose deadlines follow the bubble's clock.
func dial(t *testing.T, l *testio.Pipes) net.Conn {
	t.Helper()
	conn, err := l.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
