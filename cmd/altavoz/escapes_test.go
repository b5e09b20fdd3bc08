package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
)

const (
	evil     = "a\u202ekcab\u2066\u009b31m\x1b[2J\r\nTASK forged\tcell\u2028end"
	evilTask = "01a22486-0c26-72b4-8b87-d347b078abed"
)

// What a server passes on of others reaches a terminal as one line each, which hides and turns nothing; in JSON it says the same.
func TestThreatS17CommandsPrintNothingThatHides(t *testing.T) {
	t.Parallel()
	task := map[string]any{
		"task_id": evilTask, "status": "SUCCESS", "why": evil, "sender": evil, "accepted_at": evil, "eta": evil, "message": evil,
		"result":   map[string]any{"total": 1, "successful": 0, "failed": 1, "errors": []string{"Error para " + evil}},
		"outcomes": []any{map[string]any{"outcome": evil, "reason": evil, "count": 1}},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any = task
		switch {
		case strings.HasSuffix(r.URL.Path, "/tasks"):
			body = map[string]any{"tasks": []any{task}}
		case strings.HasSuffix(r.URL.Path, "/pause"):
			w.WriteHeader(http.StatusConflict)
			body = map[string]any{"error": evil, "hint": evil}
		case strings.HasSuffix(r.URL.Path, "/recipients"):
			w.Header().Set("Altavoz-Version", "1")
			w.Header().Set("Altavoz-Exact", "true")
			body = map[string]any{"why": evil, "outcome": evil, "phone": evil, "reason": evil}
		case strings.Contains(r.URL.Path, "/recipients/"):
			one := map[string]any{"task_id": evil, "phone": evil, "sender": evil, "dispatched_at": evil, "outcome": evil, "reason": evil}
			body = map[string]any{"why": evil, "since": evil, "stopped_by": evil, "sends": []any{one}}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(srv.Close)
	for _, tt := range []struct {
		args  string
		lines int // of text; 0: it is JSON
	}{
		{"tasks list", 2},
		{"tasks list --output json", 0},
		{"tasks show " + evilTask, 6},
		{"tasks show " + evilTask + " --output json", 0},
		{"tasks recipients " + evilTask, 2},
		{"tasks recipients " + evilTask + " --csv", 1},
		{"tasks recipients " + evilTask + " --output json", 0},
		{"phones recent 573001234567", 3},
		{"phones recent 573001234567 --output json", 0},
		{"tasks pause " + evilTask, 2},
		{"tasks resume " + evilTask, 2},
		{"watch " + evilTask, 4},
		{"watch --json " + evilTask, 0},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var out, talk bytes.Buffer
			run(append(strings.Fields(tt.args), "--url", srv.URL), strings.NewReader(""), &out, &talk)
			text := out.String()
			if tt.lines > 0 {
				text += talk.String()
			}
			for _, r := range text {
				if unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) && r != '\n' || r == '\u2028' {
					t.Errorf("%U in %q", r, text)
					break
				}
			}
			if n := strings.Count(text, "\n"); tt.lines > 0 && n != tt.lines {
				t.Errorf("%d lines, not %d:\n%s", n, tt.lines, text)
			}
			if tt.lines == 0 {
				dec := json.NewDecoder(&out)
				var got map[string]any
				if err := dec.Decode(&got); err != nil || got["why"] != evil {
					t.Errorf("%v, %q; want %q", err, got["why"], evil)
				}
				if _, err := dec.Token(); err != io.EOF {
					t.Error("more than one line")
				}
			}
		})
	}
}
