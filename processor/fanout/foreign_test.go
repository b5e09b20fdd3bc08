package fanout

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// rejected returns the codes of all rejects.
func (w *world) rejected() (codes []string) {
	for _, r := range w.records(schemas.TopicRejects) {
		codes = append(codes, r.Header("reject.code"))
	}
	return codes
}

// upstream puts an event on broadcasts as another system does: without a Plan.
func (w *world) upstream(b *schemas.Broadcast) schemas.TaskID {
	rec := schemas.EncodeBroadcast(b)
	rec.Partition = slotOf("100").Partition
	at := w.append(nil, rec)
	if id, err := schemas.TaskIDFromBytes(b.GetTask()); err == nil {
		return id
	}
	return schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), &schemas.Origin{Partition: at.Partition, Offset: at.Offset})
}

// An event of another system may name any place of blobs. Nobody of another's list gets its text, whoever wrote that list, whatever the event claims.
func TestEventThatNamesAnothersListIsRejected(t *testing.T) {
	victims := phonesFrom(0, 1500)
	old := schemas.NewTaskID()
	entered := &schemas.Origin{Partition: slotOf("100").Partition, Offset: 0}
	derived := schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), entered).String()
	for name, tt := range map[string]struct {
		key   string // tp the list as an older version wrote it; empty: it is of this one
		claim func(b, victim *schemas.Broadcast)
	}{
		"a place":                      {"", func(b, _ *schemas.Broadcast) { b.Slices.Proof, b.Slices.Task = nil, nil }},
		"a place, for no task":         {"", func(b, _ *schemas.Broadcast) { b.Slices.Proof, b.Slices.Task, b.Task = nil, nil, nil }},
		"a proof that is made up":      {"", func(b, _ *schemas.Broadcast) { b.Slices.Proof = make([]byte, 16); b.Slices.Task = b.GetTask() }},
		"the proof of the other":       {"", func(b, _ *schemas.Broadcast) { b.Slices.Task = nil }},
		"the proof under its own name": {"", func(b, _ *schemas.Broadcast) { b.Slices.Task = b.GetTask() }},
		"its digest of the request": {"", func(b, v *schemas.Broadcast) {
			b.Slices.Proof, b.Slices.Task, b.RequestSha256 = nil, nil, v.GetRequestSha256()
		}},
		"a list of an older ingress":     {old.String(), func(b, _ *schemas.Broadcast) {}},
		"that, with a chosen id":         {schemas.NewTaskID().String(), func(b, _ *schemas.Broadcast) { b.Chosen, b.RequestSha256 = true, make([]byte, 32) }},
		"a list that a fanout had moved": {derived, func(b, _ *schemas.Broadcast) { b.Origin = entered }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.run()
				first := w.submit(event("100", "573009999999"))
				victim := event("100", victims...)
				w.slicedAs(victim, tt.key)
				if tt.key == old.String() {
					with(victim, old)
				}
				evil := event("100")
				evil.Content.Body, evil.Total, evil.Slices = "otra cosa", victim.GetTotal(), proto.CloneOf(victim.GetSlices())
				tt.claim(evil, victim)
				id := w.upstream(evil)
				w.finished(first, id)
				if w.why(id) != spanish(es.NotItsOwn) || len(w.sends(id)) > 0 {
					t.Errorf("it ended with %q, %d sends", w.why(id), len(w.sends(id)))
				}
				if d := cmp.Diff([]string{codeForeign}, w.rejected()); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

// A reference that says that it is another task's is refused before anything is read.
func TestReferenceOfAnotherTaskIsInvalid(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		victim := w.sliced(event("100", phonesFrom(0, 1500)...))
		evil := event("100")
		evil.Total, evil.Slices = 1500, victim.GetSlices()
		id := w.upstream(evil)
		w.finished(id)
		if d := cmp.Diff([]string{codeInvalid}, w.rejected()); d != "" || w.why(id) != spanish(es.NotItsOwn) || len(w.sends(id)) > 0 {
			t.Errorf("%s%q, %d sends", d, w.why(id), len(w.sends(id)))
		}
	})
}

// Who names another's task to have its list does not start while that one has, or may have, begun.
func TestListUnderATasksIdIsTheFirstOnes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		victim := event("100", phonesFrom(0, 1500)...)
		w.slicedAs(victim, schemas.TaskID(victim.GetTask()).String())
		evil := proto.CloneOf(victim) // tp a number with another partition
		evil.Sender, evil.Content.Body, evil.RequestSha256 = "300", "otra cosa", []byte("another")
		w.set(func() { w.stopAggregator = true })
		id := w.submit(victim)
		w.append(nil, schemas.EncodeBroadcast(evil))
		passes(time.Minute)
		w.startAggregator()
		w.finished(id)
		passes(time.Minute)
		w.sentOnceBy(t, id, "100")
		if d := cmp.Diff([]string{codeConflict}, w.rejected()); d != "" {
			t.Error(d)
		}
	})
}

// A paused broadcast's list is lost, and another one has its place. Resumed, at its beginning and half way, by the same owner and the next, it
// sends nobody of the other list anything.
func TestListWhosePlaceAnotherHasIsNotUsed(t *testing.T) {
	for name, tt := range map[string]struct {
		half, takeover bool
		place          int // tp the six slices, from which on they are another's
	}{
		"before its first turn":               {false, false, 0},
		"its end, half way":                   {true, false, 4},
		"all of it, half way, and next owner": {true, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				w.finished(w.submit(event("100", "573009999999")))
				b := event("100", phonesFrom(0, 6000)...)
				w.sliced(b)
				if !tt.half {
					b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
				}
				id := w.submit(b)
				if tt.half {
					w.until("it is under way", patient, func() bool { return w.view[id].GetCursor() > 500 })
					w.pause(id)
				}
				passes(time.Minute)
				w.cut(stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 1}, int(b.GetSlices().Offsets()[0])+tt.place)
				others := phonesFrom(20_000, 6000)
				w.sliced(event("100", others...))
				if tt.takeover {
					p.kill()
					w.run()
				}
				if tt.half {
					w.resume(id)
				}
				passes(2 * time.Hour)
				w.finished(id)
				theirs := make(map[string]bool)
				for _, phone := range others {
					theirs[phone] = true
				}
				for _, s := range w.sends(id) {
					if theirs[s[0].GetPhone()] {
						t.Fatalf("%s of the other list got a send", s[0].GetPhone())
					}
				}
				if d := cmp.Diff([]string{codeForeign}, w.rejected()); d != "" || w.why(id) != spanish(es.NotItsOwn) {
					t.Errorf("%s%q", d, w.why(id))
				}
			})
		})
	}
}

// memory is a Sink that keeps what it takes.
type memory struct{ phones []string }

func (m *memory) Slice(phones []string) error { m.phones = append(m.phones, phones...); return nil }
func (m *memory) Part([]byte) error           { return nil }

// Lists that older versions wrote, and upstream systems write, are sent to: each is shown to be its broadcast's in its own way.
func TestListWithoutAProofIsSentTo(t *testing.T) {
	phones := phonesFrom(0, 2500)
	request := func(t *testing.T, extra string) *schemas.Broadcast {
		t.Helper()
		m := &memory{}
		req, err := request.Read(strings.NewReader(fmt.Sprintf(`{"body_text":"hola","phones":["%s"]%s}`, strings.Join(phones, `","`), extra)), m, request.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		b := req.Broadcast(schemas.TaskIDFromKey("caller", t.Name()), "100", time.Now().UnixMilli(), nil, nil)
		b.Chosen, b.Phones = true, m.phones
		return b
	}
	for name, list := range map[string]func(t *testing.T, w *world) schemas.TaskID{
		"of an ingress": func(_ *testing.T, w *world) schemas.TaskID {
			b := event("100", phones...)
			w.slicedAs(b, schemas.TaskID(b.GetTask()).String())
			return w.submit(b)
		},
		"of an ingress, with a key of the caller": func(t *testing.T, w *world) schemas.TaskID {
			b := request(t, "")
			w.slicedAs(b, schemas.NewTaskID().String())
			return w.submit(b)
		},
		"the same, queued, with a number, hours and a speed": func(t *testing.T, w *world) schemas.TaskID {
			b := request(t, `,"sender":"100","use_queue":true,"speed":900,"window":{"timezone":"UTC","hours":[{"days":["mon-sun"],"from":"00:00","to":"24:00"}]}`)
			w.slicedAs(b, schemas.NewTaskID().String())
			return w.submit(b)
		},
		"moved by a fanout": func(_ *testing.T, w *world) schemas.TaskID {
			b := event("100", phones...)
			in := schemas.EncodeBroadcast(b)
			in.Partition = 1 - slotOf("100").Partition
			at := w.append(nil, in) // where nobody is to move it once more
			b.Origin = &schemas.Origin{Partition: at.Partition, Offset: at.Offset}
			w.slicedAs(b, schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), b.GetOrigin()).String())
			return w.upstream(b)
		},
		"of an upstream system, which chose the id": func(_ *testing.T, w *world) schemas.TaskID {
			b := with(event("100", phones...), schemas.TaskIDFromKey("upstream", "1"))
			b.AcceptedMs, b.RequestSha256 = 0, nil
			w.slicedAs(b, schemas.TaskID(b.GetTask()).String())
			return w.upstream(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.start()
				p.assign(slotOf("100"))
				id := list(t, w)
				w.until("it is under way", patient, func() bool { return w.view[id].GetCursor() > 100 })
				p.kill()
				w.start().assign(slotOf("100")) // the next owner finds it as well
				w.finished(id)
				if d := cmp.Diff(map[string]int{"sent": 2500}, w.counts(id)); d != "" {
					t.Errorf("%s%q", d, w.why(id))
				}
			})
		})
	}
}

// What a fanout writes to blobs for a broadcast of another system has a key of its own, which nothing else says.
func TestListsThatAreMovedCannotBeNamed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 2500)...)
		id := w.upstream(b)
		w.finished(id)
		said := make(map[string]bool)
		for _, rec := range w.records(schemas.TopicBroadcasts) {
			said[string(rec.Value)] = true
		}
		slices := 0
		for _, rec := range w.records(schemas.TopicBlobs) {
			if string(rec.Key) == id.String() {
				continue // the message
			}
			slices++
			for value := range said {
				if strings.Contains(value, string(rec.Key)) {
					t.Error("the key stands in broadcasts")
				}
			}
			if _, err := schemas.ParseTaskID(string(rec.Key)); err == nil {
				t.Errorf("key %s", rec.Key)
			}
		}
		if slices != 3 {
			t.Errorf("%d slices", slices)
		}
	})
}

// A file that turns out to be another's ends the task that named it, and no other that has the same file.
func TestTaskThatNamesAnothersFileEndsAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		digest := bytes.Repeat([]byte{7}, 32)
		asked := 0
		w.media = func(_ context.Context, _ string, m *schemas.MediaRef) (*schemas.MediaRef, error) {
			time.Sleep(time.Second)
			w.set(func() { asked++ })
			if m.GetParts().GetPartition() == 1 { // the evil one's
				return nil, fmt.Errorf("%w: %w", blob.ErrForeign, &schemas.ContentError{Why: es.Say(es.FileGone)})
			}
			return &schemas.MediaRef{MediaId: "42"}, nil
		}
		w.run()
		with := func(partition int32) *schemas.Broadcast {
			b := event("100", "573001234567")
			b.Content.Header = schemas.HeaderKind_HEADER_KIND_IMAGE
			b.Content.Media = &schemas.MediaRef{Parts: blob.NewRef(partition, []int64{0}), Sha256: digest, MimeType: "image/png", Size: 9}
			return b
		}
		evil := w.submit(with(1))
		passes(500 * time.Millisecond) // the others find it under way
		good, also := w.submit(with(0)), w.submit(with(0))
		w.finished(evil, good, also)
		if w.why(evil) != spanish(es.NotItsOwn) || len(w.sends(evil)) > 0 {
			t.Errorf("it ended with %q, %d sends", w.why(evil), len(w.sends(evil)))
		}
		if d := cmp.Diff([]string{codeForeign}, w.rejected()); d != "" || asked != 2 {
			t.Errorf("%s%d files were read", d, asked)
		}
		for _, id := range []schemas.TaskID{good, also} {
			if d := cmp.Diff(map[string]int{"sent": 1}, w.counts(id)); d != "" {
				t.Errorf("%s%q", d, w.why(id))
			}
		}
	})
}
