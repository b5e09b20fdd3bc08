// Package fold is what the views know, folded from the records of their topics without a client: every task of statuses (Tasks), and what is
// wanted of each (Controls, Numbers).
//
// Of a task is kept:
//
//	unfinished                whole, all of them
//	finished, the newest      whole, up to a number of bytes
//	finished, all others      where the last record lies; whoever asks reads it there
//
// Nothing is ever forgotten but what a tombstone takes away, so a task that is not here is none.
package fold

import (
	"encoding/binary"

	"altavoz/schemas"
	"altavoz/schemas/taskindex"
)

// Place is where a record lies.
type Place struct {
	Partition int32
	Offset    int64
}

// Tasks is the last word on every task. It is not safe for concurrent use.
type Tasks struct {
	most   int // bytes of finished tasks that a partition has in memory, as encoded
	tasks  map[schemas.TaskID]held
	parts  map[int32]*part
	placed *taskindex.Table // all finished tasks that are not in memory
	rounds uint64
	live   int // unfinished
	Days   *Days
}

// held is a task in memory.
type held struct {
	status *schemas.Status
	at     Place
	bytes  int
	round  uint64 // of the element of the queue that stands for it; 0: it is unfinished
}

// part is a partition's finished tasks in memory. Partitions are read at different speeds at first: with one queue for all
// the slowest would push the newest tasks of the others out.
type part struct {
	queue []queued // the newest last; some were written again since, and stand for nothing
	stale int
	bytes int
}

type queued struct {
	id    schemas.TaskID
	round uint64
}

// placeBytes is what a place takes in the index: 2^16 partitions, and 2^48 records, which are more than one ever gets.
const placeBytes = 8

// NewTasks returns what knows nothing yet. bytes is how much of finished tasks stays in memory, as encoded, over all
// partitions.
func NewTasks(bytes int, partitions int32) *Tasks {
	return &Tasks{
		most: bytes / int(max(1, partitions)), tasks: make(map[schemas.TaskID]held), Days: new(Days), parts: make(map[int32]*part),
		placed: taskindex.New(placeBytes),
	}
}

func (t *Tasks) part(p int32) *part {
	if t.parts[p] == nil {
		t.parts[p] = new(part)
	}
	return t.parts[p]
}

// Take takes in a status of that many bytes, and reports whether it is news: it is not if it knows less than what is
// known. What is known of a task that is not in memory is that it is finished, which stays so.
func (t *Tasks) Take(id schemas.TaskID, st *schemas.Status, bytes int, at Place) bool {
	h, inMemory := t.tasks[id]
	known, ended := h.status, st.GetFinishedMs() != 0
	newer := st.Supersedes(known) //mutant:view-believes-who-knows-more
	_, placed := t.placed.Get(id)
	if placed {
		newer = ended
	}
	switch {
	case !newer && ended && h.round != 0 && h.at.Partition == at.Partition:
		h.at = at // compaction keeps this record and not the one before
		t.tasks[id] = h
		return false
	case !newer:
		return false
	case inMemory:
		t.out(h)
	default:
		t.placed.Delete(id)
	}
	if !placed && known.GetPlan() == nil && st.GetPlan() != nil {
		t.Days.add(st.GetPlan())
	}
	h = held{status: st, at: at, bytes: bytes}
	if !ended {
		t.live++
		t.tasks[id] = h
		return true
	}
	h.round = t.finish(id, h)
	t.tasks[id] = h
	t.evict(t.part(at.Partition))
	return true
}

// out takes a task in memory out of what is counted.
func (t *Tasks) out(h held) {
	if h.round == 0 {
		t.live--
		return
	}
	p := t.part(h.at.Partition)
	p.bytes -= h.bytes
	p.stale++
}

func (t *Tasks) finish(id schemas.TaskID, h held) uint64 {
	t.rounds++
	p := t.part(h.at.Partition)
	p.queue = append(p.queue, queued{id, t.rounds})
	p.bytes += h.bytes
	return t.rounds
}

// evict leaves of a partition's finished tasks, the oldest first, no more than where they lie.
func (t *Tasks) evict(p *part) {
	n := 0
	for ; n < len(p.queue)-1 && p.bytes > t.most; n++ {
		q := p.queue[n]
		h := t.tasks[q.id]
		if h.round != q.round {
			p.stale--
			continue
		}
		p.bytes -= h.bytes
		t.placed.Put(q.id, h.at.encode()) //mutant:finished-tasks-stay-known
		delete(t.tasks, q.id)
	}
	p.queue = p.queue[n:]
	if p.stale > len(p.queue)/2 {
		kept := make([]queued, 0, len(p.queue)-p.stale)
		for _, q := range p.queue {
			if t.tasks[q.id].round == q.round {
				kept = append(kept, q)
			}
		}
		p.queue, p.stale = kept, 0
	}
}

// Remove forgets a task: its tombstone was read.
func (t *Tasks) Remove(id schemas.TaskID) {
	if h, ok := t.tasks[id]; ok {
		t.out(h)
		delete(t.tasks, id)
		return
	}
	t.placed.Delete(id)
}

// Get returns the status of a task that is in memory.
func (t *Tasks) Get(id schemas.TaskID) (*schemas.Status, bool) {
	h, ok := t.tasks[id]
	return h.status, ok
}

// Place returns where the last record of a finished task lies that is not in memory, and false for any other.
func (t *Tasks) Place(id schemas.TaskID) (Place, bool) {
	if v, ok := t.placed.Get(id); ok {
		return decodePlace(v), true
	}
	return Place{}, false
}

// All returns the statuses of the tasks in memory.
func (t *Tasks) All() []*schemas.Status {
	all := make([]*schemas.Status, 0, len(t.tasks))
	for _, h := range t.tasks {
		all = append(all, h.status)
	}
	return all
}

// Size is how many tasks there are, and what the index takes.
type Size struct {
	Unfinished, Finished, Placed int // finished ones are in memory, placed ones are not
	IndexBytes                   int
}

// Size returns it.
func (t *Tasks) Size() Size {
	return Size{Unfinished: t.live, Finished: len(t.tasks) - t.live, Placed: t.placed.Len(), IndexBytes: t.placed.Bytes()}
}

// encode writes a place so that none is all zeros.
func (p Place) encode() []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(uint16(p.Partition))<<48|uint64(p.Offset+1)&(1<<48-1))
}

func decodePlace(b []byte) Place {
	v := binary.BigEndian.Uint64(b)
	return Place{int32(v >> 48), int64(v&(1<<48-1)) - 1}
}
