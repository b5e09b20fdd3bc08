package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"altavoz/schemas"
	"altavoz/test/harness"
)

// testTemplates uses a template over HTTP, as JSON and as Protobuf on Kafka: each recipient gets its own values, the file goes up once, and who
// has a value that Meta refuses fails alone.
func testTemplates(t *testing.T, h *deployment) {
	before, texts := h.ledger(t).Uploads.Files, map[string]string{}
	var people []string
	for i := range 120 {
		phone, name := fmt.Sprintf("573127%06d", i), fmt.Sprintf("{{n}} %d", i)
		if i == 7 {
			name = `a\nb`
		} else {
			texts[phone] = "Hola " + name + ", tu pedido ya salió."
		}
		people = append(people, fmt.Sprintf(`{"phone":"%s","variables":{"nombre":"%s","pedido":%d}}`, phone, name, i))
	}
	used := func(id string, people ...string) string {
		return `{"task_id":"` + id + `","use_queue":true,"template":{"name":"aviso","language":"es_CO","header":{"type":"image","content":"data:image/png;base64,` + harness.OnePixel + `"},` +
			`"body":{"nombre":"{{nombre}}"},"buttons":[{"index":0,"url_suffix":"{{pedido}}"}]},"recipients":[` + strings.Join(people, ",") + `]}`
	}
	over, asJSON := schemas.NewTaskID().String(), schemas.NewTaskID().String()
	if code, got := h.Post(t, used(over, people...)); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, got)
	}
	h.publish(t, "", []byte(used(asJSON, `{"phone":"573128000000","variables":{"nombre":"Ana","pedido":"7"}}`)))
	texts["573128000000"] = "Hola Ana, tu pedido ya salió."
	b := &schemas.Broadcast{
		Task: schemas.NewTaskID().Bytes(), Chosen: true, Sender: harness.Number, Phones: []string{"573128000001"},
		Content: &schemas.Content{Template: &schemas.Template{Name: "hello_world", Language: "en_US"}},
	}
	harness.Publish(t, h.kafka(), schemas.EncodeBroadcast(b))
	texts["573128000001"] = "Welcome and congratulations!"
	for task, want := range map[string][2]int{over: {119, 1}, asJSON: {1, 0}, schemas.TaskID(b.GetTask()).String(): {1, 0}} {
		if s := h.Finished(t, task); s.Result.Successful != want[0] || s.Result.Failed != want[1] || want[1] > 0 && !strings.Contains(s.Result.Errors[0], "template.body.nombre") {
			t.Errorf("%+v, want %d sent, %d not", s, want[0], want[1])
		}
	}
	var entries []struct{ Phone, Text, Media string }
	code, got := h.Get(t, h.simulator+"/_simulator/ledger")
	if err := json.Unmarshal([]byte(got), &entries); err != nil || code != http.StatusOK {
		t.Fatalf("the simulator's ledger: %d, %v", code, err)
	}
	reached := 0
	for _, e := range entries {
		if !strings.HasPrefix(e.Phone, "573127") && !strings.HasPrefix(e.Phone, "573128") {
			continue
		}
		if reached++; e.Text != texts[e.Phone] || (e.Media == "") != (e.Phone == "573128000001") {
			t.Errorf("%s got %q, file %q; want %q", e.Phone, e.Text, e.Media, texts[e.Phone])
		}
	}
	if uploads := h.ledger(t).Uploads.Files - before; reached != len(texts) || uploads > 1 {
		t.Errorf("%d were reached and %d files uploaded, want %d and at most 1", reached, uploads, len(texts))
	}
	for body, want := range map[string]string{
		`{"phones":["573127000000"],"body_text":"b","template":{"name":"aviso","language":"es_CO"}}`: `'template' y 'body_text'`,
		`{"phones":["573127000000"],"template":{"name":"aviso","language":"es-CO"}}`:                 `"field":"template.language"`,
	} {
		if code, got := h.Post(t, body); code != http.StatusBadRequest || !strings.Contains(got, want) {
			t.Errorf("%d %s, want %s", code, got, want)
		}
	}
}

// TestEndToEndTemplatesOverKafka: a broadcast that comes over Kafka is held to its account's templates as one over HTTP is, with the same words and before
// anybody is written to; and a template of marketing goes over the path that its number is set up for, whichever way it came.
func TestEndToEndTemplatesOverKafka(t *testing.T) {
	t.Parallel()
	cfg := harness.Config(t)
	cfg.WhatsApp.MarketingPath = "marketing_messages"
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: a.SimulatorURL()}
	publish := func(phone, template string) string {
		id := schemas.NewTaskID().String()
		publishRaw(t, harness.Kafka(a, cfg), "", []byte(`{"task_id":"`+id+`","phones":["`+phone+`"],"template":`+template+`}`))
		return id
	}
	const header = `"header":{"type":"image","content":"data:image/png;base64,` + harness.OnePixel + `"}`
	promo := func(body string) string {
		return `{"name":"promo","language":"es_CO",` + header + `,"body":` + body + `,"buttons":[{"index":0,"copy_code":"A7"}]}`
	}
	for _, bad := range []string{`{"name":"no_hay","language":"es"}`, promo(`["Ana"]`)} {
		code, refusal := h.Post(t, `{"phones":["573991239931"],"use_queue":true,"template":`+bad+`}`)
		var told struct {
			Error string `json:"error"`
		}
		if err := json.Unmarshal([]byte(refusal), &told); err != nil || code != http.StatusBadRequest {
			t.Fatalf("%d %s", code, refusal)
		}
		if s := h.Finished(t, publish("573991239931", bad)); s.Result.Failed != 1 || !strings.Contains(strings.Join(s.Result.Errors, " "), told.Error) {
			t.Errorf("%+v, want it ended with %q", s, told.Error)
		}
	}
	if _, got := h.Get(t, h.simulator+"/_simulator/summary"); !strings.Contains(got, `"refused":{}`) {
		t.Errorf("somebody was written to: %s", got)
	}
	for phone, task := range map[string]string{
		"573991239932": publish("573991239932", promo(`["Ana","2x1"]`)),
		"573991239933": h.Queued(t, `{"phones":["573991239933"],"use_queue":true,"template":`+promo(`["Ana","2x1"]`)+`}`),
		"573991239934": publish("573991239934", `{"name":"hello_world","language":"en_US"}`),
	} {
		if s := h.Finished(t, task); s.Result.Successful != 1 {
			t.Errorf("%+v, want it sent", s)
		}
		_, got := h.Get(t, h.simulator+"/_simulator/ledger?phone="+phone)
		if strings.Contains(got, `"marketing":true`) != (phone != "573991239934") {
			t.Errorf("%s got %s", phone, got)
		}
	}
}
