package producer_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/internal/testio"
	"altavoz/producer"
	"altavoz/producer/codes"
	"altavoz/producer/requestid"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/schemas/template"
)

// Every route, with every refusal that all of them have: each has a code of the document, what to do about it, and the id of its request, in
// the answer and in the log; one that is about a task names the task. A new route is in it, since the routes are those of the service.
func TestEachRefusalOfEachRouteSaysWhatToDo(t *testing.T) {
	t.Parallel()
	var log testio.Buffer
	h := setup(t, producer.Config{Keys: file(t, scopedKeys), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	behind := setup(t, producer.Config{})
	behind.view = newView()
	behind.numbers.ready = make(chan struct{})
	behind.people.behind = true
	behind.templates.err = template.ErrUnanswered
	documented := readOpenAPI(t).Components.Schemas["Refusal"].Properties["code"].Codes
	task := schemas.TaskIDFromKey("x", "y").String()
	keysOf := map[string]string{"send": sendKey, "read": readKey, "control": controlKey, "optouts": optOutsKey}
	for _, route := range h.Routes() {
		parts := strings.Split(route, " ")
		verb, path, scope := parts[0], strings.NewReplacer("{task_id}", task, "{phone}", "573001234567").Replace(parts[1]), parts[2]
		if verb == http.MethodHead {
			continue
		}
		good, bad := keysOf[scope], adminKey
		check := func(name string, on *harness, status int, verb, path string, headers ...string) {
			t.Helper()
			id := strings.ReplaceAll(name, " ", "-")
			code, body, header := on.do(verb, path, strings.NewReader("{"), append(headers, requestid.Header, id)...)
			var no struct {
				Error, Code, Field, Hint string
				TaskID                   string `json:"task_id"`
			}
			if err := json.Unmarshal([]byte(body), &no); err != nil || code != status {
				t.Errorf("%s: %s: %d %s, %v; want %d", route, name, code, body, err, status)
				return
			}
			if no.Error == "" || !slices.Contains(documented, no.Code) || no.Hint == "" || header.Get(requestid.Header) != id {
				t.Errorf("%s: %s: %s %v; want an error, a code of the document, a hint, and the id of the request", route, name, body, header)
			}
			if strings.Contains(path, task) && no.TaskID != task {
				t.Errorf("%s: %s: %s; want the task", route, name, body)
			}
			if code == http.StatusBadRequest && no.Field == "" && no.Code != request.CodeJSON {
				t.Errorf("%s: %s: %s; want the field", route, name, body)
			}
			if (code == http.StatusServiceUnavailable || code == http.StatusTooManyRequests) && header.Get("Retry-After") == "" {
				t.Errorf("%s: %s: %v; want Retry-After", route, name, header)
			}
			if on == h && !strings.Contains(log.String(), "request_id="+id) {
				t.Errorf("%s: %s: no line of the log names the request", route, name)
			}
		}
		check("a method that it lacks", h, http.StatusMethodNotAllowed, http.MethodPut, path)
		if scope == "" {
			continue
		}
		check("no key", h, http.StatusUnauthorized, verb, path)
		check("no scope", h, http.StatusForbidden, verb, path, "X-API-Key", bad)
		if verb != http.MethodGet {
			check("another origin", h, http.StatusForbidden, verb, path, "X-API-Key", good, "Sec-Fetch-Site", "cross-site")
		}
		if verb == http.MethodGet {
			check("a parameter that it lacks", h, http.StatusBadRequest, verb, path+"?sort=x", "X-API-Key", good)
		}
		switch {
		case strings.Contains(path, task) && verb != http.MethodPatch:
			check("no such task", h, http.StatusNotFound, verb, path, "X-API-Key", good)
		case verb != http.MethodGet && verb != http.MethodDelete:
			check("no JSON", h, http.StatusBadRequest, verb, path, "X-API-Key", good)
		}
		if verb != http.MethodPatch && path != request.PathSend && path != request.PathBulk {
			check("not read to the end", behind, http.StatusServiceUnavailable, verb, path)
		}
	}
	for _, path := range []string{request.PathTasks + "/" + task + "/nothing", request.PathTasks + "/" + task + "/events/nothing", request.PathStatus + task + "/nothing"} {
		if code, body, _ := h.get(path); code != http.StatusNotFound || !strings.Contains(body, `"task_id":"`+task+`"`) {
			t.Errorf("%s: %d %s; want %d, and the task", path, code, body, http.StatusNotFound)
		}
	}
	if code, body, _ := h.do(http.MethodGet, request.PathTasks+"/none/events", nil, "X-API-Key", readKey); code != http.StatusNotFound || strings.Contains(body, "task_id\":") {
		t.Errorf("no id: %d %s; want %d without a task", code, body, http.StatusNotFound)
	}
	code, body, header := h.get("/api/nothing")
	if code != http.StatusNotFound || !strings.Contains(body, `"hint"`) || header.Get(requestid.Header) == "" {
		t.Errorf("no route: %d %s %v", code, body, header)
	}
	for _, code := range documented {
		if codes.Hint(code).None() {
			t.Errorf("no sentence says what to do about %s", code)
		}
	}
}

// The name of a parameter may be any bytes, and is repeated as text.
func TestParameterWhoseNameIsNoTextIsRefused(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	for name, want := range map[string]string{"%ff": "\uFFFD", strings.Repeat("a", 63) + "%C3%B1": strings.Repeat("a", 63) + "\uFFFD"} {
		code, body, _ := h.get(request.PathTasks + "?" + name + "=1")
		if code != http.StatusBadRequest || !strings.Contains(body, `"field":"`+want+`"`) {
			t.Errorf("%s: %d %s, want 400 of %s", name, code, body, want)
		}
		code, body, _ = h.do(http.MethodGet, request.PathTasks+"?"+name+"=1", nil, "Prefer", "handling=lenient")
		if code != http.StatusOK || !strings.Contains(body, `"tasks"`) {
			t.Errorf("%s, lenient: %d %s, want 200", name, code, body)
		}
	}
}

// What a key may have at once and a day, and how many wrong keys an address may show, is in the headers of its answers.
func TestBudgetsAreInTheHeaders(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, `[{"owner":"a","secrets":["`+sendKey+`"],"scopes":["send","read"],"recipients_per_day":3,"requests_at_once":2,"feeds_at_once":1},{"owner":"b","secrets":["`+readKey+`"],"scopes":["read"]}]`)})
	h.finishing()
	says := func(name string, header http.Header, want string) {
		t.Helper()
		if got := strings.Join(header.Values("RateLimit"), ", "); !strings.HasPrefix(got, want) || len(header.Values("RateLimit-Policy")) != len(header.Values("RateLimit")) {
			t.Errorf("%s: %q, %q; want %q at its beginning", name, got, header.Values("RateLimit-Policy"), want)
		}
	}
	_, _, header := h.post(one(""), "X-API-Key", sendKey)
	says("one of three", header, `"requests";r=1, "recipients";r=2;t=`)
	code, _, header := h.post(`{"phones":["573001234561","573001234562","573001234563"],"body_text":"b"}`, "X-API-Key", sendKey)
	says("three of two", header, `"requests";r=1, "recipients";r=2;t=`)
	if code != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
		t.Errorf("%d %v", code, header)
	}
	_, _, header = h.do(http.MethodGet, request.PathTasks, nil, "X-API-Key", sendKey)
	says("a list", header, `"requests";r=1, "lists";r=`)
	_, _, header = h.do(http.MethodGet, request.PathRecipients+maria, nil, "X-API-Key", sendKey)
	says("a person", header, `"requests";r=1, "histories";r=`)
	_, _, header = h.do(http.MethodGet, request.PathTasks, nil, "X-API-Key", "a-key-that-nobody-has")
	says("a wrong key", header, `"wrong-keys";r=9;t=60`)
}

// A full data budget refuses what would send, and reads no body; what is asked, and what ends or pauses a task, goes on.
func TestAFullDataBudgetRefusesBroadcastsAndRetries(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	h := setup(t, producer.Config{Room: func() *codes.RefusedError {
		if !full.Load() {
			return nil
		}
		return &codes.RefusedError{
			Status: http.StatusServiceUnavailable, Code: codes.DataFull, Says: es.Say(es.DataFull, 100, 16), Hint: es.Say(es.HintDataFull), Again: true, Wait: time.Minute, Close: true,
		}
	}})
	id, retry := h.retriable()
	written := func() int {
		h.log.mu.Lock()
		defer h.log.mu.Unlock()
		return len(h.log.recs)
	}
	before := written()
	full.Store(true)
	for path, body := range map[string]string{
		request.PathSend: one(`,"use_queue":true`), request.PathBulk: `{"recipients":[{"phone":"573001234567"}],"body_text":"b"}`, retry: "",
	} {
		code, text, header := h.do(http.MethodPost, path, strings.NewReader(body))
		if code != http.StatusServiceUnavailable || !strings.Contains(text, `"code":"data_full"`) || !strings.Contains(text, `"hint":"`) || header.Get("Retry-After") != "60" || header.Get("Connection") != "close" {
			t.Errorf("%s: %d %s %v; want 503 data_full in 60 seconds, and no more of this connection", path, code, text, header)
		}
	}
	if n := written() - before; n != 0 {
		t.Errorf("%d records are written, want none", n)
	}
	if code, text, _ := h.get(request.PathTasks + "/" + id.String()); code != http.StatusOK {
		t.Errorf("a task is asked for: %d %s; want 200", code, text)
	}
	if code, text, _ := h.do(http.MethodPost, request.PathTasks+"/"+id.String()+"/cancel", nil); code == http.StatusServiceUnavailable {
		t.Errorf("a task is cancelled: %d %s; want what it is without a budget", code, text)
	}
	full.Store(false)
	if code, text, _ := h.post(one(`,"use_queue":true`)); code != http.StatusAccepted {
		t.Errorf("with room again: %d %s; want 202", code, text)
	}
}
