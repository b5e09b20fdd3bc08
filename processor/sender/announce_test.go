package sender

import (
	"strings"
	"testing"
	"time"

	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
)

// TestWhyNamesThePhoneThatWasWrittenToAMomentAgo: WhatsApp takes one message to a phone in 6 s. A task that waits for nothing else says so,
// whatever its number does, and that it goes on.
func TestWhyNamesThePhoneThatWasWrittenToAMomentAgo(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(both)
		first, second := schemas.NewTaskID(), schemas.NewTaskID()
		w.produce(expressPartition, first, 0, to("573001234567"))
		w.rest(time.Second)
		w.produce(expressPartition, second, 0, to("573001234567"))
		w.rest(3 * time.Second)
		if got := w.notes(second); len(got) != 1 || !strings.HasPrefix(got[0], "WAITING PAIR") {
			t.Errorf("said %q while it waits, want length 1", got)
		}
		w.until("done", func() bool { return w.allDone(expressPartition) })
		w.rest(2 * schedule.SweepEvery)
		if got := w.notes(second); len(got) != 2 || got[1] != "RUNNING " {
			t.Errorf("said %q at its end, want length 2", got)
		}
		if got := w.notes(first); len(got) > 0 {
			t.Errorf("said %q of who did not wait, want none", got)
		}
	})
}

// TestWhyNamesAFileThatTakesLong: a task whose file is renewed, for longer than a moment, says so.
func TestWhyNamesAFileThatTakesLong(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			if c.message == "holaold" {
				return schemas.Reply{Verdict: schemas.VerdictMedia, Code: 100}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.media = slowMedia{func(string, string) bool { return true }}
		w.start(both)
		task := schemas.NewTaskID()
		w.produce(expressPartition, task, 0, file(&schemas.Content{
			Body: "hola", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{MediaId: "old", Url: "https://slow.example/a.png"},
		}))
		w.rest(schedule.RenewalAnnounceAfter + 3*time.Second)
		if got := w.notes(task); len(got) != 1 || !strings.HasPrefix(got[0], "WAITING MEDIA") {
			t.Errorf("said %q, want length 1", got)
		}
	})
}
