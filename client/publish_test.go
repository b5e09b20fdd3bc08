package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/client"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// errFull is the error of a log that has no room.
var errFull = fmt.Errorf("buffers are full: %w", stream.ErrNotWritten)

const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

// memoryLog is a log of one partition a topic.
type memoryLog struct {
	recs map[stream.Topic][]stream.Record
	err  map[stream.Topic]error // what publishing to a topic ends in
}

func (l *memoryLog) Publish(_ context.Context, recs ...stream.Record) ([]stream.Record, error) {
	if l.recs == nil {
		l.recs = make(map[stream.Topic][]stream.Record)
	}
	out := make([]stream.Record, len(recs))
	for i, r := range recs {
		if err := l.err[r.Topic]; err != nil {
			return nil, err
		}
		r.Partition, r.Offset = 0, int64(len(l.recs[r.Topic]))
		l.recs[r.Topic] = append(l.recs[r.Topic], r)
		out[i] = r
	}
	return out, nil
}

// broadcast returns the only broadcast.
func (l *memoryLog) broadcast(t *testing.T) *schemas.Broadcast {
	t.Helper()
	recs := l.recs[schemas.TopicBroadcasts]
	if len(recs) != 1 {
		t.Fatalf("there are %d broadcasts, want 1", len(recs))
	}
	b := &schemas.Broadcast{}
	if err := schemas.Decode(&recs[0], b); err != nil {
		t.Fatal(err)
	}
	return b
}

func numbers(n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(strconv.Itoa(573000000000 + i)) {
				return
			}
		}
	}
}

func TestPublishWritesListAndFileAndThenTheBroadcast(t *testing.T) {
	t.Parallel()
	log := &memoryLog{}
	const task = "0192f0c0-0000-7000-8000-000000000001"
	window := &schemas.Window{Timezone: "UTC", Hours: []*schemas.Hours{{Days: 0b1111111, To: 24 * 60}, {Days: 1, From: 61, To: 62}}}
	got, err := client.Publish(t.Context(), log, &client.Draft{
		TaskID: task, Sender: "1065", BodyText: "Hola <ñ> \"x\"", FooterText: "pie", ButtonText: "Ver", ButtonURL: "https://example.com/?a=1&b=2",
		HeaderType: "document", File: strings.NewReader("%PDF-1.7\n" + strings.Repeat("x", 600_000)), FileType: "application/pdf", FileName: "año & 1/2.pdf",
		Phones: numbers(1001), Speed: 9, OnUnknown: "resend", ExpireAt: time.Now().Add(time.Hour),
		Window: window,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := log.broadcast(t)
	if diff := cmp.Diff(window, b.GetWindow(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	id, _ := schemas.ParseTaskID(task)
	rec := log.recs[schemas.TopicBroadcasts][0]
	want := client.Published{Task: id, Total: 1001, Origin: &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	c := b.GetContent()
	if b.GetAcceptedMs() != 0 {
		t.Error("it looks like an ingress's, which accepts")
	}
	if !b.GetChosen() || b.GetSender() != "1065" || c.GetBody() != "Hola <ñ> \"x\"" || c.GetButtonUrl() != "https://example.com/?a=1&b=2" || b.GetExpireMs() == 0 {
		t.Errorf("broadcast %v, want Sender %q, ExpireMs other than 0", b, "1065")
	}
	if m := c.GetMedia(); m.GetFilename() != "año & 12.pdf" || m.GetMimeType() != "application/pdf" || len(m.GetParts().Offsets()) != 2 {
		t.Errorf("media %v, want Filename %q, MimeType %q", m, "año & 12.pdf", "application/pdf")
	}
	if n := len(b.GetSlices().Offsets()); n != 2 {
		t.Errorf("%d slices, want 2", n)
	}
	// Its plan is the fanout's to write: upstream need not be let into results.
	if n := len(log.recs[schemas.TopicResults]); n != 0 {
		t.Errorf("%d results, want 0", n)
	}
}

func TestPublishGivesADraftWithoutAnIDOne(t *testing.T) {
	t.Parallel()
	log := &memoryLog{}
	got, err := client.Publish(t.Context(), log, &client.Draft{BodyText: "b", Phones: slices.Values([]string{"1", "\"2"})})
	if err != nil {
		t.Fatal(err)
	}
	b := log.broadcast(t)
	if b.GetChosen() || schemas.TaskID(b.GetTask()) != got.Task || !slices.Equal(b.GetPhones(), []string{"1", "\"2"}) {
		t.Errorf("broadcast %v", b)
	}
}

func TestPublishWritesNoBroadcastOfWhatIsRefusedOrCannotBeWritten(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, d := range map[string]*client.Draft{
		"no phones":  {BodyText: "b"},
		"no body":    {Phones: numbers(1)},
		"bad file":   {BodyText: "b", Phones: numbers(1), HeaderType: "image", File: strings.NewReader("hola")},
		"two bodies": {BodyText: "b", Phones: numbers(1), HeaderType: "image", File: strings.NewReader(png), HeaderContent: "https://example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &memoryLog{}
			_, err := client.Publish(t.Context(), log, d)
			var field *request.FieldError
			if !errors.As(err, &field) || len(log.recs[schemas.TopicBroadcasts]) != 0 {
				t.Errorf("got %v, want a FieldError and no broadcast", err)
			}
		})
	}
	file := io.MultiReader(strings.NewReader(png), iotest.ErrReader(broken))
	if _, err := client.Publish(t.Context(), &memoryLog{}, &client.Draft{BodyText: "b", Phones: numbers(1), HeaderType: "image", File: file}); !errors.Is(err, broken) {
		t.Errorf("a file that breaks off: %v, want %v", err, broken)
	}
	for _, topic := range []stream.Topic{schemas.TopicBlobs, schemas.TopicBroadcasts} {
		log := &memoryLog{err: map[stream.Topic]error{topic: errFull}}
		if _, err := client.Publish(t.Context(), log, &client.Draft{BodyText: "b", Phones: numbers(30_000)}); !errors.Is(err, errFull) {
			t.Errorf("%s full: %v; want %v", topic, err, errFull)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteJSONReturnsTheErrorOfItsWriter(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, d := range map[string]*client.Draft{
		"phones": {Phones: numbers(100_000)},
		"file":   {File: strings.NewReader(strings.Repeat("x", 1<<20))},
		"small":  {},
	} {
		if err := d.WriteJSON(failingWriter{broken}); !errors.Is(err, broken) {
			t.Errorf("%s: %v; want %v", name, err, broken)
		}
	}
}
