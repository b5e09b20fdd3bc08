package fanout

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// A list that a newer version wrote is waited for: its broadcast does not fail, and goes on where it can be read.
func TestListOfANewerVersionIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := w.sliced(event("100", phonesFrom(0, 1500)...))
		as := func(version string) {
			w.Lock()
			defer w.Unlock()
			for _, rec := range w.Log(stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 1}).Records {
				rec.Headers[0].Value = []byte(version)
			}
		}
		as("3")
		id := w.submit(b)
		passes(5 * time.Minute)
		if st := w.status(id); st.GetFinishedMs() != 0 || len(w.sends(id)) > 0 {
			t.Errorf("%v, %d sends, want it to wait", st, len(w.sends(id)))
		}
		w.rejects()
		as(schemas.Version)
		w.finished(id)
		w.expect(id, counts{"sent": 1500})
	})
}
