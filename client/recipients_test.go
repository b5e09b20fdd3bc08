package client_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"altavoz/client"
)

func TestRecipientsComeOneByOne(t *testing.T) {
	t.Parallel()
	const lines = `{"index":0,"phone":"573001234567","outcome":"delivered","retryable":false}` + "\n" +
		`{"index":7,"phone":"12","outcome":"failed","code":131026,"reason":"r","retryable":true,"new":1}` + "\n"
	var asked string
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		says(http.StatusOK, lines, "Altavoz-Version", "7", "Altavoz-Exact", "true")(w, r)
	})
	var got []client.Recipient
	v, err := c.Recipients(t.Context(), parsed(t), url.Values{"outcome": {"failed,delivered"}}, func(r *client.Recipient) error {
		got = append(got, *r)
		return nil
	})
	if err != nil || v != (client.Version{Number: 7, Exact: true}) || len(got) != 2 || got[1].Code != 131026 || !got[1].Retryable || got[0].Phone != "573001234567" {
		t.Errorf("%+v of version %+v, %v", got, v, err)
	}
	if want := "/api/messages/tasks/" + task + "/recipients?format=ndjson&outcome=failed%2Cdelivered"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
}

// An answer that is cut off is an error: what came is not all.
func TestRecipientsThatAreCutOffAreAnError(t *testing.T) {
	t.Parallel()
	c, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Altavoz-Version", "7")
		_, _ = w.Write([]byte("index,phone\r\n"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	lines := 0
	if _, err := c.RecipientsCSV(t.Context(), parsed(t), nil, func([]byte) error { lines++; return nil }); err == nil || lines != 1 {
		t.Errorf("%d lines, error %v; want 1 and an error", lines, err)
	}
}

func TestRecipientsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, answer := range []http.HandlerFunc{says(http.StatusGone, `{"error":"e","code":"list_expired","hint":"h"}`), says(http.StatusOK, "x\n")} {
		c, _ := server(t, answer)
		_, err := c.Recipients(t.Context(), parsed(t), nil, func(*client.Recipient) error { return nil })
		var no *client.RefusedError
		if refused := errors.As(err, &no) && no.Status == http.StatusGone && no.Code == "list_expired"; !refused && !errors.Is(err, client.ErrNotAltavoz) {
			t.Errorf("error %v, want one of 410, or %v", err, client.ErrNotAltavoz)
		}
	}
}
