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

// What a number's broadcasts cost this month is of all owners, so it is an administrator's to see; a number of which no price came has none.
func TestMonthOfANumberIsForAdministrators(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{
		Senders: func() []senders.Number { return []senders.Number{{ID: "1065"}, {ID: "1066"}} },
		Keys:    file(t, `[{"owner":"all","secrets":["`+readKey+`"],"scopes":["read","admin"]},{"owner":"one","secrets":["`+sendKey+`"],"scopes":["read"]}]`),
	})
	h.numbers.priced = map[string][]*schemas.PriceCount{"1065": {{Price: 0x21, Count: 1000}, {Price: 0x71, Count: 240}, {Price: 0x75, Count: 7}}}
	month := `"month":{"month":"` + time.Now().UTC().Format("2006-01") + `","priced":[{"category":"marketing","type":"regular","billable":true,"messages":7},` +
		`{"category":"service","type":"regular","billable":true,"messages":240},{"category":"service","type":"free_customer_service","billable":false,"messages":1000}],"service":1240}`
	_, body, _ := h.do(http.MethodGet, request.PathSenders, nil, "X-API-Key", readKey)
	if !strings.Contains(body, month) || strings.Count(body, `"month":{`) != 1 {
		t.Errorf("got %s, want one %s", body, month)
	}
	if _, body, _ := h.do(http.MethodGet, request.PathSenders, nil, "X-API-Key", sendKey); strings.Contains(body, "month") {
		t.Errorf("got %s, want no month", body)
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
