package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"altavoz/producer"
)

// followEvery is how often the status of a task is asked for; it is written every 150 ms while the task is busy.
const followEvery = 100 * time.Millisecond

// followed is a task and how many of its recipients were sent to, over time.
type followed struct {
	d    *deployment
	quit chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	at    []time.Time
	sent  []int
	ended bool
}

func (d *deployment) follow(task string) *followed {
	t := &followed{d: d, quit: make(chan struct{}), at: []time.Time{time.Now()}, sent: []int{0}}
	t.done.Go(func() {
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-t.quit:
				return
			case <-d.ctx.Done():
				return
			case <-tick.C:
			}
			s, err := d.status(task)
			if err != nil {
				d.b.Error(err)
				return
			}
			t.mu.Lock()
			t.at, t.sent = append(t.at, time.Now()), append(t.sent, s.Result.Successful)
			t.ended = s.Status == "SUCCESS" || s.Status == "FAILURE"
			t.mu.Unlock()
		}
	})
	return t
}

func (t *followed) stop() {
	close(t.quit)
	t.done.Wait()
}

func (t *followed) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

// awaitFlow waits until more than the first recipients were sent to: those of a long list go alone, until it is known what
// becomes of them.
func (t *followed) awaitFlow() {
	t.d.b.Helper()
	for t.upTo(time.Now()) <= fairFirst && !t.over() {
		t.d.sleep(followEvery)
	}
}

// upTo is how many were sent to by then, on a straight line between two answers.
func (t *followed) upTo(at time.Time) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, _ := slices.BinarySearchFunc(t.at, at, time.Time.Compare)
	if i == 0 || i == len(t.at) {
		return float64(t.sent[max(0, i-1)])
	}
	part := at.Sub(t.at[i-1]).Seconds() / t.at[i].Sub(t.at[i-1]).Seconds()
	return float64(t.sent[i-1]) + part*float64(t.sent[i]-t.sent[i-1])
}

func (t *followed) rate(from, to time.Time) float64 {
	return (t.upTo(to) - t.upTo(from)) / to.Sub(from).Seconds()
}

// series is how long each of many took.
type series []time.Duration

// at is the time within which a part of them was over, of at least one.
func (s series) at(part float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

var fairParts = [...]float64{.50, .95, .99}

// latencies are those of direct broadcasts, and of bare calls to as many phones at the same time.
type latencies struct {
	made, queued  int
	altavoz, bare series
}

// complete returns an error if one of the series is empty: it has no median, and 0 would look like a goal reached.
func (l latencies) complete() error {
	if len(l.altavoz) == 0 || len(l.bare) == 0 {
		return fmt.Errorf("%d direct broadcasts and %d bare calls were measured: what they were to go beside was over before (more PHONES or fewer SECONDS)", len(l.altavoz), len(l.bare))
	}
	return nil
}

func (l latencies) times(s series) (ms [len(fairParts)]float64) {
	for i, part := range fairParts {
		ms[i] = float64(s.at(part).Microseconds()) / 1000
	}
	return ms
}

func (l latencies) ratios() (out [len(fairParts)]float64) {
	a, b := l.times(l.altavoz), l.times(l.bare)
	for i := range out {
		if b[i] > 0 {
			out[i] = a[i] / b[i]
		}
	}
	return out
}

// MarshalJSON tells p50, p95 and p99 of each, in milliseconds.
func (l latencies) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"made": l.made, "queued": l.queued, "ms": l.times(l.altavoz), "bare_ms": l.times(l.bare), "ratio": l.ratios(),
	})
}

// sleep lets time pass, unless the bench's is over.
func (d *deployment) sleep(span time.Duration) {
	d.b.Helper()
	select {
	case <-time.After(span):
	case <-d.ctx.Done():
		d.b.Fatal(context.Cause(d.ctx))
	}
}

func always() bool { return true }

// directs makes direct broadcasts for a while, and calls of the bare loop between them.
func (d *deployment) directs(sender string, span time.Duration, going func() bool) (l latencies) {
	d.b.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	note := func(into *series, took time.Duration) {
		mu.Lock()
		*into = append(*into, took)
		mu.Unlock()
	}
	// From when it was to begin, whether or not those before it are over.
	const every = time.Second / fairDirects
	for began := time.Now(); time.Since(began) < span && going(); {
		at := began.Add(time.Duration(l.made) * every)
		d.sleep(time.Until(at))
		l.made++
		wg.Go(func() {
			task, err := d.send(sender, fairPhones, "")
			if err != nil {
				d.b.Error(err)
				return
			}
			took := time.Since(at)
			if task != "" { // it was not over when patience was, or nobody had any
				took = max(took, producer.DefaultDirectTimeout)
				mu.Lock()
				l.queued++
				mu.Unlock()
			}
			note(&l.altavoz, took)
		})
		wg.Go(func() {
			time.Sleep(every / 2)
			if err := d.bareThree(); err != nil {
				d.b.Error(err)
				return
			}
			note(&l.bare, time.Since(at.Add(every/2)))
		})
	}
	wg.Wait()
	if err := l.complete(); err != nil {
		d.b.Fatal(err)
	}
	return l
}
