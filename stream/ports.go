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
// record as it was written or the error. Of an error that is ErrNotWritten nothing was written; of any other the record may still
// appear in the log.
type Appender interface {
	Append(rec Record, done func(Record, error))
}

// ErrNotWritten is the error of an append of which nothing was written.
var ErrNotWritten = errors.New("nothing was written")
