package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// A deployment is altavoz as its users meet it, with a simulator behind it that counts what every phone received. The same
// scenarios run embedded and on a real Kafka and Redis (see real_test.go).
type deployment struct {
	harness.API
	secret    string // that webhooks are signed with
	simulator string // base URL of the Cloud API double
	publish   func(t *testing.T, key string, value []byte)
	restart   func(t *testing.T) // stops every process and starts it again on the same data
	kafka     func() kafka.Config
}

// scenarios is every promise of the path that can be seen from outside.
var scenarios = []struct {
	name string
	run  func(t *testing.T, h *deployment)
}{
	{"ContractAnswers", testContractAnswers},
	{"Document", testDocument},
	{"Refusals", testRefusals},
	{"PhonesHoweverWritten", testPhonesHoweverWritten},
	{"QueuedToSuccess", testQueuedToSuccess},
	{"MagicEndings", testMagicEndings},
	{"RepeatedRequest", testRepeatedRequest},
	{"LongListInSlices", testLongListInSlices},
	{"Recipients", testRecipients},
	{"Retry", testRetry},
	{"Personal", testPersonal},
	{"Bulk", testBulk},
	{"Templates", testTemplates},
	{"History", testHistory},
	{"DryRun", testDryRun},
	{"SameFileUploadedOnce", testSameFileUploadedOnce},
	{"UpstreamJSON", testUpstreamJSON},
	{"RejectsAreReplayed", testRejectsAreReplayed},
	{"Receipts", testReceipts},
	{"OptOuts", testOptOuts},
	{"UserIDs", testUserIDs},
	{"RestartContinues", testRestartContinues},
	{"PauseAndResume", testPauseAndResume},
	{"Cancel", testCancel},
	{"Senders", testSenders},
	{"Callbacks", testCallbacks},
}

// ledger is what the simulator says of all phones.
type ledger struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
	Uploads    struct {
		Files int `json:"files"`
	} `json:"uploads"`
}

func (h *deployment) ledger(t testing.TB) ledger {
	t.Helper()
	code, body := h.Get(t, h.simulator+"/_simulator/summary")
	var l ledger
	if err := json.Unmarshal([]byte(body), &l); err != nil || code != http.StatusOK {
		t.Fatalf("the simulator's summary: %d %s; want %v", code, body, http.StatusOK)
	}
	return l
}

var anyTaskID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func testContractAnswers(t *testing.T, h *deployment) {
	const processed = `{"success":true,"message":"Mensaje broadcast procesado","result":{"total":1,"successful":1,"failed":0,"errors":[]},"task_id":"TASK"}`
	for _, c := range []struct{ name, body, want string }{
		{
			"minimal", `{"phones":["573001234567","573007654321","12"],"body_text":"Hola"}`,
			`{"success":true,"message":"Mensaje broadcast procesado","result":{"total":3,"successful":2,"failed":1,` +
				`"errors":["Error para 12: Invalid phone number format: le faltan dígitos"]},"task_id":"TASK"}`,
		},
		{"text header", `{"phones":["573001230001"],"body_text":"b","header_type":"text","header_content":"Aviso","button_text":"Ver",` +
			`"button_url":"https://example.com/x","footer_text":"f"}`, processed},
		{"image by URL", `{"phones":["573001230002"],"body_text":"b","header_type":"image","header_content":"https://media.example.com/a.png"}`, processed},
		{"image by base64", `{"phones":["573001230003"],"body_text":"b","header_type":"image","header_content":"data:image/png;base64,` + harness.OnePixel + `"}`, processed},
	} {
		if code, got := h.Post(t, c.body); code != http.StatusOK || anyTaskID.ReplaceAllString(got, "TASK") != c.want {
			t.Errorf("%s: %d %s\nwant %s", c.name, code, got, c.want)
		}
	}
	code, got := h.Post(t, `{"phones":["573001230004"],"body_text":"b","use_queue":true}`)
	task, ok := strings.CutPrefix(got, `{"success":true,"message":"Mensaje broadcast enviado a cola","task_id":"`)
	task, end := strings.CutSuffix(task, `"}`)
	if code != http.StatusAccepted || !ok || !end {
		t.Fatalf("queued: %d %s; want %v", code, got, http.StatusAccepted)
	}
	h.Finished(t, task)
	want := `{"task_id":"` + task + `","status":"SUCCESS","result":{"total":1,"successful":1,"failed":0,"errors":[]}}`
	if code, got := h.Get(t, h.URL+harness.StatusPath+task); code != http.StatusOK || got != want {
		t.Errorf("task-status: %d %s\nwant %s", code, got, want)
	}
	for body, want := range map[string]string{
		`{"body_text":"b"}`:         `{"error":"Se requiere el campo 'phones' con un array de números telefónicos"`,
		`{"phones":["5730012345"]}`: `{"error":"Se requiere el campo 'body_text'"`,
	} {
		if code, got := h.Post(t, body); code != http.StatusBadRequest || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %d %s; want %v, %q at its beginning", body, code, got, http.StatusBadRequest, want)
		}
	}
}

// The document that a deployment serves is the one that every answer here is held to; what it lacks is refused as it says.
func testDocument(t *testing.T, h *deployment) {
	if code, got := h.Get(t, h.URL+"/openapi.json"); code != http.StatusOK || got != strings.TrimSpace(schemas.OpenAPI) {
		t.Errorf("the document: %d, %d bytes", code, len(got))
	}
	if code, got := h.Get(t, h.URL+"/api/messages/nothing"); code != http.StatusNotFound {
		t.Errorf("a path that it lacks: %d %s", code, got)
	}
	if code, got := h.Get(t, h.URL+harness.SendPath); code != http.StatusMethodNotAllowed {
		t.Errorf("a method that it lacks: %d %s", code, got)
	}
	if code, got := h.Get(t, h.URL+"/readyz"); code != http.StatusOK {
		t.Errorf("readiness: %d %s", code, got)
	}
}

func testRefusals(t *testing.T, h *deployment) {
	before := h.ledger(t)
	long := strings.Repeat("x", 1025)
	for _, body := range []string{
		"", "{", "[]", "null", `"x"`, `{"phones":[],"body_text":"b"}`, `{"phones":"573001234567","body_text":"b"}`,
		`{"phones":["573001234567"],"body_text":7}`,
		`{"phones":["573001234567"],"body_text":""}`, `{"phones":["573001234567"],"body_text":"` + long + `"}`,
		`{"phones":["573001234567"],"body_text":"b"} trailing`, `{"phones":["573001234567"],"phones":["573001234567"],"body_text":"b"}`,
		"{\"phones\":[\"573001234567\"],\"body_text\":\"\xff\"}", strings.Repeat("[", 1000),
		`{"phones":["573001234567"],"body_text":"b","header_type":"audio","header_content":"x"}`,
		`{"phones":["573001234567"],"body_text":"b","header_type":"image","header_content":"data:image/png;base64,%%%"}`,
		`{"phones":["573001234567"],"body_text":"b","header_type":"video","header_content":"data:video/mp4;base64,` + harness.OnePixel + `"}`,
		`{"phones":["573001234567"],"body_text":"b","header_type":"image","header_content":"ftp://example.com/a.png"}`,
		`{"phones":["573001234567"],"body_text":"b","button_url":"javascript:alert(1)"}`,
		`{"phones":["573001234567"],"body_text":"b","button_text":"` + long[:21] + `"}`,
		`{"phones":["573001234567"],"body_text":"b","use_queue":"sí"}`,
	} {
		code, got := h.Post(t, body)
		var e struct {
			Error string `json:"error"`
		}
		if err := json.Unmarshal([]byte(got), &e); err != nil || code != http.StatusBadRequest || e.Error == "" {
			t.Errorf("%.80s: %d %s; want %v", body, code, got, http.StatusBadRequest)
		}
	}
	if after := h.ledger(t); after.Accepted != before.Accepted {
		t.Errorf("%d messages went out from refused requests", after.Accepted-before.Accepted)
	}
}

func testPhonesHoweverWritten(t *testing.T, h *deployment) {
	before := h.ledger(t)
	code, got := h.Post(t, `{"phones":[573012220001,"+57 301 222-0001","3012220001","(57) 301 222 0002"],"body_text":"b"}`)
	var a struct {
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal([]byte(got), &a); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s; want %v", code, got, http.StatusOK)
	}
	if sent := h.ledger(t).Accepted - before.Accepted; sent != 2 {
		t.Errorf("%d messages for two people: %s; want 2", sent, got)
	}
	if !strings.HasPrefix(string(a.Result), `{"total":4,"successful":2,"failed":2,`) {
		t.Errorf("result %s", a.Result)
	}
}

func testQueuedToSuccess(t *testing.T, h *deployment) {
	before := h.ledger(t)
	phones := harness.Phones(1, 250)
	task := h.Queued(t, `{"phones":`+harness.Quoted(phones)+`,"body_text":"b","use_queue":true}`)
	s := h.Finished(t, task)
	if s.Status != "SUCCESS" || s.Result.Successful != 250 || s.Result.Failed != 0 {
		t.Errorf("got %+v, want Status %q", s, "SUCCESS")
	}
	after := h.ledger(t)
	if after.Accepted-before.Accepted != 250 || after.Duplicates != before.Duplicates {
		t.Errorf("the simulator accepted %d, doubled %d; want 250", after.Accepted-before.Accepted, after.Duplicates-before.Duplicates)
	}
	if code, body := h.Get(t, h.URL+harness.StatusPath+"0190a0a0-0000-7000-8000-000000000000"); code != http.StatusNotFound {
		t.Errorf("an unknown task: %d %s; want %v", code, body, http.StatusNotFound)
	}
}

func testMagicEndings(t *testing.T, h *deployment) {
	code, got := h.Post(t, `{"phones":["573993330030","573003331111"],"body_text":"b"}`)
	const want = `"result":{"total":2,"successful":1,"failed":1,"errors":["Error para 573993330030: (131030) `
	if code != http.StatusOK || !strings.Contains(got, want) {
		t.Errorf("%d %s; want %v, %q in it", code, got, http.StatusOK, want)
	}
}

func testRepeatedRequest(t *testing.T, h *deployment) {
	before := h.ledger(t)
	body := `{"phones":["573004440001"],"body_text":"b","use_queue":true}`
	key := fmt.Sprintf("pedido-%d", time.Now().UnixNano())
	first := h.Queued(t, body, "Idempotency-Key", key)
	h.Finished(t, first)
	if again := h.Queued(t, body, "Idempotency-Key", key); again != first {
		t.Errorf("the repeat is task %s, the first was %s; want %v", again, first, first)
	}
	if code, got := h.Post(t, strings.Replace(body, "0001", "0002", 1), "Idempotency-Key", key); code != http.StatusConflict {
		t.Errorf("another body with the same key: %d %s; want %v", code, got, http.StatusConflict)
	}
	h.Queued(t, body, "Idempotency-Key", key+"-other")
	h.Finished(t, h.Queued(t, `{"phones":["573004440008"],"body_text":"later","use_queue":true}`))
	for end := time.Now().Add(harness.SettleTime); h.ledger(t).Accepted-before.Accepted < 3 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if n := h.ledger(t).Accepted - before.Accepted; n != 3 {
		t.Errorf("%d messages, want 3: the first, the other key's and the last", n)
	}
}

func testLongListInSlices(t *testing.T, h *deployment) {
	before := h.ledger(t)
	phones := harness.Phones(2, 2500)
	phones[1234] = "no es un teléfono"
	phones[2400] = phones[3]
	s := h.Finished(t, h.Queued(t, `{"body_text":"b","phones":`+harness.Quoted(phones)+`,"use_queue":true}`))
	if s.Result.Total != 2500 || s.Result.Successful != 2498 || s.Result.Failed != 2 || s.Result.Skipped != 1 {
		t.Errorf("got %+v, want Total 2500, Successful 2498, Failed 2, Skipped 1", s.Result)
	}
	want := []string{
		"Error para no es un teléfono: Invalid phone number format: tiene letras",
		"Error para " + phones[3] + ": Número repetido en la lista",
	}
	if diff := cmp.Diff(want, s.Result.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	after := h.ledger(t)
	if after.Accepted-before.Accepted != 2498 || after.Duplicates != before.Duplicates {
		t.Errorf("the simulator accepted %d, doubled %d; want 2498", after.Accepted-before.Accepted, after.Duplicates-before.Duplicates)
	}
}

func testSameFileUploadedOnce(t *testing.T, h *deployment) {
	before := h.ledger(t)
	// A PNG of its own: what stands after the image's end is ignored by everybody but the hash.
	png, _ := base64.StdEncoding.DecodeString(harness.OnePixel)
	png = append(png, fmt.Sprint(time.Now().UnixNano())...)
	file := base64.StdEncoding.EncodeToString(append(png, bytes.Repeat([]byte{7}, 1_300_000)...))
	for i := range 3 {
		body := fmt.Sprintf(`{"phones":["57300555%04d"],"header_content":"data:image/png;base64,%s","header_type":"image","body_text":"b"}`, 1000+i, file)
		if code, got := h.Post(t, body); code != http.StatusOK || !strings.Contains(got, `"successful":1`) {
			t.Fatalf("%d %s; want %v, %q in it", code, got, http.StatusOK, `"successful":1`)
		}
	}
	if n := h.ledger(t).Uploads.Files - before.Uploads.Files; n != 1 {
		t.Errorf("the file was uploaded %d times, want 1", n)
	}
}

func testUpstreamJSON(t *testing.T, h *deployment) {
	before := h.ledger(t)
	// No key at all and any key: a one-line kcat is a client.
	h.publish(t, "", []byte(`{"phones":["573006660001","573006660002"],"body_text":"hola"}`))
	h.publish(t, "somebody else's key", []byte(`{"phones":["573006660003"],"body_text":"hola"}`))
	h.publish(t, "", []byte(`this is no JSON`))
	id := "0192f0c0-0000-7000-8000-" + fmt.Sprintf("%012d", time.Now().UnixNano()%1_000_000_000_000)
	h.publish(t, "", []byte(`{"phones":["573006660004"],"body_text":"hola","task_id":"`+id+`"}`))
	h.publish(t, "", []byte(`{"phones":["573006660004"],"body_text":"hola","task_id":"`+id+`"}`))
	for end := time.Now().Add(harness.SettleTime); h.ledger(t).Accepted-before.Accepted < 4; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d of 4 went out", h.ledger(t).Accepted-before.Accepted)
		}
	}
	if s := h.Finished(t, id); s.Result.Successful != 1 {
		t.Errorf("got %+v, want 1 sent", s)
	}
	h.Finished(t, h.Queued(t, `{"phones":["573006660008"],"body_text":"later","use_queue":true}`))
	if n := h.ledger(t).Accepted - before.Accepted; n != 5 {
		t.Errorf("%d messages, want 5: the same task id twice is one task", n)
	}
}

func testRestartContinues(t *testing.T, h *deployment) {
	before := h.ledger(t)
	phones := harness.Phones(3, 3000)
	task := h.Queued(t, `{"phones":`+harness.Quoted(phones)+`,"body_text":"b","use_queue":true}`)
	h.restart(t)
	s := h.Finished(t, task)
	if s.Result.Total != 3000 || s.Result.Failed != s.Result.Unknown || s.Result.Unknown != 0 {
		t.Errorf("after a graceful restart: %+v, want Total 3000, Failed %v, Unknown 0", s.Result, s.Result.Unknown)
	}
	after := h.ledger(t)
	if after.Duplicates != before.Duplicates || after.Accepted-before.Accepted != 3000 {
		t.Errorf("the simulator accepted %d, doubled %d; want 3000", after.Accepted-before.Accepted, after.Duplicates-before.Duplicates)
	}
}

// publishRaw puts a record on the topic broadcasts, as a foreign client does: no version header, any key or none.
func publishRaw(t *testing.T, cfg kafka.Config, key string, value []byte) {
	t.Helper()
	rec := stream.Record{Topic: schemas.TopicBroadcasts, Partition: stream.NoPartition, Value: value}
	if key != "" {
		rec.Key = []byte(key)
	}
	harness.Publish(t, cfg, rec)
}
