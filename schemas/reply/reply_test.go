package reply

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/stream"
)

func sent(index uint32, wamid string) *schemas.Outcome {
	return &schemas.Outcome{Index: index, Mark: uint32(schemas.StateSent), Wamid: wamid}
}

func TestAMessageIsFoundByItsID(t *testing.T) {
	t.Parallel()
	x := NewIndex(MaxMessages)
	a, b := schemas.NewTaskID(), schemas.NewTaskID()
	for _, rec := range []stream.Record{
		SentRecord(true, a, []*schemas.Outcome{sent(0, "w0"), {Index: 1, Mark: uint32(schemas.StateUnknown), Wamid: "w1"}, sent(2, ""), sent(3, "w3")}),
		SentRecord(true, b, []*schemas.Outcome{sent(0, "w4")}),
	} {
		if err := x.Add(&rec); err != nil {
			t.Fatal(err)
		}
	}
	for wamid, want := range map[string]Recipient{"w0": {a, 0}, "w3": {a, 3}, "w4": {b, 0}} {
		if got, ok := x.Find(wamid); !ok || got != want {
			t.Errorf("%s went to %v, known: %v; want %v", wamid, got, ok, want)
		}
	}
	for _, wamid := range []string{"", "w1", "w2", "w5"} {
		if got, ok := x.Find(wamid); ok {
			t.Errorf("%q went to %v; want nobody", wamid, got)
		}
	}
	for name, rec := range map[string]stream.Record{
		"nobody can answer": SentRecord(false, a, []*schemas.Outcome{sent(0, "w0")}),
		"nobody was sent":   SentRecord(true, a, []*schemas.Outcome{{Mark: uint32(schemas.Failed(131026))}}),
	} {
		if rec.Topic != "" {
			t.Errorf("%s: %v; want no record", name, rec)
		}
	}
	bad := schemas.Encode(schemas.TopicSent, "x", &schemas.Sent{Task: a.Bytes(), Messages: []uint64{1}})
	if err := x.Add(&bad); !errors.Is(err, schemas.ErrDecode) {
		t.Errorf("a message without its recipient: %v", err)
	}
}

// However many messages there are, the newest are known, and no more than there is room for.
func TestTheNewestMessagesAreKnownWithinABound(t *testing.T) {
	t.Parallel()
	const least, eighth, each = 1 << 12, 1 << 9, 1 << 6
	x := NewIndex(least)
	task := schemas.NewTaskID()
	n := uint32(0)
	for n < least+3*eighth {
		s := &schemas.Sent{Task: task.Bytes()}
		for range each {
			s.Messages, s.Indexes = append(s.Messages, uint64(n)), append(s.Indexes, n)
			n++
		}
		rec := schemas.Encode(schemas.TopicSent, task.String(), s)
		if err := x.Add(&rec); err != nil {
			t.Fatal(err)
		}
	}
	if x.Size() < least || x.Size() > least+eighth {
		t.Errorf("%d messages are known, want %d to %d", x.Size(), least, least+eighth)
	}
	known := func(key uint64) bool {
		for _, g := range x.all {
			if _, ok := g.of[key]; ok {
				return true
			}
		}
		return false
	}
	if known(0) || !known(uint64(n-least)) || !known(uint64(n-1)) {
		t.Errorf("known: the first %v, the oldest of the newest %v, the last %v", known(0), known(uint64(n-least)), known(uint64(n-1)))
	}
}

// Whatever webhooks say: each tap on a message of ours is one of the recipient that it went to, once; the others are counted.
func TestEachTapIsItsRecipients(t *testing.T) {
	t.Parallel()
	tasks := []schemas.TaskID{schemas.TaskIDFromKey("", "a"), schemas.TaskIDFromKey("", "b")}
	find := func(wamid string) (Recipient, bool) {
		var task, index int
		_, err := fmt.Sscanf(wamid, "%d/%d", &task, &index)
		if err != nil {
			return Recipient{}, false
		}
		return Recipient{tasks[task], uint32(index)}, true
	}
	rapid.Check(t, func(t *rapid.T) {
		var all []*schemas.Tap
		want, strangers := map[string]string{}, 0
		title, at := strings.Repeat("ñ", rapid.IntRange(0, 400).Draw(t, "title")), rapid.Int64Range(-1, 1<<62).Draw(t, "at")
		most := rapid.SampledFrom([]int{0, 3, 250}).Draw(t, "most")
		for i := range rapid.IntRange(most/2, most).Draw(t, "taps") {
			wamid := "x"
			if rapid.IntRange(0, 9).Draw(t, "stranger") > 0 {
				wamid = fmt.Sprintf("%d/%d", rapid.IntRange(0, 1).Draw(t, "task"), rapid.IntRange(0, 5).Draw(t, "index"))
			}
			message := fmt.Sprint(i - rapid.IntRange(0, 1).Draw(t, "again")*min(i, 1)*i%7)
			if wamid == "x" {
				strangers++
			} else if _, again := want[message]; !again {
				want[message] = wamid
			}
			all = append(all, &schemas.Tap{Message: message, Wamid: wamid, Title: title, AtMs: at})
		}
		recs, unknown := Records(all, find, 1000)
		got := map[string]string{}
		for i := range recs {
			var r schemas.Result
			if err := schemas.Decode(&recs[i], &r); err != nil || len(recs[i].Value) > schemas.MaxRecordBytes {
				t.Fatal(err)
			}
			if recs[i].Header(schemas.VersionHeader) != schemas.Version2 {
				t.Fatalf("version %s", recs[i].Header(schemas.VersionHeader))
			}
			if n := len(r.GetTaps().GetTaps()); n == 0 || n > MaxTaps {
				t.Fatalf("a record of %d taps, want at most %d", n, MaxTaps)
			}
			for _, tap := range r.GetTaps().GetTaps() {
				of, _ := find(tap.GetWamid())
				if of.Task != schemas.TaskID(r.GetTask()) || of.Index != tap.GetIndex() || len(tap.GetTitle()) > maxText || tap.GetAtMs() <= 0 || tap.GetAtMs() > 1000+maxAhead {
					t.Fatalf("%v in a record of %x", tap, r.GetTask())
				}
				if _, again := got[tap.GetMessage()]; again {
					t.Fatalf("%s is there twice", tap.GetMessage())
				}
				got[tap.GetMessage()] = tap.GetWamid()
			}
		}
		if unknown != strangers || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d unknown, want %d; %v, want %v", unknown, strangers, got, want)
		}
	})
}

type appender struct {
	written []stream.Topic
	fails   stream.Topic
}

var errNotWritten = errors.New("not written")

func (a *appender) Append(rec stream.Record, done func(stream.Record, error)) {
	if rec.Topic == a.fails {
		done(rec, errNotWritten)
		return
	}
	a.written = append(a.written, rec.Topic)
	done(rec, nil)
}

// A result is never acknowledged whose taps nobody could be found for.
func TestAResultComesBehindWhatItsTapsAreFoundBy(t *testing.T) {
	t.Parallel()
	first, then := stream.Record{Topic: schemas.TopicSent}, stream.Record{Topic: schemas.TopicResults}
	for _, tt := range []struct {
		first stream.Record
		fails stream.Topic
		want  string
		err   error
	}{
		{first, "", "[sent results]", nil},
		{stream.Record{}, "", "[results]", nil},
		{first, schemas.TopicSent, "[]", errNotWritten},
		{first, schemas.TopicResults, "[sent]", errNotWritten},
	} {
		a, ends := &appender{fails: tt.fails}, 0
		AppendBehind(a, tt.first, then, func(err error) {
			if ends++; !errors.Is(err, tt.err) {
				t.Errorf("%v fails: %v, want %v", tt.fails, err, tt.err)
			}
		})
		if ends != 1 || fmt.Sprint(a.written) != tt.want {
			t.Errorf("%v fails: %v written, ended %d times; want %s", tt.fails, a.written, ends, tt.want)
		}
	}
}

func TestATapsRecordIsBounded(t *testing.T) {
	t.Parallel()
	many := make([]*schemas.Tap, 2*MaxTaps+1)
	for i := range many {
		many[i] = &schemas.Tap{Message: fmt.Sprint(i), Wamid: "w"}
	}
	of, _ := Records(many, func(string) (Recipient, bool) { return Recipient{schemas.TaskIDFromKey("", "a"), 0}, true }, 1)
	for i := range of {
		var r schemas.Result
		if err := schemas.Decode(&of[i], &r); err != nil || len(r.GetTaps().GetTaps()) != []int{MaxTaps, MaxTaps, 1}[i] {
			t.Fatalf("record %d of %d: %d taps, %v", i, len(of), len(r.GetTaps().GetTaps()), err)
		}
	}
	long := strings.Repeat("\xff", 1<<20) + strings.Repeat("ñ", 1<<20)
	tap := &schemas.Tap{Message: "m" + long, Wamid: "w", Id: long, Title: long, Description: long, Name: long, Address: long}
	recs, _ := Records([]*schemas.Tap{tap}, func(string) (Recipient, bool) { return Recipient{schemas.NewTaskID(), 0}, true }, 1)
	if len(recs) != 1 || proto.Size(tap) > schemas.MaxRecordBytes/MaxTaps {
		t.Errorf("%d records, of %d bytes", len(recs), proto.Size(tap))
	}
}
