package sender

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/personal"
)

// shared is the content of a task whose recipients have something of their own.
func shared() *schemas.Content {
	return &schemas.Content{Body: "Hola {{nombre}}", ButtonText: "Ver", ButtonUrl: "https://example.com/", Variables: []string{"nombre"}}
}

// personally gives a send a value of its own, and every third a body; an express send carries what all have.
func personally(index uint32) sendOpt {
	return func(s *schemas.Send) {
		s.Personal = &schemas.Personal{Variables: []uint32{0}, Values: []string{fmt.Sprintf("{{nombre}} %d", index)}}
		if index%3 == 0 {
			s.Personal.Own = &schemas.Own{Body: new("Suyo: {{nombre}}")}
		}
		if s.GetContent() != nil {
			s.Content = shared()
		}
	}
}

// itsOwn holds a call to what its recipient has: a value of one never reaches another. Under the lock.
func (w *world) itsOwn(c *apiCall) {
	s := w.terms[c.who]
	if s.GetPersonal() == nil {
		return
	}
	want, err := personal.Of(shared(), s.GetPersonal())
	if err != nil || c.message != want.GetBody() {
		w.fail("%v gets %q, %v; want %q", c.who, c.message, err, want.GetBody())
	}
}

// The message of a task is read once, and each send makes its own of it.
func TestEachSendHasItsOwnText(t *testing.T) {
	bubble(t, func(w *world) {
		bulk, express := schemas.NewTaskID(), schemas.NewTaskID()
		w.contents = map[schemas.TaskID]*schemas.Content{bulk: shared()}
		w.latency = func(*apiCall) time.Duration { return 50 * time.Millisecond }
		w.start(both)
		for i := range uint32(200) {
			w.produce(bulkPartition, bulk, i, personally(i))
			w.produce(expressPartition, express, 1000+i, personally(1000+i), to(fmt.Sprintf("57301%07d", i)))
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) && w.allDone(expressPartition) })
		if len(w.calls) != 400 || w.loaded != 1 {
			w.t.Errorf("%d calls, %d messages read; want 400, 1", len(w.calls), w.loaded)
		}
	})
}

// Who can't have a message fails alone, with its reason, and no call is made; neither is one for a send whose task says that nobody has anything of
// their own, which would go out without.
func TestASendWithoutAMessageFailsAlone(t *testing.T) {
	bubble(t, func(w *world) {
		task, plain := schemas.NewTaskID(), schemas.NewTaskID()
		w.contents = map[schemas.TaskID]*schemas.Content{task: shared(), plain: {Body: "Hola a todos"}}
		w.start(both)
		w.produce(bulkPartition, task, 0, personally(0))
		w.produce(bulkPartition, task, 1, func(s *schemas.Send) { s.Personal = &schemas.Personal{} })
		w.produce(bulkPartition, task, 2, personally(2))
		w.produce(bulkPartition, plain, 3)
		w.produce(bulkPartition, plain, 4, personally(4))
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		for index, want := range map[uint32]schemas.RecipientState{
			0: schemas.StateSent, 1: schemas.Failed(schemas.CodeVariable), 2: schemas.StateSent,
		} {
			if got := w.outcomes(who{task, index}); len(got) != 1 || got[0] != want {
				t.Errorf("recipient %d is %v, want %v", index, got, want)
			}
		}
		if got := w.outcomes(who{plain, 4}); len(got) != 1 || got[0] != schemas.Failed(schemas.CodePersonal) {
			t.Errorf("who has a value in a task without is %v", got)
		}
		if len(w.calls) != 3 {
			t.Errorf("%d calls, want 3", len(w.calls))
		}
		for _, r := range w.results {
			if o := r.GetOutcome(); o.GetIndex() == 1 && !strings.Contains(o.GetReason(), "'nombre'") {
				t.Errorf("its reason is %q", o.GetReason())
			}
		}
	})
}
