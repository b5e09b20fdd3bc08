package producer_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// TestThreatS04OneKeyDoesNotTakeAllFeeds nor all large bodies, nor all requests: with two keys each has a half, and another's share is free
// when one has taken its own.
func TestThreatS04OneKeyDoesNotTakeAllFeeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Feeds: 4, Keys: file(t, `[
			{"owner":"tienda","secrets":["`+shopKey+`"],"scopes":["read","admin"]},
			{"owner":"crm","secrets":["`+crmKey+`"],"scopes":["read","admin"]}]`)})
		l := serve(t, h)
		task := h.owned("a", "tienda")
		open := func(secret string) {
			follow(t, l, request.PathTasks+"/"+task.String(), "X-API-Key: "+secret+"\r\n")
		}
		for range 2 {
			open(shopKey)
		}
		synctest.Wait()
		code, body, header := h.do(http.MethodGet, request.PathTasks+"/"+task.String()+"/events", nil, "X-API-Key", shopKey)
		golden(t, "too_many_at_once", code, body)
		if header.Get("Retry-After") == "" {
			t.Errorf("header %v", header)
		}
		for range 2 {
			open(crmKey)
		}
		synctest.Wait()
		if n := h.metrics()["altavoz_http_slots_in_use slot=feed"]; n != 4 {
			t.Errorf("%v feeds are open, want 4", n)
		}
	})
}

func TestThreatS04OneKeyDoesNotTakeAllLargeBodies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Uploads: 2, Keys: file(t, twoOwners[:strings.LastIndex(twoOwners, ",\n")]+"]")})
		h.planning()
		l := serve(t, h)
		conn := dial(t, l)
		defer func() { _ = conn.Close() }()
		// The shop's body is large, and does not come.
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n{", request.PathSend, shopKey, 2*producer.BigBody); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		large := one(`,"use_queue":true,"filename":"x"`) + strings.Repeat(" ", 2*producer.BigBody)
		send := func(secret string) (int, string) {
			code, body, _ := h.post(large, "X-API-Key", secret)
			return code, body
		}
		if code, body := send(shopKey); code != http.StatusTooManyRequests || !strings.Contains(body, "too_many_at_once") {
			t.Errorf("the shop's second large body: %d %s; want %v, %q in it", code, body, http.StatusTooManyRequests, "too_many_at_once")
		}
		if code, body := send(crmKey); code != http.StatusAccepted {
			t.Errorf("another's: %d %s; want %v", code, body, http.StatusAccepted)
		}
		if code, body, _ := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey); code != http.StatusAccepted {
			t.Errorf("the shop's small one: %d %s; want %v", code, body, http.StatusAccepted)
		}
	})
}

func TestThreatS04RequestsAtOnceOfAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Keys: file(t, `[
			{"owner":"tienda","secrets":["`+shopKey+`"],"scopes":["send","read"],"requests_at_once":1},
			{"owner":"crm","secrets":["`+crmKey+`"],"scopes":["send"]}]`)})
		h.planning()
		done := make(chan int)
		go func() { // it waits for a direct answer
			code, _, _ := h.post(one(""), "X-API-Key", shopKey)
			done <- code
		}()
		synctest.Wait()
		if code, body, _ := h.do(http.MethodGet, request.PathTasks, nil, "X-API-Key", shopKey); code != http.StatusTooManyRequests {
			t.Errorf("a second request: %d %s; want %v", code, body, http.StatusTooManyRequests)
		}
		if code, body, _ := h.post(one(`,"use_queue":true`), "X-API-Key", crmKey); code != http.StatusAccepted {
			t.Errorf("another's: %d %s; want %v", code, body, http.StatusAccepted)
		}
		if code := <-done; code != http.StatusAccepted {
			t.Errorf("the first one: %d, want %v", code, http.StatusAccepted)
		}
		if code, body, _ := h.do(http.MethodGet, request.PathTasks, nil, "X-API-Key", shopKey); code != http.StatusOK {
			t.Errorf("after it: %d %s; want %v", code, body, http.StatusOK)
		}
	})
}

// TestThreatS04DirectBroadcastsDoNotKeepTheirOwnerFromControlling: as many direct answers as a key may wait for leave it its controls, and
// what it asks of one task.
func TestThreatS04DirectBroadcastsDoNotKeepTheirOwnerFromControlling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Keys: file(t, `[
			{"owner":"tienda","secrets":["`+shopKey+`"],"scopes":["send","read","control"],"requests_at_once":2},
			{"owner":"crm","secrets":["`+crmKey+`"],"scopes":["send"]}]`)})
		h.planning()
		task := h.owned("a", "tienda")
		done := make(chan int)
		for range 2 {
			go func() {
				code, _, _ := h.post(one(""), "X-API-Key", shopKey)
				done <- code
			}()
		}
		synctest.Wait()
		if code, body, _ := h.post(one(""), "X-API-Key", shopKey); code != http.StatusTooManyRequests {
			t.Errorf("a third direct broadcast: %d %s; want %v", code, body, http.StatusTooManyRequests)
		}
		one := request.PathTasks + "/" + task.String()
		for _, c := range []struct{ method, path, body string }{
			{http.MethodGet, request.PathStatus + task.String(), ""},
			{http.MethodGet, one, ""},
			{http.MethodPatch, one, `{"speed":1}`},
			{http.MethodPost, one + "/pause", ""},
			{http.MethodPost, one + "/cancel", ""},
		} {
			if code, body, _ := h.do(c.method, c.path, strings.NewReader(c.body), "X-API-Key", shopKey); code != http.StatusOK && code != http.StatusAccepted {
				t.Errorf("%s %s: %d %s, want 200 or 202", c.method, c.path, code, body)
			}
		}
		for range 2 {
			<-done
		}
	})
}

// TestThreatS21RecipientsOfADay: what is over a key's day is 429 with when there is room again. A repeat of what was accepted costs
// nothing and is not refused; what was certainly not written costs nothing; another process's broadcasts count.
func TestThreatS21RecipientsOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Keys: file(t, `[
			{"owner":"tienda","secrets":["`+shopKey+`"],"scopes":["send"],"recipients_per_day":5},
			{"owner":"crm","secrets":["`+crmKey+`"],"scopes":["send"]}]`)})
		send := func(n int, secret string, headers ...string) (int, string, http.Header) {
			phones := make([]string, n)
			for i := range phones {
				phones[i] = fmt.Sprintf(`"57300123456%d"`, i)
			}
			return h.post(`{"body_text":"b","use_queue":true,"phones":[`+strings.Join(phones, ",")+`]}`, append(headers, "X-API-Key", secret)...)
		}
		h.planning()
		for _, tt := range []struct{ n, code int }{{6, http.StatusBadRequest}, {3, http.StatusAccepted}} {
			if code, body, _ := send(tt.n, shopKey, "Idempotency-Key", "first"); code != tt.code {
				t.Fatalf("%d recipients: %d %s; want %v", tt.n, code, body, tt.code)
			}
		}
		// A view that does not show what was accepted here changes nothing.
		h.log.after = nil
		if code, body, _ := send(1, shopKey); code != http.StatusAccepted {
			t.Fatal(code, body)
		}
		code, body, header := send(2, shopKey)
		golden(t, "daily_recipients", code, body)
		if header.Get("Retry-After") != "86400" { // the clock of the bubble begins at midnight
			t.Errorf("header %v", header)
		}
		h.planning()
		if code, body, header := send(3, shopKey, "Idempotency-Key", "first"); code != http.StatusAccepted || header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("a repeat: %d %s; want %v", code, body, http.StatusAccepted)
		}
		if code, body, _ := send(5, crmKey); code != http.StatusAccepted {
			t.Errorf("another's: %d %s; want %v", code, body, http.StatusAccepted)
		}
		h.log.err = map[stream.Topic]error{schemas.TopicBroadcasts: errFull}
		if code, body, _ := send(1, shopKey); code != http.StatusServiceUnavailable {
			t.Errorf("what is not written: %d %s; want %v", code, body, http.StatusServiceUnavailable)
		}
		h.log.err = nil
		if code, body, _ := send(1, shopKey); code != http.StatusAccepted {
			t.Errorf("the last one of the day: %d %s; want %v", code, body, http.StatusAccepted)
		}
		time.Sleep(24 * time.Hour)
		h.put(&schemas.Status{Task: schemas.NewTaskID().Bytes(), Plan: &schemas.TaskOpened{Total: 4, Owner: "tienda", AcceptedMs: time.Now().UnixMilli()}})
		if code, body, _ := send(2, shopKey); code != http.StatusTooManyRequests || !strings.Contains(body, "hoy a 1 destinatarios") {
			t.Errorf("the next day, beside another process: %d %s; want %v, %q in it", code, body, http.StatusTooManyRequests, "hoy a 1 destinatarios")
		}
		if code, body, _ := send(1, shopKey); code != http.StatusAccepted {
			t.Errorf("the next day: %d %s; want %v", code, body, http.StatusAccepted)
		}
	})
}
