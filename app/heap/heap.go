// Package heap has the garbage collector run less often while the heap is small. A process of which little is alive collects after every few megabytes that it
// allocates, which takes time and gives back next to nothing. So the heap grows to Least before it is collected, and beyond that to twice of what is alive, as
// without this package. The package sets GOGC of the whole process and knows nothing else of it.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// Least is to how many bytes the heap grows before it is collected, however little of it is alive. What else a process has is 40 to 60 MB.
	Least = 96 << 20
	// usual is Go's own GOGC: how much is allocated between two collections, in per cent of what is alive.
	usual = 100
	// most is the same at most. More may be alive at the end of a collection than at that of the one before, and the heap would grow by so much of that before
	// the value is set anew.
	most = 800
	// step is by how much the value has to change to be set, in per cent of it: setting it stops the process for a moment.
	step = 10
)

// What GOGC is a percentage of: the bytes that were alive at the last collection, and those of stacks and globals.
const (
	aliveMetric   = "/gc/heap/live:bytes"
	stacksMetric  = "/gc/scan/stack:bytes"
	globalsMetric = "/gc/scan/globals:bytes"
)

// Grow has the heap grow to Least until stop is called. With GOGC in the environment it does nothing. A memory limit (GOMEMLIMIT) holds all the same: near it
// there are more collections.
func Grow() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	t := &tuner{percent: usual}
	t.afterCollection()
	return t.stop
}

// tuner sets GOGC after each collection.
type tuner struct {
	mu      sync.Mutex
	percent int // as it is set
	stopped bool
}

// garbage is used by nobody: each collection finds it, and has its finalizer called.
type garbage struct{ of *tuner }

func (t *tuner) afterCollection() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return
	}
	of := []metrics.Sample{{Name: aliveMetric}, {Name: stacksMetric}, {Name: globalsMetric}}
	metrics.Read(of)
	p := percent(of[0].Value.Uint64(), of[1].Value.Uint64()+of[2].Value.Uint64())
	if change := p - t.percent; max(change, -change)*100 >= step*t.percent {
		debug.SetGCPercent(p)
		t.percent = p
	}
	runtime.SetFinalizer(&garbage{t}, func(g *garbage) { g.of.afterCollection() })
}

func (t *tuner) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	debug.SetGCPercent(usual)
}

// percent is the GOGC with which a heap grows to Least of which so many bytes are alive, beside roots of so many.
func percent(alive, roots uint64) int {
	if alive >= Least {
		return usual
	}
	return int(min(most, max(usual, (Least-alive)*100/max(1, alive+roots))))
}
