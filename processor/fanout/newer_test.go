package fanout

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// A list that a newer version wrote is waited for: its broadcast does not fail, and goes on where it can be read.
func TestListOfANewerVersionIsWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := w.sliced(event("100", phonesFrom(0, 1500)...))
		as := func(version string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, rec := range w.logs[stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 1}] {
				rec.Headers[0].Value = []byte(version)
			}
		}
		as("2")
		id := w.submit(b)
		passes(5 * time.Minute)
		if st := w.status(id); st.GetFinishedMs() != 0 || len(w.sends(id)) > 0 || len(w.records(schemas.TopicRejects)) > 0 {
			t.Errorf("%v, %d sends, %d rejects", st, len(w.sends(id)), len(w.records(schemas.TopicRejects)))
		}
		as(schemas.Version)
		w.finished(id)
		if got := w.counts(id)["sent"]; got != 1500 {
			t.Errorf("%v", w.counts(id))
		}
	})
}
