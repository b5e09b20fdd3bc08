//go:build linux

package chaos

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/schemas"
	"altavoz/stream"
)

const (
	sendPath   = "/api/messages/send-broadcast-interactive"
	statusPath = "/api/messages/task-status/"
	// backlog is how many recipients the load keeps waiting, so that calls are under way whatever breaks.
	backlog = 1500
	clients = 6
	// onePixel is a PNG; what stands behind its end makes another file of it.
	onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	images   = 6
)

// task is a broadcast that was accepted.
type task struct {
	id     schemas.TaskID
	via    string
	phones int
	resend bool
	done   atomic.Bool
	// cancelled: somebody asked for it, whatever was answered.
	cancelled atomic.Bool
	stops     []*stop // written by one goroutine, read when it is over
	sent      int     // recipients whose message the API accepted; the checker's
}

// draft is a broadcast to be sent.
type draft struct {
	body    map[string]any
	via     string // queued, direct, kafka, upstream
	phones  int
	resend  bool
	keyed   bool       // with an Idempotency-Key, or with a task id of its own
	repeats int        // how often it is sent again although it was accepted
	steer   *rand.Rand // not nil: it is paused, slowed or cancelled on its way
}

// load sends broadcasts for as long as its context lives.
type load struct {
	h       *deployment
	http    *http.Client
	kafka   *kgo.Client
	mu      sync.Mutex
	rand    *rand.Rand
	phone   int
	posted  atomic.Int64 // recipients of accepted broadcasts
	pending atomic.Int64 // of them not decided, as task-status said last
	unheard atomic.Int64 // requests without a key that got no answer: they may have been accepted
	refused atomic.Int64 // 503
	lists   atomic.Int64
	steers  sync.WaitGroup // tasks that are steered
}

func newLoad(h *deployment, seed uint64) (*load, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(h.brokers), kgo.RecordDeliveryTimeout(40*time.Second))
	if err != nil {
		return nil, err
	}
	return &load{h: h, http: &http.Client{Timeout: 40 * time.Second}, kafka: client, rand: rand.New(rand.NewPCG(seed, 1))}, nil
}

func (l *load) close() {
	l.kafka.Close()
	l.http.CloseIdleConnections()
}

// run keeps altavoz busy until ctx ends; what was begun then is ended.
func (l *load) run(ctx context.Context) {
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				if l.pending.Load() > backlog {
					if !pause(ctx, 50*time.Millisecond) {
						return
					}
					continue
				}
				l.send(ctx, l.draft())
			}
		})
	}
	wg.Go(func() {
		for pause(ctx, 500*time.Millisecond) {
			l.look(ctx)
		}
	})
	wg.Wait()
	l.steers.Wait()
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// draft makes up a broadcast: the seed says what of.
func (l *load) draft() *draft {
	l.mu.Lock()
	defer l.mu.Unlock()
	sizes := []int{1, 3, 12, 60, 100, 101, 250, 400, 1200}
	d := &draft{phones: sizes[l.rand.IntN(len(sizes))], resend: l.rand.IntN(8) == 0, keyed: l.rand.IntN(3) > 0}
	switch n := l.rand.IntN(10); {
	case n < 3:
		d.via, d.phones = "direct", 1+l.rand.IntN(20)
	case n < 5:
		d.via = "kafka"
		d.phones = min(d.phones, schemas.InlineRecipients)
		if l.rand.IntN(2) == 0 { // its id would be the relay's to make
			d.via, d.keyed = "upstream", true
		}
	default:
		d.via = "queued"
	}
	if d.keyed && l.rand.IntN(3) == 0 {
		d.repeats = 1
	}
	phones := make([]string, d.phones)
	for i := range phones {
		phones[i] = fmt.Sprintf("57300%07d", l.phone)
		l.phone++
	}
	if d.phones > 10 { // somebody whose phone is none, and somebody who is there twice
		phones[3], phones[7] = "12", phones[2]
	}
	d.body = map[string]any{
		"phones": phones, "body_text": "hola", "sender": numbers[l.rand.IntN(len(numbers))], "use_queue": d.via == "queued",
	}
	if d.resend {
		d.body["on_unknown"] = "resend"
	}
	if l.rand.IntN(3) == 0 {
		file, _ := base64.StdEncoding.DecodeString(onePixel)
		file = append(file, byte(l.rand.IntN(images)))
		d.body["header_type"], d.body["header_content"] = "image", "data:image/png;base64,"+base64.StdEncoding.EncodeToString(file)
	}
	if d.via == "queued" && d.phones >= steerable && l.rand.IntN(3) > 0 {
		d.steer = rand.New(rand.NewPCG(l.rand.Uint64(), 2))
	}
	l.lists.Add(1)
	return d
}

// send has one broadcast accepted, however long that takes where it has a key.
func (l *load) send(ctx context.Context, d *draft) {
	key := schemas.NewTaskID()
	for try := 0; ; try++ {
		id, again := l.once(ctx, d, key)
		if id != (schemas.TaskID{}) {
			t := &task{id: id, via: d.via, phones: d.phones, resend: d.resend}
			l.accepted(t)
			if d.steer != nil {
				l.steers.Go(func() { l.steer(ctx, t, d.steer) })
			}
			break
		}
		// One that got no answer and has no key may have been accepted: asking again would be another broadcast.
		if !again || !d.keyed {
			return
		}
		if try > 100 {
			l.h.fail("a broadcast of %d (%s) was not accepted in %d tries", d.phones, d.via, try)
			return
		}
		time.Sleep(300 * time.Millisecond) // beyond the end of ctx: what was begun is ended
	}
	for range d.repeats {
		l.once(ctx, d, key)
	}
}

func (l *load) accepted(t *task) {
	l.posted.Add(int64(t.phones))
	l.pending.Add(int64(t.phones))
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.h.tasks = append(l.h.tasks, t)
}

// once asks once, and returns the task where it was accepted, else whether it may be asked again.
func (l *load) once(ctx context.Context, d *draft, key schemas.TaskID) (id schemas.TaskID, again bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	switch d.via {
	case "kafka":
		return l.publish(ctx, d, schemas.TopicBroadcasts, key)
	case "upstream":
		return l.publish(ctx, d, l.h.upstream, key)
	}
	p := l.h.api(int(l.lists.Load()))
	if p == nil {
		return id, true
	}
	body, err := json.Marshal(d.body)
	if err != nil {
		l.h.fail("a draft: %v", err)
		return id, false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url()+sendPath, bytes.NewReader(body))
	if err != nil {
		l.h.fail("a draft: %v", err)
		return id, false
	}
	if d.keyed {
		req.Header.Set("Idempotency-Key", key.String())
	}
	resp, err := l.http.Do(req)
	if err != nil {
		if !d.keyed {
			l.unheard.Add(1)
		}
		return id, true
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		if !d.keyed {
			l.unheard.Add(1)
		}
		return id, true
	}
	return l.understand(d, resp, answer)
}

func (l *load) understand(d *draft, resp *http.Response, answer []byte) (id schemas.TaskID, again bool) {
	text := resp.Header.Get("Content-Location")
	var said struct {
		TaskID string `json:"task_id"`
		Result counts `json:"result"`
	}
	switch resp.StatusCode {
	case http.StatusAccepted, http.StatusOK:
		if err := json.Unmarshal(answer, &said); err != nil {
			l.h.fail("an answer: %v: %s", err, answer)
			return id, false
		}
		if said.TaskID != "" {
			text = said.TaskID
		}
		if r := said.Result; resp.StatusCode == http.StatusOK && (r.Total != d.phones || r.Successful+r.Failed != r.Total) {
			l.h.fail("the answer to %d phones: %s", d.phones, answer)
		}
		id, err := schemas.ParseTaskID(path.Base(text))
		if err != nil {
			l.h.fail("an answer without a task: %s %v %s", resp.Status, resp.Header, answer)
		}
		return id, false
	case http.StatusServiceUnavailable:
		l.refused.Add(1)
		return id, true
	default:
		l.h.fail("%s %s", resp.Status, answer)
		return id, false
	}
}

// publish writes it straight onto Kafka, as an upstream system does: to broadcasts, or to a topic of its own, from which the relay copies it.
func (l *load) publish(ctx context.Context, d *draft, topic stream.Topic, key schemas.TaskID) (id schemas.TaskID, again bool) {
	if d.keyed {
		d.body["task_id"] = key.String()
	}
	body, err := json.Marshal(d.body)
	if err != nil {
		l.h.fail("a draft: %v", err)
		return id, false
	}
	rec, err := l.kafka.ProduceSync(ctx, &kgo.Record{Topic: prefix + string(topic), Value: body}).First()
	if err != nil {
		if !d.keyed {
			l.unheard.Add(1)
		}
		return id, true
	}
	if d.keyed {
		return key, false
	}
	return schemas.TaskIDFromOrigin(string(topic), &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}), false
}

// counts is what task-status says of a task.
type counts struct {
	Total       int `json:"total"`
	Successful  int `json:"successful"`
	Failed      int `json:"failed"`
	Pending     int `json:"pending"`
	Skipped     int `json:"skipped"`
	Expired     int `json:"expired"`
	Cancelled   int `json:"cancelled"`
	Unknown     int `json:"unknown"`
	Undelivered int `json:"undelivered"`
	Delivered   int `json:"delivered"`
	Read        int `json:"read"`
}

type status struct {
	Status string `json:"status"`
	Why    string `json:"why"`
	Result counts `json:"result"`
}

// statusOf asks for a task's status.
func (l *load) statusOf(ctx context.Context, id schemas.TaskID) (s status, ok bool) {
	p := l.h.api(0)
	if p == nil {
		return s, false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url()+statusPath+id.String(), nil)
	if err != nil {
		return s, false
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return s, false
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&s) != nil {
		return s, false
	}
	if r := s.Result; r.Successful+r.Failed+r.Pending != r.Total {
		l.h.fail("task %s: %d + %d + %d is not %d", id, r.Successful, r.Failed, r.Pending, r.Total)
	}
	return s, true
}

func ended(s status) bool {
	return s.Status == "SUCCESS" || s.Status == "FAILURE" || s.Status == "REVOKED"
}

// look asks for the status of every open task, and returns those that are not at their end.
func (l *load) look(ctx context.Context) (open []string) {
	pending := int64(0)
	for _, t := range l.h.list() {
		if t.done.Load() || ctx.Err() != nil {
			continue
		}
		s, ok := l.statusOf(ctx, t.id)
		switch {
		case ok && ended(s):
			t.done.Store(true)
		case ok && s.Result.Total > 0:
			pending += int64(s.Result.Pending)
			open = append(open, fmt.Sprintf("%s (%s of %d): %+v", t.id, t.via, t.phones, s))
		default:
			pending += int64(t.phones)
			open = append(open, fmt.Sprintf("%s (%s of %d): %s, known %v", t.id, t.via, t.phones, strings.ToLower(s.Status), ok))
		}
	}
	if ctx.Err() == nil {
		l.pending.Store(pending)
	}
	return open
}

func (h *deployment) list() []*task {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*task(nil), h.tasks...)
}
