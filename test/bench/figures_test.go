package bench

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// TestNothingMeasuredIsNoFigure: a series without values has no median.
func TestNothingMeasuredIsNoFigure(t *testing.T) {
	t.Parallel()
	some := series{time.Millisecond}
	for name, c := range map[string]struct {
		l        latencies
		complete bool
	}{
		"no broadcast": {latencies{bare: some}, false},
		"no bare call": {latencies{altavoz: some}, false},
		"both":         {latencies{altavoz: some, bare: some}, true},
	} {
		if err := c.l.complete(); (err == nil) != c.complete {
			t.Errorf("%s: got %v, want complete %v", name, err, c.complete)
		}
	}
}

// TestProcessThatDiedFailsTheBench: only a machine that has no times of processes is passed over.
func TestProcessThatDiedFailsTheBench(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct {
		pid    int
		failed bool
	}{"this one": {os.Getpid(), false}, "none": {math.MaxInt32, true}} {
		var failed, skipped bool
		testing.Benchmark(func(b *testing.B) {
			b.Helper()
			defer func() { failed, skipped = b.Failed(), b.Skipped() }()
			cpuSeconds(b, c.pid)
		})
		if failed != c.failed || skipped {
			t.Errorf("%s: failed %v, skipped %v; want failed %v", name, failed, skipped, c.failed)
		}
	}
}

// TestRowThatFailedHasNoFigures: whoever reads the table must not take a row for a goal reached in which somebody was lost.
func TestRowThatFailedHasNoFigures(t *testing.T) {
	t.Parallel()
	rounds := [][]figure{{{"rate", 4321, ">= 1"}}}
	for name, c := range map[string]struct {
		m    measured
		want string
		has  bool
	}{
		"measured":     {measured{rounds: rounds}, "| kafka | rate | 4321 |", true},
		"failed":       {measured{rounds: rounds, failed: true}, "| kafka | FAILED |", false},
		"not measured": {measured{}, "| kafka | NOT MEASURED |", false},
	} {
		c.m.row = &row{name: "kafka"}
		var out strings.Builder
		printTable(&out, settings{rounds: 1}, []*measured{&c.m})
		if got := out.String(); !strings.Contains(got, c.want) || strings.Contains(got, "4321") != c.has {
			t.Errorf("%s: want %q\n%s", name, c.want, got)
		}
	}
}
