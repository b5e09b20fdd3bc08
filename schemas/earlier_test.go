package schemas_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/schemas"
	"altavoz/stream"
)

// What an earlier version wrote lies in Kafka for weeks: each event of it says what it said, and is written again byte for byte.
func TestEventsOfEarlierVersionsAreRead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/a5df55f.golden")
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]proto.Message{
		"Broadcast": &schemas.Broadcast{}, "Send": &schemas.Send{}, "Result": &schemas.Result{}, "Status": &schemas.Status{},
		"Part": &schemas.StatePage{}, "Slice": &schemas.Slice{}, "Content": &schemas.Content{}, "Control": &schemas.Control{},
	}
	seen := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.SplitN(strings.TrimSpace(line), " ", 6) // topic, event, key, header, value, JSON
		header, version, _ := strings.Cut(f[3], "=")
		value, err := hex.DecodeString(f[4])
		if err != nil {
			t.Fatal(err)
		}
		got, want := proto.Clone(events[f[1]]), proto.Clone(events[f[1]])
		rec := stream.Record{Topic: stream.Topic(f[0]), Key: []byte(f[2]), Value: value, Headers: []stream.Header{{Key: header, Value: []byte(version)}}}
		if err := schemas.Decode(&rec, got); err != nil {
			t.Errorf("decoding %s: %v", f[1], err)
			continue
		}
		if err := protojson.Unmarshal([]byte(f[5]), want); err != nil {
			t.Errorf("%s: a name has changed: %v", f[1], err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s does not say what it said (-said +says):\n%s", f[1], diff)
		}
		if n := strangers(got.ProtoReflect()); n > 0 {
			t.Errorf("%s: %d fields are not known any more; want 0", f[1], n)
		}
		if again := schemas.Encode(rec.Topic, f[2], got); !bytes.Equal(again.Value, value) {
			t.Errorf("%s is not written as it was", f[1])
		}
		seen[f[1]]++
	}
	for name, want := range map[string]int{"Broadcast": 1, "Send": 1, "Result": 6, "Status": 1, "Part": 1, "Slice": 1, "Content": 1, "Control": 1} {
		if seen[name] != want {
			t.Errorf("%d of %s, not %d", seen[name], name, want)
		}
	}
}

// strangers counts the messages of m, itself included, that hold fields which nobody knows.
func strangers(m protoreflect.Message) (n int) {
	if len(m.GetUnknown()) > 0 {
		n++
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				n += strangers(v.List().Get(i).Message())
			}
		default:
			n += strangers(v.Message())
		}
		return true
	})
	return n
}
