package client_test

import (
	"errors"
	"net/http"
	"testing"

	"altavoz/client"
)

func TestHistoryIsReadAsItCame(t *testing.T) {
	t.Parallel()
	const send = `{"task_id":"` + task + `","index":3,"phone":"573001234567","sender":"1065","dispatched_at":"2026-03-02T12:00:00Z","outcome":"failed","code":131026,"reason":"r","retryable":false,"new":1}`
	var asked string
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		says(http.StatusOK, `{"phone":"573001234567","since":"2026-02-24T12:00:00Z","stopped_by":"limit","sends":[`+send+`]}`)(w, r)
	})
	h, err := c.History(t.Context(), "+57 300/1234567", 1)
	if err != nil || h.StoppedBy != "limit" || len(h.Sends) != 1 || h.Sends[0].Code != 131026 || string(h.Sends[0].JSON) != send {
		t.Errorf("%+v, %v; want %s", h, err, send)
	}
	if want := "/api/messages/recipients/+57%20300%2F1234567?limit=1"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
}

func TestHistoryThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, answer := range []http.HandlerFunc{says(http.StatusBadRequest, `{"error":"e","code":"invalid_value","field":"phone","hint":"h"}`), says(http.StatusOK, "{}")} {
		c, _ := server(t, answer)
		_, err := c.History(t.Context(), "12", 0)
		var no *client.RefusedError
		if refused := errors.As(err, &no) && no.Status == http.StatusBadRequest && no.Hint == "h"; !refused && !errors.Is(err, client.ErrNotAltavoz) {
			t.Errorf("error %v, want one of 400, or %v", err, client.ErrNotAltavoz)
		}
	}
}
