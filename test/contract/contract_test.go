package contract

import (
	"net/http"
	"testing"
)

func TestWhatTheDocumentLacksIsFound(t *testing.T) {
	t.Parallel()
	const (
		send   = "/api/messages/send-broadcast-interactive"
		task   = "/api/messages/tasks/0192f0c0-0000-7000-8000-000000000001"
		queued = `{"success":true,"message":"Mensaje broadcast enviado a cola","task_id":"0192f0c0-0000-7000-8000-000000000001"`
		event  = `{"task_id":"0192f0c0-0000-7000-8000-000000000001","status":"PENDING","version":1,"outcomes":[],"cursor":0,"in_pipe":0,"rate":0`
	)
	asJSON := []string{"Content-Type", "application/json; charset=utf-8"}
	for _, tt := range []struct {
		name, method, path string
		status             int
		header             []string
		body               string
		fits               bool
	}{
		{"an answer", http.MethodPost, send, 202, asJSON, queued + "}", true},
		{"with headers", http.MethodPost, send + "/", 202, append(asJSON, "Location", "/x", "Idempotent-Replayed", "true", "Date", "x"), queued + `,"eta":"2026-03-02T14:00:00Z"}`, true},
		{"another status", http.MethodPost, send, 201, asJSON, queued + "}", false},
		{"another field", http.MethodPost, send, 202, asJSON, queued + `,"new":1}`, false},
		{"a field too few", http.MethodPost, send, 202, asJSON, `{"success":true}`, false},
		{"another sentence", http.MethodPost, send, 202, asJSON, `{"success":true,"message":"Queued","task_id":"0192f0c0-0000-7000-8000-000000000001"}`, false},
		{"no id", http.MethodPost, send, 202, asJSON, `{"success":true,"message":"Mensaje broadcast enviado a cola","task_id":"1"}`, false},
		{"another header", http.MethodPost, send, 202, append(asJSON, "X-New", "1"), queued + "}", false},
		{"another value of a header", http.MethodPost, send, 202, append(asJSON, "Idempotent-Replayed", "yes"), queued + "}", false},
		{"no id of the request", http.MethodPost, send, 202, append(asJSON, "X-Request-Id", ""), queued + "}", false},
		{"another type", http.MethodPost, send, 202, []string{"Content-Type", "text/plain"}, queued + "}", false},
		{"no body", http.MethodPost, send, 202, nil, "", false},
		{"no JSON", http.MethodPost, send, 202, asJSON, "{", false},
		{"no code", http.MethodPost, send, 400, asJSON, `{"error":"x","hint":"h"}`, false},
		{"no hint", http.MethodPost, send, 400, asJSON, `{"error":"x","code":"required"}`, false},
		{"another code", http.MethodPost, send, 400, asJSON, `{"error":"x","code":"new","hint":"h"}`, false},
		{"a header too few", http.MethodPost, send, 429, asJSON, `{"error":"x","code":"too_many_at_once","hint":"h"}`, false},
		{"too many", http.MethodPost, send, 429, append(asJSON, "Retry-After", "2"), `{"error":"x","code":"too_many_at_once","hint":"h"}`, true},
		{"no number", http.MethodPost, send, 429, append(asJSON, "Retry-After", "soon"), `{"error":"x","code":"too_many_at_once","hint":"h"}`, false},
		{"another outcome", http.MethodGet, task, 200, asJSON, `{"task_id":"0192f0c0-0000-7000-8000-000000000001","status":"PENDING","version":1,"outcomes":[{"outcome":"lost","count":1}],"cursor":0,"in_pipe":0,"rate":0}`, false},
		{"not modified", http.MethodGet, task, 304, []string{"Etag", `W/"7"`}, "", true},
		{"not modified, with a body", http.MethodGet, task, 304, asJSON, "{}", false},
		{"HEAD", http.MethodHead, task, 200, asJSON, "", true},
		{"events", http.MethodGet, task + "/events", 200, []string{"Content-Type", "text/event-stream"}, "retry: 2000\n\nid: 1\nevent: end\ndata: " + event + "}\n\n", true},
		{"an event with another field", http.MethodGet, task + "/events", 200, []string{"Content-Type", "text/event-stream"}, "data: " + event + `,"new":1}` + "\n\n", false},
		{"another path", http.MethodGet, "/api/new", 200, asJSON, "{}", false},
		{"another path, which there is not", http.MethodGet, "/api/new", 404, asJSON, `{"error":"x","code":"not_found","hint":"h"}`, true},
		{"another method", http.MethodDelete, task, 200, asJSON, "{}", false},
		{"another method, which there is not", http.MethodDelete, task, 405, append(asJSON, "Allow", "GET"), `{"error":"x","code":"method_not_allowed","hint":"h"}`, true},
		{"another host", http.MethodDelete, "/nothing", 421, asJSON, `{"error":"x","code":"misdirected","hint":"h"}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"X-Request-Id": {"x"}}
			for i := 0; i+1 < len(tt.header); i += 2 {
				header.Set(tt.header[i], tt.header[i+1])
			}
			if err := Check(tt.method, tt.path, tt.status, header, []byte(tt.body)); (err == nil) != tt.fits {
				t.Errorf("fits: %v, %v", tt.fits, err)
			}
		})
	}
}

func TestPathsOfTheAPIAreKnown(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/api/messages/tasks": true, "/api/nothing": true, "/metrics": true, "/openapi.json": true, "/_simulator/summary": false, "/v23.0/1065/messages": false, "/": false,
	} {
		if Has(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
