package recipients

import (
	"context"
	"errors"
	"testing"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/stream"
)

// log is one that has the same record at every offset.
type log struct{ rec stream.Record }

func (l log) Record(context.Context, stream.TopicPartition, int64) (stream.Record, error) {
	return l.rec, nil
}

func (l log) Records(_ context.Context, _ stream.TopicPartition, offsets []int64, each func(stream.Record) error) error {
	for range offsets {
		if err := each(l.rec); err != nil {
			return err
		}
	}
	return nil
}

// A slice has what is a recipient's own beside its phone, or nothing of anybody.
func TestSliceHasValuesBesideItsPhones(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own  int
		want error
	}{"for each": {2, nil}, "for nobody": {0, nil}, "for one": {1, ErrUnreadable}, "for one more": {3, ErrUnreadable}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, l := schemas.NewTaskID(), blob.NewList()
			rec := schemas.EncodeSlice(l.Key, &schemas.Slice{Phones: []string{"573001234567", "573001234568"}, Personal: make([]*schemas.Personal, c.own)})
			if err := l.Add(rec); err != nil {
				t.Fatal(err)
			}
			b := &schemas.Broadcast{Slices: l.Ref(id, "100"), Total: 2, SliceRecipients: schemas.PersonalSliceRecipients}
			if _, err := ListOf(b, id, "").Slice(t.Context(), log{rec}, 0); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}
