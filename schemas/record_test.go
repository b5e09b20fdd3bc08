package schemas_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/stream"
)

var update = flag.Bool("update", false, "write the golden files anew")

// samples holds one event of each kind with every field set that the path uses.
func samples() []stream.Record {
	task := schemas.TaskIDFromKey("", "golden")
	ref := blob.NewRef(2, []int64{7, 8, 300})
	content := &schemas.Content{
		Body: "Hola", Footer: "pie", ButtonText: "Ver más", ButtonUrl: "https://example.com",
		Header: schemas.HeaderKind_HEADER_KIND_IMAGE,
		Media:  &schemas.MediaRef{Parts: ref, Sha256: bytes.Repeat([]byte{1}, 32), MimeType: "image/png", Size: 9, MediaId: "1037543291543636"},
	}
	result := func(r *schemas.Result) stream.Record {
		r.Task, r.AtMs = task.Bytes(), 1_700_000_000_000
		return schemas.EncodeResult(r)
	}
	plan := &schemas.TaskOpened{Total: 3, Origin: &schemas.Origin{Partition: 1, Offset: 42}, Sender: "1065", AcceptedMs: 1_700_000_000_000}
	return []stream.Record{
		schemas.EncodeBroadcast(&schemas.Broadcast{
			Task: task.Bytes(), Sender: "1065", Content: content, Phones: []string{"573001234567"}, Total: 1,
			AcceptedMs: 1_700_000_000_000, Chosen: true, OnUnknown: schemas.OnUnknown_ON_UNKNOWN_RESEND, Direct: true,
		}),
		schemas.EncodeSlice(task.String(), &schemas.Slice{Phones: []string{"573001234567", "+57 301"}}),
		schemas.EncodeContent(task, content),
		schemas.EncodeFilePart(task.String(), []byte{0xff, 0xd8}),
		schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{
			Task: task.Bytes(), Index: 2, Phone: "573001234567", Sender: "1065", NotAfterMs: 1_700_000_900_000, ContentRef: ref,
		}),
		result(&schemas.Result{Event: &schemas.Result_Plan{Plan: plan}}),
		result(&schemas.Result{Event: &schemas.Result_Dispatched{Dispatched: &schemas.Dispatched{Cursor: 3}}}),
		result(&schemas.Result{Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{
			Index: 2, Mark: uint32(schemas.Failed(131030)), Phone: "573001234567", Reason: "(131030) x",
		}}}),
		result(&schemas.Result{Event: &schemas.Result_Range{Range: &schemas.OutcomeRange{From: 1, To: 3, Mark: uint32(schemas.StateExpired)}}}),
		result(&schemas.Result{Event: &schemas.Result_Note{Note: &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_FAILED, Why: "x"}}}),
		schemas.EncodePage(3, &schemas.StatePage{Task: task.Bytes(), Number: 1, Marks: []byte{0, byte(schemas.StateSent)}}),
		schemas.EncodeStatus(3, &schemas.Status{
			Task: task.Bytes(), Version: 4, Plan: plan, Cursor: 3, Counts: []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 2}},
			Errors: []*schemas.ErrorLine{{Index: 2, Phone: "573001234567", Reason: "(131030) x", Mark: uint32(schemas.Failed(131030))}},
		}),
	}
}

// The bytes of every event are kept: a change of theirs is a change of the wire format, and must be meant.
func TestEventsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, r := range samples() {
		fmt.Fprintf(&b, "%s key=%s %s\n", r.Topic, r.Key, hex.EncodeToString(r.Value))
	}
	const file = "testdata/events.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("events changed on the wire (-before +now):\n%s", diff)
	}
}

// Which versions are newer ones: those are waited for. What is no version at all is rejected.
func TestNewerVersionsAreTold(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{
		"": false, "0": false, "1": false, "01": false, "2": false, "3": true, "10": true, "999": true, "18446744073709551616": true, "-2": false, "2.0": false, "x": false, "2_": false,
	} {
		t.Run(v, func(t *testing.T) {
			r := schemas.EncodeSlice(schemas.NewTaskID().String(), &schemas.Slice{Phones: []string{"1"}})
			r.Headers[0].Value = []byte(v)
			if err := schemas.CheckVersion(&r); errors.Is(err, schemas.ErrNewer) != want || err != nil != want {
				t.Errorf("checking the version: %v, want ErrNewer: %t", err, want)
			}
			if err := schemas.Decode(&r, &schemas.Slice{}); errors.Is(err, schemas.ErrNewer) != want || err == nil != (v == schemas.Version || v == schemas.Version2) {
				t.Errorf("decoding: %v, want ErrNewer: %t", err, want)
			}
		})
	}
}

func TestRecordsThatCannotBeDecodedAreRefused(t *testing.T) {
	t.Parallel()
	good := schemas.EncodeSlice(schemas.NewTaskID().String(), &schemas.Slice{Phones: []string{"1"}})
	newer := good
	newer.Headers = []stream.Header{{Key: schemas.VersionHeader, Value: []byte("3")}}
	bare := good
	bare.Headers = nil
	broken := good
	broken.Value = []byte{0xff}
	for name, r := range map[string]stream.Record{"newer": newer, "no version": bare, "broken": broken} {
		if err := schemas.Decode(&r, &schemas.Slice{}); !errors.Is(err, schemas.ErrDecode) {
			t.Errorf("%s: %v; want %v", name, err, schemas.ErrDecode)
		}
	}
	var back schemas.Slice
	if err := schemas.Decode(&good, &back); err != nil || len(back.GetPhones()) != 1 {
		t.Errorf("the good one: %v, %v", &back, err)
	}
}

// What was read can be written again: the fanout does that with broadcasts of others, and the CLI with rejects.
func FuzzDecode(f *testing.F) {
	for _, r := range samples() {
		f.Add(r.Value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, event := range []proto.Message{
			&schemas.Broadcast{}, &schemas.Send{}, &schemas.Result{}, &schemas.Status{}, &schemas.StatePage{}, &schemas.Slice{}, &schemas.Content{}, &schemas.Control{},
		} {
			r := stream.Record{Value: value, Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}}}
			if schemas.Decode(&r, event) != nil {
				continue
			}
			again := schemas.Encode(schemas.TopicResults, "k", event)
			if err := schemas.Decode(&again, proto.Clone(event)); err != nil {
				t.Fatalf("%T was read and can't be written: %v", event, err)
			}
			switch e := event.(type) {
			case *schemas.Broadcast:
				_ = e.GetSlices().Offsets()
				_ = e.Lane()
			case *schemas.Control:
				_ = schemas.Controls{}.Fold(e, 1)
			case *schemas.Status:
				_ = e.Supersedes(nil)
			}
		}
	})
}

// A slice with places has no phones: a program of the first version, which would take it for an empty one, leaves it to a newer program.
func TestSliceWithPlacesIsOfTheSecondVersion(t *testing.T) {
	t.Parallel()
	rec := schemas.EncodePlaces("key", []uint32{7, 1})
	if v := rec.Header(schemas.VersionHeader); v != schemas.Version2 {
		t.Errorf("it has version %q, want %q", v, schemas.Version2)
	}
	var got schemas.Slice
	if err := schemas.Decode(&rec, &got); err != nil || !slices.Equal(got.GetPicked(), []uint32{7, 1}) {
		t.Errorf("it is read as %v, %v", got.GetPicked(), err)
	}
}

// A process that does not know them would tell nobody what became of recipients, and commit.
func TestEventsAboutRecipientsHaveTheSecondVersion(t *testing.T) {
	t.Parallel()
	for events, want := range map[schemas.Events]string{schemas.Events_EVENTS_TASK: schemas.Version, schemas.Events_EVENTS_RECIPIENTS: schemas.Version2} {
		for _, rec := range []stream.Record{
			schemas.EncodeBroadcast(&schemas.Broadcast{Events: events}),
			schemas.EncodeResult(&schemas.Result{Task: schemas.NewTaskID().Bytes(), Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{Events: events}}}),
		} {
			if v := rec.Header(schemas.VersionHeader); v != want {
				t.Errorf("%s with %s has version %s; want %s", rec.Topic, events, v, want)
			}
		}
	}
}

// A process that does not know templates would send an interactive message without a text, and one that knows no shapes a link button
// without a link: each recipient would fail.
func TestContentsWithATemplateHaveTheSecondVersion(t *testing.T) {
	t.Parallel()
	shape := &schemas.Shape{Kind: &schemas.Shape_Location{Location: &schemas.LocationRequest{}}}
	for content, want := range map[*schemas.Content]string{
		{Body: "Hola"}: schemas.Version, {Template: &schemas.Template{Name: "aviso", Language: "es_CO"}}: schemas.Version2, {Body: "Hola", Shape: shape}: schemas.Version2,
	} {
		for _, rec := range []stream.Record{
			schemas.EncodeBroadcast(&schemas.Broadcast{Content: content}),
			schemas.EncodeContent(schemas.NewTaskID(), content),
			schemas.EncodeSend(schemas.LaneExpress, &schemas.Send{Content: content}),
		} {
			if v := rec.Header(schemas.VersionHeader); v != want {
				t.Errorf("%s with %v has version %s; want %s", rec.Topic, content, v, want)
			}
		}
	}
}
