package fanout

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// An event of another system may name any place of blobs. Nobody of another's list gets its text, whoever wrote that list, whatever the event claims.
func TestEventThatNamesAnothersListIsRejected(t *testing.T) {
	victims := phonesFrom(0, 1500)
	old := schemas.NewTaskID()
	entered := &schemas.Origin{Partition: partitionOf("100").Partition, Offset: 0}
	derived := schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), entered).String()
	for name, tt := range map[string]struct {
		key   string // of the list as an older version wrote it; empty: it is of this one
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
			bubble(t, func(t *testing.T, w *world) {
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
				w.failedWith(id, spanish(es.NotItsOwn))
				w.rejects(codeForeign)
			})
		})
	}
}

// A reference that says that it is another task's is refused before anything is read.
func TestReferenceOfAnotherTaskIsInvalid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		victim := w.sliced(event("100", phonesFrom(0, 1500)...))
		evil := event("100")
		evil.Total, evil.Slices = 1500, victim.GetSlices()
		id := w.upstream(evil)
		w.finished(id)
		w.failedWith(id, spanish(es.NotItsOwn))
		w.rejects(codeInvalid)
	})
}

// Who names another's task to have its list does not start while that one has, or may have, begun.
func TestListUnderATasksIdIsTheFirstOnes(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		victim := event("100", phonesFrom(0, 1500)...)
		w.slicedAs(victim, schemas.TaskID(victim.GetTask()).String())
		w.copiedForAnother(victim, func(*schemas.BlobRef) {})
		w.rejects(codeConflict)
	})
}

// A paused broadcast's list is lost, and another one has its place. Resumed, at its beginning and half way, by the same owner and the next, it
// sends nobody of the other list anything.
func TestListWhosePlaceAnotherHasIsNotUsed(t *testing.T) {
	for name, tt := range map[string]struct {
		half, takeover bool
		place          int64 // of the six slices, from which on they are another's
	}{
		"before its first quantum":            {false, false, 0},
		"its end, half way":                   {true, false, 4},
		"all of it, half way, and next owner": {true, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.run()
				w.finished(w.submit(event("100", "573009999999")))
				b := event("100", phonesFrom(0, 6000)...)
				w.sliced(b)
				if !tt.half {
					b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
				}
				id := w.submit(b)
				if tt.half {
					w.underWay(id, 500)
					w.pause(id)
				}
				passes(time.Minute)
				w.cut(stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 1}, b.GetSlices().Offsets()[0]+tt.place)
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
				w.sentToNone(id, others)
				w.rejects(codeForeign)
				if why := w.why(id); why != spanish(es.NotItsOwn) {
					t.Errorf("it ended with %q, want %q", why, spanish(es.NotItsOwn))
				}
			})
		})
	}
}

// memory is a Sink that keeps what it takes.
type memory struct{ phones []string }

func (m *memory) Slice(phones []string, _ []*schemas.Personal) error {
	m.phones = append(m.phones, phones...)
	return nil
}
func (m *memory) Part([]byte) error { return nil }

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
			in.Partition = 1 - partitionOf("100").Partition
			at := w.Append(in) // where nobody is to move it once more
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
			bubble(t, func(t *testing.T, w *world) {
				p := w.start()
				p.Assign(partitionOf("100"))
				id := list(t, w)
				w.underWay(id, 100)
				p.kill()
				w.start().Assign(partitionOf("100")) // the next owner finds it as well
				w.finished(id)
				w.expect(id, counts{"sent": 2500})
			})
		})
	}
}

// What a fanout writes to blobs for a broadcast of another system has a key of its own, which nothing else says.
func TestListsThatAreMovedCannotBeNamed(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
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
				t.Errorf("key %s is the id of a task", rec.Key)
			}
		}
		if slices != 3 {
			t.Errorf("%d slices, want 3", slices)
		}
	})
}

// A file that quanta out to be another's ends the task that named it, and no other that has the same file.
func TestTaskThatNamesAnothersFileEndsAlone(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		digest := bytes.Repeat([]byte{7}, 32)
		asked := 0
		w.media = func(_ context.Context, _ string, m *schemas.MediaRef) (*schemas.MediaRef, error) {
			time.Sleep(time.Second)
			w.lock(func() { asked++ })
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
		w.failedWith(evil, spanish(es.NotItsOwn))
		w.rejects(codeForeign)
		if asked != 2 {
			t.Errorf("%d files were read, want 2", asked)
		}
		w.expect(good, counts{"sent": 1})
		w.expect(also, counts{"sent": 1})
	})
}
