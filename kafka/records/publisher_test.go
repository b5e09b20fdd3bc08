package records_test

import (
	"errors"
	"testing"
	"time"

	"altavoz/kafka/kafkatest"
	"altavoz/kafka/records"
	"altavoz/stream"
)

// A record whose request was written and not answered can't be taken back: the library repeats the request for as long as it
// takes. Who wrote it hears that nobody knows, what comes behind it is not taken, and once the broker answers the log has it
// once and everything goes on.
func TestUnansweredRecordIsReportedAndNotPiledUpon(t *testing.T) {
	t.Parallel()
	kafkatest.InOutage(t, func(h *kafkatest.Process) {
		h.Broker.Stop()
		began := time.Now()
		ended := make(chan error, 1)
		h.Publisher.Append(kafkatest.ExpressSend("late"), func(_ stream.Record, err error) { ended <- err })
		err := <-ended
		if took := time.Since(began); !errors.Is(err, records.ErrUnanswered) || errors.Is(err, records.ErrBusy) || took > 15*time.Second {
			t.Errorf("after %v it ended with %v; want at most %v, %v", took, err, 15*time.Second, records.ErrUnanswered)
		}
		for range 100 { // whoever wrote it tries again, as all do
			time.Sleep(5 * time.Second)
			h.Publisher.Append(kafkatest.ExpressSend("late"), func(_ stream.Record, err error) { ended <- err })
			if err := <-ended; !errors.Is(err, records.ErrBusy) {
				t.Errorf("behind a record without an answer one was taken: %v, want %v", err, records.ErrBusy)
			}
		}
		if len(ended) > 0 {
			t.Errorf("a record ended twice, the second time with %v", <-ended)
		}
		h.Broker.Continue()
		time.Sleep(time.Minute)
		h.Publisher.Append(kafkatest.ExpressSend("next"), func(_ stream.Record, err error) { ended <- err })
		if err := <-ended; err != nil {
			t.Error(err)
		}
		late := 0
		for rec := kafkatest.Take(t, h.Probe.Records, "record"); string(rec.Key) != "next"; rec = kafkatest.Take(t, h.Probe.Records, "record") {
			if string(rec.Key) == "late" {
				late++
			}
			h.Taken++
		}
		h.Taken++
		h.Acked += 1 + late // as GoesOn counts
		if late != 1 {
			t.Errorf("the log has the record %d times, want 1", late)
		}
	})
}
