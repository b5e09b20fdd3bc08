package sim

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	simFewSeeds  = 8   // where nobody says how many
	simManySeeds = 200 // from here on every kind of fault must have happened
	simLarge     = 50  // every so many-th seed is a large history
	// simStuck is how long a history may take in real time: some seconds, on a machine with nothing else to do. A client that
	// asks again without a pause keeps fake time from passing.
	simStuck = 5 * time.Minute
)

// simRun is what a run was asked for. Environment: SIM_SEEDS says how many seeds, SIM_FIRST the first of them, SIM_SEED a
// single one to see again, SIM_TRIES how often; SIM_TIME ends the run with the seeds that fitted into it; SIM_WORKERS run
// beside each other; SIM_FAULTS allows only these kinds; SIM_LOG shows what the processes say.
type simRun struct {
	seeds   uint64
	first   uint64
	tries   uint64
	budget  time.Duration
	workers int
	only    []string
}

func readSimRun() simRun {
	number := func(name string, otherwise uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			return n
		}
		return otherwise
	}
	r := simRun{tries: number("SIM_TRIES", 1), workers: int(number("SIM_WORKERS", uint64(runtime.GOMAXPROCS(0))))}
	r.first, r.seeds = number("SIM_FIRST", 1), number("SIM_SEEDS", 0)
	if d, err := time.ParseDuration(os.Getenv("SIM_TIME")); err == nil {
		r.budget = d
	}
	if one := number("SIM_SEED", 0); one != 0 {
		r.first, r.seeds, r.budget = one, 1, 0
	}
	if r.seeds == 0 && r.budget == 0 {
		r.seeds = simFewSeeds
	}
	if names := os.Getenv("SIM_FAULTS"); names != "" {
		r.only = strings.Split(names, ",")
	}
	return r
}

// TestSimulatedFaultsLoseNobodyAndRepeatNobody runs the whole of altavoz in fake time, a history a seed: what is sent, which processes there are, and which
// faults happen when. Checkers look on all the while, and at the end three witnesses are compared: what the Cloud API
// was asked for, what the status says, and a fold of all that was ever written. A seed fixes the history and not how the
// goroutines take turns: to see a failure again may take some tries.
func TestSimulatedFaultsLoseNobodyAndRepeatNobody(t *testing.T) {
	run := readSimRun()
	began, total := time.Now(), newSimTally()
	var next, ran atomic.Uint64
	var workers sync.WaitGroup
	for range run.workers {
		workers.Go(func() {
			for {
				n := next.Add(1) - 1
				if (run.seeds > 0 && n >= run.seeds*run.tries) || (run.budget > 0 && time.Since(began) > run.budget) {
					return
				}
				seed := run.first + n/run.tries
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { simulate(t, seed, run.only, total) })
				if done := ran.Add(1); done%1000 == 0 {
					fmt.Printf("%d seeds in %.0f s: %s\n", done, time.Since(began).Seconds(), total)
				}
			}
		})
	}
	workers.Wait()
	fmt.Printf("simulation: %d seeds from %d in %.0f s: %s\n", ran.Load(), run.first, time.Since(began).Seconds(), total)
	if ran.Load() < simManySeeds || run.only != nil {
		return
	}
	for _, key := range groupKeys {
		if n := total.aimedAt(key.Name()); n == 0 {
			t.Errorf("no fault met a request %s in %d seeds", key.Name(), ran.Load())
		}
	}
	for _, k := range faultKinds() {
		if total.Faults[k.name] == 0 {
			t.Errorf("no %s in %d seeds: the simulation does not test what it is for", k.name, ran.Load())
		}
	}
	if total.Unknown == 0 || total.InFlight == 0 || total.Settled == 0 || total.Cancelled == 0 || total.Faults["steered"] == 0 || total.Faults["retried"] == 0 {
		t.Errorf("nothing was in flight at any fault, or nothing came of it, or nobody steered or retried: %s, want Unknown other than 0, InFlight other than 0, Settled other than 0, Cancelled other than 0", total)
	}
}

// simulate lives through the history of a seed.
func simulate(t *testing.T, seed uint64, only []string, total *simTally) {
	t.Helper()
	tally, dir := newSimTally(), t.TempDir()
	defer func() { total.add(tally) }()
	stuck := time.AfterFunc(simStuck, func() { panic(fmt.Sprintf("seed %d stands still: its time does not pass", seed)) })
	defer stuck.Stop()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, dir, only)
		w.tally = tally
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("see it again: make sim SEED=%d TRIES=20\n%s", seed, w)
			}
		})
		w.live()
	})
}

// simTally is what happened in a simulation, or in many. Safe for concurrent use.
type simTally struct {
	mu sync.Mutex

	Faults     map[string]int // by kind, while there was something left to send
	InFlight   int            // calls whose answers a fault took away
	Tasks      int
	Recipients int
	Sent       int
	Failed     int
	Cancelled  int
	Unknown    int           // at some time
	Settled    int           // of them, until a receipt came, or the answer after all
	Longest    time.Duration // from the last fault to the end of everything
}

func newSimTally() *simTally { return &simTally{Faults: map[string]int{}} }

func (a *simTally) count(kind string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Faults[kind]++
}

// aimedAt returns how many requests of a kind an aimed fault has met.
func (a *simTally) aimedAt(key string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, k := range a.Faults {
		if words := strings.Fields(name); len(words) == 3 && words[1] == key {
			n += k
		}
	}
	return n
}

func (a *simTally) add(b *simTally) {
	if b == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for kind, n := range b.Faults {
		a.Faults[kind] += n
	}
	a.InFlight += b.InFlight
	a.Tasks += b.Tasks
	a.Recipients += b.Recipients
	a.Sent += b.Sent
	a.Failed += b.Failed
	a.Cancelled += b.Cancelled
	a.Unknown += b.Unknown
	a.Settled += b.Settled
	a.Longest = max(a.Longest, b.Longest)
}

func (a *simTally) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var faults strings.Builder
	sum := 0
	for _, k := range faultKinds() {
		fmt.Fprintf(&faults, " %s=%d", k.name, a.Faults[k.name])
		sum += a.Faults[k.name]
	}
	for _, name := range slices.Sorted(maps.Keys(a.Faults)) { // which request of the group protocol, and what else was counted
		if !slices.ContainsFunc(faultKinds(), func(k faultKind) bool { return k.name == name }) {
			fmt.Fprintf(&faults, " %s=%d", strings.ReplaceAll(name, " ", "."), a.Faults[name])
		}
	}
	return fmt.Sprintf("%d tasks, %d recipients, %d sent, %d failed, %d cancelled, %d unknown, %d of them settled, longest recovery %v; %d faults, %d answers lost:%s",
		a.Tasks, a.Recipients, a.Sent, a.Failed, a.Cancelled, a.Unknown, a.Settled, a.Longest, sum, a.InFlight, faults.String())
}
