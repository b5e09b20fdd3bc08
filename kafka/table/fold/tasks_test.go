package fold

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

const bytesOfOne = 200

func status(id schemas.TaskID, version uint64, finished int64) *schemas.Status {
	s := &schemas.Status{Task: id.Bytes(), Version: version, FinishedMs: finished, Plan: &schemas.TaskOpened{Total: 1}}
	if finished != 0 {
		s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 1}}
	}
	return s
}

// Whatever was said in whichever order, a task is known exactly: whole if it is unfinished, whole or by the place of its
// last record if it is finished, and not at all if nothing was said of it or it was taken away.
func TestNoTaskIsForgotten(t *testing.T) {
	t.Parallel()
	ids := make([]schemas.TaskID, 200)
	for i := range ids {
		ids[i] = schemas.NewTaskID()
	}
	rapid.Check(t, func(t *rapid.T) {
		const partitions = 3
		most := rapid.IntRange(0, 20).Draw(t, "most") * bytesOfOne
		tasks := NewTasks(most*partitions, partitions)
		type known struct {
			version uint64
			ended   bool
			at      Location
		}
		want := make(map[schemas.TaskID]known)
		for i := range rapid.IntRange(0, 1000).Draw(t, "steps") {
			n := rapid.IntRange(0, len(ids)-1).Draw(t, "task")
			id, at := ids[n], Location{int32(n % partitions), int64(i)}
			k := want[id]
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				tasks.Remove(id)
				delete(want, id)
			case 1: // somebody who knows less
				if k.ended && tasks.Apply(id, status(id, k.version+1, 0), bytesOfOne, at) {
					t.Fatal("a finished task goes on")
				}
			case 2, 3:
				k = known{k.version + 1, true, at}
				if !tasks.Apply(id, status(id, k.version, 7), bytesOfOne, at) {
					t.Fatal("an end, or a correction of it, is no news")
				}
				want[id] = k
			default:
				if k.ended {
					continue
				}
				k = known{version: k.version + 1}
				if !tasks.Apply(id, status(id, k.version, 0), bytesOfOne, at) {
					t.Fatal("a newer version is no news")
				}
				want[id] = k
			}
		}
		unfinished, inMemory := 0, 0
		for _, id := range ids {
			k, is := want[id]
			s, ok := tasks.Get(id)
			place, placed := tasks.Location(id)
			switch {
			case ok && placed:
				t.Fatal("a task is in memory and in the index")
			case ok != (is && !placed), placed && (!k.ended || place != k.at), ok && s.GetVersion() != k.version:
				t.Fatalf("known %v: %+v; in memory %v: %v; placed %v: %+v", is, k, ok, s, placed, place)
			}
			if is && !k.ended {
				unfinished++
			} else if ok {
				inMemory++
			}
		}
		size := tasks.Size()
		if size.Unfinished != unfinished || size.Finished != inMemory || size.Unfinished+size.Finished+size.Placed != len(want) {
			t.Fatalf("%+v of %d tasks, %d of them unfinished, %d finished and in memory; want Unfinished %v, Finished %v, %v", size, len(want), unfinished, inMemory, unfinished, inMemory, size.Unfinished+size.Finished+size.Placed)
		}
		if len(tasks.All()) != unfinished+inMemory {
			t.Fatalf("%d tasks are shown, want %v", len(tasks.All()), unfinished+inMemory)
		}
		if inMemory > partitions*max(1, most/bytesOfOne) {
			t.Fatalf("%d finished tasks are in memory, more than %d bytes of each partition", inMemory, most)
		}
	})
}

// A process that lost a task and does not know it writes a higher version that knows less: what was known stays.
func TestViewKeepsWhatASmallerStatusWouldTakeBack(t *testing.T) {
	t.Parallel()
	tasks, id := NewTasks(100*bytesOfOne, 1), schemas.NewTaskID()
	for _, word := range []struct {
		version uint64
		sent    uint32
		ended   int64
		news    bool
	}{{1, 7, 0, true}, {2, 3, 0, false}, {3, 10, 99, true}, {4, 10, 0, false}} { // the last one takes the end back
		s := &schemas.Status{
			Task: id.Bytes(), Version: word.version, Plan: &schemas.TaskOpened{Total: 10}, FinishedMs: word.ended,
			Counts: []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: word.sent}},
		}
		if news := tasks.Apply(id, s, bytesOfOne, Location{Offset: int64(word.version)}); news != word.news {
			t.Errorf("version %d is news: %v; want %v", word.version, news, word.news)
		}
	}
	if s, _ := tasks.Get(id); s.GetVersion() != 3 {
		t.Errorf("version %d is shown, want 3", s.GetVersion())
	}
}

// Compaction keeps the last record of a key, whoever wrote it: an equal word that comes later is where the task is read back.
func TestPlaceIsThatOfTheLastRecordOfAnEnd(t *testing.T) {
	t.Parallel()
	tasks, id := NewTasks(0, 1), schemas.NewTaskID()
	tasks.Apply(id, status(id, 2, 7), bytesOfOne, Location{Offset: 1})
	if tasks.Apply(id, status(id, 2, 7), bytesOfOne, Location{Offset: 5}) {
		t.Error("the same word is news")
	}
	other := schemas.NewTaskID()
	tasks.Apply(other, status(other, 1, 7), bytesOfOne, Location{Offset: 6})
	if at, ok := tasks.Location(id); !ok || at.Offset != 5 {
		t.Errorf("it lies at %v, %v; want Offset 5, true", at, ok)
	}
}

// The queue of finished tasks keeps to its bound however often one task is corrected.
func TestCorrectionsCostNoMemory(t *testing.T) {
	t.Parallel()
	tasks, id := NewTasks(100*bytesOfOne, 1), schemas.NewTaskID()
	for i := range 100_000 {
		tasks.Apply(id, status(id, uint64(i+1), 7), bytesOfOne, Location{Offset: int64(i)})
		if n := len(tasks.partitions[0].queue); n > 4 {
			t.Fatalf("%d elements stand for one task, want at most 4", n)
		}
	}
}

// Tasks that go on are not looked at when another one is heard of: their number does not matter to the time that a status
// takes.
func TestStatusCostsTheSameBesideManyTasks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("many tasks")
	}
	cost := func(open int) time.Duration {
		tasks := NewTasks(1000*bytesOfOne, 4)
		for i := range open {
			id := schemas.NewTaskID()
			tasks.Apply(id, &schemas.Status{Task: id.Bytes(), Version: 1}, bytesOfOne, Location{int32(i % 4), int64(i)})
		}
		best := time.Hour
		const n = 10_000
		for range 5 {
			began := time.Now()
			for i := range n {
				id := schemas.NewTaskID()
				tasks.Apply(id, status(id, 1, 7), bytesOfOne, Location{int32(i % 4), int64(i)})
			}
			best = min(best, time.Since(began)/n)
		}
		return best
	}
	if few, many := cost(1000), cost(200_000); many > 50*time.Microsecond && many > 20*few {
		t.Errorf("a status takes %v beside a thousand tasks that go on, and %v beside two hundred thousand", few, many)
	}
}

// BenchmarkFinished takes a million finished one-phone tasks through the view: time a status, bytes a task.
func BenchmarkFinished(b *testing.B) {
	const n, whole = 1_000_000, 16 << 20
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		tasks := NewTasks(whole, 12)
		began := time.Now()
		for i := range n {
			id := schemas.NewTaskID()
			rec := schemas.EncodeStatus(int32(i%12), onePhone(id, i))
			s := new(schemas.Status)
			if err := schemas.Decode(&rec, s); err != nil {
				b.Fatal(err)
			}
			tasks.Apply(id, s, len(rec.Value), Location{int32(i % 12), int64(i)})
		}
		took := time.Since(began)
		runtime.GC()
		runtime.ReadMemStats(&after)
		size := tasks.Size()
		b.ReportMetric(float64(took.Microseconds())/n, "µs/status")
		b.ReportMetric(float64(size.IndexBytes)/float64(size.Placed), "index-bytes/task")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc-uint64(size.IndexBytes))/float64(size.Finished), "memory-bytes/task")
		b.ReportMetric(float64(size.Finished), "in-memory")
	}
}

func onePhone(id schemas.TaskID, i int) *schemas.Status {
	at := time.Now().UnixMilli()
	origin := &schemas.Origin{Partition: int32(i % 12), Offset: int64(i)}
	return &schemas.Status{
		Task: id.Bytes(), Version: 3, Cursor: 1, StartedMs: at, UpdatedMs: at, FinishedMs: at, PhaseMs: at,
		Plan: &schemas.TaskOpened{
			Total: 1, Origin: origin, Home: origin, RequestSha256: fmt.Appendf(nil, "%032d", i), Sender: "106540352242922", AcceptedMs: at, Direct: true,
		},
		Counts: []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 1}},
	}
}
