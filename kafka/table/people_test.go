package table_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"altavoz/kafka/kafkatest"
	"altavoz/kafka/table"
	"altavoz/schemas"
	"altavoz/schemas/people"
	"altavoz/stream"
)

// TestTwoProcessesShareOneLimit: two views of one topic come to the same verdicts, and a view that nobody wants reads nothing.
func TestTwoProcessesShareOneLimit(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	life, stop := context.WithCancel(t.Context())
	views, verdicts := make([]*table.People, 3), make([]chan string, 3)
	for i := range views {
		cfg := c
		cfg.Registerer = nil // each has its own
		views[i], verdicts[i] = table.NewPeople(cfg, l), make(chan string, 10)
		views[i].ListenVerdicts(func(process string, number uint64, granted bool) {
			verdicts[i] <- fmt.Sprint(process, " ", number, " ", granted)
		})
		views[i].Start(life)
		defer views[i].Wait()
	}
	defer stop()
	views[0].Follow()
	views[1].Follow()
	views[1].Follow()
	ask := func(view int, process string, number uint64, wanted ...people.Person) {
		t.Helper()
		claim, _ := views[view].Draw("b", 3, wanted, time.Now())
		claim.Process, claim.Number = process, number
		kafkatest.Publish(t, p, claim.Encode())
	}
	want := func(said ...string) {
		t.Helper()
		for _, s := range said {
			for i := range 2 {
				if got := <-verdicts[i]; got != s {
					t.Errorf("process %d says %q, want %q", i, got, s)
				}
			}
		}
	}
	kafkatest.Publish(t, p, stream.Record{Topic: schemas.TopicPeople, Partition: stream.NoPartition, Value: []byte("no claim")})
	ask(0, "a", 1, 1)
	want("a 1 false") // it has nobody: it shows how far the log goes
	claim, _ := views[1].Draw("b", 3, []people.Person{3, 4}, time.Now())
	claim.Process = "b"
	ask(0, "a", 2, 1, 2)
	kafkatest.Publish(t, p, claim.Encode())
	want("a 2 true", "b 0 false")
	ask(1, "b", 1, 1, 2, 3, 4)
	want("b 1 true")
	now := time.Now()
	if used, frees := views[0].Used("b", now); used != 3 || frees.Sub(now) < people.Window || !views[0].Knows("b", 3, now) || views[0].Knows("b", 4, now) {
		t.Errorf("%d people, the next place gets free at %v", used, frees)
	}
	if used, _ := views[2].Used("b", now); used != 0 {
		t.Errorf("who does not follow knows %d people", used)
	}
}
