package producer_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/producer"
	"altavoz/producer/senders"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/schemas/standing"
)

// A key lists the numbers that it may send from and no other, each with what webhooks and the processes that send said of it.
func TestSendersAreThoseOfTheKey(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{
		Senders: func() []senders.Number { return []senders.Number{{ID: "1065", Name: "Ventas", Rate: 80}, {ID: "1066"}} },
		Keys:    file(t, `[{"owner":"all","secrets":["`+readKey+`"],"scopes":["read"]},{"owner":"one","secrets":["`+sendKey+`"],"scopes":["read"],"senders":["1066","9"]}]`),
	})
	at := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC).UnixMilli()
	h.numbers.said = map[string]standing.State{"1065": {
		Number: "1065", Stopped: &schemas.NumberEvent{AtMs: at, Code: 131031, Detail: "webhook"}, Risk: &schemas.NumberEvent{AtMs: at, Detail: "phone_number_quality_update FLAGGED"},
	}}
	code, body, _ := h.do(http.MethodGet, request.PathSenders, nil, "X-API-Key", readKey)
	golden(t, "senders", code, body)
	code, body, _ = h.do(http.MethodGet, request.PathSenders, nil, "X-API-Key", sendKey)
	golden(t, "senders_of_a_key", code, body)
	if strings.Contains(body, "1065") {
		t.Errorf("a number of others: %s", body)
	}
}

// Until all that was said of numbers is read, one that is stopped would be shown as one that sends.
func TestSendersWaitUntilAllIsRead(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	h.numbers.ready = make(chan struct{})
	code, body, header := h.get(request.PathSenders)
	if golden(t, "senders_behind", code, body); header.Get("Retry-After") == "" {
		t.Errorf("header %v", header)
	}
}
