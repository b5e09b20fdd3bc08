package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"altavoz/client"
	"altavoz/schemas"
)

// testBulk has 300 people by HTTP, each with a name and every third with a text of its own, and three more as JSON on Kafka: everybody gets
// what is theirs.
func testBulk(t *testing.T, h *deployment) {
	const total = 300
	texts := make(map[string]string)
	people := make([]client.Person, total)
	for i := range people {
		p := &people[i]
		*p = client.Person{Phone: fmt.Sprintf("573125%06d", i), Variables: map[string]string{"nombre": fmt.Sprintf("{{nombre}} %d", i)}}
		if texts[p.Phone] = fmt.Sprintf("Hola {{nombre}} %d", i); i%3 == 0 {
			p.BodyText = "Buenas, {{ nombre }}"
			texts[p.Phone] = fmt.Sprintf("Buenas, {{nombre}} %d", i)
		}
	}
	draft := &client.Draft{TaskID: schemas.NewTaskID().String(), BodyText: "Hola {{nombre}}", UseQueue: true, Recipients: slices.Values(people)}
	if _, err := client.New(h.URL, "").Bulk().Send(t.Context(), draft.WriteJSON, true); err != nil {
		t.Fatal(err)
	}
	if s := h.Finished(t, draft.TaskID); s.Result.Successful != total {
		t.Errorf("%+v, want %d sent", s, total)
	}
	task := schemas.NewTaskID().String()
	h.publish(t, "", []byte(`{"task_id":"`+task+`","body_text":"De Kafka, {{n}}","recipients":[{"phone":"573126000000","variables":{"n":1}},{"phone":"573126000001","body_text":"suyo"},"573126000002"]}`))
	if s := h.Finished(t, task); s.Result.Successful != 2 || s.Result.Failed != 1 {
		t.Errorf("%+v, want two sent and one without a value", s)
	}
	texts["573126000000"], texts["573126000001"] = "De Kafka, 1", "suyo"
	var entries []struct{ Phone, Text string }
	code, got := h.Get(t, h.simulator+"/_simulator/ledger")
	if err := json.Unmarshal([]byte(got), &entries); err != nil || code != http.StatusOK {
		t.Fatalf("the simulator's ledger: %d, %v", code, err)
	}
	reached := 0
	for _, e := range entries {
		if !strings.HasPrefix(e.Phone, "573125") && !strings.HasPrefix(e.Phone, "573126") {
			continue
		}
		if reached++; e.Text != texts[e.Phone] {
			t.Errorf("%s got %q, want %q", e.Phone, e.Text, texts[e.Phone])
		}
	}
	if reached != len(texts) {
		t.Errorf("%d were sent to, want %d", reached, len(texts))
	}
}
