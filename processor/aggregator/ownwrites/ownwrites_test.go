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

// What was written here without a gap needs no reading; with a gap, all of it does.
func TestTakeAllIsOfRecordsWithoutAGap(t *testing.T) {
	t.Parallel()
	own := ownwrites.New()
	for _, at := range []int64{3, 4, 5, 7} {
		own.Appender(appender{}).Append(stream.Record{Offset: at}, func(stream.Record, error) {})
	}
	if own.TakeAll(3, 8) {
		t.Error("record 6 is taken for one that was written here")
	}
	if !own.TakeAll(3, 6) {
		t.Error("three records that were written here are not known")
	}
	if own.TakeAll(3, 4) || own.Take(5) {
		t.Error("a record is known after it was taken")
	}
	if !own.Take(7) {
		t.Error("a record that was not taken is not known")
	}
}
