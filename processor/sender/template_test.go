package sender

import (
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

const saidTemplate = schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE

// templated has a task's sends use the template corte.
func (w *world) templated(task schemas.TaskID) {
	w.lock(func() {
		w.contents[task] = &schemas.Content{Template: &schemas.Template{Name: "corte", Language: "es_CO"}}
	})
}

// callsOf counts the calls of a task.
func (w *world) callsOf(task schemas.TaskID) (n int) {
	w.lock(func() {
		for _, c := range w.calls {
			if c.task == task {
				n++
			}
		}
	})
	return n
}

// TestPausedTemplateLosesNobody: no webhook comes, and calls are refused because the template is paused. What is in flight waits and costs no attempt, others of
// the number go on, everybody hears of it, and it is tried every five minutes, until it is accepted.
func TestPausedTemplateLosesNobody(t *testing.T) {
	bubble(t, func(w *world) {
		const sends = 100
		p := w.start(both, rate(20))
		task, other := schemas.NewTaskID(), schemas.NewTaskID()
		w.templated(task)
		began := time.Now()
		w.lock(func() {
			w.answer = func(c *apiCall) schemas.Reply {
				if since := c.at.Sub(began); c.task == task && since > 2*time.Second && since < 32*time.Minute {
					return schemas.Reply{Verdict: schemas.VerdictTemplate, Code: 132015}
				}
				return schemas.Reply{Verdict: schemas.VerdictSent, WAMID: "wamid.x"}
			}
		})
		w.produceAll(bulkPartition, task, sends, until(began.Add(schemas.SendLife)))
		w.rest(10 * time.Second)
		first := w.callsOf(task)
		w.produceAll(bulkPartition, other, 50, until(began.Add(schemas.SendLife)))
		w.rest(20 * time.Second)
		if n := w.callsOf(other); n != 50 {
			t.Errorf("%d calls of another task, want 50", n)
		}
		w.rest(4 * time.Minute)
		if n := w.callsOf(task); n != first || n > sends/2 {
			t.Errorf("%d calls of the task, %d of them when it was refused", n, first)
		}
		if notes := w.notes(task); len(notes) == 0 || !strings.HasPrefix(notes[0], "WAITING TEMPLATE_IN_FLIGHT ") || !strings.HasSuffix(notes[0], "corte es_CO PAUSED") {
			t.Errorf("said %q", notes)
		}
		if n := p.value("altavoz_sends_waiting", "window"); n == 0 {
			t.Error("no metric says that sends wait")
		}
		w.rest(32*time.Minute + standing.RefusalLife + time.Minute - time.Since(began))
		if n := w.count(schemas.OutcomeSent); n != sends+50 {
			t.Errorf("%d are sent, want %d", n, sends+50)
		}
		if n := len(w.said(saidTemplate)); n < 2 || n > 10 {
			t.Errorf("the others hear of it %d times", n)
		}
	})
}

// TestAPauseOfNoTemplateEndsTheSend: of a message that uses none, as one by Direct Send, nobody is told when it may be sent again.
func TestAPauseOfNoTemplateEndsTheSend(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(both, rate(20))
		task := schemas.NewTaskID()
		w.lock(func() {
			w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictTemplate, Code: 132015} }
		})
		w.produceAll(bulkPartition, task, 10, until(time.Now().Add(schemas.SendLife)))
		w.rest(time.Minute)
		if n, calls := w.count(schemas.OutcomeFailed), w.callsOf(task); n != 10 || calls != 10 {
			t.Errorf("%d failed after %d calls, want 10 after 10", n, calls)
		}
	})
}

// TestNothingIsCalledOnceAWebhookSaysThatItsTemplateIsPaused: and what waits goes on within seconds of the word that it is approved.
func TestNothingIsCalledOnceAWebhookSaysThatItsTemplateIsPaused(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start([]stream.TopicPartition{bulkPartition}, rate(20))
		task := schemas.NewTaskID()
		w.templated(task)
		w.produceAll(bulkPartition, task, 200, until(time.Now().Add(schemas.SendLife)))
		w.rest(2 * time.Second)
		var s standing.State
		says := func(status string) {
			s = s.Fold(&schemas.NumberEvent{Number: testNumber, AtMs: time.Now().UnixMilli(), Kind: saidTemplate, Template: "corte", Language: "es_CO", Status: status})
			p.numberSaid(s)
		}
		says("PAUSED")
		w.rest(time.Second) // what was under way
		before := w.callsOf(task)
		w.rest(50 * time.Minute)
		if n := w.callsOf(task); n != before || before == 0 || before == 200 {
			t.Errorf("%d calls, %d before it was paused", n, before)
		}
		says("APPROVED")
		w.rest(standing.PauseRecheck + 2*time.Second)
		if n := w.callsOf(task); n == before {
			t.Error("it does not go on")
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != 200 {
			t.Errorf("%d are sent, want 200", n)
		}
		if notes := w.notes(task); len(notes) == 0 || !strings.HasPrefix(notes[len(notes)-1], "RUNNING") {
			t.Errorf("said %q", notes)
		}
	})
}
