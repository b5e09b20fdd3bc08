package fanout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/blob"
	"altavoz/processor/fanout/canary"
	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

func TestExpressSendsCarryTheirContentAndBadPhonesTheirReason(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.submit(event("100", "573001234567", "+57 300 123 4567", "llámame", "573001234568", "US.abc", "US.abc"))
		w.finished(id)
		w.expect(id, counts{"sent": 3, "skipped": 2, "failed:-1": 1})
		for index, s := range w.sends(id) {
			if s[0].GetContent().GetBody() != "hola" || s[0].GetContentRef() != nil || s[0].GetSender() != "100" {
				t.Errorf("send %d: %v, want its content in it", index, s[0])
			}
		}
		var bad *schemas.Outcome
		cursor := uint32(0)
		for _, r := range w.events(id) {
			if o := r.GetOutcome(); o.GetMark() == uint32(schemas.Failed(schemas.CodeInvalidPhone)) {
				bad = o
			}
			cursor = max(cursor, r.GetDispatched().GetCursor())
		}
		if bad.GetPhone() != "llámame" || bad.GetReason() != "Invalid phone number format: tiene letras" || bad.GetIndex() != 2 || cursor != 6 {
			t.Errorf("%v, dispatched to %d, want recipient 2 with its phone and reason, and 6", bad, cursor)
		}
	})
}

func TestBulkSendsPointAtTheirContent(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		phones := phonesFrom(0, 2500)
		phones[2400] = phones[3] // a repeat two slices later
		id := w.submit(w.sliced(event("100", phones...)))
		w.finished(id)
		w.expect(id, counts{"sent": 2499, "skipped": 1})
		s := w.sends(id)
		ref, c := s[0][0].GetContentRef(), schemas.Content{}
		rec := w.All(stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: ref.GetPartition()}, ref.Offsets()[0])[0]
		if err := schemas.Decode(&rec, &c); err != nil || c.GetBody() != "hola" || s[0][0].GetContent() != nil {
			t.Errorf("%v, %v, want the content at its place only", &c, err)
		}
		for i := range s {
			if len(s[i]) != 1 || s[i][0].GetPhone() != phones[i] {
				t.Fatalf("index %d: %v, want one send to %s", i, s[i], phones[i])
			}
		}
	})
}

func TestSendExpiresWithItsTaskOrAfterFiveDays(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		soon, late := event("100", "573001234567"), event("100", "573001234568")
		soon.ExpireMs = time.Now().Add(time.Hour).UnixMilli()
		a, b := w.submit(soon), w.submit(late)
		w.finished(a, b)
		if got := w.sends(a)[0][0].GetNotAfterMs(); got != soon.GetExpireMs() {
			t.Errorf("not after %d, want %d, when its task expires", got, soon.GetExpireMs())
		}
		if got := time.Until(time.UnixMilli(w.sends(b)[0][0].GetNotAfterMs())); got > schemas.SendLife || got < schemas.SendLife-time.Minute {
			t.Errorf("a send lives for %s, want %s", got, schemas.SendLife)
		}
	})
}

func TestJSONOnAnyPartitionIsCarriedOutAtHome(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		for partition := range partitions[schemas.TopicBroadcasts] {
			rec := w.Append(stream.Record{
				Topic: schemas.TopicBroadcasts, Partition: partition,
				Value: []byte(`{"phones":["573001234567", 573001234568],"body_text":"hola"}`),
			})
			id := schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), &schemas.Origin{Partition: partition, Offset: rec.Offset})
			w.finished(id)
			w.expect(id, counts{"sent": 2})
			plan := w.status(id).GetPlan()
			if plan.GetSender() != "100" || plan.GetHome().GetPartition() != partitionOf("100").Partition ||
				!status.SameOrigin(plan.GetOrigin(), &schemas.Origin{Partition: partition, Offset: rec.Offset}) {
				t.Errorf("%v, want number 100, its partition, and the place of the record", plan)
			}
		}
	})
}

func TestLongJSONListGoesToBlobs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		id := schemas.NewTaskID()
		w.Append(stream.Record{
			Topic: schemas.TopicBroadcasts, Partition: 0, Value: fmt.Appendf(nil, `{"task_id":%q,"sender":"200","body_text":"hola","phones":["%s"]}`,
				id, strings.Join(phonesFrom(0, 2100), `","`)),
		})
		w.finished(id)
		w.expect(id, counts{"sent": 2100})
	})
}

func TestInlineFileAndLongInlineListGoToBlobs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var got *schemas.MediaRef
		w.media = func(_ context.Context, _ string, m *schemas.MediaRef) (*schemas.MediaRef, error) {
			got = m
			return &schemas.MediaRef{MediaId: "42"}, nil
		}
		w.run()
		file := append([]byte("%PDF-1.7\n"), make([]byte, 2*schemas.PartBytes)...)
		b := event("200", phonesFrom(0, 1500)...)
		b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_DOCUMENT, &schemas.MediaRef{Inline: file, Filename: "a.pdf"}
		id := w.submit(b)
		w.finished(id)
		w.expect(id, counts{"sent": 1500})
		if len(got.GetInline()) != 0 || len(got.GetParts().Offsets()) != 3 || got.GetMimeType() != "application/pdf" || got.GetSize() != uint64(len(file)) {
			t.Errorf("%v, want a PDF of %d bytes in three parts", got, len(file))
		}
		bad := event("200", "573001234567")
		bad.Content.Header, bad.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Inline: file}
		id = w.submit(bad)
		w.finished(id)
		w.failedWith(id, spanish(es.MediaType))
		w.rejects(codeInvalid)
	})
}

func TestWhatCannotStartIsRejectedOrFailsWithWords(t *testing.T) {
	known, short := schemas.NewTaskID(), event("100", "573001234567")
	short.Total = 3
	few := event("100", phonesFrom(0, 1500)...)
	for _, tt := range []struct {
		name string
		rec  func(*world) stream.Record
		task schemas.TaskID
		why  string
		code string // of the reject; empty: none
	}{
		{"no event", func(*world) stream.Record {
			return stream.Record{Value: []byte{8}, Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte("1")}}}
		}, schemas.TaskID{}, "", codeDecode},
		{"a newer version", func(*world) stream.Record {
			return stream.Record{Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte("3")}}}
		}, schemas.TaskID{}, "", codeDecode},
		{"no JSON", func(*world) stream.Record { return stream.Record{Value: []byte("hola")} }, schemas.TaskID{}, "", codeInvalid},
		{"JSON without a message", func(*world) stream.Record {
			return stream.Record{Value: fmt.Appendf(nil, `{"task_id":%q,"phones":["573001234567"]}`, known)}
		}, known, spanish(es.BodyMissing), codeInvalid},
		{
			"unknown number", func(*world) stream.Record { return schemas.EncodeBroadcast(with(event("999", "573001234567"), known)) }, known,
			spanish(es.SenderUnknown, "999"), "",
		},
		{"no message", func(*world) stream.Record {
			b := with(event("100", "573001234567"), known)
			b.Content = nil
			return schemas.EncodeBroadcast(b)
		}, known, spanish(es.NoMessage), codeInvalid},
		{"a script in the button, as Protobuf", func(*world) stream.Record {
			b := with(event("100", "573001234567"), known)
			b.Content.ButtonUrl = "javascript:alert(1)"
			return schemas.EncodeBroadcast(b)
		}, known, "El campo 'button_url' debe ser una URL completa que empiece por http:// o https://", codeInvalid},
		{"a body of 60 KB, as Protobuf", func(*world) stream.Record {
			b := with(event("100", "573001234567"), known)
			b.Content.Body = strings.Repeat("b", 60<<10)
			return schemas.EncodeBroadcast(b)
		}, known, "El campo 'body_text' admite como máximo 1024 caracteres y tiene 61440", codeInvalid},
		{"somebody's media id, as Protobuf", func(*world) stream.Record {
			b := with(event("100", "573001234567"), known)
			b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{MediaId: "42"}
			return schemas.EncodeBroadcast(b)
		}, known, "El archivo debe darse como URL o con su contenido, no con 'media_id' ni 'link'", codeInvalid},
		{"schedule beyond the life", func(*world) stream.Record {
			b := with(event("100", "573001234567"), known)
			b.ScheduleMs = time.Now().Add(schemas.TaskLife + time.Hour).UnixMilli()
			return schemas.EncodeBroadcast(b)
		}, known, spanish(es.ScheduleTooFar), codeInvalid},
		{"missing slices", func(w *world) stream.Record {
			b := with(w.sliced(few), known)
			b.Total = 3000
			return schemas.EncodeBroadcast(b)
		}, known, spanish(es.ListIncomplete), codeInvalid},
		{"slices that are gone", func(*world) stream.Record {
			b := with(event("100"), known)
			b.Total, b.Slices = 1500, blob.NewRef(0, []int64{-5, -4})
			return schemas.EncodeBroadcast(b)
		}, known, spanish(es.ListUnreadable), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.run()
				rec := tt.rec(w)
				rec.Topic, rec.Partition = schemas.TopicBroadcasts, partitionOf("100").Partition
				if tt.name == "unknown number" {
					rec.Partition = partitionOf("999").Partition
				}
				w.Append(rec)
				if tt.task != (schemas.TaskID{}) {
					w.finished(tt.task)
					w.failedWith(tt.task, tt.why)
				}
				passes(time.Second)
				w.rejects(strings.Fields(tt.code)...)
				after := w.submit(event("100", "573001234567"))
				w.finished(after)
			})
		})
	}
}

func with(b *schemas.Broadcast, id schemas.TaskID) *schemas.Broadcast {
	b.Task = id.Bytes()
	return b
}

func TestEmptySenderMeansTheDefaultOne(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.submit(event("", "573001234567"))
		w.finished(id)
		if got := w.sends(id)[0][0].GetSender(); got != "100" {
			t.Errorf("sent from %q, want 100", got)
		}
	})
}

func TestScheduledTaskStartsNotBeforeItsTime(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", "573001234567")
		at := time.Now().Add(3 * 24 * time.Hour)
		b.ScheduleMs = at.UnixMilli()
		id := w.submit(b)
		passes(time.Until(at) - time.Second)
		if n := len(w.sends(id)); n > 0 {
			t.Errorf("%d sends before the time, want none", n)
		}
		passes(2 * time.Second)
		w.finished(id)
		w.expect(id, counts{"sent": 1})
	})
}

func TestRecipientsThatAreLeftWhenTheTimeRunsOutExpire(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 1000)...)
		b.Speed, b.ExpireMs = 10, time.Now().Add(20*time.Second).UnixMilli()
		id := w.submit(b)
		w.finished(id)
		c := w.counts(id)
		if c["sent"] < 180 || c["sent"] > 215 || c["sent"]+c["expired"] != 1000 {
			t.Errorf("%v, want some 200 sent, and the others expired", c)
		}
	})
}

// The record that says "all done" comes after what it stands for: seed 127 of the simulation lost a range between the two.
func TestExpiryIsWrittenBeforeTheCursorThatStandsForIt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.Faults.Fail, w.Faults.Busy = 0.4, 0.3
		p := w.run()
		for i := range 30 {
			b := event("100", phonesFrom(10*i, 200)...)
			b.Speed, b.ExpireMs = 1, time.Now().Add(3*time.Second).UnixMilli()
			id := w.submit(b)
			w.until("its last record is there", 10*time.Minute, func() bool { return w.tasks[id] != nil && w.tasks[id].cursor == 200 })
			p.kill()
			if c := w.counts(id); c["expired"] < 190 {
				t.Errorf("dispatched to the end, and the outcomes are %v, want 190 expired at least", c)
			}
			p = w.run()
			w.finished(id)
		}
	})
}

func TestTaskLifeEndsTheRestAndWhatWasLostIsUnknown(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.stopSenders = true
		w.run()
		id := w.submit(w.sliced(event("100", append(phonesFrom(0, 2400), phonesFrom(0, 100)...)...)))
		passes(patient)
		n := w.full(len(w.sends(id)), 1)
		w.lock(func() { w.held = nil }) // senders lose everything
		passes(schemas.TaskLife - patient - time.Second)
		if status.Finished(w.status(id)) {
			t.Fatal("it is over early")
		}
		passes(task.GraceAfter)
		w.finished(id)
		w.expect(id, counts{"unknown": n, "expired": 2500 - n})
	})
}

// A number has W in flight, whoever waits; what is decided lets as many in.
func TestStoppedSendersStopTheDispatch(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.stopSenders = true
		w.run()
		var ids []schemas.TaskID
		for i := range 5 {
			ids = append(ids, w.submit(w.sliced(event("100", phonesFrom(10_000*i, 3000)...))))
		}
		passes(patient)
		sent := 0
		for _, id := range ids {
			n := len(w.sends(id))
			if sent += n; n < 250 || n > 550 {
				t.Errorf("%d sends of one of five, want some 400", n)
			}
		}
		w.full(sent, len(ids))
		w.startSenders()
		w.finished(ids...)
	})
}

func TestThreePhonesDoNotWaitBehindAMillion(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		var large []schemas.TaskID
		for i := range 4 {
			b := w.sliced(event("100", phonesFrom(100_000*i, 10_000)...))
			large = append(large, w.submit(b))
		}
		w.lock(func() { w.Faults.Delay = 20 * time.Millisecond })
		passes(time.Second)
		small := event("100", append(phonesFrom(900_000, 150), "573009999999")...)
		began := time.Now()
		id := w.submit(small)
		w.finished(id)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("151 recipients on the lane of four large ones took %s", took)
		}
		express := w.submit(event("100", "573008888888"))
		began = time.Now()
		w.finished(express)
		if took := time.Since(began); took > time.Second {
			t.Errorf("one recipient on the express lane took %s", took)
		}
		if w.status(large[0]).GetFinishedMs() != 0 {
			t.Error("the large ones were not large enough")
		}
	})
}

// Thousands of small broadcasts take turns, in the order in which they came, and the ledger that can't hold them all
// never stops the reading.
func TestSimulatedThousandsOfSmallBroadcastsDoNotStopTheReading(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		ids := make([]schemas.TaskID, 4000)
		for i := range ids {
			ids[i] = w.submit(event("200", phonesFrom(3*i, 3)...))
		}
		w.finished(ids...)
		passes(10 * time.Second)
		w.allCommitted("200")
	})
}

func TestMediaOfOneTaskStallsNoOther(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		resolve := make(chan error)
		var calls atomic.Int32
		w.media = func(ctx context.Context, _ string, m *schemas.MediaRef) (*schemas.MediaRef, error) {
			calls.Add(1)
			select {
			case err := <-resolve:
				return &schemas.MediaRef{Url: m.GetUrl(), MediaId: "42"}, err
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		w.run()
		withFile := func(phone string) *schemas.Broadcast {
			b := event("100", phone)
			b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Url: "https://example.com/a.png"}
			return b
		}
		a, b := w.submit(withFile("573001234567")), w.submit(withFile("573001234568"))
		other := w.submit(event("100", "573001234569"))
		w.finished(other)
		if calls.Load() != 1 {
			t.Errorf("one file on one number was resolved %d times at once", calls.Load())
		}
		passes(4 * time.Second)
		w.in(a, phaseWaiting, whyMedia)
		resolve <- errors.New("nobody answers")
		passes(time.Second)
		for _, id := range []schemas.TaskID{a, b} {
			w.in(id, phaseWaiting, whyMedia)
		}
		resolve <- nil
		w.finished(a, b)
		if got := w.sends(a)[0][0].GetContent().GetMedia().GetMediaId(); got != "42" || calls.Load() != 2 {
			t.Errorf("media id %q after %d calls, want 42 after 2", got, calls.Load())
		}
		w.told(a, "PHASE_WAITING "+whyMedia, "PHASE_RUNNING ")
	})
}

func TestRefusedFileFailsTheTaskBeforeAnythingIsSent(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.media = func(context.Context, string, *schemas.MediaRef) (*schemas.MediaRef, error) {
			return nil, fmt.Errorf("resolving: %w", &schemas.ContentError{Why: es.Say(es.LinkStatus, 404)})
		}
		w.run()
		b := event("100", phonesFrom(0, 200)...)
		b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Url: "https://example.com/a.png"}
		id := w.submit(b)
		w.finished(id)
		w.failedWith(id, spanish(es.LinkStatus, 404))
	})
}

// Of records with one chosen id the one starts whose TaskOpened came first, wherever it lies; another request is kept in rejects.
func TestChosenIDStartsOnceAndAnotherRequestIsRejected(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		id := schemas.TaskIDFromKey("caller", "key")
		chosen := func(sender, body string) *schemas.Broadcast {
			b := with(event(sender, "573001234567"), id)
			b.Chosen, b.RequestSha256 = true, []byte(body)
			return b
		}
		w.Append(schemas.EncodeBroadcast(chosen("100", "a")))
		second := w.Append(schemas.EncodeBroadcast(chosen("100", "a")))
		w.Append(schemas.EncodeBroadcast(chosen("200", "a")))
		w.Append(schemas.EncodeBroadcast(chosen("200", "b")))
		w.Append(schemas.EncodeBroadcast(chosen("100", "b")))
		// The ingress wrote the TaskOpened of the second record before that of the first.
		w.Append(schemas.EncodeResult(&schemas.Result{Task: id.Bytes(), Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
			Total: 1, Sender: "100", Origin: &schemas.Origin{Partition: second.Partition, Offset: second.Offset}, RequestSha256: []byte("a"),
		}}}))
		w.run()
		w.finished(id)
		w.Append(schemas.EncodeBroadcast(chosen("100", "a")))
		w.Append(schemas.EncodeBroadcast(chosen("100", "c")))
		passes(10 * time.Second)
		if s := w.sends(id); len(s) != 1 || len(s[0]) != 1 {
			t.Errorf("%v, want one send", s)
		}
		w.rejects(codeConflict, codeConflict, codeConflict)
		for _, r := range w.records(schemas.TopicRejects) {
			if r.Header("reject.stage") != stageName {
				t.Errorf("%v, want the stage %s", r.Headers, stageName)
			}
		}
		w.allCommitted("100")
		w.allCommitted("200")
	})
}

// An invalid request under somebody else's id must not make that task fail.
func TestInvalidRequestDoesNotFailAnothersTask(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.stopSenders = true
		w.run()
		id := w.submit(event("100", "573001234567"))
		passes(time.Second)
		w.Append(stream.Record{Topic: schemas.TopicBroadcasts, Partition: 0, Value: fmt.Appendf(nil, `{"task_id":%q}`, id)})
		passes(time.Second)
		w.startSenders()
		w.finished(id)
		w.expect(id, counts{"sent": 1})
	})
}

func TestFullBuffersAndFailedWritesLoseNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.Faults.Busy, w.Faults.Fail, w.Faults.FailWritten = 0.3, 0.2, 0.5
		w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, 2500)...)))
		w.finished(id)
		w.expect(id, counts{"sent": 2500})
	})
}

func TestRefusedCommitProducesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.Faults.Refuse = 1
		w.run()
		id := w.submit(event("100", "573001234567"))
		passes(time.Minute)
		if n := len(w.sends(id)); n > 0 {
			t.Errorf("%d sends without a commit", n)
		}
		w.lock(func() { w.Faults.Refuse = 0 })
		w.finished(id)
	})
}

// A takeover repeats of the leased quantum who is pending, and nobody else.
func TestTakeoverRepeatsOnlyThePending(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		w.lock(func() { w.stopSenders = true })
		id := w.submit(w.sliced(event("100", phonesFrom(0, 5000)...)))
		const first, size = canary.First, bulkQuantum // the first quantum, and the others
		w.until("a quantum is in the log", patient, func() bool { return len(w.held) > first })
		w.lock(func() { w.Faults.Delay = time.Second })
		w.until("a quantum is in part in the log", time.Minute, func() bool { return (len(w.held)-first)%size > 60 })
		p.kill()
		w.lock(func() { w.Faults.Delay = 5 * time.Millisecond })
		before := w.sends(id)
		quantum := uint32(first + (len(before)-1-first)/size*size)
		w.lock(func() { // forty of its sixty were sent in the meantime
			for _, rec := range w.held {
				var s schemas.Send
				_ = schemas.Decode(&rec, &s)
				if s.GetIndex() < quantum+40 {
					w.deliver(pair{id, s.GetIndex()}, &s)
				}
			}
			w.held = nil
		})
		passes(5 * time.Second)
		w.startSenders()
		w.run()
		w.finished(id)
		again := 0
		for index, s := range w.sends(id) {
			if len(s) == 1 {
				continue
			}
			if again++; index < quantum+40 || index >= quantum+size {
				t.Errorf("recipient %d was dispatched again; the leased quantum is [%d, %d), and forty were sent", index, quantum, quantum+size)
			}
		}
		if again == 0 {
			t.Error("nobody was dispatched again, want who is pending of the leased quantum")
		}
		w.expect(id, counts{"sent": 5000})
	})
}

// The repeats of a list are found after a takeover too.
func TestTakeoverKnowsRepeatsOfBefore(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		phones := append(phonesFrom(0, 3000), phonesFrom(0, 3000)...)
		phones = append(phones, "US.abc", "US.abc")
		id := w.submit(w.sliced(event("100", phones...)))
		w.underWay(id, 2500)
		p.kill()
		w.run()
		w.finished(id)
		w.expect(id, counts{"sent": 3001, "skipped": 3001})
	})
}

func TestNoQuantumBeforeTheViewHasCaughtUp(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.sync = time.Hour
		w.run()
		id := w.submit(event("100", "573001234567"))
		passes(time.Minute)
		if pos := w.committed("100"); len(w.records(schemas.TopicSendsExpress)) > 0 || pos.Metadata != "" {
			t.Errorf("something was sent, or committed: %v", pos)
		}
		passes(time.Hour)
		w.finished(id)
	})
}

// A graceful end leaves no lease behind, so nothing is repeated.
func TestRevokedPartitionLeavesNoLeaseAndRepeatsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, 20_000)...)))
		for range 10 {
			passes(50 * time.Millisecond)
			p.Revoke(p.Owned()...)
			if l := w.ledger("100"); len(l.Lines) != 1 || l.Lines[0].Lease != 0 || l.Lines[0].Cursor == 0 {
				t.Errorf("the ledger is %+v, want a line without a lease", l)
			}
			p.assignAll()
		}
		w.finished(id)
		w.eachOnce(id, 20_000)
	})
}

// An owner that was replaced and does not know it produces what it had leased, and that only for as long as its last
// commit is fresh.
func TestSimulatedReplacedOwnerProducesWhatItHadLeasedWhileItsCommitIsFresh(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		zombie := w.run()
		w.lock(func() { w.stopSenders = true })
		id := w.submit(w.sliced(event("100", phonesFrom(0, 5000)...)))
		w.until("it is under way", patient, func() bool { return len(w.held) > 500 })
		w.lock(func() { w.Faults.Busy = 1 }) // whatever it has leased it can't produce yet
		passes(time.Second)
		fenced := time.Now()
		zombie.Expel() // the group has moved on; nobody tells the process
		n := len(w.sends(id))
		passes(2 * time.Second)
		w.lock(func() { w.Faults.Busy = 0 })
		passes(leaseFresh - 2*time.Second)
		reach := len(w.sends(id)) - n
		if reach == 0 || reach > bulkQuantum {
			t.Errorf("the zombie produced %d after it was fenced; a quantum is %d", reach, bulkQuantum)
		}
		passes(time.Hour)
		if more := len(w.sends(id)) - n - reach; more > 0 {
			t.Errorf("the zombie produced %d later than %s after %s", more, leaseFresh, fenced)
		}
		zombie.kill()
		w.startSenders()
		w.run()
		w.finished(id)
	})
}

// A zombie that could not produce in time does not do it later.
func TestStaleLeaseIsNotProduced(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		zombie := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, 5000)...)))
		w.until("it is under way", time.Minute, func() bool { return len(w.sent) > 500 })
		w.lock(func() { w.Faults.Busy = 1 })
		passes(time.Second) // its quantum is leased by now, and stuck
		zombie.Expel()
		passes(leaseFresh + partition.MostBackOff)
		w.lock(func() { w.Faults.Busy = 0 })
		n := len(w.sends(id))
		passes(time.Minute)
		if more := len(w.sends(id)) - n; more > 0 {
			t.Errorf("%d sends under a lease that was stale", more)
		}
		zombie.kill()
		w.run()
		w.finished(id)
	})
}

// A ledger that is full parks: what waits is found through its Status by whoever takes over.
func TestSimulatedFullLedgerParksAndParkedTasksSurvive(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		at := time.Now().Add(48 * time.Hour)
		ids := make([]schemas.TaskID, 3000)
		for i := range ids {
			b := event("100", phonesFrom(2*i, 2)...)
			b.ScheduleMs = at.UnixMilli()
			ids[i] = w.submit(b)
		}
		soon := w.submit(event("100", "573001234567"))
		w.finished(soon)
		passes(time.Minute)
		w.allCommitted("100") // it does not wait for what is parked
		p.kill()
		w.run()
		passes(time.Until(at) + time.Second)
		w.finished(ids...)
		if n, want := w.once(), 2*len(ids)+1; n != want {
			t.Errorf("%d recipients were sent to, want %d", n, want)
		}
	})
}

// While the aggregator is down nothing can be parked; the ledger never grows too long, and all goes on afterwards.
func TestSimulatedLedgerHoldsOutWithoutTheAggregator(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.stopAggregator = true
		p := w.run()
		var ids []schemas.TaskID
		for i := range 4000 {
			ids = append(ids, w.submit(event("300", phonesFrom(i, 1)...)))
		}
		passes(time.Minute)
		p.kill()
		w.run()
		passes(time.Minute)
		w.startAggregator()
		w.finished(ids...)
		w.once()
	})
}

// What was dispatched is in flight, also when nobody but the ledger has heard of it.
func TestTakeoverCountsWhatTheAggregatorHasNotSeen(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.stopAggregator = true
		p := w.run()
		var ids []schemas.TaskID
		for i := range 5 {
			ids = append(ids, w.submit(event("100", phonesFrom(1000*i, 500)...)))
		}
		passes(patient)
		for range 3 {
			p.kill()
			p = w.run()
			passes(10 * time.Second)
			w.full(len(w.records(schemas.TopicSendsBulk)), len(ids))
		}
		w.startAggregator()
		w.finished(ids...)
	})
}

// Leases of an earlier owner may be all that fits in flight. They are repeated all the same, or there would never be room again.
func TestLeasesThatAreAllThatFitsInFlightAreRepeated(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.numbers["400"] = Number{Rate: 10}
		w.stuck = schemas.TopicSendsBulk
		p := w.run()
		a, b := w.submit(event("400", phonesFrom(0, 150)...)), w.submit(event("400", phonesFrom(1000, 150)...))
		passes(20 * time.Second)
		p.kill()
		if l := w.ledger("400"); len(l.Lines) != 2 || l.Lines[0].Lease+l.Lines[1].Lease <= schedule.MinWindow*3/4 {
			t.Fatalf("the ledger is %+v, want leases of %d, but for what is not worth a quantum", l, schedule.MinWindow)
		}
		w.lock(func() { w.stuck = "" })
		w.run()
		w.finished(a, b)
	})
}

func TestRepeatedRecordIsOneTask(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", "573001234567")
		id := w.submit(b)
		w.submit(b)
		w.finished(id)
		w.submit(b)
		passes(time.Second)
		if n := len(w.sends(id)[0]); n != 1 {
			t.Errorf("%d sends, want 1", n)
		}
	})
}

// A null value is what compaction and tools leave: nobody's broadcast, and no reject.
func TestTombstonesArePassedOver(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		of := partitionOf("100")
		w.Append(stream.Record{Topic: of.Topic, Partition: of.Partition, Key: []byte("100")})
		w.Append(stream.Record{Topic: of.Topic, Partition: of.Partition, Value: []byte(`{"schema":null,"payload":null}`)}) // as Kafka Connect writes one
		w.Append(stream.Record{Topic: of.Topic, Partition: of.Partition, Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte("1")}}})
		w.finished(w.submit(event("100", "573001234567")))
		passes(time.Second)
		w.rejects()
	})
}

// Lists that do not fit into memory are read again for each quantum, and nothing changes.
func TestSimulatedListsThatDoNotFitIntoMemoryAreSentWhole(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		var ids []schemas.TaskID
		for i := range prepare.CacheBytes/normalize.MaxContent + 50 {
			b := event("300", append(phonesFrom(120*i, 120), phonesFrom(120*i, 1)...)...)
			b.RequestSha256 = make([]byte, normalize.MaxContent) // what may be as long as it likes
			ids = append(ids, w.submit(b))
		}
		w.finished(ids...)
		for _, id := range ids {
			w.expect(id, counts{"sent": 120, "skipped": 1})
		}
	})
}

func TestTrimmedBroadcastFailsWithWords(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		b := event("100", "573001234567")
		b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
		id := w.submit(b)
		passes(time.Minute)
		p.kill()
		w.Trim(partitionOf("100"), w.End(partitionOf("100")))
		w.run()
		passes(time.Hour)
		w.finished(id)
		w.failedWith(id, spanish(es.TaskUnreadable))
	})
}

// asleep is a view of controls of which nothing is heard.
type asleep struct{ Controls }

func (asleep) Listen(func(schemas.TaskID, schemas.Controls)) {}
func (asleep) Number(string) standing.State                  { return standing.State{} }

func TestStageThatWasNotStartedStops(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := &process{world: w}
		st := New(Config{}, Ports{Statuses: p, Controls: asleep{}})
		if err := st.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestLedgerThatCannotBeReadIsAnError(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := &process{world: w}
		st := New(Config{}, Ports{Statuses: p, Pauser: p, Controls: asleep{}})
		if _, err := st.OnAssigned(t.Context(), stream.Position{Partition: partitionOf("100"), Offset: 3, Metadata: "what?"}); !errors.Is(err, ledger.ErrLedger) {
			t.Errorf("%v, want %v", err, ledger.ErrLedger)
		}
	})
}

func TestConfigThatTheStageCannotWorkWithIsRefused(t *testing.T) {
	t.Parallel()
	known := func(string) (Number, bool) { return Number{}, true }
	for name, tt := range map[string]struct {
		cfg  Config
		good bool
	}{
		"numbers":             {Config{Number: known}, true},
		"no numbers":          {Config{}, false},
		"too many recipients": {Config{Number: known, MaxRecipients: schemas.MaxRecipients + 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tt.cfg.Validate(); (err == nil) != tt.good {
				t.Errorf("%v, want it accepted: %t", err, tt.good)
			}
		})
	}
}
