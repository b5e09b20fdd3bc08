package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"altavoz/whatsapp/simulator"
)

// meets makes a call that may be cut off or hang, and says what came of it.
func meets(s *simulator.Simulator, method, path, body string) (what string) {
	defer func() {
		if p := recover(); p != nil {
			what = "nothing"
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	r := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer t")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return fmt.Sprintf("%d %s", w.Code, w.Body)
}

// TestCallsOfANumberMeetEachAnswerOfAnOutage: every call of the number meets the next answer of an outage, whatever it asks for and whatever the phone's ending; some messages
// are accepted all the same, and nobody can see which.
func TestCallsOfANumberMeetEachAnswerOfAnOutage(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{Faults: "number=1 outage for=1h"})
	seen := map[string]bool{}
	for i := range 14 {
		path, method, body := "/v25.0/1/messages", http.MethodPost, message("c1", fmt.Sprint(i), "573001234567", "573991230026")
		if i%5 == 4 {
			path, method, body = "/v25.0/1?fields=id", http.MethodGet, ""
		}
		got := meets(s, method, path, body)
		if strings.Contains(got, `"error"`) || strings.Contains(got, "wamid") || strings.Contains(got, `{"id"`) {
			t.Errorf("call %d got an answer of the Cloud API: %s; want no %q in it, no %q in it, no %q in it", i, got, `"error"`, "wamid", `{"id"`)
		}
		seen[got] = true
	}
	for _, want := range []string{"nothing", "500 ", "200 ", "200 {}", `200 {"success":true}`} {
		if !seen[want] {
			t.Errorf("no call met %q: %v", want, seen)
		}
	}
	sum := s.Summary()
	if sum.Accepted == 0 || sum.Accepted != sum.Unanswered || sum.Dropped == 0 || sum.Accepted+sum.Dropped+sum.Reads != 14 || len(sum.Refused) != 0 {
		t.Errorf("got %+v, want Accepted other than 0, Accepted %v, Dropped other than 0", sum, sum.Unanswered)
	}
	if got := meets(s, http.MethodPost, "/v25.0/2/messages", message()); !strings.Contains(got, "wamid") {
		t.Errorf("another number: %s, want %q in it", got, "wamid")
	}
	if err := s.SetFaults("outage=bad_gateway+stall_before"); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if got := meets(s, http.MethodGet, "/v25.0/1?fields=id", ""); strings.HasPrefix(got, "502 ") == (got == "nothing") {
			t.Errorf("call %d: %s", i, got)
		}
	}
}

// TestNumberIsAnsweredAsMetaDoes: GET of a number's id is answered as Meta does, and meets what breaks a connection, an outage or a token, but no refusal of a message.
func TestNumberIsAnsweredAsMetaDoes(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{Numbers: []simulator.Number{{ID: number, Token: "t"}}})
	get := func(query string) (int, map[string]any) {
		w := call(s, http.MethodGet, "/v25.0/"+query, "")
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%d %s, want JSON", w.Code, w.Body)
		}
		return w.Code, got
	}
	if code, got := get(number + "?fields=id"); code != 200 || got["id"] != number || len(got) != 1 {
		t.Errorf("%d %v; want 200, 1 of them", code, got)
	}
	if code, got := get(number); code != 200 || got["display_phone_number"] == nil || got["id"] != number {
		t.Errorf("%d %v; want 200", code, got)
	}
	if code, got := get(number + "?fields=throughput,quality_rating"); code != 200 || len(got) != 3 {
		t.Errorf("%d %v; want 200, 3 of them", code, got)
	}
	if code, got := get(number + "?fields=nonsense"); code != 400 || got["error"] == nil {
		t.Errorf("%d %v; want 400", code, got)
	}
	if code, got := get("999?fields=id"); code != 400 || got["error"] == nil {
		t.Errorf("%d %v; want 400", code, got)
	}
	for faults, want := range map[string]int{"131026=100%": 200, "token_expired": 401, "html=100%": 500, "bad_gateway_after=100%": 502, "2=100%": 503, "uploads html=100%": 200} {
		t.Run(faults, func(t *testing.T) {
			if err := s.SetFaults(faults); err != nil {
				t.Fatal(err)
			}
			if w := call(s, http.MethodGet, "/v25.0/"+number+"?fields=id", ""); w.Code != want {
				t.Errorf("%d %s; want %v", w.Code, w.Body, want)
			}
		})
	}
	if sum := s.Summary(); sum.Accepted != 0 || sum.Reads != 10 {
		t.Errorf("got %+v, want Accepted 0, Reads 10", sum)
	}
}

// TestConnectionsAreRefusedForATime: for a time nobody gets a connection, and those that there are close; then it answers at the same address.
func TestConnectionsAreRefusedForATime(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	get := func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String()+"/_simulator/summary", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close()
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetFaults("refused for=300ms"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for get() == nil { // until the listener is closed
		if time.Since(began) > 10*time.Second {
			t.Fatal("connections are taken")
		}
	}
	for get() != nil {
		if time.Since(began) > 10*time.Second {
			t.Fatal("connections are not taken again")
		}
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("refused for %v, want at least %v", took, 300*time.Millisecond)
	}
	if err := s.SetFaults("refused for=1h"); err != nil {
		t.Fatal(err)
	}
	for get() == nil {
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
