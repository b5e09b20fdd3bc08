package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"altavoz/producer"
)

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
