package heap

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestASmallHeapGrowsToLeastAndALargeOneToTwiceOfWhatIsAlive(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, c := range []struct {
		alive, roots uint64
		want         int
	}{
		{0, 0, most},
		{1 * mib, 0, most},
		{16 * mib, 0, 500},
		{16 * mib, 4 * mib, 400},
		{32 * mib, 0, 200},
		{48 * mib, 0, usual},
		{64 * mib, 0, usual},
		{2 * Least, mib, usual},
		{math.MaxInt64, 0, usual},
	} {
		if got := percent(c.alive, c.roots); got != c.want {
			t.Errorf("%d bytes alive, roots of %d: %d %%, want %v", c.alive, c.roots, got, c.want)
		}
	}
}

// goal is to how many bytes the heap grows before it is collected.
func goal() uint64 {
	of := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(of)
	return of[0].Value.Uint64()
}

// await waits until the goal lies between two bounds, with a collection now and then.
func await(t *testing.T, least, most uint64) {
	t.Helper()
	for range 500 {
		if g := goal(); g >= least && g <= most {
			return
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond) // the finalizer has a goroutine of the runtime's
	}
	t.Errorf("the heap grows to %d bytes, want %v to %v", goal(), least, most)
}

func TestTheGoalOfTheProcessFollowsWhatIsAlive(t *testing.T) { //nolint:paralleltest // GOGC is of the whole process
	if os.Getenv("GOGC") != "" {
		t.Setenv("GOGC", "")
	}
	before := debug.SetGCPercent(usual)
	defer debug.SetGCPercent(before)
	stop := Grow()
	// Of a test nearly nothing is alive, so most decides; what is kept makes the two alike.
	kept := make([]byte, 24<<20)
	await(t, Least*9/10, Least*11/10)
	kept = append(kept, make([]byte, 96<<20)...)
	await(t, uint64(len(kept))*18/10, uint64(len(kept))*25/10)
	runtime.KeepAlive(kept)
	await(t, 4<<20, Least*11/10)
	stop()
	await(t, 1<<20, 8<<20)
}

func TestWhoSaysGOGCDecides(t *testing.T) {
	t.Setenv("GOGC", "50")
	before := debug.SetGCPercent(usual)
	defer debug.SetGCPercent(before)
	stop := Grow()
	if got := debug.SetGCPercent(usual); got != usual {
		t.Errorf("GOGC is %d, want %v", got, usual)
	}
	stop()
}
