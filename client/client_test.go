package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/client"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

const task = "0192f0c0-0000-7000-8000-000000000001"

// server answers every request in turn, the last answer again and again.
func server(t *testing.T, answers ...http.HandlerFunc) (*client.Client, *atomic.Int32) {
	t.Helper()
	asked := new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		answers[min(n, len(answers))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return client.New(s.URL, "secret"), asked
}

func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func parsed(t *testing.T) schemas.TaskID {
	t.Helper()
	id, err := schemas.ParseTaskID(task)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func body(w io.Writer) error {
	_, err := io.WriteString(w, `{"phones":["573991234567"],"body_text":"b"}`)
	return err
}

func TestSendShowsItsKeyAndReturnsTheAnswer(t *testing.T) {
	t.Parallel()
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != request.PathSend || r.Header.Get("Authorization") != "Bearer secret" || !strings.Contains(string(text), `"b"`) {
			t.Errorf("the request is %s %s, %v, %s, %v; want %v, Path %v", r.Method, r.URL, r.Header, text, err, http.MethodPost, request.PathSend)
		}
		says(200, `{"success":true,"message":"m","result":{"total":2,"successful":1,"failed":1,"errors":["e"]},"task_id":"`+task+`","new":1}`)(w, r)
	})
	a, err := c.Send(t.Context(), body, true)
	if err != nil {
		t.Fatal(err)
	}
	if a.TaskID != task || a.Message != "m" || a.Result.Total != 2 || a.Result.Successful != 1 || a.Result.Errors[0] != "e" || !strings.Contains(string(a.JSON), `"new":1`) {
		t.Errorf("the answer is %+v, want TaskID %v, Message %q", a, task, "m")
	}
}

func TestRefusalsAndStrangersAreErrorsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   client.RefusedError
	}{
		{"refused", says(400, `{"error":"malo","code":"value","hint":"arréglelo"}`), client.RefusedError{Status: 400, Code: "value", Text: "malo", Hint: "arréglelo"}},
		{"later", says(429, `{"error":"espere","code":"daily_recipients"}`, "Retry-After", "7"), client.RefusedError{Status: 429, Code: "daily_recipients", Text: "espere", RetryAfter: 7 * time.Second}},
		{"a page instead of a refusal", says(502, "<html>"), client.RefusedError{}},
		{"a page instead of an answer", says(200, "<html>"), client.RefusedError{}},
		{"JSON of another service", says(200, "{}"), client.RefusedError{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, _ := server(t, tc.answer)
			_, err := c.Send(t.Context(), body, true)
			_, again := c.Status(t.Context(), parsed(t))
			for _, err := range []error{err, again} {
				var no *client.RefusedError
				switch refused := errors.As(err, &no); {
				case tc.want.Status == 0 && !errors.Is(err, client.ErrNotAltavoz):
					t.Errorf("the error is %v, want ErrNotAltavoz", err)
				case tc.want.Status != 0 && (!refused || *no != tc.want):
					t.Errorf("the error is %v, want %+v", err, tc.want)
				}
			}
		})
	}
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	if _, err := client.New(s.URL, "").Send(t.Context(), body, true); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("the error of an address where nothing listens is %v, want %v", err, client.ErrUnreachable)
	}
}

func TestSendRepeatsOnlyWhatCanBeWrittenAgainAndIsToComeLater(t *testing.T) {
	t.Parallel()
	busy, done := says(503, `{"error":"lleno"}`), says(202, `{"task_id":"`+task+`"}`)
	for _, tc := range []struct {
		name       string
		rewindable bool
		answers    []http.HandlerFunc
		asked      int32
		status     int // of the refusal; 0: none
	}{
		{"room the second time", true, []http.HandlerFunc{busy, done}, 2, 0},
		{"cannot be written again", false, []http.HandlerFunc{busy, done}, 1, 503},
		{"refused", true, []http.HandlerFunc{says(400, `{"error":"malo"}`), done}, 1, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, asked := server(t, tc.answers...)
			a, err := c.Send(t.Context(), body, tc.rewindable)
			var no *client.RefusedError
			if errors.As(err, &no); tc.status == 0 && (err != nil || a.TaskID != task) || tc.status != 0 && (no == nil || no.Status != tc.status) {
				t.Errorf("the answer is %+v, %v, want status %d", a, err, tc.status)
			}
			if asked.Load() != tc.asked {
				t.Errorf("the server was asked %d times, want %d", asked.Load(), tc.asked)
			}
		})
	}
}

func TestSendReturnsTheErrorOfTheWriter(t *testing.T) {
	t.Parallel()
	c, _ := server(t, says(400, `{"error":"no es JSON"}`))
	broken := errors.New("broken")
	if _, err := c.Send(t.Context(), func(io.Writer) error { return broken }, true); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want the writer's", err)
	}
}

func TestFollowWaitsOutAServerThatHasNoAnswerNowAndEndsWithTheTask(t *testing.T) {
	t.Parallel()
	started := says(200, `{"task_id":"`+task+`","status":"STARTED","result":{"total":2,"pending":1,"successful":1}}`)
	over := says(200, `{"task_id":"`+task+`","status":"SUCCESS","result":{"total":2,"successful":2}}`)
	c, _ := server(t, started, says(503, `{"error":"espere"}`), says(200, "<html>"), over)
	var seen []string
	s, err := c.Follow(t.Context(), parsed(t), client.Observer{Status: func(s *client.Task) { seen = append(seen, s.Status) }})
	if err != nil || s.Status != "SUCCESS" || s.Result.Successful != 2 || fmt.Sprint(seen) != "[STARTED SUCCESS]" {
		t.Errorf("it ends with %+v, %v, after %v; want Status %q", s, err, seen, "SUCCESS")
	}
	c, _ = server(t, says(404, `{"error":"no existe"}`))
	var no *client.RefusedError
	if _, err := c.Follow(t.Context(), parsed(t), client.Observer{}); !errors.As(err, &no) || no.Status != http.StatusNotFound {
		t.Errorf("following a task that does not exist ends in %v", err)
	}
}

func TestSendAndFollowEndsWithTheRefusalOfTheRequest(t *testing.T) {
	t.Parallel()
	c, _ := server(t, says(400, `{"error":"malo"}`))
	var no *client.RefusedError
	if _, err := c.SendAndFollow(t.Context(), parsed(t), body, true, client.Observer{}); !errors.As(err, &no) || no.Status != http.StatusBadRequest {
		t.Errorf("it ends in %v", err)
	}
}
