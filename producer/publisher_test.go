package producer_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

func numbers(n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(strconv.Itoa(573000000000 + i)) {
				return
			}
		}
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	log := &memoryLog{}
	const task = "0192f0c0-0000-7000-8000-000000000001"
	window := &schemas.Window{Timezone: "UTC", Hours: []*schemas.Hours{{Days: 0b1111111, To: 24 * 60}, {Days: 1, From: 61, To: 62}}}
	got, err := producer.Publish(t.Context(), log, &producer.Draft{
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
	rec := log.of(schemas.TopicBroadcasts)[0]
	want := producer.Receipt{Task: id, Total: 1001, Origin: &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	c := b.GetContent()
	if b.GetAcceptedMs() != 0 {
		t.Error("it looks like an ingress's, which accepts")
	}
	if !b.GetChosen() || b.GetSender() != "1065" || c.GetBody() != "Hola <ñ> \"x\"" || c.GetButtonUrl() != "https://example.com/?a=1&b=2" || b.GetExpireMs() == 0 {
		t.Errorf("broadcast %v", b)
	}
	if m := c.GetMedia(); m.GetFilename() != "año & 12.pdf" || m.GetMimeType() != "application/pdf" || len(log.at(t, m.GetParts())) != 2 {
		t.Errorf("media %v", m)
	}
	if s := log.at(t, b.GetSlices()); len(s) != 2 {
		t.Errorf("%d slices", len(s))
	}
	// Its plan is the fanout's to write: upstream need not be let into results.
	if n := len(log.of(schemas.TopicResults)); n != 0 {
		t.Errorf("%d results", n)
	}
}

func TestPublishOwnID(t *testing.T) {
	t.Parallel()
	log := &memoryLog{}
	got, err := producer.Publish(t.Context(), log, &producer.Draft{BodyText: "b", Phones: slices.Values([]string{"1", "\"2"})})
	if err != nil {
		t.Fatal(err)
	}
	b := log.broadcast(t)
	if b.GetChosen() || schemas.TaskID(b.GetTask()) != got.Task || !slices.Equal(b.GetPhones(), []string{"1", "\"2"}) {
		t.Errorf("broadcast %v", b)
	}
}

func TestPublishRefusals(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, d := range map[string]*producer.Draft{
		"no phones":  {BodyText: "b"},
		"no body":    {Phones: numbers(1)},
		"bad file":   {BodyText: "b", Phones: numbers(1), HeaderType: "image", File: strings.NewReader("hola")},
		"two bodies": {BodyText: "b", Phones: numbers(1), HeaderType: "image", File: strings.NewReader(png), HeaderContent: "https://example.com"},
	} {
		log := &memoryLog{}
		_, err := producer.Publish(t.Context(), log, d)
		var field *request.FieldError
		if !errors.As(err, &field) || len(log.of(schemas.TopicBroadcasts)) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	file := io.MultiReader(strings.NewReader(png), iotest.ErrReader(broken))
	if _, err := producer.Publish(t.Context(), &memoryLog{}, &producer.Draft{BodyText: "b", Phones: numbers(1), HeaderType: "image", File: file}); !errors.Is(err, broken) {
		t.Errorf("a file that breaks off: %v", err)
	}
	for _, topic := range []stream.Topic{schemas.TopicBlobs, schemas.TopicBroadcasts} {
		log := &memoryLog{err: map[stream.Topic]error{topic: errFull}}
		if _, err := producer.Publish(t.Context(), log, &producer.Draft{BodyText: "b", Phones: numbers(30_000)}); !errors.Is(err, errFull) {
			t.Errorf("%s full: %v", topic, err)
		}
	}
}

// What a draft writes is what HTTP takes, and the same request.
func TestDraftIsTheRequest(t *testing.T) {
	t.Parallel()
	d := func() *producer.Draft {
		return &producer.Draft{BodyText: "b", UseQueue: true, Phones: numbers(3), HeaderType: "text", HeaderContent: "h"}
	}
	var body strings.Builder
	if err := d().WriteJSON(&body); err != nil || !json.Valid([]byte(body.String())) {
		t.Fatalf("%v: %s", err, body.String())
	}
	h := setup(t, producer.Config{})
	if code, got, _ := h.post(body.String()); code != http.StatusAccepted {
		t.Fatal(code, got)
	}
	other := &memoryLog{}
	if _, err := producer.Publish(t.Context(), other, d()); err != nil {
		t.Fatal(err)
	}
	if a, b := h.log.broadcast(t), other.broadcast(t); !slices.Equal(a.GetRequestSha256(), b.GetRequestSha256()) {
		t.Error("not the same request")
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestDraftWriterFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, d := range map[string]*producer.Draft{
		"phones": {Phones: numbers(100_000)},
		"file":   {File: strings.NewReader(strings.Repeat("x", 1<<20))},
		"small":  {},
	} {
		if err := d.WriteJSON(failingWriter{broken}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
