package whatsapp_test

import (
	"io"
	"net/http"
	"testing"

	"altavoz/schemas"
	"altavoz/whatsapp/simulator"
)

// TestProbeSaysWhetherTheAPIAnswers: a read-only call says whether the Cloud API answers, whatever it says of the number; it reads one field of it.
func TestProbeSaysWhetherTheAPIAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   schemas.Reply
	}{
		"the number":   {200, `{"id":"106540352242922"}`, schemas.Reply{Verdict: schemas.VerdictSent}},
		"an error":     {400, `{"error":{"message":"m","type":"OAuthException","code":100,"error_subcode":33,"fbtrace_id":"A"}}`, schemas.Reply{Verdict: schemas.VerdictContent}},
		"old token":    {401, `{"error":{"message":"m","type":"OAuthException","code":190,"fbtrace_id":"A"}}`, schemas.Reply{Verdict: schemas.VerdictAccount}},
		"a portal":     {200, `<html>Bienvenido</html>`, schemas.Reply{Verdict: schemas.VerdictLost, Foreign: true}},
		"empty":        {200, ``, schemas.Reply{Verdict: schemas.VerdictLost, Foreign: true}},
		"success":      {200, `{"success":true}`, schemas.Reply{Verdict: schemas.VerdictLost, Foreign: true}},
		"unavailable":  {503, `<html>`, schemas.Reply{Verdict: schemas.VerdictLost}},
		"a bad answer": {502, ``, schemas.Reply{Verdict: schemas.VerdictLost}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := against(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != "/v25.0/"+sender || r.URL.RawQuery != "fields=id" || r.Header.Get("Authorization") != "Bearer "+token {
					t.Errorf("%s %s; want %v, Path %v, RawQuery %q", r.Method, r.URL, http.MethodGet, "/v25.0/"+sender, "fields=id")
				}
				if n, _ := io.Copy(io.Discard, r.Body); n > 0 {
					t.Errorf("a body of %d bytes, want 0", n)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			if r := h.Probe(t.Context(), sender); r.Verdict != c.want.Verdict || r.Foreign != c.want.Foreign {
				t.Errorf("got %+v, want Verdict %v, Foreign %v", r, c.want.Verdict, c.want.Foreign)
			}
		})
	}
}

// TestProbeWithoutAnswer: nobody there, and nobody who answers.
func TestProbeWithoutAnswer(t *testing.T) {
	t.Parallel()
	h := against(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if r := h.Probe(t.Context(), sender); r.Verdict != schemas.VerdictLost && r.Verdict != schemas.VerdictUnsent {
		t.Errorf("a connection that closes: %+v", r)
	}
	if r := h.Probe(t.Context(), "unknown"); r.Verdict != schemas.VerdictAccount {
		t.Errorf("no token: %+v, want Verdict %v", r, schemas.VerdictAccount)
	}
	if err := h.net.Close(); err != nil {
		t.Fatal(err)
	}
	h.Close()
	if r := h.Probe(t.Context(), sender); r.Verdict != schemas.VerdictLost && r.Verdict != schemas.VerdictUnsent {
		t.Errorf("no connection: %+v", r)
	}
}

// TestProbeSendsNothing, and the simulator answers it as the Cloud API does.
func TestProbeSendsNothing(t *testing.T) {
	t.Parallel()
	h := setup(t, simulator.Config{Numbers: []simulator.Number{{ID: sender, Token: token}}})
	if r := h.Probe(t.Context(), sender); r.Verdict == schemas.VerdictLost || r.Verdict == schemas.VerdictUnsent {
		t.Errorf("got %+v, want Verdict other than %v, Verdict other than %v", r, schemas.VerdictLost, schemas.VerdictUnsent)
	}
	if n := h.sim.Summary().Accepted; n != 0 {
		t.Errorf("%d messages, want 0", n)
	}
}
