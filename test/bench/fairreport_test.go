package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"altavoz/producer"
)

// followEvery is how often the status of a task is asked for; it is written every 150 ms while the task is busy.
const followEvery = 100 * time.Millisecond

// followed is a task and how many of its recipients were sent to, over time.
type followed struct {
	f    *fairDeployment
	quit chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	at    []time.Time
	sent  []int
	ended bool
}

func (f *fairDeployment) follow(task string) *followed {
	t := &followed{f: f, quit: make(chan struct{}), at: []time.Time{time.Now()}, sent: []int{0}}
	t.done.Go(func() {
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-t.quit:
				return
			case <-f.ctx.Done():
				return
			case <-tick.C:
			}
			s, err := f.status(task)
			if err != nil {
				f.b.Error(err)
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
	t.f.b.Helper()
	for t.upTo(time.Now()) <= fairFirst && !t.over() {
		t.f.sleep(followEvery)
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

// at is the time within which a part of them was over.
func (s series) at(part float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

var fairParts = [...]float64{.50, .95, .99}

// latencies are those of direct broadcasts, and of bare calls to as many phones at the same time.
type latencies struct {
	made, queued  int
	altavoz, bare series
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

type shareReport struct {
	Rates         [2]float64   `json:"rates"`
	Off           float64      `json:"off"`
	WorstOff      float64      `json:"worst_off"` // in one bucket
	BucketSeconds float64      `json:"bucket_seconds"`
	Buckets       [][2]float64 `json:"buckets"` // from the first one's start
}

// beside is a rate without and with something beside it.
type beside struct {
	Before float64 `json:"before"`
	Beside float64 `json:"beside"`
}

func (b beside) ratio() float64 {
	if b.Before == 0 {
		return 0
	}
	return b.Beside / b.Before
}

// fairReport is what a run came to.
type fairReport struct {
	Bench         string      `json:"bench"`
	Phones        int         `json:"phones"`
	Seconds       int         `json:"seconds"`
	Alone         latencies   `json:"direct_alone"`
	Million       latencies   `json:"direct_beside_big"`
	MillionRate   float64     `json:"big_rate"`
	Small         latencies   `json:"direct_beside_small"`
	Smalls        int         `json:"small"`
	SmallsWaiting int         `json:"small_waiting"`
	SmallRate     float64     `json:"big_rate_beside_small"`
	Shares        shareReport `json:"shares"`
	Fast          beside      `json:"fast_rate"`
	SlowRate      float64     `json:"slow_rate"`
	Running       beside      `json:"running_rate"`
	BeforeStop    latencies   `json:"direct_before_stop"`
	BesideStop    latencies   `json:"direct_beside_stop"`
	Account       account     `json:"account"`
	Elsewhere     float64     `json:"cpu_elsewhere"` // part of the machine that other processes had: with much of it, figures say little
}

// print writes the table for people and the line for machines.
func (r *fairReport) print(w io.Writer) {
	fmt.Fprintf(w, "\n| what | altavoz | beside it | ratio |\n|---|---|---|---|\n")
	row := func(what, ours, beside, ratio string) {
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", what, ours, beside, ratio)
	}
	direct := func(what string, l latencies) {
		ours := ms(l.times(l.altavoz))
		if l.queued > 0 {
			ours += fmt.Sprintf(" (%d of %d not within %s)", l.queued, l.made, producer.DefaultDirectTimeout)
		}
		x := l.ratios()
		row(what, ours, "bare loop "+ms(l.times(l.bare)), fmt.Sprintf("%.1f, %.1f, %.1f", x[0], x[1], x[2]))
	}
	direct(fmt.Sprintf("direct broadcasts to %d phones, nothing else: p50, p95, p99", fairPhones), r.Alone)
	direct(fmt.Sprintf("while one to %d phones goes out, at %.0f a second", r.Phones, r.MillionRate), r.Million)
	direct(fmt.Sprintf("and %d to %d phones each are queued (%d wait), the big one at %.0f a second", r.Smalls, fairSmall, r.SmallsWaiting, r.SmallRate), r.Small)
	s := r.Shares
	row("two equal tasks of one number", fmt.Sprintf("%.0f and %.0f a second", s.Rates[0], s.Rates[1]), "half each",
		fmt.Sprintf("off by %.1f %%; worst %.0f s %.1f %%", s.Off*100, s.BucketSeconds, s.WorstOff*100))
	buckets := make([]string, len(s.Buckets))
	for i, b := range s.Buckets {
		buckets[i] = fmt.Sprintf("%.0f + %.0f", b[0], b[1])
	}
	row(fmt.Sprintf("their rates, every %.0f s", s.BucketSeconds), strings.Join(buckets, ", "), "", "")
	row(fmt.Sprintf("a number at %d a second beside a slow one (%.0f a second)", fairFastRate, r.SlowRate), fmt.Sprintf("%.0f a second", r.Fast.Beside),
		fmt.Sprintf("%.0f alone", r.Fast.Before), fmt.Sprintf("%.2f", r.Fast.ratio()))
	row("a number beside one that was stopped", fmt.Sprintf("%.0f a second", r.Running.Beside),
		fmt.Sprintf("%.0f before", r.Running.Before), fmt.Sprintf("%.2f", r.Running.ratio()))
	direct("direct broadcasts on that number before", r.BeforeStop)
	direct("and beside the stopped one", r.BesideStop)
	a := r.Account
	row("lost, doubled", fmt.Sprintf("%d, %d", a.Lost, a.Doubled), fmt.Sprintf("%d recipients: %d sent, %d expired, %d unknown, %d failed; %d sent of requests refused with 503",
		a.Recipients, a.Sent, a.Expired, a.Unknown, a.Failed, a.Untold), "")
	row("of the machine, other processes had", fmt.Sprintf("%.0f %%", r.Elsewhere*100), "", "")
	line, err := json.Marshal(r)
	if err != nil {
		line = []byte(err.Error())
	}
	fmt.Fprintf(w, "\n%s\n", line)
}

func ms(t [len(fairParts)]float64) string {
	return fmt.Sprintf("%.0f, %.0f, %.0f ms", t[0], t[1], t[2])
}

// judge fails for what is wrong in kind.
func (r *fairReport) judge(b *testing.B) {
	b.Helper()
	most := max(fairDirectMost, fairDirectTimes*r.Alone.altavoz.at(.99))
	for what, l := range map[string]latencies{"alone": r.Alone, "beside the big one": r.Million, "before the stop": r.BeforeStop, "beside the stopped number": r.BesideStop} {
		if p := l.altavoz.at(.99); p > most || len(l.altavoz) == 0 {
			b.Errorf("direct broadcasts %s waited behind others: %s at p99 of %d", what, p, len(l.altavoz))
		}
	}
	if r.Shares.Off > fairOffMost {
		b.Errorf("two equal tasks got %.0f and %.0f a second", r.Shares.Rates[0], r.Shares.Rates[1])
	}
	for what, x := range map[string]beside{"slow": r.Fast, "stopped": r.Running} {
		if x.ratio() < 1-fairOffMost {
			b.Errorf("a number went at %.0f a second beside a %s one, and at %.0f without", x.Beside, what, x.Before)
		}
	}
	if a := r.Account; a.Lost != 0 || a.Doubled != 0 || a.Failed != 0 || a.Untold != 0 {
		b.Errorf("got %+v, want nobody lost, doubled, failed or untold", a)
	}
}
