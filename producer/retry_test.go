package producer_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// opening shows each task by its first plan, as the aggregator does.
func (h *harness) opening() {
	var mu sync.Mutex
	h.log.after = func(rec stream.Record) {
		mu.Lock()
		defer mu.Unlock()
		if s := statusOf(h.t, rec); s != nil {
			if known, _ := h.Get(schemas.TaskID(s.GetTask())); known == nil {
				h.put(s)
			}
		}
	}
}

// retriable is a task that ended with two who may get it if it is sent again; path is that of its retries.
func (h *harness) retriable(headers ...string) (id schemas.TaskID, path string) {
	h.t.Helper()
	list := h.listed(
		[]schemas.RecipientState{schemas.StateDelivered, schemas.Failed(131026), schemas.Undelivered(131053), schemas.Failed(schemas.CodeExhausted)},
		[]string{"573001234567", "573001234568", "573001234569", "573001234570"}, headers...)
	h.opening()
	one := strings.TrimSuffix(list, "/recipients")
	id, err := schemas.ParseTaskID(strings.TrimPrefix(one, request.PathTasks+"/"))
	if err != nil {
		h.t.Fatal(err)
	}
	return id, one + "/retry"
}

// retries are the broadcasts that retry a task.
func (h *harness) retries() (all []*schemas.Broadcast) {
	h.t.Helper()
	for _, rec := range h.log.of(schemas.TopicBroadcasts) {
		b := &schemas.Broadcast{}
		if err := schemas.Decode(&rec, b); err != nil {
			h.t.Fatal(err)
		}
		if b.GetRetry() != nil {
			all = append(all, b)
		}
	}
	return all
}

func TestRetryGoesToWhoMayGetTheMessageThen(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	id, path := h.retriable()
	code, body, header := h.do(http.MethodPost, path, nil)
	golden(t, "retry_accepted", code, body)
	all := h.retries()
	if len(all) != 1 || !slices.Equal(all[0].GetPhones(), []string{"573001234569", "573001234570"}) || all[0].GetTotal() != 2 || !all[0].GetChosen() || len(all[0].GetOwnerMac()) == 0 {
		t.Fatalf("%v, want one retry of two, signed and claimed", all)
	}
	made := taskOf(t, body)
	if header.Get("Location") != request.PathStatus+made.String() || header.Get("Idempotent-Replayed") != "" {
		t.Errorf("header %v", header)
	}
	if _, body, _ := h.get(request.PathTasks + "/" + made.String()); !strings.Contains(body, `"retry_of":"`+id.String()+`"`) {
		t.Errorf("%s, want retry_of %s", body, id)
	}
	if _, body, _ := h.get(request.PathTasks); !strings.Contains(body, `"retry_of":"`+id.String()+`"`) {
		t.Errorf("the list has %s, want retry_of %s", body, id)
	}
	code, again, header := h.do(http.MethodPost, path, strings.NewReader(`{}`))
	if code != http.StatusAccepted || again != body || header.Get("Idempotent-Replayed") != "true" || len(h.retries()) != 1 {
		t.Errorf("asked again: %d %s %v, %d broadcasts; want the same answer, replayed", code, again, header, len(h.retries()))
	}
	code, other, _ := h.do(http.MethodPost, path, strings.NewReader(`{"codes":[131026]}`))
	if all := h.retries(); code != http.StatusAccepted || len(all) != 2 || all[1].GetRetry().GetNumber() != 2 || !slices.Equal(all[1].GetPhones(), []string{"573001234568"}) {
		t.Errorf("others of the task: %d %s, %v; want a second retry", code, other, all)
	}
}

// Of requests at the same time one makes the retry, and all are told of it.
func TestRetryThatManyAskForAtOnceIsOne(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	_, path := h.retriable()
	const asks = 3
	var wg sync.WaitGroup
	answers := make([]string, asks)
	for i := range answers {
		wg.Go(func() {
			for {
				code, body, _ := h.do(http.MethodPost, path, nil)
				if answers[i] = body; code == http.StatusAccepted {
					return
				}
				if code != http.StatusServiceUnavailable && code != http.StatusTooManyRequests {
					t.Errorf("%d %s", code, body)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, b := range h.retries() {
		if b.GetRetry().GetNumber() != 1 {
			t.Errorf("it has retry %d, want one", b.GetRetry().GetNumber())
		}
	}
	slices.Sort(answers)
	if len(slices.Compact(answers)) != 1 {
		t.Errorf("the answers are %q", answers)
	}
}

func TestRetriesAreRefused(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	_, path := h.retriable()
	code, body, _ := h.do(http.MethodPost, path, strings.NewReader(`{"outcomes":["sent"]}`))
	golden(t, "retry_outcome", code, body)
	code, body, _ = h.do(http.MethodPost, path, strings.NewReader(`{"codes":[131049]}`))
	golden(t, "retry_nobody", code, body)
	h.planning()
	code, body, _ = h.post(one(`,"use_queue":true`))
	if code != http.StatusAccepted {
		t.Fatal(code, body)
	}
	code, body, _ = h.do(http.MethodPost, request.PathTasks+"/"+taskOf(t, body).String()+"/retry", nil)
	golden(t, "retry_running", code, body)
	h.log.mu.Lock()
	h.log.recs = nil // 14 days later
	h.log.mu.Unlock()
	code, body, _ = h.do(http.MethodPost, path, nil)
	golden(t, "retry_expired", code, body)
	if n := len(h.retries()); n != 0 {
		t.Errorf("%d broadcasts, want none", n)
	}
}

// Another's task does not exist, and a retry that an administrator asks for is its owner's. A key retries no more than it may send to, and
// only from its numbers.
func TestThreatS03AnothersTaskIsNotRetried(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Sender: oneOf("1065"), Keys: file(t, `[
		{"owner":"a","secrets":["`+sendKey+`"],"scopes":["send","read"]},
		{"owner":"b","secrets":["`+readKey+`"],"scopes":["send","read"]},
		{"owner":"c","secrets":["`+adminKey+`"],"scopes":["send","read","admin"]},
		{"owner":"d","secrets":["`+controlKey+`"],"scopes":["send","admin"],"senders":["1066"]},
		{"owner":"e","secrets":["`+shopKey+`"],"scopes":["send","admin"],"recipients_per_request":1}]`)})
	_, path := h.retriable("X-API-Key", sendKey)
	code, body, _ := h.do(http.MethodPost, path, nil, "X-API-Key", readKey)
	if code != http.StatusNotFound || len(h.retries()) > 0 {
		t.Errorf("another's task: %d %s, want %d", code, body, http.StatusNotFound)
	}
	code, body, _ = h.do(http.MethodPost, path, nil, "X-API-Key", controlKey)
	if code != http.StatusForbidden || len(h.retries()) > 0 {
		t.Errorf("from another number: %d %s, want %d", code, body, http.StatusForbidden)
	}
	code, body, _ = h.do(http.MethodPost, path, nil, "X-API-Key", shopKey)
	if code != http.StatusBadRequest || !strings.Contains(body, request.CodeTooMany) || len(h.retries()) > 0 {
		t.Errorf("of more than a request may have: %d %s, want %d", code, body, http.StatusBadRequest)
	}
	code, body, _ = h.do(http.MethodPost, path, nil, "X-API-Key", adminKey)
	if all := h.retries(); code != http.StatusAccepted || len(all) != 1 || all[0].GetOwner() != "a" {
		t.Errorf("by an administrator: %d %s, %v; want it to be its owner's", code, body, all)
	}
	made := taskOf(t, body)
	code, body, header := h.do(http.MethodPost, path, nil, "X-API-Key", sendKey)
	if code != http.StatusAccepted || taskOf(t, body) != made || header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("by its owner then: %d %s, want %s", code, body, made)
	}
}
