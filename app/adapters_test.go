package app

import (
	"context"
	"errors"
	"testing"

	"altavoz/schemas"
)

// one is a log of one record.
type one struct{ rec schemas.Record }

func (o one) Record(context.Context, schemas.Slot, int64) (schemas.Record, error) { return o.rec, nil }

// A message, or a file, that a newer version wrote may be read later, by who can; one that nobody can read fails its task.
func TestMessagesOfANewerVersionAreWaitedFor(t *testing.T) {
	t.Parallel()
	id, ref := schemas.NewTaskID(), schemas.NewBlobRef(0, []int64{7})
	rec := schemas.EncodeContent(id, &schemas.Content{Body: "hola"})
	refused := func(rec schemas.Record) (content, part bool) {
		_, err := blobs{one{rec}}.Content(t.Context(), id, ref)
		_, also := blobs{one{rec}}.Part(t.Context(), ref, 0)
		forGood := func(err error) bool { why := (*schemas.ContentError)(nil); return errors.As(err, &why) }
		if newer := string(rec.Headers[0].Value) != schemas.Version; errors.Is(err, schemas.ErrNewer) != newer || errors.Is(also, schemas.ErrNewer) != newer {
			t.Errorf("%v, %v", err, also)
		}
		return forGood(err), forGood(also)
	}
	if content, part := refused(rec); content || part {
		t.Error("what can be read is refused")
	}
	rec.Headers[0].Value = []byte("2")
	rec.Value = []byte{0xff}
	if content, part := refused(rec); content || part {
		t.Error("what a newer version wrote is refused for good")
	}
	rec.Headers[0].Value = []byte(schemas.Version)
	if content, _ := refused(rec); !content {
		t.Error("what nobody can read is waited for")
	}
}
