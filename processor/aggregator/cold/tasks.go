// Package cold is what a slot of the aggregator keeps of finished tasks that nobody says anything of: where their records lie,
// and when their time is over. Everything else is in the topics.
//
// A task takes 34 bytes, 43 to 46 with the slack of the table. At a million tasks a day, kept for 35 days, all slots together
// hold 1.6 GB; one of 12 partitions is 134 MB.
package cold

import (
	"encoding/binary"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/taskindex"
)

// Task is one of them. It has one part of marks at most: those with more recipients are few beside their marks, and stay with
// the others.
type Task struct {
	Status  int64  // offset of its status
	Part    int64  // offset of its part of marks, or NoRecord
	Bad     uint16 // of the part
	Updated int64  // unix milliseconds; up to a second later than it was
}

// NoRecord is the offset of a part that there is none of.
const NoRecord int64 = -1

// Tasks are such tasks. They are not safe for concurrent use.
type Tasks struct{ table *taskindex.Table }

// A value is two offsets of 6 bytes, one more than they are; 2 bytes of Bad; 4 of Updated in seconds.
const valueBytes = 6 + 6 + 2 + 4

// New returns none.
func New() *Tasks { return &Tasks{taskindex.New(valueBytes)} }

// Len returns how many there are.
func (t *Tasks) Len() int { return t.table.Len() }

// Bytes returns the memory that they take.
func (t *Tasks) Bytes() int { return t.table.Bytes() }

// Put keeps a task.
func (t *Tasks) Put(id schemas.TaskID, k Task) {
	b := make([]byte, 0, valueBytes)
	b = appendOffset(b, k.Status)
	b = appendOffset(b, k.Part)
	b = binary.BigEndian.AppendUint16(b, k.Bad)
	b = binary.BigEndian.AppendUint32(b, uint32((k.Updated+999)/1000))
	t.table.Put(id, b)
}

// Take returns a task and forgets it.
func (t *Tasks) Take(id schemas.TaskID) (Task, bool) {
	b, ok := t.table.Get(id)
	if !ok {
		return Task{}, false
	}
	k := Task{Status: offset(b), Part: offset(b[6:]), Bad: binary.BigEndian.Uint16(b[12:]), Updated: updated(b)}
	t.table.Delete(id)
	return k, true
}

// Since returns at most so many tasks that were updated at a time or before.
func (t *Tasks) Since(limit time.Time, most int) (ids []schemas.TaskID) {
	t.table.Each(func(id [taskindex.IDBytes]byte, b []byte) bool {
		if updated(b) <= limit.UnixMilli() {
			ids = append(ids, id)
		}
		return len(ids) < most
	})
	return ids
}

func updated(b []byte) int64 { return int64(binary.BigEndian.Uint32(b[14:])) * 1000 }

func appendOffset(b []byte, at int64) []byte {
	v := binary.BigEndian.AppendUint64(nil, uint64(at+1))
	return append(b, v[2:]...)
}

func offset(b []byte) int64 {
	var v [8]byte
	copy(v[2:], b[:6])
	return int64(binary.BigEndian.Uint64(v[:])) - 1
}
