package upload_test

import (
	"context"
	"strings"
	"testing"

	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/stream"
)

// sizes keeps how many bytes each call publishes.
type sizes []int

func (s *sizes) Publish(_ context.Context, recs ...stream.Record) ([]stream.Record, error) {
	total := 0
	for i := range recs {
		recs[i].Offset = int64(len(*s))*1000 + int64(i)
		total += len(recs[i].Value)
	}
	*s = append(*s, total)
	return recs, nil
}

// Slices wait for others in batches of a bounded number of bytes, also where recipients have as much of their own as they may.
func TestSlicesWaitWithinBytes(t *testing.T) {
	t.Parallel()
	log := &sizes{}
	up := upload.New(t.Context(), log)
	phones, personal := make([]string, schemas.PersonalSliceRecipients), make([]*schemas.Personal, schemas.PersonalSliceRecipients)
	for i := range phones {
		phones[i], personal[i] = "573001234567", &schemas.Personal{Values: []string{strings.Repeat("x", 8000)}, Variables: []uint32{0}}
	}
	for range 12 {
		if err := up.Slice(phones, personal); err != nil {
			t.Fatal(err)
		}
	}
	if len(*log) != 6 {
		t.Errorf("%d calls, want 6", len(*log))
	}
	for _, n := range *log {
		if n > 2<<20 {
			t.Errorf("%d bytes at once, want at most 2 MiB", n)
		}
	}
}
