package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"altavoz/test/harness"
)

const (
	// warmSends are made before anything is measured, where a row does not say how many: connections are opened.
	warmSends = 20_000
	// Then warmClients make direct broadcasts, each of which brings a dozen Kafka requests, and the broker's JVM compiles what it needs: until its
	// compilers take less than warmCompilers of a core for warmSpan. After warmMost no other span begins.
	warmClients   = 8
	warmSpan      = 10 * time.Second
	warmMost      = 150 * time.Second
	warmCompilers = 0.05
	// slowest is a rate, in sends a second, below which a row without a rate of its own has failed.
	slowest = 500
	// roundTime is what a round may take beside its sends and its measured seconds.
	roundTime = 2 * time.Minute
)

// settings say how much is measured: BENCH_ROUNDS, BENCH_SECONDS, BENCH_PHONES.
type settings struct {
	rounds int
	span   time.Duration // of what is measured by time
	phones int           // 0: as many as the row has
}

// recipients is how many a row's broadcast has.
func (s settings) recipients(otherwise int) int { return cmp.Or(s.phones, otherwise) }

// figure is one number of a round.
type figure struct {
	name  string
	value float64
	goal  string // to reach; "": none
}

// measured is a row of the table: the figures of all rounds.
type measured struct {
	row       *row
	rounds    [][]figure
	failed    bool    // somebody was lost or called twice, or something else went wrong: no figure counts
	elsewhere float64 // part of the machine that other processes had: with much of it, figures say little
}

// BenchmarkTable prints the table of figures that a change to the path of a send is judged by. BENCH_ROW selects rows.
func BenchmarkTable(b *testing.B) {
	s := settings{
		rounds: setting(b, "BENCH_ROUNDS", 5), span: time.Duration(setting(b, "BENCH_SECONDS", 20)) * time.Second, phones: setting(b, "BENCH_PHONES", 0),
	}
	var all []*measured
	chosen, bin := selected(b, os.Getenv("BENCH_ROW")), harness.Binary(b, "BENCH_BINARY")
	for _, r := range chosen {
		m := &measured{row: r}
		all = append(all, m)
		m.failed = !b.Run(r.name, func(b *testing.B) { m.measure(b, bin, s) })
	}
	printTable(os.Stdout, s, all)
}

// setting is a number of the environment, above zero.
func setting(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%s is no number above zero", name, text)
	}
	return n
}

// selected are the rows of these names, separated by commas; without any, those that are always measured.
func selected(b *testing.B, names string) (chosen []*row) {
	b.Helper()
	all := rows()
	if names == "" {
		return slices.DeleteFunc(all, func(r *row) bool { return r.onlyNamed })
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(r *row) bool { return r.name == name })
		if i < 0 {
			known := make([]string, len(all))
			for i, r := range all {
				known[i] = r.name
			}
			b.Fatalf("there is no row %q, but %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen
}

// measure deploys altavoz once and makes the rounds. Whatever is lost, doubled or fails ends the row.
func (m *measured) measure(b *testing.B, bin string, s settings) {
	b.Helper()
	warm := min(cmp.Or(m.row.warm, warmSends), s.recipients(math.MaxInt))
	most := warmMost + warmSpan + time.Duration(warm)*time.Second/slowest
	most += time.Duration(s.rounds) * (roundTime + 4*s.span + time.Duration(m.row.sends(s))*time.Second/slowest)
	d := deploy(b, bin, m.row.setup, most)
	d.say("%s", m.row.what)
	d.finish(d.queue(warmNumber, warm, time.Time{}), followEvery)
	if d.broker != 0 {
		d.warmBroker()
	}
	elsewhere := d.others()
	for i := range s.rounds {
		figures := m.row.round(d, s)
		m.rounds = append(m.rounds, figures)
		text := make([]string, len(figures))
		for j, f := range figures {
			if text[j] = f.name + " " + short(f.value); f.value < 0 || math.IsNaN(f.value) || math.IsInf(f.value, 0) {
				b.Fatalf("got %s, want a figure", text[j])
			}
		}
		d.say("round %d of %d: %s", i+1, s.rounds, strings.Join(text, "; "))
	}
	m.elsewhere = elsewhere()
	if a := d.settle(fairSettle); a.Lost != 0 || a.Doubled != 0 || a.Failed != 0 || a.Unknown != 0 || a.Untold != 0 {
		b.Errorf("got %+v, want nobody lost, doubled, failed, unknown or untold", a)
	}
}

// warmBroker makes direct broadcasts until the broker's JVM has compiled what it needs for them. On a slow machine it may go on in the first round.
func (d *deployment) warmBroker() {
	d.b.Helper()
	for end := time.Now().Add(warmMost); time.Now().Before(end); {
		before := d.compilers()
		d.directsAtOnce(warmSpan)
		if took := d.compilers() - before; took < warmCompilers*warmSpan.Seconds() {
			return
		}
	}
}

// directsAtOnce has each of warmClients make direct broadcasts, one after the other.
func (d *deployment) directsAtOnce(span time.Duration) {
	d.b.Helper()
	var wg sync.WaitGroup
	end := time.Now().Add(span)
	for range warmClients {
		wg.Go(func() {
			for time.Now().Before(end) {
				if _, err := d.send(warmNumber, fairPhones, ""); err != nil {
					d.b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// spread is the median of values, the least and the most of them.
func spread(values []float64) (median, least, most float64) {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]
}

// short writes three digits that count.
func short(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// printTable writes the table for people and the line for machines.
func printTable(w io.Writer, s settings, all []*measured) {
	type line struct {
		Row    string    `json:"row"`
		Figure string    `json:"figure"`
		Median float64   `json:"median"`
		Rounds []float64 `json:"rounds"`
		Others float64   `json:"cpu_elsewhere"`
	}
	lines := []line{}
	fmt.Fprintf(w, "\nMedians of %d rounds. Others: the part of the machine that other processes had; with more than some per cent figures say little.\n\n"+
		"| row | figure | median | least, most | to reach | others |\n|---|---|---|---|---|---|\n", s.rounds)
	for _, m := range all {
		if m.failed {
			fmt.Fprintf(w, "| %s | FAILED | | | | |\n", m.row.name)
			continue
		}
		if len(m.rounds) < s.rounds {
			fmt.Fprintf(w, "| %s | NOT MEASURED | | | | |\n", m.row.name)
			continue
		}
		for i, f := range m.rounds[0] {
			l := line{Row: m.row.name, Figure: f.name, Others: m.elsewhere}
			for _, round := range m.rounds {
				l.Rounds = append(l.Rounds, round[i].value)
			}
			var least, most float64
			l.Median, least, most = spread(slices.Clone(l.Rounds))
			lines = append(lines, l)
			fmt.Fprintf(w, "| %s | %s | %s | %s, %s | %s | %.0f %% |\n", m.row.name, f.name, short(l.Median), short(least), short(most), f.goal, m.elsewhere*100)
		}
	}
	text, err := json.Marshal(map[string]any{"bench": "table", "rounds": s.rounds, "figures": lines})
	if err != nil {
		text = []byte(err.Error())
	}
	fmt.Fprintf(w, "\n%s\n", text)
}
