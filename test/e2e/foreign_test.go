package e2e

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"altavoz/app/operator"
	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// Whoever may write to broadcasts names the list that lies at a place of blobs, which is not his: it was 1,500 of 1,500 people who got his text.
func TestThreatS13EventThatNamesAnothersListIsRejected(t *testing.T) {
	t.Parallel()
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL(), kafka: func() kafka.Config { return harness.Kafka(a, cfg) }}
	theirs := h.Queued(t, `{"body_text":"suyo","phones":`+harness.Quoted(harness.Phones(3, 1500))+`,"use_queue":true,"header_type":"image","header_content":"data:image/png;base64,`+harness.OnePixel+`"}`)
	if s := h.Finished(t, theirs); s.Result.Successful != 1500 {
		t.Fatalf("got %+v, want 1500 sent", s)
	}
	before := h.ledger(t)
	victim := onlyBroadcast(t, h.kafka())
	image := func(b *schemas.Broadcast, parts *schemas.BlobRef) {
		b.Slices, b.Phones, b.Total = nil, []string{"573006660031"}, 1
		b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Parts: parts}
	}
	place := func(r *schemas.BlobRef) *schemas.BlobRef {
		return &schemas.BlobRef{Partition: r.GetPartition(), OffsetDeltas: r.GetOffsetDeltas()}
	}
	var tasks []schemas.TaskID
	for name, claim := range map[string]func(b *schemas.Broadcast){
		"the place of the list":         func(b *schemas.Broadcast) { b.Slices = place(victim.GetSlices()) },
		"the list's whole reference":    func(b *schemas.Broadcast) { b.Slices = proto.CloneOf(victim.GetSlices()) },
		"its proof, under its own name": func(b *schemas.Broadcast) { b.Slices = proto.CloneOf(victim.GetSlices()); b.Slices.Task = b.GetTask() },
		"the place of the file":         func(b *schemas.Broadcast) { image(b, place(victim.GetContent().GetMedia().GetParts())) },
		"the file's proof, under its own name": func(b *schemas.Broadcast) {
			image(b, proto.CloneOf(victim.GetContent().GetMedia().GetParts()))
			b.Content.Media.Parts.Task = b.GetTask()
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &schemas.Broadcast{
				Task: schemas.NewTaskID().Bytes(), Sender: harness.Number, Total: victim.GetTotal(), RequestSha256: victim.GetRequestSha256(),
				Content: &schemas.Content{Body: "otra cosa: " + name, ButtonText: "Ver", ButtonUrl: "https://example.com"},
			}
			claim(b)
			harness.Publish(t, h.kafka(), schemas.EncodeBroadcast(b))
			tasks = append(tasks, schemas.TaskID(b.GetTask()))
		})
	}
	for _, task := range tasks {
		if s := h.Finished(t, task.String()); s.Status != "FAILURE" || s.Result.Successful > 0 {
			t.Errorf("%s: %+v; want Status %q", task, s, "FAILURE")
		}
	}
	if now := h.ledger(t); now.Accepted != before.Accepted || now.Uploads.Files != before.Uploads.Files {
		t.Errorf("%d messages and %d files went out", now.Accepted-before.Accepted, now.Uploads.Files-before.Uploads.Files)
	}
	rejects := 0
	for end := time.Now().Add(harness.SettleTime); rejects < len(tasks) && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		rejects = 0
		if err := operator.Rejects(t.Context(), h.kafka(), func(operator.Rejected) error { rejects++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if rejects != len(tasks) {
		t.Errorf("%d rejects, want %d", rejects, len(tasks))
	}
}

// onlyBroadcast returns the one event that was written for the number.
func onlyBroadcast(t *testing.T, cfg kafka.Config) *schemas.Broadcast {
	t.Helper()
	reader, err := records.NewReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	rec, err := reader.Record(t.Context(), stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: harness.Layout(t, cfg).Home(schemas.TopicBroadcasts, []byte(harness.Number))}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b schemas.Broadcast
	if err := schemas.Decode(&rec, &b); err != nil || b.GetSlices() == nil || b.GetContent().GetMedia().GetParts() == nil {
		t.Fatalf("got %v, %v; want a broadcast with slices and a file", &b, err)
	}
	return &b
}
