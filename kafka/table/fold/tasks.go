// Package fold has what the views keep, folded from the records of their topics without a client: the status of every task (Tasks), the controls of
// every task (Controls), what is known of sender numbers (Numbers), recipients by owner and day (Days), and messages by number, month and price (Months).
//
// What is kept of a task:
//
//	unfinished                whole, all of them
//	finished, the newest      whole, up to a number of bytes
//	finished, all others      the location of the last record, where it can be read
//
// Only a tombstone removes a task, so a task that is not here does not exist.
package fold

import (
	"encoding/binary"

	"altavoz/schemas"
	"altavoz/schemas/taskindex"
)

// Location is where a record lies.
type Location struct {
	Partition int32
	Offset    int64
}

// Tasks is the last status of every task. It is not safe for concurrent use.
type Tasks struct {
	maxBytes   int // of the finished tasks of one partition in memory, as encoded
	tasks      map[schemas.TaskID]resident
	partitions map[int32]*finishedQueue
	located    *taskindex.Table // all finished tasks that are not in memory
	rounds     uint64
	unfinished int
	Days       *Days
	Months     *Months
}

// resident is a task in memory.
type resident struct {
	status *schemas.Status
	at     Location
	bytes  int
	round  uint64 // of its element in the queue; 0: it is unfinished
}

// finishedQueue is a partition's finished tasks in memory. Partitions are read at different speeds at first: with one queue for all
// the slowest would push the newest tasks of the others out.
type finishedQueue struct {
	queue []queued // the newest last; some are stale, because their tasks were written again
	stale int
	bytes int
}

type queued struct {
	id    schemas.TaskID
	round uint64
}

// locationBytes is what a location takes in the index: 2^16 partitions, and 2^48 records, which are more than one ever gets.
const locationBytes = 8

// NewTasks returns an empty fold. bytes is how much of finished tasks stays in memory, as encoded, over all
// partitions.
func NewTasks(bytes int, partitions int32) *Tasks {
	return &Tasks{
		maxBytes: bytes / int(max(1, partitions)), tasks: make(map[schemas.TaskID]resident), Days: new(Days), Months: new(Months), partitions: make(map[int32]*finishedQueue),
		located: taskindex.New(locationBytes),
	}
}

func (t *Tasks) partition(p int32) *finishedQueue {
	if t.partitions[p] == nil {
		t.partitions[p] = new(finishedQueue)
	}
	return t.partitions[p]
}

// Apply folds in a status of that many bytes, and reports whether it is newer than what is known. Of a task that is not in memory is known that it
// is finished, which it stays.
func (t *Tasks) Apply(id schemas.TaskID, st *schemas.Status, bytes int, at Location) bool {
	h, inMemory := t.tasks[id]
	known, ended := h.status, st.GetFinishedMs() != 0
	newer := st.Supersedes(known) //mutant:view-believes-who-knows-more
	_, placed := t.located.Get(id)
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
		t.uncount(h)
	default:
		t.located.Delete(id)
	}
	if !placed && known.GetPlan() == nil && st.GetPlan() != nil {
		t.Days.add(st.GetPlan())
	}
	if !placed {
		t.Months.replace(known, st)
	}
	h = resident{status: st, at: at, bytes: bytes}
	if !ended {
		t.unfinished++
		t.tasks[id] = h
		return true
	}
	h.round = t.enqueue(id, h)
	t.tasks[id] = h
	t.evict(t.partition(at.Partition))
	return true
}

// uncount removes a task in memory from the counts.
func (t *Tasks) uncount(h resident) {
	if h.round == 0 {
		t.unfinished--
		return
	}
	p := t.partition(h.at.Partition)
	p.bytes -= h.bytes
	p.stale++
}

func (t *Tasks) enqueue(id schemas.TaskID, h resident) uint64 {
	t.rounds++
	p := t.partition(h.at.Partition)
	p.queue = append(p.queue, queued{id, t.rounds})
	p.bytes += h.bytes
	return t.rounds
}

// evict replaces a partition's oldest finished tasks by their locations.
func (t *Tasks) evict(p *finishedQueue) {
	n := 0
	for ; n < len(p.queue)-1 && p.bytes > t.maxBytes; n++ {
		q := p.queue[n]
		h := t.tasks[q.id]
		if h.round != q.round {
			p.stale--
			continue
		}
		p.bytes -= h.bytes
		t.located.Put(q.id, h.at.encode()) //mutant:finished-tasks-stay-known
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

// Remove removes a task: its tombstone was read.
func (t *Tasks) Remove(id schemas.TaskID) {
	if h, ok := t.tasks[id]; ok {
		t.uncount(h)
		delete(t.tasks, id)
		return
	}
	t.located.Delete(id)
}

// Get returns the status of a task that is in memory.
func (t *Tasks) Get(id schemas.TaskID) (*schemas.Status, bool) {
	h, ok := t.tasks[id]
	return h.status, ok
}

// Location returns where the last record of a finished task lies that is not in memory; false for any other task.
func (t *Tasks) Location(id schemas.TaskID) (Location, bool) {
	if v, ok := t.located.Get(id); ok {
		return decodeLocation(v), true
	}
	return Location{}, false
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
	return Size{Unfinished: t.unfinished, Finished: len(t.tasks) - t.unfinished, Placed: t.located.Len(), IndexBytes: t.located.Bytes()}
}

// encode encodes a location so that none is all zeros.
func (p Location) encode() []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(uint16(p.Partition))<<48|uint64(p.Offset+1)&(1<<48-1))
}

func decodeLocation(b []byte) Location {
	v := binary.BigEndian.Uint64(b)
	return Location{int32(v >> 48), int64(v&(1<<48-1)) - 1}
}
