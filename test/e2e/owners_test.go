package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/client"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/test/harness"
)

const (
	shopSecret, crmSecret, bossSecret, erpSecret = "secret-of-the-shop", "secret-of-the-crm", "secret-of-the-boss", "secret-of-the-erp"

	ownersKeys = `[
		{"owner":"tienda","secrets":["` + shopSecret + `"],"scopes":["send","read","control"]},
		{"owner":"crm","secrets":["` + crmSecret + `"],"scopes":["send","read","control"]},
		{"owner":"erp","secrets":["` + erpSecret + `"],"scopes":["read"]},
		{"owner":"jefe","secrets":["` + bossSecret + `"],"scopes":["read","admin"]}]`
)

// TestEndToEndThreatS03OwnersAreApart: two keys on one process. What one of them sends does not exist for the other, before and
// after a restart, and its Idempotency-Key is the same task then; what comes over Kafka is the topic's owner's, whoever it
// says that it is.
func TestEndToEndThreatS03OwnersAreApart(t *testing.T) {
	t.Parallel()
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.HTTP.KeysFile, cfg.Kafka.UpstreamOwner = filepath.Join(t.TempDir(), "keys.json"), "erp"
	if err := os.WriteFile(cfg.HTTP.KeysFile, []byte(ownersKeys), 0o600); err != nil {
		t.Fatal(err)
	}
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}}
	ask := func(method, path, secret string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, h.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", secret)
		return h.Do(t, req)
	}
	apart := func(task, owner, stranger string) {
		t.Helper()
		for deadline := time.Now().Add(harness.SettleTime); ; time.Sleep(10 * time.Millisecond) {
			if code, body := ask(http.MethodGet, "/api/messages/tasks/"+task, owner); code == http.StatusOK && strings.Contains(body, "SUCCESS") {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("%s for its owner: %d %s", task, code, body)
			}
		}
		for _, route := range []string{"GET " + harness.StatusPath + task, "GET /api/messages/tasks/" + task, "GET /api/messages/tasks/" + task + "/events"} {
			method, path, _ := strings.Cut(route, " ")
			if code, body := ask(method, path, stranger); code != http.StatusNotFound {
				t.Errorf("%s for a stranger: %d %s; want %v", route, code, body, http.StatusNotFound)
			}
		}
		if _, body := ask(http.MethodGet, "/api/messages/tasks", stranger); strings.Contains(body, task) {
			t.Errorf("a stranger's list shows %s: %s; want no %q in it", task, body, task)
		}
		if _, body := ask(http.MethodGet, "/api/messages/tasks", bossSecret); !strings.Contains(body, task) {
			t.Errorf("an administrator's list lacks %s: %s; want %q in it", task, body, task)
		}
	}
	const request = `{"phones":["573991234567"],"body_text":"Hola"}`
	code, first := h.Post(t, request, "X-API-Key", shopSecret, "Idempotency-Key", "k")
	if code != http.StatusOK {
		t.Fatal(code, first)
	}
	task := taskOf(t, first)
	apart(task, shopSecret, crmSecret)
	for _, verb := range []string{"cancel", "retry"} {
		if code, body := ask(http.MethodPost, "/api/messages/tasks/"+task+"/"+verb, crmSecret); code != http.StatusNotFound {
			t.Errorf("%s by a stranger: %d %s; want %v", verb, code, body, http.StatusNotFound)
		}
	}
	if code, body := h.Post(t, request, "X-API-Key", crmSecret, "Idempotency-Key", "k"); code != http.StatusOK || taskOf(t, body) == task {
		t.Errorf("another's key: %d %s; want %v", code, body, http.StatusOK)
	}

	// An upstream that may write to the topic says that it is the shop, as JSON and as an event.
	forged := schemas.NewTaskID()
	event := schemas.EncodeBroadcast(&schemas.Broadcast{
		Task: forged.Bytes(), Sender: harness.Number, Content: &schemas.Content{Body: "b", ButtonText: "x", ButtonUrl: "https://example.com"},
		Phones: []string{"573991234567"}, Total: 1, Owner: "tienda", OwnerMac: []byte(strings.Repeat("x", 32)),
	})
	harness.Publish(t, harness.Kafka(a, cfg), event)
	apart(forged.String(), erpSecret, shopSecret)
	said := schemas.NewTaskID().String()
	publishRaw(t, harness.Kafka(a, cfg), "", fmt.Appendf(nil, `{"task_id":%q,"phones":["573991234567"],"body_text":"b"}`, said))
	apart(said, erpSecret, shopSecret)
	// What the library writes, as `altavoz publish` does, is the upstream's from the first minute of an installation.
	pub, err := records.NewPublisher(harness.Kafka(a, cfg), harness.Layout(t, harness.Kafka(a, cfg)), 0)
	if err != nil {
		t.Fatal(err)
	}
	published, err := client.Publish(t.Context(), pub, &client.Draft{BodyText: "b", Sender: harness.Number, Phones: slices.Values([]string{"573991234567"})})
	if err := errors.Join(err, pub.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	apart(published.Task.String(), erpSecret, shopSecret)

	harness.Stop(t, a)
	a = harness.Start(t, cfg)
	h.URL = a.URL()
	apart(task, shopSecret, crmSecret)
	if code, body := h.Post(t, request, "X-API-Key", shopSecret, "Idempotency-Key", "k"); code != http.StatusOK || taskOf(t, body) != task {
		t.Errorf("the same request after a restart: %d %s, want %s", code, body, task)
	}
}

// taskOf is the task that an answer names.
func taskOf(t *testing.T, body string) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatal(err)
	}
	text, _ := members["task_id"].(string)
	return text
}
