package reply

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"altavoz/schemas"
	"altavoz/stream"
)

// Key is what a message's id is remembered by.
func Key(wamid string) uint64 {
	sum := sha256.Sum256([]byte(wamid))
	return binary.BigEndian.Uint64(sum[:])
}

// SentRecord makes the record of whom the messages went to that outcomes of a task are of. It has no topic where none of them was sent,
// or nobody can answer.
func SentRecord(answers bool, task schemas.TaskID, outcomes []*schemas.Outcome) stream.Record {
	s := &schemas.Sent{Task: task.Bytes()}
	for _, o := range outcomes {
		if schemas.RecipientState(o.GetMark()).Outcome() == schemas.OutcomeSent && o.GetWamid() != "" {
			s.Messages, s.Indexes = append(s.Messages, Key(o.GetWamid())), append(s.Indexes, o.GetIndex())
		}
	}
	if !answers || len(s.GetMessages()) == 0 {
		return stream.Record{}
	}
	return schemas.Encode(schemas.TopicSent, task.String(), s)
}

// AppendBehind writes a record once the one before it is acknowledged, and calls done with how the later one ended; or with how the first one failed,
// and then the later one is not written. Of a first one without a topic there is none.
func AppendBehind(log stream.Appender, first, then stream.Record, done func(error)) {
	end := func(_ stream.Record, err error) { done(err) }
	if first.Topic == "" {
		log.Append(then, end)
		return
	}
	log.Append(first, func(_ stream.Record, err error) {
		if err != nil { //mutant:result-comes-after-what-finds-its-answers
			done(err)
			return
		}
		log.Append(then, end)
	})
}

// Index is which recipient each of the newest messages went to. It is not safe for concurrent use.
type Index struct {
	each int          // messages of a generation; the oldest one is dropped as a whole
	all  []generation // the newest first
}

// generation is messages: which of its tasks, and the recipient's index in the lower half. A task may stand in it more than once.
type generation struct {
	of    map[uint64]uint64
	tasks []schemas.TaskID
}

const (
	// MaxMessages is how many messages a process knows at least, at some 40 bytes each.
	MaxMessages = 1 << 20
	generations = 9
	indexBits   = 32
)

// NewIndex returns an index that has least messages at least, if there were so many, and an eighth more at most.
func NewIndex(least int) *Index { return &Index{each: least / (generations - 1)} }

// Add reads a record of SentRecord. Its error is schemas.ErrDecode.
func (x *Index) Add(rec *stream.Record) error {
	var s schemas.Sent
	if err := schemas.Decode(rec, &s); err != nil {
		return err //nolint:wrapcheck // says which record
	}
	task, err := schemas.TaskIDFromBytes(s.GetTask())
	if err != nil || len(s.GetMessages()) != len(s.GetIndexes()) {
		return fmt.Errorf("record %s/%d at %d: %w", rec.Topic, rec.Partition, rec.Offset, schemas.ErrDecode)
	}
	for i, key := range s.GetMessages() {
		if len(x.all) == 0 || len(x.all[0].of) >= x.each { //mutant:index-of-messages-is-bounded
			x.all = slices.Insert(x.all[:min(len(x.all), generations-1)], 0, generation{of: make(map[uint64]uint64)})
		}
		g := &x.all[0]
		if n := len(g.tasks); n == 0 || g.tasks[n-1] != task {
			g.tasks = append(g.tasks, task)
		}
		g.of[key] = uint64(len(g.tasks)-1)<<indexBits | uint64(s.GetIndexes()[i])
	}
	return nil
}

// Find returns whom a message went to; false where it is not known.
func (x *Index) Find(wamid string) (Recipient, bool) {
	key := Key(wamid)
	for i := range x.all {
		if at, ok := x.all[i].of[key]; ok {
			return Recipient{x.all[i].tasks[at>>indexBits], uint32(at)}, true
		}
	}
	return Recipient{}, false
}

// Size is how many messages it has.
func (x *Index) Size() (n int) {
	for i := range x.all {
		n += len(x.all[i].of)
	}
	return n
}
