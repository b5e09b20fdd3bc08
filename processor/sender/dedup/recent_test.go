package dedup

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

func TestTheLastSendsAreRemembered(t *testing.T) {
	t.Parallel()
	var m recent
	a, b := schemas.NewTaskID(), schemas.NewTaskID()
	of := func(i uint32) schemas.TaskID {
		if i%3 == 0 {
			return b
		}
		return a
	}
	for i := range uint32(3 * Size) {
		if !m.add(of(i), i) {
			t.Fatalf("%d is new", i)
		}
		for _, back := range []uint32{0, 1, 500, Size - 1} {
			if back <= i && m.add(of(i-back), i-back) {
				t.Fatalf("%d is forgotten at %d", i-back, i)
			}
		}
		if i >= Size && m.has(of(i-Size), i-Size) {
			t.Fatalf("%d is remembered at %d", i-Size, i)
		}
	}
}

// model is recent as a map.
type model struct {
	of   map[modelSend]bool
	last []modelSend
}

type modelSend struct {
	task  schemas.TaskID
	index uint32
}

func (m *model) add(s modelSend) bool {
	if m.of[s] {
		return false
	}
	if len(m.last) == Size {
		delete(m.of, m.last[0])
		m.last = m.last[1:]
	}
	m.of[s], m.last = true, append(m.last, s)
	return true
}

// A history of few large tasks, or of many small ones, with repeats of what is remembered and of what is forgotten.
func TestSimulatedSendsAreThoseOfAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		tasks := make([]schemas.TaskID, rapid.SampledFrom([]int{1, 3, 1000, 3 * Size}).Draw(t, "tasks"))
		for i := range tasks {
			tasks[i] = schemas.NewTaskID()
		}
		repeats := rapid.IntRange(1, 20).Draw(t, "one of so many is a repeat")
		var (
			m    recent
			want = model{of: make(map[modelSend]bool)}
			all  []modelSend
		)
		for i := range rapid.SampledFrom([]int{50, 1000, 2*Size + Size/2}).Draw(t, "sends") {
			s := modelSend{tasks[random.IntN(len(tasks))], uint32(i)}
			if len(all) > 0 && random.IntN(repeats) == 0 {
				s = all[max(0, len(all)-1-random.IntN(Size+Size/4))]
			}
			all = append(all, s)
			if known := m.has(s.task, s.index); known != want.of[s] {
				t.Fatalf("send %d is known: %t; want %t", i, known, !known)
			}
			if got, want := m.add(s.task, s.index), want.add(s); got != want {
				t.Fatalf("send %d is new: %t; want %t", i, got, want)
			}
		}
		if len(m.indexes) != len(want.last) || len(m.known.numbers) > len(want.last) {
			t.Errorf("%d sends of %d tasks are remembered; want %d", len(m.indexes), len(m.known.numbers), len(want.last))
		}
	})
}

// TestAPartitionsSendsFitInMemory: a process has 60 partitions of sends.
func TestAPartitionsSendsFitInMemory(t *testing.T) {
	const most = 260 << 10
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var m recent
	task := schemas.NewTaskID()
	for i := range uint32(2 * Size) {
		m.add(task, i)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	took := after.HeapAlloc - before.HeapAlloc
	t.Logf("%d sends take %.0f KiB", Size, float64(took)/(1<<10))
	if took > most {
		t.Errorf("%d sends take %d bytes; want at most %d", Size, took, most)
	}
	if !m.has(task, 2*Size-1) || m.has(task, 0) {
		t.Error("not the last ones are remembered")
	}
}
