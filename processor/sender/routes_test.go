package sender

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"altavoz/processor/sender/route"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
)

// wrote says that the person of a phone has written, and when.
func (v *people) wrote(p schemas.Phone, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at == nil {
		v.at = make(map[schemas.Phone]time.Time)
	}
	v.at[p] = at
}

func (v *people) At(_ string, to schemas.Phone) (time.Time, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, known := v.at[to]
	return at, known
}

// routed is the content of a task that has both messages.
func routed() *schemas.Content {
	return &schemas.Content{Body: "interactive", Template: &schemas.Template{Name: "aviso", Language: "es"}, Route: schemas.Route_ROUTE_AUTO}
}

// inWindow holds a call of a task with both messages to the window of its recipient. Under the lock.
func (w *world) inWindow(c *apiCall) {
	at, known := w.people.At("", c.phone)
	if c.message == "interactive" && (!known || !at.After(c.at.Add(-lastinbound.Window))) {
		w.fail("%v gets the interactive message at %v, and wrote at %v, known: %v", c.who, c.at, at, known)
	}
	if c.templated != (c.message == "template aviso" || strings.HasPrefix(c.message, "direct send ")) {
		w.fail("%v gets %q, and its callback says template: %v", c.who, c.message, c.templated)
	}
}

// TestRouteIsDecidedWhenAMessageLeaves: windows close while a list goes out slowly, and open too.
func TestRouteIsDecidedWhenAMessageLeaves(t *testing.T) {
	bubble(t, func(w *world) {
		const people = 120
		bulk, express := schemas.NewTaskID(), schemas.NewTaskID()
		w.contents = map[schemas.TaskID]*schemas.Content{bulk: routed()}
		phone := func(i uint32) schemas.Phone { return schemas.Phone(fmt.Sprintf("57300%07d", i)) }
		for i := range uint32(people) { // from those whose window closes after a minute to those who have a day
			if i%3 > 0 {
				w.people.wrote(phone(i), time.Now().Add(-lastinbound.Window+route.Margin+time.Minute*time.Duration(i%3)))
			}
		}
		w.start(both, rate(1))
		w.produceAll(bulkPartition, bulk, people)
		for i := range uint32(10) {
			w.produce(expressPartition, express, people+i, func(s *schemas.Send) { s.Content = routed() })
		}
		w.rest(30 * time.Second)
		for i := uint32(0); i < people; i += 3 { // who had none writes
			w.people.wrote(phone(i), time.Now())
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) && w.allDone(expressPartition) })
		by := map[string]int{}
		for _, c := range w.calls {
			by[c.message]++
			if got, want := w.outcomes(c.who), c.templated; len(got) != 1 || got[0].GotTemplate() != want || got[0].Outcome() != schemas.OutcomeSent {
				w.t.Errorf("%v ended as %v; want it sent, template: %v", c.who, got, want)
			}
		}
		if len(w.calls) != people+10 || by["interactive"] < 40 || by["template aviso"] < 40 {
			w.t.Errorf("%v of %d; want some of both", by, people+10)
		}
		p := w.processes[0]
		if n, m := p.value("altavoz_sends_routed_total", "free_form"), p.value("altavoz_sends_routed_total", "template"); n != float64(by["interactive"]) || m != float64(by["template aviso"]) {
			w.t.Errorf("%v and %v are counted; want %v", n, m, by)
		}
	})
}

// TestOutsideTheWindowTheMessageGoesByDirectSend, where its broadcast has no template but a category; inside it is an ordinary one.
func TestOutsideTheWindowTheMessageGoesByDirectSend(t *testing.T) {
	bubble(t, func(w *world) {
		task := schemas.NewTaskID()
		w.contents = map[schemas.TaskID]*schemas.Content{task: {Body: "a", Category: "utility", Route: schemas.Route_ROUTE_AUTO}}
		w.people.wrote("573000000000", time.Now())
		w.start(both)
		w.produceAll(bulkPartition, task, 2)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		for index, want := range []schemas.RecipientState{schemas.StateSent, schemas.StateSentTemplate} {
			if got := w.outcomes(who{task, uint32(index)}); len(got) != 1 || got[0] != want {
				w.t.Errorf("%d ended as %v, want %v", index, got, want)
			}
		}
		for _, c := range w.calls {
			if want := map[uint32]string{0: "a", 1: "direct send a"}[c.index]; c.message != want || c.templated != (c.index == 1) {
				w.t.Errorf("%v got %q, by template: %v; want %q", c.who, c.message, c.templated, want)
			}
		}
	})
}

// TestWhoseWindowWasShutGetsTheTemplateOnce: Meta's refusal of the interactive message reaches nobody; one of the template is the end.
func TestWhoseWindowWasShutGetsTheTemplateOnce(t *testing.T) {
	bubble(t, func(w *world) {
		task := schemas.NewTaskID()
		w.contents = map[schemas.TaskID]*schemas.Content{task: routed()}
		for i := range uint32(3) {
			w.people.wrote(schemas.Phone(fmt.Sprintf("57300%07d", i)), time.Now())
		}
		w.answer = func(c *apiCall) schemas.Reply {
			if c.index == 0 && c.message == "interactive" || c.index == 1 {
				return schemas.Reply{Verdict: schemas.VerdictFailed, Code: schemas.CodeWindow}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.start(both)
		w.produceAll(bulkPartition, task, 4)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		for index, want := range []struct {
			state schemas.RecipientState
			calls int
		}{{schemas.StateSentTemplate, 2}, {schemas.Failed(schemas.CodeWindow), 2}, {schemas.StateSent, 1}, {schemas.StateSentTemplate, 1}} {
			id := who{task, uint32(index)}
			if got := w.outcomes(id); len(got) != 1 || got[0] != want.state || w.attempts[id] != want.calls {
				w.t.Errorf("%d ended as %v after %d calls; want %v after %d", index, got, w.attempts[id], want.state, want.calls)
			}
		}
	})
}
