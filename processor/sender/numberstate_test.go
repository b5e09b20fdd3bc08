package sender

import (
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// says folds what a webhook, or another sender, says of the number into the view of one process.
func (p *process) says(s *standing.State, kind schemas.NumberEventKind, at time.Time, detail string) {
	*s = s.Fold(&schemas.NumberEvent{Number: testNumber, AtMs: at.UnixMilli(), Kind: kind, Code: 131031, Detail: detail})
	p.numberSaid(*s)
}

const (
	saidStopped = schemas.NumberEventKind_NUMBER_EVENT_KIND_STOPPED
	saidWorks   = schemas.NumberEventKind_NUMBER_EVENT_KIND_WORKS
	saidRisk    = schemas.NumberEventKind_NUMBER_EVENT_KIND_AT_RISK
)

// TestAWebhookStopsTheNumber: sends are accepted, and webhooks say that they came to nothing. The number stops; one send at a time finds out, a webhook
// within half a minute says that it was in vain, and the next one waits twice as long. Once none says so it goes on, and the others hear of it.
func TestAWebhookStopsTheNumber(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start([]stream.TopicPartition{bulkPartition}, rate(80))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 500, until(time.Now().Add(schemas.SendLife)))
		w.rest(2 * time.Second)
		var s standing.State
		back := time.Now().Add(time.Hour)
		p.says(&s, saidStopped, time.Now(), "webhook")
		w.rest(time.Second)
		stopped := len(w.calls)
		if p.value("altavoz_numbers_stopped") != 1 || p.value("altavoz_sender_stops_total", "webhook") != 1 {
			t.Error("no metric says that the number is stopped")
		}
		for said := stopped; time.Now().Before(back); w.rest(time.Second) {
			if len(w.calls) > said { // it takes a webhook five seconds to come
				said = len(w.calls)
				w.rest(5 * time.Second)
				p.says(&s, saidStopped, time.Now(), "webhook")
			}
		}
		if n := len(w.calls) - stopped; n < 5 || n > 7 { // After 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 minutes
			t.Errorf("%d calls in an hour, want at least 5, at most 7", n)
		}
		if notes := w.notes(task); len(notes) == 0 || !strings.HasPrefix(notes[0], "WAITING ACCOUNT ") {
			t.Errorf("said %q, want some", notes)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != 500 {
			t.Errorf("%d sent, want 500", n)
		}
		works := w.said(saidWorks)
		if len(works) != 1 || works[0].GetAtMs() != s.Stopped.GetAtMs() {
			t.Errorf("the others hear %v, want 1 of them", works)
		}
	})
}

// said returns the events of numbers that senders wrote.
func (w *world) said(kind schemas.NumberEventKind) (out []*schemas.NumberEvent) {
	w.lock(func() {
		for _, e := range w.numberEvents {
			if e.GetKind() == kind {
				out = append(out, e)
			}
		}
	})
	return out
}

// TestANumberThatIsRestoredGoesOn: what another sender, or Meta, says in between counts at once; and what was said before that does not stop it again.
func TestANumberThatIsRestoredGoesOn(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start([]stream.TopicPartition{bulkPartition}, rate(80))
		var s standing.State
		at := time.Now()
		p.says(&s, saidStopped, at, "account_update DISABLED_UPDATE")
		w.produce(bulkPartition, schemas.NewTaskID(), 1, until(time.Now().Add(time.Hour)))
		w.rest(10 * time.Second)
		w.lock(func() {
			if len(w.calls) > 0 {
				t.Error("a stopped number is called")
			}
		})
		p.says(&s, saidWorks, at, "")
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		p.says(&s, saidStopped, at.Add(-time.Second), "webhook")
		w.produce(bulkPartition, schemas.NewTaskID(), 2)
		w.rest(time.Second)
		if w.count(schemas.OutcomeSent) != 2 || time.Since(at) > 15*time.Second {
			t.Errorf("%d sent %v after the stop; want 2, at most %v", w.count(schemas.OutcomeSent), time.Since(at), 15*time.Second)
		}
	})
}

// TestAProcessHearsOfStoppedNumbersBeforeItCalls: a process that starts knows what was said before of a number before it takes a partition over.
func TestAProcessHearsOfStoppedNumbersBeforeItCalls(t *testing.T) {
	bubble(t, func(w *world) {
		for i := range uint32(3) {
			w.produce(bulkPartition, schemas.NewTaskID(), i, until(time.Now().Add(time.Hour)))
		}
		p := w.start(nil, rate(80))
		p.behind = make(chan struct{})
		go p.Assign(bulkPartition)
		w.rest(5 * time.Second)
		var s standing.State
		p.says(&s, saidStopped, time.Now(), "webhook")
		close(p.behind)
		w.rest(20 * time.Second)
		w.lock(func() {
			if len(w.calls) > 0 {
				t.Errorf("%d calls before it knew that the number is stopped, want 0", len(w.calls))
			}
		})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
	})
}

// TestAWarningIsTold: a number at risk sends, and its tasks say so, until the warning is taken back or old.
func TestAWarningIsTold(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start([]stream.TopicPartition{bulkPartition}, rate(2))
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 300, until(time.Now().Add(time.Hour)))
		w.rest(5 * time.Second)
		var s standing.State
		p.says(&s, saidRisk, time.Now(), "phone_number_quality_update FLAGGED")
		w.rest(10 * time.Second)
		if n := w.count(schemas.OutcomeSent); n < 20 {
			t.Errorf("%d sent, want at least 20", n)
		}
		p.says(&s, saidRisk, time.Now(), "")
		w.rest(10 * time.Second)
		notes := w.notes(task)
		if len(notes) != 2 || !strings.HasPrefix(notes[0], "WAITING AT_RISK ") || notes[1] != "RUNNING " {
			t.Errorf("said %q, want length 2", notes)
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
	})
}
