package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"altavoz/schemas"
	"altavoz/test/harness"
)

// testPersonal sends everybody a text of its own, some with a file of their own, each of which is uploaded once; who can't have one fails alone, and
// its reason names the variable. The retry of some has their values.
func testPersonal(t *testing.T, h *deployment) {
	const total = 450
	image, err := base64.StdEncoding.DecodeString(harness.OnePixel)
	if err != nil {
		t.Fatal(err)
	}
	png := schemas.HeaderKind_HEADER_KIND_IMAGE
	b := &schemas.Broadcast{
		Task: schemas.NewTaskID().Bytes(), Chosen: true, Sender: harness.Number,
		Content: &schemas.Content{
			Body: "Hola {{nombre}}", ButtonText: "Ver", ButtonUrl: "https://example.com/{{pedido}}", Variables: []string{"nombre", "pedido"},
			Files: []*schemas.MediaRef{{Inline: append(image, "own"...), Kind: png}},
		},
	}
	for i := range total {
		b.Phones = append(b.Phones, fmt.Sprintf("57311%07d", i))
	}
	texts, files := make(map[string]string), make(map[string]bool)
	for i, phone := range b.GetPhones() {
		p := &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{fmt.Sprintf("{{pedido}} %d", i), "a/b"}}
		texts[phone] = fmt.Sprintf("Hola {{pedido}} %d", i)
		switch i % 10 {
		case 3:
			p.Own = &schemas.Own{Header: png.Enum(), File: 1}
			files[phone] = true
		case 6:
			p.Own = &schemas.Own{Body: new("Suyo {{nombre}}")}
			texts[phone] = fmt.Sprintf("Suyo {{pedido}} %d", i)
		case 9:
			p.Variables, p.Values = p.GetVariables()[1:], p.GetValues()[1:]
			delete(texts, phone)
		}
		b.Personal = append(b.Personal, p)
	}
	before := h.ledger(t).Uploads.Files
	harness.Publish(t, h.kafka(), schemas.EncodeBroadcast(b))
	task := schemas.TaskID(b.GetTask()).String()
	s := h.Finished(t, task)
	if s.Result.Successful != len(texts) || s.Result.Failed != total-len(texts) || len(s.Result.Errors) == 0 || !strings.Contains(s.Result.Errors[0], "'nombre'") {
		t.Errorf("%+v, want %d sent", s, len(texts))
	}
	var entries []struct {
		Phone string `json:"phone"`
		Text  string `json:"text"`
		Media string `json:"media"`
	}
	code, got := h.Get(t, h.simulator+"/_simulator/ledger")
	if err := json.Unmarshal([]byte(got), &entries); err != nil || code != http.StatusOK {
		t.Fatalf("the simulator's ledger: %d, %v", code, err)
	}
	reached := 0
	for _, e := range entries {
		if !strings.HasPrefix(e.Phone, "57311") {
			continue
		}
		if reached++; e.Text != texts[e.Phone] || files[e.Phone] != (e.Media != "") {
			t.Fatalf("%s got %q, file %q; want %q", e.Phone, e.Text, e.Media, texts[e.Phone])
		}
	}
	if uploads := h.ledger(t).Uploads.Files - before; reached != len(texts) || uploads != 1 {
		t.Errorf("%d reached, %d files uploaded; want %d, 1", reached, uploads, len(texts))
	}
	code, got = h.Get(t, h.URL+"/api/messages/tasks/"+task+"/recipients?outcome=failed&limit=1000")
	if n := strings.Count(got, "'nombre'"); code != http.StatusOK || n != total-len(texts) {
		t.Errorf("%d, %d reasons name the variable; want %d: %.300s", code, n, total-len(texts), got)
	}
}
