package taskindex

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

func value(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// A table is a map, whatever is put, replaced and deleted in which order. The ids are few, so that all of that happens to
// them, and lie in one array or two.
func TestTableIsAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table, want := newTable(4, rapid.SampledFrom([]int{1, 2}).Draw(t, "shards")), make(map[[IDBytes]byte]uint32)
		most := rapid.IntRange(1, 2000).Draw(t, "ids")
		for i := range rapid.IntRange(0, 4000).Draw(t, "steps") {
			var id [IDBytes]byte
			binary.BigEndian.PutUint64(id[8:], rand.Uint64N(uint64(most)))
			if rand.IntN(3) == 0 {
				table.Delete(id)
				delete(want, id)
				continue
			}
			table.Put(id, value(uint32(i+1)))
			want[id] = uint32(i + 1)
		}
		got := make(map[[IDBytes]byte]uint32)
		table.Each(func(id [IDBytes]byte, v []byte) bool {
			got[id] = binary.BigEndian.Uint32(v)
			return true
		})
		if !maps.Equal(want, got) || table.Len() != len(want) {
			t.Fatalf("%d tasks of %d, %d counted; want %v", len(got), len(want), table.Len(), len(want))
		}
		for id, n := range want {
			if v, ok := table.Get(id); !ok || binary.BigEndian.Uint32(v) != n {
				t.Fatalf("%x is %v, %v and not %d", id, v, ok, n)
			}
		}
		if _, ok := table.Get([IDBytes]byte{0: 1}); ok {
			t.Fatal("it knows a task that nobody put there")
		}
	})
}

// What a task costs is what the package says: nothing else in the design of the views is bounded by it.
func TestBytesOfATask(t *testing.T) {
	t.Parallel()
	const n = 300_000
	table := New(8)
	v := []byte{0, 0, 0, 0, 0, 0, 0, 1}
	for range n {
		var id [IDBytes]byte
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
		binary.BigEndian.PutUint64(id[8:], rand.Uint64())
		table.Put(id, v)
	}
	if per := float64(table.Bytes()) / n; per < IDBytes+8 || per > 34.5 {
		t.Errorf("a task takes %.1f bytes, want at least %v, at most 34.5", per, IDBytes+8)
	}
	runtime.KeepAlive(table)
	full := table.Bytes()
	var all [][IDBytes]byte
	table.Each(func(id [IDBytes]byte, _ []byte) bool { all = append(all, id); return true })
	for _, id := range all[:n*9/10] {
		table.Delete(id)
	}
	if left := table.Bytes(); left > full/4 || table.Len() != n/10 {
		t.Errorf("with a tenth of its tasks the table takes %d of %d bytes; want at most %v", left, full, full/4)
	}
}

func BenchmarkTable(b *testing.B) {
	ids := make([][IDBytes]byte, 3_000_000)
	table := New(8)
	for i := range ids {
		binary.BigEndian.PutUint64(ids[i][:], rand.Uint64())
		binary.BigEndian.PutUint64(ids[i][8:], rand.Uint64())
	}
	v := []byte{0, 0, 0, 0, 0, 0, 0, 1}
	b.Run("put", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			table.Put(ids[i%len(ids)], v)
		}
	})
	for _, id := range ids {
		table.Put(id, v)
	}
	b.Run("get", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			table.Get(ids[i%len(ids)])
		}
		b.ReportMetric(float64(table.Bytes())/float64(table.Len()), "bytes/task")
	})
	b.Run("miss", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			id := ids[i%len(ids)]
			id[0]++
			table.Get(id)
		}
	})
}
