package sender

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/reply"
	"altavoz/stream"
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
	if s.GetPersonal() == nil || w.media != nil { // files are another test's
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

// Where one recipient of a record has buttons of its own, its taps are found: all of a task have a link.
func TestTapsOnOwnButtonsAreFound(t *testing.T) {
	inBubble(t, func(w *world) {
		own := &schemas.Own{Shape: &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: &schemas.ReplyButtons{Buttons: []*schemas.ReplyButton{{Id: "si", Title: "Sí"}}}}}}
		bulk, plain := schemas.NewTaskID(), schemas.NewTaskID()
		w.contents = map[schemas.TaskID]*schemas.Content{bulk: shared(), plain: shared()}
		w.latency = func(*apiCall) time.Duration { return 100 * time.Millisecond }
		w.answer = func(c *apiCall) schemas.Reply {
			return schemas.Reply{Verdict: schemas.VerdictSent, WAMID: fmt.Sprint(c.who)}
		}
		w.start([]stream.TopicPartition{bulkPartition}, rate(800), partitions(1, 1)) // several outcomes a record
		for i := range uint32(200) {
			w.produce(bulkPartition, plain, i, personally(i), to(fmt.Sprintf("57301%07d", i)))
			w.produce(bulkPartition, bulk, i, personally(i), func(s *schemas.Send) {
				if i%10 == 9 { // the last of a record, if they are written together
					s.Personal.Own = own
				}
			})
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		x := reply.NewIndex(reply.MaxMessages)
		for i := range w.sent {
			if err := x.Add(&w.sent[i]); err != nil {
				t.Fatal(err)
			}
		}
		for _, index := range []uint32{9, 19, 99} {
			who := who{bulk, index}
			if got, ok := x.Find(fmt.Sprint(who)); !ok || got != (reply.Recipient{Task: bulk, Index: index}) {
				t.Errorf("a tap of %v is one of %v, known: %v", who, got, ok)
			}
		}
		if got, ok := x.Find(fmt.Sprint(who{plain, 3})); ok {
			t.Errorf("a tap on a link is one of %v", got)
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

// The media id of one recipient's own file is renewed for who has it; a file that is gone costs only them.
func TestOwnFileIsRenewedForWhoHasIt(t *testing.T) {
	bubble(t, func(w *world) {
		kind := schemas.HeaderKind_HEADER_KIND_IMAGE
		task := schemas.NewTaskID()
		w.contents = map[schemas.TaskID]*schemas.Content{task: {
			Body: "mira", ButtonText: "Ver", ButtonUrl: "https://example.com",
			Files: []*schemas.MediaRef{{MediaId: "a", Kind: kind}, {MediaId: "b", Kind: kind}, {MediaId: "gone", Kind: kind}},
		}}
		w.media = refreshes(func(m *schemas.MediaRef) (*schemas.MediaRef, error) {
			if w.renewed++; m.GetMediaId() == "gone" {
				return nil, &schemas.ContentError{Why: es.Say(es.FileGone)}
			}
			return &schemas.MediaRef{MediaId: m.GetMediaId() + "+"}, nil
		})
		w.answer = func(c *apiCall) schemas.Reply {
			if c.message == "mirab" || c.message == "miragone" { // Meta does not know these any more
				return schemas.Reply{Verdict: schemas.VerdictMedia, Code: 100}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		w.start(both)
		for i := range uint32(30) {
			w.produce(bulkPartition, task, i, func(s *schemas.Send) {
				s.Personal = &schemas.Personal{Own: &schemas.Own{Header: kind.Enum(), File: i%3 + 1}}
			})
		}
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		texts := map[string]int{}
		for _, c := range w.calls {
			if c.message == "mira"+[]string{"a", "b", "gone"}[c.index%3] || c.message == "mirab+" && c.index%3 == 1 {
				texts[c.message]++
				continue
			}
			t.Errorf("recipient %d gets %q", c.index, c.message)
		}
		if n := w.count(schemas.OutcomeSent); n != 20 || w.count(schemas.OutcomeFailed) != 10 || w.renewed != 2 || texts["miraa"] != 10 || texts["mirab+"] != 10 {
			t.Errorf("%d sent, %d failed, %d times renewed, %v; want 20, 10, 2", n, w.count(schemas.OutcomeFailed), w.renewed, texts)
		}
	})
}

// refreshes is Media.
type refreshes func(m *schemas.MediaRef) (*schemas.MediaRef, error)

func (f refreshes) Refresh(_ context.Context, _ string, _ schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	return f(m)
}
