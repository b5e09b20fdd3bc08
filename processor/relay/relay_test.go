package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"altavoz/blob"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	crm    = stream.Topic("crm.broadcasts")
	number = "100"
	proof  = "of a test"
)

var of = stream.TopicPartition{Topic: crm}

// world is a Kafka with one partition a topic, and a group of one member.
type world struct {
	mu        sync.Mutex
	logs      map[stream.Topic][]stream.Record
	failing   int // so many of the next writes are not acknowledged, of which every second one is in the log all the same
	refusing  bool
	committed int64
	paused    bool
	byDefault string        // the number of records that name none
	full      bool          // nothing is taken
	over      map[int64]int // by offset: how many broadcasts were in the log when it was committed
}

func newWorld() *world {
	return &world{logs: make(map[stream.Topic][]stream.Record), committed: stream.NoOffset, byDefault: number, over: make(map[int64]int)}
}

func (w *world) Generation() stream.Generation { return stream.Generation{} }

func (w *world) Commit(_ context.Context, _ stream.Generation, ps []stream.Position) (map[stream.TopicPartition]error, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	refused := make(map[stream.TopicPartition]error)
	for _, p := range ps {
		if w.refusing {
			refused[p.Partition] = errors.New("rebalancing")
			continue
		}
		w.committed = p.Offset
		w.over[p.Offset] = len(w.logs[schemas.TopicBroadcasts]) + len(w.logs[schemas.TopicRejects])
	}
	return refused, nil
}

func (w *world) Pause(...stream.TopicPartition)  { w.pause(true) }
func (w *world) Resume(...stream.TopicPartition) { w.pause(false) }

func (w *world) pause(paused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = paused
}

func (w *world) Publish(_ context.Context, recs ...stream.Record) ([]stream.Record, error) {
	time.Sleep(time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing--
	if w.failing >= 0 && w.failing%2 == 0 {
		return nil, stream.ErrNotWritten
	}
	out := slices.Clone(recs)
	for i := range out {
		out[i].Partition, out[i].Offset = 0, int64(len(w.logs[out[i].Topic]))
		w.logs[out[i].Topic] = append(w.logs[out[i].Topic], out[i])
	}
	if w.failing >= 0 {
		return nil, errors.New("no answer")
	}
	return out, nil
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) position() (offset int64) {
	w.set(func() { offset = w.committed })
	return offset
}

func (w *world) pausing() (paused bool) {
	w.set(func() { paused = w.paused })
	return paused
}

func (w *world) commits() (over map[int64]int) {
	w.set(func() { over = maps.Clone(w.over) })
	return over
}

func (w *world) of(t stream.Topic) []stream.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.logs[t])
}

func (w *world) start(t *testing.T) *Stage {
	t.Helper()
	cfg := Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Owners: map[stream.Topic]string{crm: "crm"},
		IDs: func(rec *stream.Record) (schemas.TaskID, []schemas.TaskID) {
			return schemas.TaskIDFromKey("of the record", fmt.Sprint(rec.Offset)), []schemas.TaskID{{1}}
		},
		Made:          func(id schemas.TaskID) bool { return id[15] == 0xff },
		Sign:          func(b *schemas.Broadcast, owner string) { b.Owner, b.OwnerMac = owner, []byte(proof) },
		DefaultSender: func() string { return w.byDefault },
		Room: func() (err error) {
			w.set(func() {
				if w.full {
					err = errors.New("there is no room")
				}
			})
			return err
		},
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	st := New(cfg, Ports{Committer: w, Pauser: w, Log: w, Home: func(stream.Topic, []byte) int32 { return 0 }, Reject: func(rec stream.Record, _, code, reason string) stream.Record {
		rec.Topic, rec.Headers = schemas.TopicRejects, append(rec.Headers, stream.Header{Key: "code", Value: []byte(code)}, stream.Header{Key: "reason", Value: []byte(reason)})
		return rec
	}})
	st.Start()
	return st
}

// feed gives the stage what lies in the topic, from where it wants to read.
func (w *world) feed(t *testing.T, st *Stage) {
	t.Helper()
	recs := w.of(crm)
	w.mu.Lock()
	pos := stream.Position{Partition: of, Offset: w.committed, End: int64(len(recs))}
	w.mu.Unlock()
	from, err := st.OnAssigned(t.Context(), pos)
	if err != nil {
		t.Fatal(err)
	}
	st.Process(of, recs[from:])
}

func (w *world) write(recs ...stream.Record) {
	for _, r := range recs {
		r.Topic, r.Offset, r.Time = crm, int64(len(w.logs[crm])), time.Now()
		w.logs[crm] = append(w.logs[crm], r)
	}
}

func (w *world) stop(t *testing.T, st *Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	st.OnRevoked(ctx, []stream.TopicPartition{of})
	if err := st.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func (w *world) broadcasts(t *testing.T) (out []*schemas.Broadcast) {
	t.Helper()
	for _, rec := range w.of(schemas.TopicBroadcasts) {
		b := new(schemas.Broadcast)
		if err := schemas.Decode(&rec, b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func bubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld()) })
}

func text(members string) stream.Record {
	return stream.Record{Value: []byte(`{"phones":["573001234567"],"body_text":"hola"` + members + `}`)}
}

func event(change func(b *schemas.Broadcast)) stream.Record {
	b := &schemas.Broadcast{Phones: []string{"573001234567"}, Total: 1, Content: &schemas.Content{Body: "hola", ButtonText: "Ver", ButtonUrl: "https://example.com"}}
	change(b)
	return schemas.Encode(crm, "", b)
}

// TestThreatS13RecordOfAnUpstreamTopicIsItsOwners: whatever a record says of itself is not in the broadcast, which is signed for the owner of the topic.
func TestThreatS13RecordOfAnUpstreamTopicIsItsOwners(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		chosen := schemas.TaskIDFromKey("a", "b")
		w.write(text(""), text(`,"task_id":"`+chosen.String()+`"`), event(func(*schemas.Broadcast) {}), event(func(b *schemas.Broadcast) {
			b.Task, b.Owner, b.OwnerMac, b.Direct, b.AcceptedMs = chosen.Bytes(), "shop", []byte(proof), true, 7
			b.Origin, b.OriginMac, b.Earlier, b.RequestSha256 = &schemas.Origin{Partition: 3}, []byte(proof), [][]byte{chosen.Bytes()}, []byte("of another's")
			b.ProtoReflect().SetUnknown([]byte{0xf8, 0x7f, 1}) // a field of a version to come
		}))
		st := w.start(t)
		w.feed(t, st)
		synctest.Wait()
		time.Sleep(time.Minute)
		w.stop(t, st)
		got := w.broadcasts(t)
		if len(got) != 4 || w.position() != 4 {
			t.Fatalf("%d broadcasts, committed %d; want 4, 4", len(got), w.position())
		}
		for i, b := range got {
			named := i%2 == 1
			want, _ := st.cfg.IDs(&stream.Record{Offset: int64(i)})
			if named {
				want = chosen
			}
			if b.GetOwner() != "crm" || string(b.GetOwnerMac()) != proof || string(b.GetTask()) != string(want[:]) || b.GetChosen() != named || (len(b.GetEarlier()) == 1) == named {
				t.Errorf("%d: %v; want Owner %q, Chosen %v", i, b, "crm", named)
			}
			if b.GetOrigin() != nil || b.GetOriginMac() != nil || b.GetDirect() || len(b.GetRequestSha256()) != 32 || b.GetSender() != number || b.GetTotal() != 1 {
				t.Errorf("%d: %v; want Sender %v, Total 1", i, b, number)
			}
			if len(b.ProtoReflect().GetUnknown()) != 0 || time.Since(time.UnixMilli(b.GetAcceptedMs())) > time.Hour {
				t.Errorf("%d: %v, want no unknown field and a time of this hour", i, b)
			}
		}
	})
}

// TestThreatS13RecordOfAnUpstreamTopicPointsAtNothingOfAnothers: neither at a list or file in blobs, nor at a file by its digest or Meta's id, nor
// at a task that an ingress made. It is kept in rejects, and the records behind it go on.
func TestThreatS13RecordOfAnUpstreamTopicPointsAtNothingOfAnothers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ref := blob.NewRef(0, []int64{1})
		made := schemas.NewTaskID()
		made[15] = 0xff
		var want []string
		for _, r := range []struct {
			rec  stream.Record
			code string
		}{
			{event(func(b *schemas.Broadcast) { b.Phones, b.Slices, b.Total = nil, ref, 1500 }), codeForeign},
			{event(func(b *schemas.Broadcast) {
				b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Parts: ref, Sha256: make([]byte, 32)}
			}), codeForeign},
			{event(func(b *schemas.Broadcast) {
				b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{MediaId: "1"}
			}), codeInvalid},
			{event(func(b *schemas.Broadcast) { b.Task = made.Bytes() }), codeForeign},
			{text(`,"task_id":"` + made.String() + `"`), codeForeign},
			{event(func(b *schemas.Broadcast) { b.Task = []byte("short") }), codeInvalid},
			{text(`,"owner":"shop"`), codeInvalid},
			{stream.Record{Value: []byte("{")}, codeInvalid},
			{stream.Record{Value: []byte("x"), Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}}}, codeDecode},
			{stream.Record{}, ""},
			{text(""), ""},
		} {
			w.write(r.rec)
			if r.code != "" {
				want = append(want, r.code)
			}
		}
		st := w.start(t)
		w.feed(t, st)
		time.Sleep(time.Minute)
		w.stop(t, st)
		var codes []string
		for i, r := range w.of(schemas.TopicRejects) {
			codes = append(codes, r.Header("code"))
			if string(r.Value) != string(w.logs[crm][i].Value) || r.Header("reason") == "" {
				t.Errorf("%d is not kept as it came: %q", i, r.Value)
			}
		}
		if !slices.Equal(codes, want) || len(w.of(schemas.TopicBroadcasts)) != 1 || w.position() != int64(len(w.logs[crm])) {
			t.Errorf("%v; %d broadcasts, committed %d; want %v, 1, %v", codes, len(w.of(schemas.TopicBroadcasts)), w.position(), want, int64(len(w.logs[crm])))
		}
		digest := event(func(b *schemas.Broadcast) {
			b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Url: "https://example.com/x", Sha256: make([]byte, 32), Size: 7}
		})
		if _, b, err := read(&digest); err != nil || b.GetContent().GetMedia().GetSha256() != nil || b.GetContent().GetMedia().GetSize() != 0 {
			t.Errorf("got %v, %v; want no digest and no size", b, err)
		}
	})
}

// Nothing is committed that is not acknowledged, and what a crash relays again is the same task of the same request.
func TestRepeatAfterACrashIsTheSameTask(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		long := `,"header_type":"image","header_content":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="`
		for i := range 20 {
			switch i % 3 {
			case 0:
				w.write(text(""))
			case 1:
				w.write(text(long))
			default:
				w.write(event(func(b *schemas.Broadcast) { b.Phones = slices.Repeat([]string{"573001234567"}, 2500) }))
			}
		}
		w.set(func() { w.failing = 9 })
		for range 6 { // each dies with its last commits refused, so that the next one repeats
			st := w.start(t)
			w.set(func() { w.refusing = true })
			w.feed(t, st)
			time.Sleep(7 * time.Second)
			st.OnLost([]stream.TopicPartition{of})
			w.set(func() { w.refusing = false })
			if err := st.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		st := w.start(t)
		w.feed(t, st)
		time.Sleep(time.Minute)
		w.stop(t, st)
		seen := make(map[string]*schemas.Broadcast)
		for _, b := range w.broadcasts(t) {
			id := string(b.GetTask())
			if was := seen[id]; was != nil && (string(was.GetRequestSha256()) != string(b.GetRequestSha256()) || was.GetAcceptedMs() != b.GetAcceptedMs() || was.GetOwner() != b.GetOwner()) {
				t.Errorf("%v\nis repeated as\n%v", was, b)
			}
			seen[id] = proto.CloneOf(b)
		}
		if len(seen) != 20 || w.position() != 20 {
			t.Errorf("%d tasks, committed %d; want 20, 20", len(seen), w.position())
		}
		for offset, n := range w.commits() {
			if n < int(offset) {
				t.Errorf("%d was committed with %d broadcasts in the log; want at least %v", offset, n, int(offset))
			}
		}
	})
}

// What is relayed again when another number is the default one differs in its number only. By its id the fanout knows that several broadcasts may
// have it, and makes one of them the task (TestBroadcastsOfOneIdForTwoNumbersAreOneTask there).
func TestRepeatForAnotherDefaultNumberIsTheSameTask(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.write(text(""), event(func(*schemas.Broadcast) {}))
		for _, sender := range []string{number, "200"} {
			w.byDefault, w.refusing = sender, true
			st := w.start(t)
			w.feed(t, st)
			time.Sleep(time.Second)
			st.OnLost([]stream.TopicPartition{of})
			if err := st.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		all := w.broadcasts(t)
		if len(all) != 4 {
			t.Fatalf("%d broadcasts", len(all))
		}
		for i, first := range all[:2] {
			again := all[2+i]
			if first.GetSender() != number || again.GetSender() != "200" {
				t.Errorf("for %s and %s", first.GetSender(), again.GetSender())
			}
			if again.Sender = number; !proto.Equal(first, again) {
				t.Errorf("%v\nis repeated as\n%v", first, again)
			}
		}
	})
}

// A log that was made anew, or lost records that were committed, is read from its beginning.
func TestLogThatDoesNotHoldItsOffsetIsReadFromItsBeginning(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.write(text(""), text(""))
		for _, pos := range []stream.Position{{Offset: 7, Begin: 1, End: 2}, {Offset: stream.NoOffset, Begin: 1, End: 2}, {Offset: 0, Begin: 1, End: 2}} {
			pos.Partition = of
			st := w.start(t)
			if from, err := st.OnAssigned(t.Context(), pos); from != 1 || err != nil {
				t.Errorf("%+v: %d, %v; want 1", pos, from, err)
			}
			w.stop(t, st)
		}
	})
}

// Reading pauses while too much waits, and goes on when half of that is relayed. A commit that is refused is made again without another record.
func TestReadingPausesWhileTooMuchWaits(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for range 2 * waitRecords {
			w.write(text(""))
		}
		w.set(func() { w.refusing = true })
		st := w.start(t)
		w.feed(t, st)
		synctest.Wait()
		if !w.pausing() {
			t.Error("it is read on")
		}
		time.Sleep(time.Minute)
		if w.pausing() {
			t.Error("it is not read on")
		}
		w.set(func() { w.refusing = false })
		time.Sleep(2 * partition.CommitAgain)
		if w.position() != 2*waitRecords {
			t.Errorf("committed %d, want %v", w.position(), 2*waitRecords)
		}
		big := text("")
		big.Value = append(big.Value, strings.Repeat(" ", waitBytes)...)
		big.Topic, big.Offset = crm, 2*waitRecords
		next := big
		next.Offset++
		w.set(func() { w.failing = 1 })
		st.Process(of, []stream.Record{big, next}) // the second waits while the first is relayed
		synctest.Wait()
		if !w.pausing() {
			t.Error("a large one is not seen")
		}
		time.Sleep(time.Minute)
		if w.pausing() {
			t.Error("it stays paused")
		}
		w.stop(t, st)
	})
}

// While there is no room nothing is written, rejects included, and nothing committed; afterwards each record is relayed once, in order.
func TestRecordsWaitForRoom(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.write(text(`,"reference":"a"`), stream.Record{Value: []byte("{")}, text(`,"reference":"b"`))
		w.set(func() { w.full = true })
		st := w.start(t)
		w.feed(t, st)
		time.Sleep(time.Hour)
		if n := len(w.of(schemas.TopicBroadcasts)) + len(w.of(schemas.TopicRejects)); n != 0 || w.position() > 0 {
			t.Errorf("without room: %d records, committed %d; want none of both", n, w.position())
		}
		w.set(func() { w.full = false })
		time.Sleep(time.Minute)
		w.stop(t, st)
		var got []string
		for _, b := range w.broadcasts(t) {
			got = append(got, b.GetReference())
		}
		if !slices.Equal(got, []string{"a", "b"}) || len(w.of(schemas.TopicRejects)) != 1 || w.position() != 3 {
			t.Errorf("with room again: %q, %d rejects, committed %d; want a and b, 1, 3", got, len(w.of(schemas.TopicRejects)), w.position())
		}
	})
}
