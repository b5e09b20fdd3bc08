package table_test

import (
	"testing"
	"time"

	"altavoz/kafka/kafkatest"
	"altavoz/kafka/table"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/stream"
)

// TestWhoWroteLastIsKnownWhateverTheOrder: an earlier message behind a later one, one from days ago, and what is no entry.
func TestWhoWroteLastIsKnownWhateverTheOrder(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	now := time.Now().Truncate(time.Second)
	wrote := func(person string, ago time.Duration) stream.Record {
		e := lastinbound.Entry{Number: "100", Person: person, AtS: now.Add(-ago).Unix()}
		return e.Encode()
	}
	kafkatest.Publish(t, p, wrote("573001234567", time.Hour), wrote("573001234567", 2*time.Hour), wrote("573001234568", 3*lastinbound.Window), wrote("no person", 0), wrote("CO.1", 0))
	v, err := table.NewInbound(c, l)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer v.Stop()
	<-v.CaughtUp()
	if at, known := v.At("100", "573001234567"); !known || !at.Equal(now.Add(-time.Hour)) {
		t.Errorf("%v, known: %v; want %v", at, known, now.Add(-time.Hour))
	}
	for _, of := range []struct {
		number string
		to     schemas.Phone
	}{{"200", "573001234567"}, {"100", "573001234568"}} {
		if at, known := v.At(of.number, of.to); known {
			t.Errorf("%s wrote to %s at %v; want nothing known", of.to, of.number, at)
		}
	}
	if n := v.Count(); n != 2 {
		t.Errorf("%d people; want the 2 who wrote within a day", n)
	}
}
