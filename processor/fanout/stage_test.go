package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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
	"altavoz/stream"
)

// patient is when a task goes on though nobody knows of its first recipients.
const patient = canary.OutcomesWithin + 10*time.Second

// phonesFrom returns n different phones.
func phonesFrom(first, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("57300%07d", first+i)
	}
	return out
}

// event is a broadcast as the ingress writes it, with its list inline.
func event(sender string, phones ...string) *schemas.Broadcast {
	return &schemas.Broadcast{
		Task: schemas.NewTaskID().Bytes(), Sender: sender, Content: &schemas.Content{Body: "hola"}, Phones: phones,
		Total: uint32(len(phones)), AcceptedMs: time.Now().UnixMilli(), RequestSha256: []byte("request"),
	}
}

// sliced moves the list of a broadcast to blobs.
func (w *world) sliced(b *schemas.Broadcast) *schemas.Broadcast {
	w.slicedAs(b, "")
	return b
}

// slicedAs is sliced with a key, and without a proof, as older versions did; with no key it is sliced.
func (w *world) slicedAs(b *schemas.Broadcast, key string) *blob.List {
	l := blob.NewList()
	proven := key == ""
	if !proven {
		l.Key = key
	}
	if err := l.Add(w.slices(l.Key, b.GetPhones())...); err != nil {
		w.failf("%v", err)
	}
	b.Phones, b.Slices = nil, l.Ref(schemas.TaskID(b.GetTask()), b.GetSender())
	if !proven {
		b.Slices.Proof, b.Slices.Task, b.Slices.Sender = nil, nil, ""
	}
	return l
}

// slices writes a list to blobs.
func (w *world) slices(key string, phones []string) (out []stream.Record) {
	for c := range slices.Chunk(phones, schemas.SliceRecipients) {
		rec := schemas.EncodeSlice(key, &schemas.Slice{Phones: c})
		rec.Partition = 1
		out = append(out, w.append(nil, rec))
	}
	return out
}

// submit puts a broadcast where it belongs, and its Plan, as the ingress does.
func (w *world) submit(b *schemas.Broadcast) schemas.TaskID {
	rec := w.append(nil, schemas.EncodeBroadcast(b))
	id := schemas.TaskID(b.GetTask())
	w.append(nil, schemas.EncodeResult(&schemas.Result{Task: id.Bytes(), AtMs: time.Now().UnixMilli(), Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
		Total: b.GetTotal(), Origin: &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}, RequestSha256: b.GetRequestSha256(),
		Sender: b.GetSender(), AcceptedMs: b.GetAcceptedMs(), ScheduleMs: b.GetScheduleMs(), ExpireMs: b.GetExpireMs(), Direct: b.GetDirect(),
		Window: b.GetWindow(), Speed: b.GetSpeed(), Owner: b.GetOwner(), Earlier: b.GetEarlier(),
	}}}))
	return id
}

// Until waits, in fake time, for something to become true.
func (w *world) until(what string, most time.Duration, f func() bool) {
	w.t.Helper()
	for end := time.Now().Add(most); ; time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		ok := f()
		w.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			w.dump()
			w.t.Fatalf("seed %d: after %s still not: %s", w.seed, most, what)
		}
	}
}

func (w *world) finished(ids ...schemas.TaskID) {
	w.t.Helper()
	for _, id := range ids {
		w.until("task "+id.String()+" is finished", 10*time.Minute, func() bool {
			return w.view[id] != nil && status.Finished(w.view[id])
		})
	}
}

// passes lets fake time pass and everything that it wakes end.
func passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) counts(id schemas.TaskID) map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[string]int)
	if w.tasks[id] == nil {
		return out
	}
	for _, m := range w.tasks[id].marks {
		out[m.Label()]++
	}
	return out
}

func (w *world) records(t stream.Topic) (out []stream.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range partitions[t] {
		out = append(out, w.logs[stream.TopicPartition{Topic: t, Partition: i}]...)
	}
	return out
}

// sentOnceBy fails the test unless each recipient of a task who has a send has one, of that number.
func (w *world) sentOnceBy(t *testing.T, id schemas.TaskID, number string) {
	t.Helper()
	for _, made := range w.sends(id) {
		for _, one := range made {
			if one.GetSender() != number || len(made) > 1 {
				t.Fatalf("%d sends, %v", len(made), one)
			}
		}
	}
}

// sends returns the sends of a task, by index.
func (w *world) sends(id schemas.TaskID) map[uint32][]*schemas.Send {
	out := make(map[uint32][]*schemas.Send)
	for _, t := range []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk} {
		for _, rec := range w.records(t) {
			s := &schemas.Send{}
			if schemas.Decode(&rec, s) == nil && schemas.TaskID(s.GetTask()) == id {
				out[s.GetIndex()] = append(out[s.GetIndex()], s)
			}
		}
	}
	return out
}

// events returns the results of a task, in order.
func (w *world) events(id schemas.TaskID) (out []*schemas.Result) {
	for _, rec := range w.records(schemas.TopicResults) {
		r := &schemas.Result{}
		if schemas.Decode(&rec, r) == nil && schemas.TaskID(r.GetTask()) == id {
			out = append(out, r)
		}
	}
	return out
}

func (w *world) why(id schemas.TaskID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.tasks[id]; f != nil && f.phase == schemas.Phase_PHASE_FAILED {
		return whyOf(f.said)
	}
	return ""
}

func (w *world) status(id schemas.TaskID) *schemas.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.view[id]
}

// position returns what was committed for a slot, and where its log ends.
func (w *world) position(of stream.TopicPartition) (stream.Position, int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.positions[of], w.gone[of] + int64(len(w.logs[of]))
}

func (w *world) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func slotOf(sender string) stream.TopicPartition {
	return stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: home(schemas.TopicBroadcasts, []byte(sender))}
}

func TestExpressSendsCarryTheirContentAndBadPhonesTheirReason(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.submit(event("100", "573001234567", "+57 300 123 4567", "llámame", "573001234568", "US.abc", "US.abc"))
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 3, "skipped": 2, "failed:-1": 1}, w.counts(id)); d != "" {
			t.Error(d)
		}
		for index, s := range w.sends(id) {
			if s[0].GetContent().GetBody() != "hola" || s[0].GetContentRef() != nil || s[0].GetSender() != "100" {
				t.Errorf("send %d: %v", index, s[0])
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
			t.Errorf("%v, dispatched to %d", bad, cursor)
		}
	})
}

func TestBulkSendsPointAtTheirContent(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		phones := phonesFrom(0, 2500)
		phones[2400] = phones[3] // a repeat two slices later
		id := w.submit(w.sliced(event("100", phones...)))
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 2499, "skipped": 1}, w.counts(id)); d != "" {
			t.Error(d)
		}
		s := w.sends(id)
		p := &process{w: w}
		rec, err := p.at(stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: s[0][0].GetContentRef().GetPartition()}, s[0][0].GetContentRef().Offsets()[0])
		if err != nil {
			t.Fatal(err)
		}
		var c schemas.Content
		if err := schemas.Decode(&rec, &c); err != nil || c.GetBody() != "hola" || s[0][0].GetContent() != nil {
			t.Errorf("%v, %v", &c, err)
		}
		for i := range s {
			if len(s[i]) != 1 || s[i][0].GetPhone() != phones[i] {
				t.Fatalf("index %d: %v", i, s[i])
			}
		}
	})
}

func TestSendExpiresWithItsTaskOrAfterFiveDays(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		soon, late := event("100", "573001234567"), event("100", "573001234568")
		soon.ExpireMs = time.Now().Add(time.Hour).UnixMilli()
		a, b := w.submit(soon), w.submit(late)
		w.finished(a, b)
		if got := w.sends(a)[0][0].GetNotAfterMs(); got != soon.GetExpireMs() {
			t.Errorf("not after %d, expires at %d", got, soon.GetExpireMs())
		}
		if got := time.Until(time.UnixMilli(w.sends(b)[0][0].GetNotAfterMs())); got > schemas.SendLife || got < schemas.SendLife-time.Minute {
			t.Errorf("a send lives for %s", got)
		}
	})
}

func TestJSONOnAnyPartitionIsCarriedOutAtHome(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		for partition := range partitions[schemas.TopicBroadcasts] {
			rec := w.append(nil, stream.Record{
				Topic: schemas.TopicBroadcasts, Partition: partition,
				Value: []byte(`{"phones":["573001234567", 573001234568],"body_text":"hola"}`),
			})
			id := schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), &schemas.Origin{Partition: partition, Offset: rec.Offset})
			w.finished(id)
			if d := cmp.Diff(map[string]int{"sent": 2}, w.counts(id)); d != "" {
				t.Error(d)
			}
			plan := w.status(id).GetPlan()
			if plan.GetSender() != "100" || plan.GetHome().GetPartition() != slotOf("100").Partition ||
				!status.SameOrigin(plan.GetOrigin(), &schemas.Origin{Partition: partition, Offset: rec.Offset}) {
				t.Errorf("%v", plan)
			}
		}
	})
}

func TestLongJSONListGoesToBlobs(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		id := schemas.NewTaskID()
		w.append(nil, stream.Record{
			Topic: schemas.TopicBroadcasts, Partition: 0, Value: fmt.Appendf(nil, `{"task_id":%q,"sender":"200","body_text":"hola","phones":["%s"]}`,
				id, strings.Join(phonesFrom(0, 2100), `","`)),
		})
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 2100}, w.counts(id)); d != "" {
			t.Error(d)
		}
	})
}

func TestInlineFileAndLongInlineListGoToBlobs(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
		if d := cmp.Diff(map[string]int{"sent": 1500}, w.counts(id)); d != "" {
			t.Error(d)
		}
		if len(got.GetInline()) != 0 || len(got.GetParts().Offsets()) != 3 || got.GetMimeType() != "application/pdf" || got.GetSize() != uint64(len(file)) {
			t.Errorf("%v", got)
		}
		bad := event("200", "573001234567")
		bad.Content.Header, bad.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Inline: file}
		id = w.submit(bad)
		w.finished(id)
		if w.why(id) != spanish(es.MediaType) || len(w.records(schemas.TopicRejects)) != 1 {
			t.Errorf("%q, %d rejects", w.why(id), len(w.records(schemas.TopicRejects)))
		}
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
		code string // tp the reject; empty: none
	}{
		{"no event", func(*world) stream.Record {
			return stream.Record{Value: []byte{8}, Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte("1")}}}
		}, schemas.TaskID{}, "", codeDecode},
		{"a newer version", func(*world) stream.Record {
			return stream.Record{Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte("2")}}}
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
			inBubble(t, func(t *testing.T, w *world) {
				w.run()
				rec := tt.rec(w)
				rec.Topic, rec.Partition = schemas.TopicBroadcasts, slotOf("100").Partition
				if tt.name == "unknown number" {
					rec.Partition = slotOf("999").Partition
				}
				w.append(nil, rec)
				if tt.task != (schemas.TaskID{}) {
					w.finished(tt.task)
					if got := w.why(tt.task); got != tt.why {
						t.Errorf("%q, want %q", got, tt.why)
					}
				}
				passes(time.Second)
				var codes []string
				for _, r := range w.records(schemas.TopicRejects) {
					codes = append(codes, r.Header("reject.code"))
				}
				if want := strings.Fields(tt.code); !slices.Equal(codes, want) {
					t.Errorf("rejects %v, want %v", codes, want)
				}
				if len(w.sends(tt.task)) > 0 {
					t.Error("something was sent")
				}
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
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		id := w.submit(event("", "573001234567"))
		w.finished(id)
		if got := w.sends(id)[0][0].GetSender(); got != "100" {
			t.Errorf("sent from %q", got)
		}
	})
}

func TestScheduledTaskStartsNotBeforeItsTime(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", "573001234567")
		at := time.Now().Add(3 * 24 * time.Hour)
		b.ScheduleMs = at.UnixMilli()
		id := w.submit(b)
		passes(time.Until(at) - time.Second)
		if n := len(w.sends(id)); n > 0 {
			t.Errorf("%d sends before the time", n)
		}
		passes(2 * time.Second)
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 1}, w.counts(id)); d != "" {
			t.Error(d)
		}
	})
}

func TestExpiryEndsTheRest(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", phonesFrom(0, 1000)...)
		b.Speed, b.ExpireMs = 10, time.Now().Add(20*time.Second).UnixMilli()
		id := w.submit(b)
		w.finished(id)
		c := w.counts(id)
		if c["sent"] < 180 || c["sent"] > 215 || c["sent"]+c["expired"] != 1000 {
			t.Errorf("%v", c)
		}
	})
}

// The record that says "all done" comes after what it stands for: seed 127 of the simulation lost a range between the two.
func TestExpiryIsWrittenBeforeTheCursorThatStandsForIt(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.faults.fail, w.faults.busy = 0.4, 0.3
		p := w.run()
		for i := range 30 {
			b := event("100", phonesFrom(10*i, 200)...)
			b.Speed, b.ExpireMs = 1, time.Now().Add(3*time.Second).UnixMilli()
			id := w.submit(b)
			w.until("its last record is there", 10*time.Minute, func() bool { return w.tasks[id] != nil && w.tasks[id].cursor == 200 })
			p.kill()
			if c := w.counts(id); c["expired"] < 190 {
				t.Errorf("dispatched to the end, and the outcomes are %v", c)
			}
			p = w.run()
			w.finished(id)
		}
	})
}

func TestTaskLifeEndsTheRestAndWhatWasLostIsUnknown(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.stopSenders = true
		w.run()
		id := w.submit(w.sliced(event("100", append(phonesFrom(0, 2400), phonesFrom(0, 100)...)...)))
		passes(patient)
		if n := len(w.sends(id)); n != 2000 {
			t.Errorf("%d sends in a pipe of 2000", n)
		}
		w.set(func() { w.held = nil }) // senders lose everything
		passes(schemas.TaskLife - patient - time.Second)
		if status.Finished(w.status(id)) {
			t.Fatal("it is over early")
		}
		passes(task.GraceAfter)
		w.finished(id)
		if d := cmp.Diff(map[string]int{"unknown": 2000, "expired": 500}, w.counts(id)); d != "" {
			t.Error(d)
		}
	})
}

// The pipe of a number holds W, whoever waits; what is decided lets as many in.
func TestStoppedSendersStopTheDispatch(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
				t.Errorf("%d sends of one of five", n)
			}
		}
		if sent != 2000 {
			t.Errorf("%d sends in a pipe of 2000", sent)
		}
		w.startSenders()
		w.finished(ids...)
	})
}

func TestThreePhonesDoNotWaitBehindAMillion(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		var large []schemas.TaskID
		for i := range 4 {
			b := w.sliced(event("100", phonesFrom(100_000*i, 10_000)...))
			large = append(large, w.submit(b))
		}
		w.set(func() { w.faults.delay = 20 * time.Millisecond })
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
func TestThousandsOfSmallBroadcasts(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		ids := make([]schemas.TaskID, 4000)
		for i := range ids {
			ids[i] = w.submit(event("200", phonesFrom(3*i, 3)...))
		}
		w.finished(ids...)
		passes(10 * time.Second)
		if pos, end := w.position(slotOf("200")); pos.Offset != end {
			t.Errorf("the watermark is %d of %d", pos.Offset, end)
		}
	})
}

func TestMediaOfOneTaskStallsNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
		if st := w.status(a); st.GetPhase() != schemas.Phase_PHASE_WAITING || whyOf(st) != whyMedia {
			t.Errorf("while the first try takes long: %v", st)
		}
		resolve <- errors.New("nobody answers")
		passes(time.Second)
		for _, id := range []schemas.TaskID{a, b} {
			if st := w.status(id); st.GetPhase() != schemas.Phase_PHASE_WAITING || whyOf(st) != whyMedia {
				t.Errorf("%v", st)
			}
		}
		resolve <- nil
		w.finished(a, b)
		if got := w.sends(a)[0][0].GetContent().GetMedia().GetMediaId(); got != "42" || calls.Load() != 2 {
			t.Errorf("media id %q after %d calls", got, calls.Load())
		}
		var notes []string
		for _, r := range w.events(a) {
			if n := r.GetNote(); n != nil {
				notes = append(notes, n.GetPhase().String()+" "+whyOf(n))
			}
		}
		if d := cmp.Diff([]string{"PHASE_WAITING " + whyMedia, "PHASE_RUNNING "}, notes); d != "" {
			t.Error(d)
		}
	})
}

func TestRefusedFileFailsTheTaskBeforeAnythingIsSent(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.media = func(context.Context, string, *schemas.MediaRef) (*schemas.MediaRef, error) {
			return nil, fmt.Errorf("resolving: %w", &schemas.ContentError{Why: es.Say(es.LinkStatus, 404)})
		}
		w.run()
		b := event("100", phonesFrom(0, 200)...)
		b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Url: "https://example.com/a.png"}
		id := w.submit(b)
		w.finished(id)
		if w.why(id) != spanish(es.LinkStatus, 404) || len(w.sends(id)) > 0 {
			t.Errorf("%q, %d sends", w.why(id), len(w.sends(id)))
		}
	})
}

// Of records with one chosen id the one starts whose Plan came first, wherever it lies; another request is kept in rejects.
func TestChosenIDStartsOnceAndAnotherRequestIsRejected(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id := schemas.TaskIDFromKey("caller", "key")
		chosen := func(sender, body string) *schemas.Broadcast {
			b := with(event(sender, "573001234567"), id)
			b.Chosen, b.RequestSha256 = true, []byte(body)
			return b
		}
		w.append(nil, schemas.EncodeBroadcast(chosen("100", "a")))
		second := w.append(nil, schemas.EncodeBroadcast(chosen("100", "a")))
		w.append(nil, schemas.EncodeBroadcast(chosen("200", "a")))
		w.append(nil, schemas.EncodeBroadcast(chosen("200", "b")))
		w.append(nil, schemas.EncodeBroadcast(chosen("100", "b")))
		// The ingress wrote the Plan of the second record before that of the first.
		w.append(nil, schemas.EncodeResult(&schemas.Result{Task: id.Bytes(), Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
			Total: 1, Sender: "100", Origin: &schemas.Origin{Partition: second.Partition, Offset: second.Offset}, RequestSha256: []byte("a"),
		}}}))
		w.run()
		w.finished(id)
		w.append(nil, schemas.EncodeBroadcast(chosen("100", "a")))
		w.append(nil, schemas.EncodeBroadcast(chosen("100", "c")))
		passes(10 * time.Second)
		if s := w.sends(id); len(s) != 1 || len(s[0]) != 1 {
			t.Errorf("%v", s)
		}
		rejects := w.records(schemas.TopicRejects)
		if len(rejects) != 3 {
			t.Errorf("%d rejects", len(rejects))
		}
		for _, r := range rejects {
			if r.Header("reject.code") != codeConflict || r.Header("reject.stage") != stageName {
				t.Errorf("%v", r.Headers)
			}
		}
		for _, of := range []stream.TopicPartition{slotOf("100"), slotOf("200")} {
			if pos, end := w.position(of); pos.Offset != end {
				t.Errorf("%v of %d", pos, end)
			}
		}
	})
}

// An invalid request under somebody else's id must not make that task fail.
func TestInvalidRequestDoesNotFailAnothersTask(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.stopSenders = true
		w.run()
		id := w.submit(event("100", "573001234567"))
		passes(time.Second)
		w.append(nil, stream.Record{Topic: schemas.TopicBroadcasts, Partition: 0, Value: fmt.Appendf(nil, `{"task_id":%q}`, id)})
		passes(time.Second)
		w.startSenders()
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 1}, w.counts(id)); d != "" || w.why(id) != "" {
			t.Error(d, w.why(id))
		}
	})
}

func TestErrBusyAndFailedProducesLoseNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.faults.busy, w.faults.fail, w.faults.failWritten = 0.3, 0.2, 0.5
		w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, 2500)...)))
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 2500}, w.counts(id)); d != "" {
			t.Error(d)
		}
	})
}

func TestRefusedCommitProducesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.faults.refuse = 1
		w.run()
		id := w.submit(event("100", "573001234567"))
		passes(time.Minute)
		if n := len(w.sends(id)); n > 0 {
			t.Errorf("%d sends without a commit", n)
		}
		w.set(func() { w.faults.refuse = 0 })
		w.finished(id)
	})
}

func TestAfterAnUnansweredCommitNothingStarts(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.faults.unknown = 1
		p := w.run()
		w.set(func() { p.dropped = true }) // the group is slow to take the partitions away
		id := w.submit(event("100", "573001234567"))
		passes(time.Minute)
		w.set(func() { w.faults.unknown = 0 })
		passes(time.Minute)
		if n := len(w.sends(id)); n > 0 {
			t.Errorf("%d sends after a commit that nobody answered", n)
		}
		p.rejoin()
		w.finished(id)
	})
}

// A takeover repeats of the leased turn who is pending, and nobody else.
func TestTakeoverRepeatsOnlyThePending(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		w.set(func() { w.stopSenders = true })
		id := w.submit(w.sliced(event("100", phonesFrom(0, 5000)...)))
		const first, size = canary.First, 125 // the first turn, and the others
		w.until("a turn is in the log", patient, func() bool { return len(w.held) > first })
		w.set(func() { w.faults.delay = time.Second })
		w.until("a turn is in part in the log", time.Minute, func() bool { return (len(w.held)-first)%size > 60 })
		p.kill()
		w.set(func() { w.faults.delay = 5 * time.Millisecond })
		before := w.sends(id)
		turn := uint32(first + (len(before)-1-first)/size*size)
		w.set(func() { // forty of its sixty were sent in the meantime
			for _, rec := range w.held {
				var s schemas.Send
				_ = schemas.Decode(&rec, &s)
				if s.GetIndex() < turn+40 {
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
			if again++; index < turn+40 || index >= turn+size {
				t.Errorf("recipient %d was dispatched again; the leased turn is [%d, %d), and forty were sent", index, turn, turn+size)
			}
		}
		if again == 0 {
			t.Errorf("%d recipients were dispatched again", again)
		}
		if d := cmp.Diff(map[string]int{"sent": 5000}, w.counts(id)); d != "" {
			t.Error(d)
		}
	})
}

// The repeats of a list are found after a takeover too.
func TestTakeoverKnowsRepeatsOfBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		phones := append(phonesFrom(0, 3000), phonesFrom(0, 3000)...)
		phones = append(phones, "US.abc", "US.abc")
		id := w.submit(w.sliced(event("100", phones...)))
		w.until("it is under way", time.Minute, func() bool { return w.cursors[id] > 2500 })
		p.kill()
		w.run()
		w.finished(id)
		if d := cmp.Diff(map[string]int{"sent": 3001, "skipped": 3001}, w.counts(id)); d != "" {
			t.Error(d)
		}
	})
}

func TestNoTurnBeforeTheViewHasCaughtUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.sync = time.Hour
		w.run()
		id := w.submit(event("100", "573001234567"))
		passes(time.Minute)
		if pos, _ := w.position(slotOf("100")); len(w.records(schemas.TopicSendsExpress)) > 0 || pos.Metadata != "" {
			t.Errorf("something was sent, or committed: %v", pos)
		}
		passes(time.Hour)
		w.finished(id)
	})
}

// A graceful end leaves no lease behind, so nothing is repeated.
func TestRevokeDrains(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, 20_000)...)))
		for range 10 {
			passes(50 * time.Millisecond)
			p.revoke(p.owned()...)
			pos, _ := w.position(slotOf("100"))
			l, err := ledger.Decode(pos.Offset, pos.Metadata)
			if err != nil || len(l.Lines) != 1 || l.Lines[0].Lease != 0 || l.Lines[0].Cursor == 0 {
				t.Errorf("%+v, %v", l, err)
			}
			for i := range partitions[schemas.TopicBroadcasts] {
				p.assign(stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: i})
			}
		}
		w.finished(id)
		for index, s := range w.sends(id) {
			if len(s) != 1 {
				t.Errorf("recipient %d was dispatched %d times", index, len(s))
			}
		}
	})
}

// An owner that was replaced and does not know it produces what it had leased, and that only for as long as its last
// commit is fresh.
func TestZombieReach(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		zombie := w.run()
		w.set(func() { w.stopSenders = true })
		id := w.submit(w.sliced(event("100", phonesFrom(0, 5000)...)))
		w.until("it is under way", patient, func() bool { return len(w.held) > 500 })
		w.set(func() { w.faults.busy = 1 }) // whatever it has leased it can't produce yet
		passes(time.Second)
		fenced := time.Now()
		w.set(func() {
			w.session++
			w.owner[slotOf("100")] = nil // the group has moved on; nobody tells the process
		})
		n := len(w.sends(id))
		passes(2 * time.Second)
		w.set(func() { w.faults.busy = 0 })
		passes(leaseFresh - 2*time.Second)
		reach := len(w.sends(id)) - n
		if reach == 0 || reach > 125 {
			t.Errorf("the zombie produced %d after it was fenced; a turn is 125", reach)
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
	inBubble(t, func(t *testing.T, w *world) {
		zombie := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, 5000)...)))
		w.until("it is under way", time.Minute, func() bool { return len(w.sent) > 500 })
		w.set(func() { w.faults.busy = 1 })
		passes(time.Second) // its turn is leased by now, and stuck
		w.set(func() { w.owner[slotOf("100")] = nil })
		passes(leaseFresh + partition.MostBackOff)
		w.set(func() { w.faults.busy = 0 })
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
func TestFullLedgerParksAndParkedTasksSurvive(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
		of := slotOf("100")
		if pos, end := w.position(of); pos.Offset != end {
			t.Errorf("the watermark waits at %d of %d for what is parked", pos.Offset, end)
		}
		p.kill()
		w.run()
		passes(time.Until(at) + time.Second)
		w.finished(ids...)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.sent) != 2*len(ids)+1 {
			t.Errorf("%d recipients were sent to", len(w.sent))
		}
		for k, n := range w.sent {
			if n != 1 {
				t.Errorf("%v was sent %d times", k, n)
			}
		}
	})
}

// While the aggregator is down nothing can be parked; the ledger never grows too long, and all goes on afterwards.
func TestLedgerHoldsOutWithoutTheAggregator(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
		for k, n := range w.sent {
			if n != 1 {
				t.Errorf("%v was sent %d times", k, n)
			}
		}
	})
}

// What was dispatched is in the pipe, also when nobody but the ledger has heard of it.
func TestTakeoverCountsWhatTheAggregatorHasNotSeen(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
			if n := len(w.records(schemas.TopicSendsBulk)); n != 2000 {
				t.Errorf("%d sends in a pipe of 2000", n)
			}
		}
		w.startAggregator()
		w.finished(ids...)
	})
}

// Leases of an earlier owner may fill the pipe by themselves. They are repeated all the same, or nothing would ever empty it.
func TestLeasesThatFillThePipeAreRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.numbers["400"] = Number{Rate: 10}
		w.stuck = map[stream.Topic]bool{schemas.TopicSendsBulk: true}
		p := w.run()
		a, b := w.submit(event("400", phonesFrom(0, 150)...)), w.submit(event("400", phonesFrom(1000, 150)...))
		passes(20 * time.Second)
		p.kill()
		pos, _ := w.position(slotOf("400"))
		l, err := ledger.Decode(pos.Offset, pos.Metadata)
		if err != nil || len(l.Lines) != 2 || l.Lines[0].Lease+l.Lines[1].Lease != schedule.MinWindow {
			t.Fatalf("%+v, %v", l, err)
		}
		w.set(func() { w.stuck = nil })
		w.run()
		w.finished(a, b)
	})
}

func TestRepeatedRecordIsOneTask(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		b := event("100", "573001234567")
		id := w.submit(b)
		w.submit(b)
		w.finished(id)
		w.submit(b)
		passes(time.Second)
		if n := len(w.sends(id)[0]); n != 1 {
			t.Errorf("%d sends", n)
		}
	})
}

// A null value is what compaction and tools leave: nobody's broadcast, and no reject.
func TestTombstonesArePassedOver(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		slot := slotOf("100")
		w.append(nil, stream.Record{Topic: slot.Topic, Partition: slot.Partition, Key: []byte("100")})
		w.append(nil, stream.Record{Topic: slot.Topic, Partition: slot.Partition, Value: []byte(`{"schema":null,"payload":null}`)}) // as Kafka Connect writes one
		w.append(nil, stream.Record{Topic: slot.Topic, Partition: slot.Partition, Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte("1")}}})
		w.finished(w.submit(event("100", "573001234567")))
		passes(time.Second)
		if n := len(w.records(schemas.TopicRejects)); n > 0 {
			t.Errorf("%d rejects", n)
		}
	})
}

// Lists that do not fit into memory are read again for each turn, and nothing changes.
func TestColdListsGoOut(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		var ids []schemas.TaskID
		for i := range prepare.CacheBytes/normalize.MaxContent + 50 {
			b := event("300", append(phonesFrom(120*i, 120), phonesFrom(120*i, 1)...)...)
			b.RequestSha256 = make([]byte, normalize.MaxContent) // what may be as long as it likes
			ids = append(ids, w.submit(b))
		}
		w.finished(ids...)
		for _, id := range ids {
			if d := cmp.Diff(map[string]int{"sent": 120, "skipped": 1}, w.counts(id)); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func TestTrimmedBroadcastFailsWithWords(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		b := event("100", "573001234567")
		b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
		id := w.submit(b)
		passes(time.Minute)
		p.kill()
		w.set(func() {
			of := slotOf("100")
			w.gone[of], w.logs[of] = int64(len(w.logs[of])), nil
		})
		w.run()
		passes(time.Hour)
		w.finished(id)
		if w.why(id) != spanish(es.TaskUnreadable) {
			t.Errorf("%q", w.why(id))
		}
	})
}

// asleep is a view of controls of which nothing is heard.
type asleep struct{ Controls }

func (asleep) Listen(func(schemas.TaskID, schemas.Controls)) {}

func TestStopWithoutStart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := &process{w: w}
		st := New(Config{}, Ports{Statuses: p, Controls: asleep{}})
		if err := st.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestForeignLedgerIsAnError(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := &process{w: w}
		st := New(Config{}, Ports{Statuses: p, Pauser: p, Controls: asleep{}})
		if _, err := st.OnAssigned(t.Context(), stream.Position{Partition: slotOf("100"), Offset: 3, Metadata: "what?"}); !errors.Is(err, ledger.ErrLedger) {
			t.Errorf("%v", err)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	known := func(string) (Number, bool) { return Number{}, true }
	good := Config{Number: known}
	bad := []Config{
		{},
		{Number: known, MaxRecipients: schemas.MaxRecipients + 1},
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range bad {
		if c.Validate() == nil {
			t.Errorf("%+v passes", c)
		}
	}
}
