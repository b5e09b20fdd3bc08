package optouts_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/app/numbers"
	"altavoz/app/optouts"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/schemas/optout"
)

// open returns a book of two businesses: a and b are one's, c is that of numbers which name none.
func open(t *testing.T) (b *optouts.Book, write func([]optout.Said) int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "senders.json")
	text := `[{"id":"100000000000001","token":"x","business":"tienda"},{"id":"100000000000002","token":"x","business":"tienda"},{"id":"100000000000003","token":"x"}]`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := numbers.Open(numbers.Config{File: file}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	if b, err = optouts.Open(c, l, n); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Heard([]optout.Said{{Number: "100000000000001", Phone: "573001234567", Out: true, At: time.Now()}}, time.Now()); err == nil {
		t.Error("something is recorded before all is read")
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	kafkatest.Take(t, b.CaughtUp(), "all that there was")
	return b, func(said []optout.Said) int {
		t.Helper()
		recs, err := b.Heard(said, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(recs) > 0 {
			kafkatest.Publish(t, p, recs...)
		}
		if err := b.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(recs)
	}
}

// TestOptOutHoldsForAllNumbersOfABusiness: and for no other's, nor is one heard by a number that is not ours.
func TestOptOutHoldsForAllNumbersOfABusiness(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	at := time.Unix(1_790_000_000, 0)
	if n := write([]optout.Said{
		{Number: "100000000000001", Phone: "5215512345678", User: "MX.1", Out: true, At: at},
		{Number: "999999999999999", Phone: "573001234567", Out: true, At: at},
	}); n != 2 {
		t.Errorf("%d records; want one for each name of the person", n)
	}
	for _, c := range []struct {
		number, to string
		want       bool
	}{
		{"100000000000001", "525512345678", true},
		{"100000000000002", "5215512345678", true},
		{"100000000000002", "MX.1", true},
		{"100000000000003", "525512345678", false},
		{"100000000000001", "573001234567", false},
	} {
		if got := b.Out(c.number, schemas.Phone(c.to)); got != c.want {
			t.Errorf("%s to %s: %v; want %v", c.number, c.to, got, c.want)
		}
	}
	if n := write([]optout.Said{{Number: "100000000000002", Phone: "525512345678", User: "MX.1", Out: true, At: at}}); n != 0 {
		t.Errorf("%d records of what is known", n)
	}
	if _, news := b.RefusedBy("100000000000001", "525512345678", time.Now()); !news {
		t.Error("a refusal that is later says nothing new")
	}
}

// TestWhatOneWebhookSaysOfAPersonIsOneRecord: with all of it, whatever the order.
func TestWhatOneWebhookSaysOfAPersonIsOneRecord(t *testing.T) {
	t.Parallel()
	b, write := open(t)
	at := time.Unix(1_790_000_000, 0)
	if n := write([]optout.Said{
		{Number: "100000000000001", Phone: "573001234567", At: at.Add(time.Minute)},
		{Number: "100000000000001", Phone: "573001234567", Out: true, At: at},
	}); n != 1 {
		t.Errorf("%d records; want 1", n)
	}
	if e := b.Get("tienda", "573001234567"); e.Out() || e.OutS != at.Unix() || e.InS != at.Unix()+60 {
		t.Errorf("%+v; want both times, and that the person came back", e)
	}
}
