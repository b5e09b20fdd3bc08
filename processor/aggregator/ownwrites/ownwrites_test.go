package ownwrites_test

import (
	"errors"
	"testing"

	"altavoz/processor/aggregator/ownwrites"
	"altavoz/stream"
)

// appender acknowledges each record at its own offset, or fails.
type appender struct{ err error }

func (a appender) Append(rec stream.Record, done func(stream.Record, error)) { done(rec, a.err) }

// A record that was written here is known by the time its writer is told, and once; one that failed, and those of others, are not.
func TestOwnWritesAreKnownBeforeTheirWriterIsToldAndOnce(t *testing.T) {
	t.Parallel()
	own := ownwrites.New()
	told := false
	own.Appender(appender{}).Append(stream.Record{Offset: 7}, func(rec stream.Record, err error) {
		told = true
		if err != nil || !own.Take(rec.Offset) {
			t.Errorf("record %d is not known as written here (%v)", rec.Offset, err)
		}
	})
	own.Appender(appender{errors.New("not written")}).Append(stream.Record{Offset: 8}, func(stream.Record, error) {})
	for _, at := range []int64{7, 8, 9} {
		if own.Take(at) {
			t.Errorf("record %d is taken for one that was written here and not seen yet", at)
		}
	}
	if !told {
		t.Error("the writer is not told")
	}
}
