package kafka_test

import (
	"errors"
	"testing"
	"time"

	"altavoz/kafka"
	"altavoz/stream"
)

// A record whose request was written and not answered can't be taken back: the library repeats the request for as long as it
// takes. Who wrote it hears that nobody knows, what comes behind it is not taken, and once the broker answers the log has it
// once and everything goes on.
func TestUnansweredRecordIsReportedAndNotPiledUpon(t *testing.T) {
	t.Parallel()
	inOutage(t, func(h *house) {
		h.side.stop()
		began := time.Now()
		ended := make(chan error, 1)
		h.p.Append(express("late"), func(_ stream.Record, err error) { ended <- err })
		err := <-ended
		if took := time.Since(began); !errors.Is(err, kafka.ErrUnanswered) || errors.Is(err, kafka.ErrBusy) || took > 15*time.Second {
			t.Errorf("after %v it ended with %v", took, err)
		}
		for range 100 { // whoever wrote it tries again, as all do
			time.Sleep(5 * time.Second)
			h.p.Append(express("late"), func(_ stream.Record, err error) { ended <- err })
			if err := <-ended; !errors.Is(err, kafka.ErrBusy) {
				t.Errorf("behind a record without an answer one was taken: %v", err)
			}
		}
		if len(ended) > 0 {
			t.Errorf("a record ended twice, the second time with %v", <-ended)
		}
		h.side.cont()
		time.Sleep(time.Minute)
		h.p.Append(express("next"), func(_ stream.Record, err error) { ended <- err })
		if err := <-ended; err != nil {
			t.Error(err)
		}
		late := 0
		for rec := take(t, h.probe.recs, "record"); string(rec.Key) != "next"; rec = take(t, h.probe.recs, "record") {
			if string(rec.Key) == "late" {
				late++
			}
			h.took++
		}
		h.took++
		h.acked += 1 + late // as goesOn counts
		if late != 1 {
			t.Errorf("the log has the record %d times", late)
		}
	})
}
