package fanout

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/places"
	"altavoz/stream"
)

// Every seventh recipient has no value, and every eleventh a message of its own that is too long.
func ownOf(i int) *schemas.Personal {
	p := &schemas.Personal{Variables: []uint32{1, 0}, Values: []string{fmt.Sprintf("pedido %d", i), fmt.Sprintf("{{nombre}} %d", i)}}
	switch {
	case i%7 == 6:
		p.Variables, p.Values = nil, nil
	case i%11 == 10:
		p.Own = &schemas.Own{Body: new("{{nombre}}" + strings.Repeat("a", 1024))}
	case i%5 == 4:
		p.Own = &schemas.Own{Body: new("Suyo: {{nombre}}")}
	}
	return p
}

func textFor(i int) string {
	if i%5 == 4 {
		return fmt.Sprintf("Suyo: {{nombre}} %d", i)
	}
	return fmt.Sprintf("Hola {{nombre}} %d: pedido %d", i, i)
}

// personally gives the recipients of a broadcast values and messages of their own.
func personally(b *schemas.Broadcast) *schemas.Broadcast {
	b.Content = &schemas.Content{Body: "Hola {{ nombre }}: {{pedido}}", ButtonText: "Ver", ButtonUrl: "https://example.com/{{pedido}}", Variables: []string{"nombre", "pedido"}}
	for i := range b.GetPhones() {
		b.Personal = append(b.Personal, ownOf(i))
	}
	return b
}

// slicesOf writes a list of which recipients have something of their own.
func (w *world) slicesOf(l *blob.List, all *schemas.Slice) {
	for from := 0; from < len(all.GetPhones()); from += schemas.PersonalSliceRecipients {
		to := min(from+schemas.PersonalSliceRecipients, len(all.GetPhones()))
		rec := schemas.EncodeSlice(l.Key, &schemas.Slice{Phones: all.GetPhones()[from:to], Personal: all.GetPersonal()[from:to]})
		rec.Partition = 1
		if err := l.Add(w.Append(rec)); err != nil {
			w.failf("%v", err)
		}
	}
}

// personal holds the sends of a task to what its recipients have: everybody gets its own text, from the content that the send carries or points
// at, and who can't have one has a reason. at is whose message the recipient of an index has.
func (w *world) personal(id schemas.TaskID, n int, at func(index int) int) {
	w.t.Helper()
	sends, reasons := w.sends(id), make(map[uint32]*schemas.Outcome)
	for _, r := range w.events(id) {
		if o := r.GetOutcome(); o != nil && schemas.RecipientState(o.GetMark()).Outcome() == schemas.OutcomeFailed {
			reasons[o.GetIndex()] = o
		}
	}
	for index := range n {
		i, made, failed := at(index), sends[uint32(index)], reasons[uint32(index)]
		code := 0
		switch {
		case i%7 == 6:
			code = schemas.CodeVariable
		case i%11 == 10:
			code = schemas.CodeTooLong
		}
		if code != 0 {
			if len(made) > 0 || failed == nil || schemas.RecipientState(failed.GetMark()) != schemas.Failed(code) || code == schemas.CodeVariable && !strings.Contains(failed.GetReason(), "'nombre'") {
				w.t.Fatalf("recipient %d: %v, %v; want code %d", index, made, failed, code)
			}
			continue
		}
		if len(made) == 0 || failed != nil {
			w.t.Fatalf("recipient %d has no send, but %v", index, failed)
		}
		for _, s := range made {
			c := s.GetContent()
			if ref := s.GetContentRef(); ref != nil {
				rec := w.All(stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: ref.GetPartition()}, ref.Offsets()[0])[0]
				c = new(schemas.Content)
				if err := schemas.Decode(&rec, c); err != nil {
					w.t.Fatal(err)
				}
			}
			got, err := personal.Of(c, s.GetPersonal())
			if err != nil || got.GetBody() != textFor(i) {
				w.t.Fatalf("recipient %d gets %q, %v; want %q", index, got.GetBody(), err, textFor(i))
			}
		}
	}
}

// Each recipient gets what is its own and nothing else, in whatever way the list came, also where a process died half way; who can't have a
// message costs only itself.
func TestPersonalRecipientsGetWhatIsTheirOwn(t *testing.T) {
	own := func(i int) int { return i }
	for _, tt := range []struct {
		name string
		n    int
		make func(w *world, b *schemas.Broadcast) *schemas.Broadcast
		at   func(int) int
	}{
		{"inline", 90, func(_ *world, b *schemas.Broadcast) *schemas.Broadcast { return b }, own},
		{"express", 20, func(_ *world, b *schemas.Broadcast) *schemas.Broadcast { return b }, own},
		{"too many for one record", 730, func(_ *world, b *schemas.Broadcast) *schemas.Broadcast { b.Total = 0; return b }, own},
		{"slices", 2350, func(w *world, b *schemas.Broadcast) *schemas.Broadcast {
			l := blob.NewList()
			w.slicesOf(l, &schemas.Slice{Phones: b.GetPhones(), Personal: b.GetPersonal()})
			b.Phones, b.Personal, b.SliceRecipients, b.Slices = nil, nil, schemas.PersonalSliceRecipients, l.Ref(schemas.TaskID(b.GetTask()), b.GetSender())
			return b
		}, own},
		{"a retry", 900, func(w *world, b *schemas.Broadcast) *schemas.Broadcast {
			first, mine, task := blob.NewList(), blob.NewList(), schemas.TaskID(b.GetTask())
			all := &schemas.Slice{}
			var picked []uint32
			for i, phone := range b.GetPhones() { // the second of each pair is retried
				all.Phones = append(all.Phones, "573009999999", phone)
				all.Personal = append(all.Personal, ownOf(0), ownOf(2*i+1))
				picked = append(picked, uint32(2*i+1))
			}
			w.slicesOf(first, all)
			for some := range slices.Chunk(picked, schemas.PersonalSliceRecipients) {
				rec := schemas.EncodePlaces(mine.Key, places.Pack(some))
				rec.Partition = 1
				if err := mine.Add(w.Append(rec)); err != nil {
					w.failf("%v", err)
				}
			}
			b.Phones, b.Personal, b.SliceRecipients, b.Slices = nil, nil, schemas.PersonalSliceRecipients, mine.Ref(task, b.GetSender())
			b.Retry = &schemas.Retry{
				Of: schemas.NewTaskID().Bytes(), Number: 1, Marks: make([]byte, schemas.MarkBytes), Total: uint32(len(all.GetPhones())), AcceptedMs: b.GetAcceptedMs(),
				List: first.Ref(task, b.GetSender()), SliceRecipients: schemas.PersonalSliceRecipients,
			}
			b.RequestSha256 = b.GetRetry().Digest()
			return b
		}, func(i int) int { return 2*i + 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.run()
				b := personally(event("100", phonesFrom(0, tt.n)...))
				b.Direct = tt.name == "express"
				id := w.upstream(tt.make(w, b))
				if tt.n > 500 {
					w.underWay(id, 300)
					p.kill()
					passes(10 * time.Second)
					w.run()
				}
				w.finished(id)
				w.personal(id, tt.n, tt.at)
				w.rejects()
			})
		})
	}
}

// A program that does not know what recipients have of their own would send a text that nobody filled in: it leaves such records to newer ones.
func TestPersonalRecordsHaveTheSecondVersion(t *testing.T) {
	t.Parallel()
	b := personally(event("100", phonesFrom(0, 2)...))
	for what, rec := range map[string]stream.Record{
		"a broadcast": schemas.EncodeBroadcast(b),
		"a list":      schemas.EncodeBroadcast(&schemas.Broadcast{SliceRecipients: schemas.PersonalSliceRecipients}),
		"a retry":     schemas.EncodeBroadcast(&schemas.Broadcast{Retry: &schemas.Retry{SliceRecipients: schemas.PersonalSliceRecipients}}),
		"a slice":     schemas.EncodeSlice("key", &schemas.Slice{Phones: b.GetPhones(), Personal: b.GetPersonal()}),
		"a send":      schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{Phone: "573001234567", Personal: &schemas.Personal{}}),
	} {
		if v := rec.Header(schemas.VersionHeader); v != schemas.Version2 {
			t.Errorf("%s has version %s, want %s", what, v, schemas.Version2)
		}
	}
	for what, rec := range map[string]stream.Record{
		"a broadcast": schemas.EncodeBroadcast(event("100", "573001234567")),
		"a send":      schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{Phone: "573001234567"}),
	} {
		if v := rec.Header(schemas.VersionHeader); v != schemas.Version {
			t.Errorf("%s without anything of its own has version %s, want %s", what, v, schemas.Version)
		}
	}
}

// What does not stand beside its phones would be somebody else's, and slices of another size would lead to other recipients.
func TestListsThatDoNotFitTheirRecipientsFail(t *testing.T) {
	for name, change := range map[string]func(w *world, b *schemas.Broadcast){
		"fewer than phones":          func(_ *world, b *schemas.Broadcast) { b.Personal = b.GetPersonal()[1:] },
		"slices of a size of theirs": func(w *world, b *schemas.Broadcast) { w.sliced(b).SliceRecipients, b.Personal = 50, nil },
		"a retry of such": func(_ *world, b *schemas.Broadcast) {
			b.Retry = &schemas.Retry{Of: schemas.NewTaskID().Bytes(), SliceRecipients: 7}
			b.RequestSha256 = b.GetRetry().Digest()
		},
		"a slice with fewer": func(w *world, b *schemas.Broadcast) {
			l := blob.NewList()
			rec := schemas.EncodeSlice(l.Key, &schemas.Slice{Phones: b.GetPhones(), Personal: b.GetPersonal()[1:]})
			rec.Partition = 1
			if err := l.Add(w.Append(rec)); err != nil {
				w.failf("%v", err)
			}
			b.Phones, b.Personal, b.SliceRecipients, b.Slices = nil, nil, schemas.PersonalSliceRecipients, l.Ref(schemas.TaskID(b.GetTask()), b.GetSender())
		},
		"a variable that is none": func(_ *world, b *schemas.Broadcast) { b.Content.Variables = append(b.Content.Variables, "a b") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.run()
				b := personally(event("100", phonesFrom(0, 60)...))
				change(w, b)
				id := w.submit(b)
				w.finished(id)
				if st := w.status(id); st.GetPhase() != schemas.Phase_PHASE_FAILED || len(w.sends(id)) > 0 {
					t.Errorf("%v, and %d sends; want it failed", st, len(w.sends(id)))
				}
			})
		})
	}
}

// Each distinct file is resolved once a task, however many recipients have it; one that is refused costs only who has it for itself, and one that all
// have ends the task.
func TestOwnFilesAreResolvedOnceEach(t *testing.T) {
	for _, shared := range []string{"good", "refused", ""} {
		t.Run("shared "+shared, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				asked := make(map[string]int)
				w.media = func(_ context.Context, _ string, m *schemas.MediaRef) (*schemas.MediaRef, error) {
					w.Lock()
					defer w.Unlock()
					what := cmp.Or(m.GetUrl(), hex.EncodeToString(m.GetSha256()))
					if asked[what]++; strings.Contains(what, "refused") {
						return nil, &schemas.ContentError{Why: es.Say(es.FileNoImage)}
					}
					return &schemas.MediaRef{MediaId: "id of " + what}, nil
				}
				w.run()
				b := personally(event("100", phonesFrom(0, 60)...))
				image := schemas.HeaderKind_HEADER_KIND_IMAGE
				if shared != "" {
					b.Content.Header, b.Content.Media = image, &schemas.MediaRef{Url: "https://example.com/" + shared}
				}
				png := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 600<<10)...)
				digest := sha256.Sum256(png)
				b.Content.Files = []*schemas.MediaRef{
					{Url: "https://example.com/1", Kind: image}, {Url: "https://example.com/refused", Kind: image}, {Inline: png, Kind: image},
				}
				for i, p := range b.GetPersonal() {
					if p.GetOwn() == nil && i%7 != 6 {
						p.Own = &schemas.Own{Header: image.Enum(), File: uint32(i%3 + 1)}
					}
				}
				id := w.upstream(b)
				w.finished(id)
				if shared == "refused" {
					if st := w.status(id); st.GetPhase() != schemas.Phase_PHASE_FAILED {
						t.Errorf("%v, want it failed", st)
					}
					return
				}
				want := map[uint32]string{0: "id of https://example.com/1", 2: "id of " + hex.EncodeToString(digest[:])}
				sends := w.sends(id)
				for i, p := range b.GetPersonal() {
					if personal.FileOf(p) == 0 {
						continue
					}
					made := sends[uint32(i)]
					if i%3 == 1 {
						if len(made) > 0 {
							t.Fatalf("recipient %d, whose file is refused: %v", i, made)
						}
						continue
					}
					if len(made) != 1 || made[0].GetContentRef() == nil {
						t.Fatalf("recipient %d: %v", i, made)
					}
					ref, c := made[0].GetContentRef(), new(schemas.Content)
					rec := w.All(stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: ref.GetPartition()}, ref.Offsets()[0])[0]
					if err := schemas.Decode(&rec, c); err != nil {
						t.Fatal(err)
					}
					got, err := personal.Of(c, made[0].GetPersonal())
					if err != nil || got.GetMedia().GetMediaId() != want[uint32(i%3)] || len(rec.Value) > 4<<10 {
						t.Fatalf("recipient %d gets %v, %v, from %d bytes", i, got.GetMedia(), err, len(rec.Value))
					}
				}
				for what, n := range asked {
					if n != 1 {
						t.Errorf("%q is asked for %d times", what, n)
					}
				}
				if reasons := w.counts(id)[schemas.Failed(schemas.CodePersonal).Label()]; reasons == 0 {
					t.Errorf("nobody failed for its file: %v", w.counts(id))
				}
			})
		})
	}
}
