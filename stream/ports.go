package stream

import (
	"context"
	"errors"
)

// Committer commits positions for a consumer group.
//
// Generation returns the current membership. It is called while the state to be committed is locked, and while partitions can't be
// given up, so it must not wait for a stage.
//
// Commit makes one attempt to write positions under a generation and names those that were certainly not written. After an error
// nobody knows what was written: the group takes every partition away (OnLost) and joins again as another member.
type Committer interface {
	Generation() Generation
	Commit(ctx context.Context, g Generation, ps []Position) (refused map[TopicPartition]error, err error)
}

// Pauser pauses and resumes the fetching of partitions. Neither call blocks.
type Pauser interface {
	Pause(ps ...TopicPartition)
	Resume(ps ...TopicPartition)
}

// Appender takes records to be written. Append never blocks; done is called exactly once, maybe before Append returns, with the
// record as it was written, or as it was given and the error. Of an error that is ErrNotWritten nothing was written; of any other the record may still
// appear in the log.
type Appender interface {
	Append(rec Record, done func(Record, error))
}

// Publisher writes records and waits for the acknowledgements.
//
// Publish returns the records with partition and offset once all are acknowledged. Records with one key lie in one partition, in the
// order given. The end of ctx ends the waiting only. Full buffers are an ErrNotWritten at once; after any other error a record
// may still appear in the log.
type Publisher interface {
	Publish(ctx context.Context, recs ...Record) ([]Record, error)
}

// Log is both; records of one partition keep their order.
type Log interface {
	Appender
	Publisher
}

// RecordReader reads records back by their offsets. The error of a record that is not in the log any more is ErrGone.
type RecordReader interface {
	Record(ctx context.Context, p TopicPartition, offset int64) (Record, error)
	Records(ctx context.Context, p TopicPartition, offsets []int64, each func(Record) error) error
}

// ErrGone is the error of a record that does not exist any more: trimmed, or never there.
var ErrGone = errors.New("the record is not in the log any more")

// IsGone reports whether an error is ErrGone.
func IsGone(err error) bool { return errors.Is(err, ErrGone) }

// ErrFenced is the refusal of a commit because of who makes it: the group has another generation, is making one, or does not know the member.
var ErrFenced = errors.New("the group does not take commits of this generation")

// ErrNotWritten is the error of an append of which nothing was written.
var ErrNotWritten = errors.New("nothing was written")
