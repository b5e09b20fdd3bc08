package retry_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"altavoz/processor/fanout/recipients"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// A retry of recipients with values has those of who is retried: few with the phones, many in the list of the first task, by place.
func TestRetryHasTheValuesOfItsRecipients(t *testing.T) {
	t.Parallel()
	for name, failed := range map[string]func(i int) bool{
		"few":  func(i int) bool { return i%50 == 7 },
		"many": func(i int) bool { return i%2 == 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			const n = 530
			content := &schemas.Content{Body: "Hola {{nombre}}", Variables: []string{"nombre"}}
			req := &request.Request{Content: content, Total: n, Sliced: schemas.PersonalSliceRecipients}
			up := upload.New(context.Background(), w)
			var all schemas.Slice
			states := make([]schemas.RecipientState, n)
			var want []string
			for i := range n {
				all.Phones = append(all.Phones, fmt.Sprintf("57300%07d", i))
				all.Personal = append(all.Personal, &schemas.Personal{Variables: []uint32{0}, Values: []string{fmt.Sprint(i)}})
				if states[i] = schemas.StateSent; failed(i) {
					states[i] = schemas.Failed(131000)
					want = append(want, fmt.Sprint(i))
				}
			}
			for from := 0; from < n; from += schemas.PersonalSliceRecipients {
				to := min(from+schemas.PersonalSliceRecipients, n)
				if err := up.Slice(all.Phones[from:to], all.Personal[from:to]); err != nil {
					t.Fatal(err)
				}
			}
			b, err := up.Broadcast(req, schemas.NewTaskID(), sender, w.now.Add(-26*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			id := w.accept(b)
			w.end(id, 0, 25*time.Hour, states)
			made, err := w.ask(id, "")
			if err != nil {
				t.Fatal(err)
			}
			again, err := w.source().Open(context.Background(), made.ID, w.statuses[made.ID])
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			take := func(_ uint32, some *schemas.Slice) error {
				for i, p := range some.GetPersonal() {
					if some.GetPhones()[i] != fmt.Sprintf("57300%07s", p.GetValues()[0]) {
						t.Fatalf("%s has %v", some.GetPhones()[i], p)
					}
					got = append(got, p.GetValues()[0])
				}
				return nil
			}
			if err := again.Slices(context.Background(), func(uint32, uint32) bool { return true }, take); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d values, want %d: %v", len(got), len(want), got)
			}
			rb := again.Broadcast()
			if !rb.IsPersonal() || len(rb.GetPhones()) > schemas.PersonalSliceRecipients || recipients.ListOf(rb, made.ID, "") != nil != (len(want) > 100) {
				t.Errorf("the retry is %v", rb)
			}
		})
	}
}
