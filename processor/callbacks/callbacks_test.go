package callbacks_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/internal/logtest"
	"altavoz/internal/testio"
	"altavoz/processor/callbacks"
	"altavoz/processor/callbacks/sign"
	"altavoz/schemas"
	"altavoz/stream"
)

var (
	events0    = stream.TopicPartition{Topic: schemas.TopicEvents}
	callbacks0 = stream.TopicPartition{Topic: schemas.TopicCallbacks}
)

const key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // base64, 24 bytes

// posted is a callback that an endpoint took.
type posted struct {
	url, id string
	at      time.Time
}

// world is Kafka in memory, and the endpoints.
type world struct {
	*logtest.Broker
	t         *testing.T
	processes int
	age       time.Duration // of events when they are written

	mu       sync.Mutex
	answer   func(url string) (status int, wait time.Duration, err error)
	took     []posted
	tries    map[string]int // by URL
	underway map[string]int // by URL
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Broker: logtest.New(), t: t, tries: make(map[string]int), underway: make(map[string]int)}
	w.Failf = t.Errorf
	w.Log(events0)
	w.Log(callbacks0)
	w.answer = func(string) (int, time.Duration, error) { return http.StatusOK, 0, nil }
	return w
}

func (w *world) answers(f func(url string) (int, time.Duration, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = f
}

// Post is callbacks.Poster's: an endpoint that takes 50 ms, a slow one 9 s, and checks the signature.
func (w *world) Post(ctx context.Context, url string, h http.Header, body []byte) (int, time.Duration, error) {
	w.mu.Lock()
	w.underway[url]++
	w.tries[url]++
	answer := w.answer
	w.mu.Unlock()
	takes := 50 * time.Millisecond
	if strings.Contains(url, "//slow") {
		takes = 9 * time.Second
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.underway[url]--
	if ctx.Err() != nil {
		return 0, 0, ctx.Err()
	}
	id, at := h.Get("webhook-id"), h.Get("webhook-timestamp")
	raw, _ := base64.StdEncoding.DecodeString(key)
	mac := hmac.New(sha256.New, raw)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); h.Get("webhook-signature") != want {
		w.t.Errorf("signed %q, want %q", h.Get("webhook-signature"), want)
	}
	status, wait, err := answer(url)
	if err == nil && status == http.StatusOK {
		w.took = append(w.took, posted{url, id, time.Now()})
	}
	return status, wait, err
}

type process struct {
	*logtest.Member
	w   *world
	reg *prometheus.Registry
}

func (w *world) start() *process {
	w.processes++
	reg := prometheus.NewRegistry()
	m := w.Join(fmt.Sprint("p", w.processes), logtest.Options{InOrder: true, Batch: 50})
	secrets, err := sign.Parse("whsec_" + key)
	if err != nil {
		w.t.Fatal(err)
	}
	st := callbacks.New(
		callbacks.Config{Logger: slog.New(slog.DiscardHandler), Registerer: reg, Secrets: func() sign.Secrets { return secrets }},
		callbacks.Ports{Committer: m, Pauser: m, Log: m, Table: m, Poster: w},
	)
	m.Run(st)
	w.Lock()
	w.Regroup(m)
	w.Unlock()
	m.Assign(events0)
	return &process{m, w, reg}
}

func (p *process) crash() {
	p.Kill()
	p.end()
}

func (p *process) end() {
	p.ReleaseWrites()
	if err := p.End(context.Background()); err != nil {
		p.w.t.Error(err)
	}
}

func (p *process) leave() {
	p.Revoke(events0)
	p.end()
}

func taskNo(n int) string { return schemas.TaskIDFromKey("tests", fmt.Sprint(n)).String() }

// event appends the event of a task.
func (w *world) event(task, n int, url string) (id string) {
	id = fmt.Sprintf("%s-paused-%d", taskNo(task), n)
	rec := stream.Record{Topic: schemas.TopicEvents, Key: []byte(taskNo(task)), Value: []byte(`{"id":"` + id + `"}`), Time: time.Now().Add(-w.age)}
	if url != "" {
		rec.Headers = []stream.Header{
			{Key: schemas.CallbackHeader, Value: []byte(url)}, {Key: schemas.EventHeader, Value: []byte(id)}, {Key: schemas.OwnerHeader, Value: []byte("tienda")},
		}
	}
	w.Append(rec)
	return id
}

// got is what a URL took of a task, each id where it came first.
func (w *world) got(task int, url string) (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.took {
		if p.url == url && strings.HasPrefix(p.id, taskNo(task)) && !slices.Contains(ids, p.id) {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// left is the keys of the topic callbacks that have a value.
func (w *world) left() (keys []string) {
	last := make(map[string]bool)
	for _, rec := range w.All(callbacks0, 0) {
		last[string(rec.Key)] = len(rec.Value) > 0
	}
	for k, there := range last {
		if there {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const good, bad = "https://good.example/hook?x=1", "https://bad.example/hook"

// Crashes, handovers, lost writes, refused commits, and an endpoint that fails for ten minutes: no event is lost, those of a task come in order.
func TestSimulatedCallbacksLoseNoEventAndKeepTheOrderOfATask(t *testing.T) {
	t.Parallel()
	testio.Seeds(t, 40, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			rng := rand.New(rand.NewPCG(seed, 7))
			w.Seed(seed)
			down := time.Now().Add(10 * time.Minute)
			w.answers(func(url string) (int, time.Duration, error) {
				if url == bad && time.Now().Before(down) {
					return []int{500, 503, 404, 302, 0}[rand.IntN(5)], 0, []error{nil, errors.New("refused")}[rand.IntN(2)]
				}
				return http.StatusOK, 0, nil
			})
			p := w.start()
			want := make(map[int][]string)
			urls := []string{good, bad, ""}
			for n := range 300 {
				task := rng.IntN(12)
				id := w.event(task, n, urls[task%3])
				want[task] = append(want[task], id)
				switch rng.IntN(25) {
				case 0:
					p.crash()
					p = w.start()
				case 1:
					p.leave()
					p = w.start()
				case 2:
					p.OnWrite(func(stream.Record) logtest.Fault { return logtest.Fault{Lose: rand.IntN(3) == 0} })
				case 3:
					p.OnWrite(nil)
				}
				settle(time.Duration(rng.IntN(5000)) * time.Millisecond)
			}
			p.OnWrite(nil)
			settle(40 * time.Minute)
			for task, ids := range want {
				url := urls[task%3]
				if got := w.got(task, url); url != "" && !slices.Equal(got, ids) {
					t.Errorf("%s got %v of task %d, want %v", url, got, task, ids)
				}
			}
			if left := w.left(); len(left) > 0 {
				t.Errorf("%v are left in callbacks, want none", left)
			}
			w.Lock()
			at, end := w.Position(events0).Offset, w.Broker.Log(events0).End()
			w.Unlock()
			if at != end {
				t.Errorf("committed %d of %d", at, end)
			}
			p.leave()
		})
	})
}

// Offsets of events are committed and others are posted at once, while an endpoint is dead.
func TestDeadEndpointDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(func(url string) (int, time.Duration, error) {
			if url == bad {
				return 0, 0, errors.New("refused")
			}
			return http.StatusOK, 0, nil
		})
		p := w.start()
		defer func() { p.leave() }()
		for n := range 1000 {
			w.event(n%100, n, bad)
		}
		settle(time.Minute)
		id := w.event(200, 1, good)
		settle(time.Second)
		if got := w.got(200, good); !slices.Equal(got, []string{id}) {
			t.Errorf("the good endpoint got %v within a second, want %s", got, id)
		}
		w.Lock()
		at, end := w.Position(events0).Offset, w.Broker.Log(events0).End()
		w.Unlock()
		if at != end {
			t.Errorf("committed %d of %d", at, end)
		}
		w.mu.Lock()
		tries := w.tries[bad]
		w.mu.Unlock()
		if tries > 20 {
			t.Errorf("the dead endpoint was tried %d times in a minute, want waits that grow", tries)
		}
	})
}

// What is not committed is not lost: the offset of an event is committed once it is in the topic callbacks.
func TestEventIsCommittedOnceItIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start()
		p.OnWrite(func(stream.Record) logtest.Fault { return logtest.Fault{Lose: true} })
		id := w.event(1, 1, good)
		settle(10 * time.Second)
		w.Lock()
		at := w.Position(events0).Offset
		w.Unlock()
		if at > 0 {
			t.Errorf("committed %d and nothing is kept", at)
		}
		p.crash()
		p = w.start()
		settle(10 * time.Second)
		if got := w.got(1, good); !slices.Equal(got, []string{id}) {
			t.Errorf("got %v, want %s", got, id)
		}
		p.leave()
	})
}

// A day of trying, then it is given up; after five days without a success the endpoint is off, also for the next owner of the partition, until a
// probe succeeds.
func TestEndpointThatFailsForFiveDaysIsSwitchedOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		status := http.StatusInternalServerError
		w.answers(func(string) (int, time.Duration, error) { return status, 0, nil })
		p := w.start()
		w.event(1, 1, bad)
		settle(25 * time.Hour)
		if left := w.left(); !slices.Equal(left, []string{"endpoint/https://bad.example tienda"}) {
			t.Fatalf("%v are left after a day, want the endpoint alone", left)
		}
		if n := value(t, p.reg, "altavoz_callbacks_total", "expired"); n != 1 {
			t.Errorf("%v expired, want 1", n)
		}
		for day := range 5 {
			w.event(2, day, bad)
			settle(25 * time.Hour)
		}
		if n := value(t, p.reg, "altavoz_callbacks_endpoints", "off"); n != 1 {
			t.Fatalf("%v endpoints are off after five days, want 1", n)
		}
		p.crash()
		p = w.start()
		settle(2 * time.Second)
		w.mu.Lock()
		clear(w.tries)
		w.mu.Unlock()
		for n := range 10 {
			w.event(3, n, bad)
		}
		settle(30 * time.Minute)
		w.mu.Lock()
		tries := w.tries[bad]
		w.mu.Unlock()
		if tries > 1 {
			t.Errorf("%d of 10 events were tried of an endpoint that is off, want one at most", tries)
		}
		status = http.StatusOK
		settle(2 * time.Hour)
		probe := w.event(4, 1, bad)
		settle(10 * time.Second)
		next := w.event(5, 1, bad)
		settle(10 * time.Second)
		if a, b := w.got(4, bad), w.got(5, bad); !slices.Equal(a, []string{probe}) || !slices.Equal(b, []string{next}) {
			t.Errorf("got %v and %v once it works, want %s and %s", a, b, probe, next)
		}
		if left := w.left(); len(left) > 0 {
			t.Errorf("%v are left, want none", left)
		}
		p.leave()
	})
}

// Who names ever new endpoints that fail fills neither memory nor the topic.
func TestEndpointsThatFailAreRememberedUpToABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(func(string) (int, time.Duration, error) { return http.StatusServiceUnavailable, time.Hour, nil })
		time.Sleep(24 * time.Hour)
		w.age = 23 * time.Hour
		p := w.start()
		const names = 10_100
		for n := range names {
			w.event(n, 1, fmt.Sprintf("https://%d.example/", n))
		}
		settle(3 * time.Hour)
		if n := len(w.left()); n > 10_001 {
			t.Errorf("%d endpoints are remembered, want 10,000", n)
		}
		if n := value(t, p.reg, "altavoz_callbacks_total", "expired"); n != names {
			t.Errorf("%v expired, want %d", n, names)
		}
		p.leave()
	})
}

// 410 ends it at once, and Retry-After is obeyed.
func TestAnswersOfAnEndpointAreObeyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers(func(url string) (int, time.Duration, error) {
			if url == bad {
				return http.StatusGone, 0, nil
			}
			return http.StatusTooManyRequests, 30 * time.Minute, nil
		})
		p := w.start()
		w.event(1, 1, bad)
		w.event(2, 1, good)
		settle(29 * time.Minute)
		w.mu.Lock()
		if w.tries[bad] != 1 || w.tries[good] != 1 {
			t.Errorf("tried %v, want once each", w.tries)
		}
		w.mu.Unlock()
		settle(2 * time.Minute)
		w.mu.Lock()
		if w.tries[bad] != 1 || w.tries[good] != 2 {
			t.Errorf("tried %v, want the second again", w.tries)
		}
		w.mu.Unlock()
		if n := value(t, p.reg, "altavoz_callbacks_total", "gone"); n != 1 {
			t.Errorf("%v gone, want 1", n)
		}
		p.leave()
	})
}

// value is that of a metric with a label of that value.
func value(t *testing.T, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetValue() == label {
					return m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return 0
}
