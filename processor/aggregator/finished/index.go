// Package finished is what a partition of the aggregator keeps of finished tasks of which nothing is heard: where their records lie,
// and when they were written last. Everything else is in the topics.
//
// A task takes 34 bytes, 43 to 46 with the slack of the table. At a million tasks a day, kept for 35 days, all partitions together
// hold 1.6 GB; one of 12 is 134 MB.
package finished

import (
	"encoding/binary"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/taskindex"
)

// Task is one of them. It has one page of states at most: tasks of more recipients are few beside their states, and are not kept here.
type Task struct {
	Status    int64  // offset of its status
	Page      int64  // offset of its page of states, or NoRecord
	Errors    uint16 // of the page: recipients that ended badly
	UpdatedMs int64  // unix milliseconds; up to a second later than it was
}

// NoRecord is the offset of a page that there is none of.
const NoRecord int64 = -1

// Index holds such tasks. It is not safe for concurrent use.
type Index struct{ table *taskindex.Table }

// A value is two offsets of 6 bytes, one more than they are; 2 bytes of Errors; 4 of UpdatedMs in seconds.
const valueBytes = 6 + 6 + 2 + 4

// New returns an empty index.
func New() *Index { return &Index{taskindex.New(valueBytes)} }

// Len returns how many tasks there are.
func (x *Index) Len() int { return x.table.Len() }

// Bytes returns the memory that they take.
func (x *Index) Bytes() int { return x.table.Bytes() }

// Put keeps a task.
func (x *Index) Put(id schemas.TaskID, t Task) {
	b := make([]byte, 0, valueBytes)
	b = appendOffset(b, t.Status)
	b = appendOffset(b, t.Page)
	b = binary.BigEndian.AppendUint16(b, t.Errors)
	b = binary.BigEndian.AppendUint32(b, uint32((t.UpdatedMs+999)/1000))
	x.table.Put(id, b)
}

// Take returns a task and removes it.
func (x *Index) Take(id schemas.TaskID) (Task, bool) {
	b, ok := x.table.Get(id)
	if !ok {
		return Task{}, false
	}
	t := Task{Status: offset(b), Page: offset(b[6:]), Errors: binary.BigEndian.Uint16(b[12:]), UpdatedMs: updated(b)}
	x.table.Delete(id)
	return t, true
}

// Since returns at most so many tasks that were updated at a time or before.
func (x *Index) Since(limit time.Time, most int) (ids []schemas.TaskID) {
	x.table.Each(func(id [taskindex.IDBytes]byte, b []byte) bool {
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
