package upload_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"altavoz/blob"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// blobs keeps what is published.
type blobs []stream.Record

func (b *blobs) Publish(_ context.Context, recs ...stream.Record) ([]stream.Record, error) {
	for i := range recs {
		recs[i].Offset = int64(len(*b))
		*b = append(*b, recs[i])
	}
	return recs, nil
}

func (b *blobs) Record(_ context.Context, _ stream.TopicPartition, offset int64) (stream.Record, error) {
	return (*b)[offset], nil
}

// Recipients' own files that came with a request lie in blobs, each with a proof of its own, and the broadcast is small.
func TestOwnFilesOfARequestLieInBlobs(t *testing.T) {
	t.Parallel()
	log := &blobs{}
	up := upload.New(t.Context(), log)
	large, small := bytes.Repeat([]byte("a"), schemas.PartBytes+7), []byte("b")
	png := schemas.HeaderKind_HEADER_KIND_IMAGE
	req := &request.Request{Content: &schemas.Content{Body: "hola", Files: []*schemas.MediaRef{
		{Inline: large, Kind: png, MimeType: "image/png"}, {Url: "https://example.com/a.png", Kind: png}, {Inline: small, Kind: png},
	}}, Phones: []string{"573001234567"}, Total: 1}
	id := schemas.NewTaskID()
	b, err := up.Broadcast(req, id, "100", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	files := b.GetContent().GetFiles()
	if len(*log) != 3 || b.GetContent().HasInline() || files[1].GetUrl() == "" || files[0].GetMimeType() != "image/png" || files[0].GetKind() != png {
		t.Fatalf("%d records; the files are %v", len(*log), files)
	}
	if len(req.Content.GetFiles()[0].GetInline()) != len(large) {
		t.Error("the request has lost its file")
	}
	for file, want := range map[int][]byte{0: large, 2: small} {
		m := files[file]
		blob.Bind(m, id)
		var got []byte
		for n := range m.GetParts().Offsets() {
			part, err := blob.Reader{Records: log}.Part(t.Context(), m.GetParts(), n)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, want) || !blob.Names(m.GetParts(), id, "100") || blob.Names(m.GetParts(), schemas.NewTaskID(), "100") {
			t.Errorf("file %d: %d bytes, want %d; its reference is %v", file, len(got), len(want), m.GetParts())
		}
	}
}
