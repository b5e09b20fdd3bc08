package blob_test

import (
	"context"
	"errors"
	"testing"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/stream"
)

// one is a log of one record.
type one struct{ rec stream.Record }

func (o one) Record(context.Context, stream.TopicPartition, int64) (stream.Record, error) {
	return o.rec, nil
}

// A message, or a file, that a newer version wrote may be read later, by who can; one that nobody can read fails its task.
func TestMessagesOfANewerVersionAreWaitedFor(t *testing.T) {
	t.Parallel()
	id, ref := schemas.NewTaskID(), blob.NewRef(0, []int64{7})
	rec := schemas.EncodeContent(id, &schemas.Content{Body: "hola"})
	refused := func(rec stream.Record) (content, part bool) {
		_, err := blob.Reader{Records: one{rec}}.Content(t.Context(), id, ref)
		_, also := blob.Reader{Records: one{rec}}.Part(t.Context(), ref, 0)
		forGood := func(err error) bool { why := (*schemas.ContentError)(nil); return errors.As(err, &why) }
		if newer := string(rec.Headers[0].Value) != schemas.Version; errors.Is(err, schemas.ErrNewer) != newer || errors.Is(also, schemas.ErrNewer) != newer {
			t.Errorf("reading it: %v, checking it: %v; want ErrNewer: %t", err, also, newer)
		}
		return forGood(err), forGood(also)
	}
	if content, part := refused(rec); content || part {
		t.Error("what can be read is refused")
	}
	rec.Headers[0].Value = []byte("3")
	rec.Value = []byte{0xff}
	if content, part := refused(rec); content || part {
		t.Error("what a newer version wrote is refused for good")
	}
	rec.Headers[0].Value = []byte(schemas.Version)
	if content, _ := refused(rec); !content {
		t.Error("what nobody can read is waited for")
	}
}

// What lies where a reference points may be another's: the log lost its end, or somebody named any place. It is as if nothing lay there.
func TestMessagesAndFilesOfOthersAreNotTaken(t *testing.T) {
	t.Parallel()
	id, other := schemas.NewTaskID(), schemas.NewTaskID()
	file := blob.NewList()
	if err := file.Add(schemas.EncodeFilePart(file.Key, []byte("png"))); err != nil {
		t.Fatal(err)
	}
	place := blob.NewRef(0, []int64{0})
	named := blob.NewRef(0, []int64{0}) // as the fanout has it of an upstream system that keys parts with its task
	named.Task = id.Bytes()
	for name, tt := range map[string]struct {
		rec  stream.Record
		ref  *schemas.BlobRef
		part bool
		ok   bool
	}{
		"its message":                           {schemas.EncodeContent(id, &schemas.Content{Body: "hola"}), place, false, true},
		"another's message":                     {schemas.EncodeContent(other, &schemas.Content{Body: "hola"}), place, false, false},
		"a slice of another":                    {schemas.EncodeSlice(blob.NewList().Key, &schemas.Slice{Phones: []string{"hola"}}), place, false, false},
		"its file":                              {schemas.EncodeFilePart(file.Key, []byte("png")), file.Ref(id, ""), true, true},
		"another's file":                        {schemas.EncodeFilePart(blob.NewList().Key, []byte("png")), file.Ref(id, ""), true, false},
		"its file, of an upstream system":       {schemas.EncodeFilePart(id.String(), []byte("png")), named, true, true},
		"another's, of an upstream system":      {schemas.EncodeFilePart(other.String(), []byte("png")), named, true, false},
		"its file, of an older version":         {schemas.EncodeFilePart(other.String(), []byte("png")), place, true, true}, // its digest tells
		"its file, under the name of another's": {schemas.EncodeFilePart(file.Key, []byte("png")), &schemas.BlobRef{OffsetDeltas: []uint64{0}, Task: other.Bytes(), Proof: file.Ref(id, "").GetProof()}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			if from := (blob.Reader{Records: one{tt.rec}}); tt.part {
				_, err = from.Part(t.Context(), tt.ref, 0)
			} else {
				_, err = from.Content(t.Context(), id, tt.ref)
			}
			if (err == nil) != tt.ok || err != nil && (!errors.Is(err, schemas.ErrContent) || !errors.Is(err, blob.ErrForeign)) {
				t.Errorf("got %v, want accepted: %t, or ErrContent and ErrForeign", err, tt.ok)
			}
		})
	}
}
