package rejects

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"altavoz/schemas"
	"altavoz/stream"
)

func TestWhatIsKeptComesBack(t *testing.T) {
	t.Parallel()
	for name, rec := range map[string]stream.Record{
		"plain":      {Topic: schemas.TopicBroadcasts, Partition: 3, Offset: 70, Key: []byte("k"), Value: []byte{0xff, 0}},
		"nothing":    {Topic: schemas.TopicSendsBulk},
		"empty text": {Topic: schemas.TopicResults, Key: []byte{}, Value: []byte{}, Headers: []stream.Header{{Key: "a"}, {Key: "a", Value: []byte{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			kept := Keep(rec, "fanout", "decode", strings.Repeat("x", 2*maxReason))
			got, ok := Open(kept)
			if !ok || got.Stage != "fanout" || got.Code != "decode" || len(got.Reason) != maxReason || got.At == "" {
				t.Errorf("%+v, %v; want Stage %q, Code %q, one, true", got, ok, "fanout", "decode")
			}
			if diff := cmp.Diff(rec, got.Record); diff != "" { // an absent key and an empty one are not the same
				t.Errorf("-kept +back:\n%s", diff)
			}
		})
	}
}

// A record may be as large as its topic takes, or larger once it is decompressed: its reject must not be larger than the topic rejects takes.
func TestRejectOfTheLargestRecordIsWritten(t *testing.T) {
	t.Parallel()
	const most = schemas.MaxBroadcastBytes
	topic := most + 64<<10 - 4<<10 // less the framing of a batch of one record
	for name, c := range map[string]struct {
		rec  stream.Record
		kept bool
	}{
		"the largest broadcast":          {stream.Record{Key: []byte("100"), Value: make([]byte, most)}, true},
		"as large as the topic takes":    {stream.Record{Value: make([]byte, topic)}, false},
		"larger once it is decompressed": {stream.Record{Value: make([]byte, 31<<20)}, false},
		"a large key":                    {stream.Record{Key: make([]byte, topic)}, false},
		"large headers":                  {stream.Record{Headers: []stream.Header{{Key: "x", Value: make([]byte, topic)}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.rec.Topic, c.rec.Partition, c.rec.Offset = schemas.TopicBroadcasts, 3, 70
			reject := Keep(c.rec, "fanout", "decode", strings.Repeat("x", 2*maxReason))
			got, ok := Open(reject)
			if n := size(&reject); n > topic || !ok || got.Record.Offset != 70 || got.Record.Partition != 3 {
				t.Errorf("%d bytes, %v; want at most %v, true", n, ok, topic)
			}
			if kept := !strings.HasPrefix(got.Reason, "not kept, "); kept != c.kept || kept != (size(&c.rec) == size(&got.Record)) {
				t.Errorf("kept %v: %.40s; want %v", kept, got.Reason, c.kept)
			}
		})
	}
}

// A record that carries the headers of a reject itself must not decide where it is played to.
func TestHeadersOfTheRecordDoNotCount(t *testing.T) {
	t.Parallel()
	sly := stream.Record{Topic: schemas.TopicBroadcasts, Headers: Keep(stream.Record{Topic: schemas.TopicResults}, "s", "c", "r").Headers}
	got, ok := Open(Keep(sly, "fanout", "decode", "no"))
	if !ok || got.Record.Topic != schemas.TopicBroadcasts || got.Stage != "fanout" {
		t.Errorf("%+v, %v; want Stage %q, true", got, ok, "fanout")
	}
	if diff := cmp.Diff(sly, got.Record); diff != "" {
		t.Errorf("-kept +back:\n%s", diff)
	}
}

func TestReplayNotesAndKeptRecordsAreToldApart(t *testing.T) {
	t.Parallel()
	note := Replayed(stream.Record{Topic: schemas.TopicRejects, Partition: 2, Offset: 9})
	if at, ok := ReadReplayed(note); !ok || at != 9 || note.Partition != 2 {
		t.Errorf("%d, %v, %+v; want 9, true, Partition 2", at, ok, note)
	}
	if _, ok := Open(note); ok {
		t.Error("a note passes for a record")
	}
	if _, ok := ReadReplayed(Keep(stream.Record{}, "", "", "")); ok {
		t.Error("a record passes for a note")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add("reject.topic", []byte("broadcasts"), int64(4))
	f.Add(headerAt, []byte("x"), int64(-1))
	f.Fuzz(func(t *testing.T, name string, value []byte, offset int64) {
		rec := stream.Record{Topic: schemas.TopicSendsExpress, Offset: offset, Headers: []stream.Header{{Key: name, Value: value}}}
		kept := Keep(rec, name, "c", string(value))
		for i := range kept.Headers { // whatever was broken on the way
			broken := kept
			broken.Headers = append([]stream.Header(nil), kept.Headers...)
			broken.Headers[i].Key = name
			_, _ = Open(broken)
			_, _ = ReadReplayed(broken)
		}
		if got, ok := Open(kept); !ok || cmp.Diff(rec, got.Record) != "" {
			t.Fatalf("%+v, %v; want true", got, ok)
		}
	})
}
