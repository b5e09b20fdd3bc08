package producer_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/producer"
	"altavoz/producer/access"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// listed accepts a broadcast and ends its task in these states, and returns the path of its recipients.
func (h *harness) listed(states []schemas.RecipientState, phones []string, headers ...string) string {
	h.t.Helper()
	h.planning()
	code, body, _ := h.post(`{"phones":["`+strings.Join(phones, `","`)+`"],"body_text":"b","use_queue":true}`, headers...)
	if code != http.StatusAccepted {
		h.t.Fatal(code, body)
	}
	id := taskOf(h.t, body)
	s, _ := h.Get(id)
	next := &schemas.Status{Task: id.Bytes(), Version: 4, Plan: s.GetPlan(), FinishedMs: 1}
	counts, marks := map[schemas.RecipientState]uint32{}, make([]byte, len(states))
	for i, state := range states {
		marks[i] = byte(state)
		counts[state]++
	}
	for state, n := range counts {
		next.Counts = append(next.Counts, &schemas.StateCount{Mark: uint32(state), Count: n})
	}
	for n := 0; n*schemas.PageRecipients < len(marks); n++ {
		rec := schemas.EncodePage(marksPartition, &schemas.StatePage{Task: id.Bytes(), Number: uint32(n), Marks: marks[n*schemas.PageRecipients : min((n+1)*schemas.PageRecipients, len(marks))]})
		if _, err := h.log.Publish(h.t.Context(), rec); err != nil {
			h.t.Fatal(err)
		}
	}
	h.put(next)
	return request.PathTasks + "/" + id.String() + "/recipients"
}

var (
	someStates = []schemas.RecipientState{schemas.StateDelivered, schemas.Failed(schemas.CodeInvalidPhone), schemas.Failed(131026), schemas.Failed(schemas.CodeExhausted)}
	somePhones = []string{"+57 300 123-4567", "=1+2", "573001234568", "573001234569"}
)

func TestRecipientsInEachFormat(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	path := h.listed(someStates, somePhones)
	for name, query := range map[string]string{
		"all": "", "failed": "?outcome=failed&limit=2", "next": "?outcome=failed&limit=2&cursor=AAAAAw", "nobody": "?outcome=read", "person": "?phone=3001234567", "code": "?code=131026",
	} {
		code, body, header := h.get(path + query)
		golden(t, "recipients_"+name, code, body)
		if header.Get("Altavoz-Version") != "4" || header.Get("Altavoz-Exact") != "true" {
			t.Errorf("%s: header %v, want version 4", name, header)
		}
	}
	for _, tt := range []struct {
		accept, query, kind, want string
	}{
		{"text/csv", "?outcome=failed&code=131026", "text/csv; charset=utf-8; header=present", "index,phone,outcome,code,reason,retryable,route\r\n2,573001234568,failed,131026,(131026) El mensaje no se puede entregar, false,\r\n"},
		{"", "?format=csv&outcome=read", "text/csv; charset=utf-8; header=present", "index,phone,outcome,code,reason,retryable,route\r\n"},
		{"", "?format=ndjson&outcome=delivered", "application/x-ndjson", `{"index":0,"phone":"573001234567","outcome":"delivered","retryable":false}` + "\n"},
	} {
		code, body, header := h.do(http.MethodGet, path+tt.query, nil, "Accept", tt.accept)
		got, want := body, tt.want
		if i := strings.Index(want, "(131026)"); i >= 0 { // the sentence is schemas/es's
			want = want[:i]
			got = got[:min(i, len(got))]
		}
		if code != http.StatusOK || header.Get("Content-Type") != tt.kind || header.Get("Altavoz-Version") != "4" || got != want {
			t.Errorf("%s %s: %d %v %q; want %q of %s", tt.accept, tt.query, code, header, body, tt.want, tt.kind)
		}
	}
	if _, body, _ := h.do(http.MethodGet, path+"?format=ndjson&code=131026", nil, "Accept-Language", "en"); !strings.Contains(body, "(131026)") || strings.Contains(body, "destinatario") {
		t.Errorf("got %s, want an English reason", body)
	}
}

func TestRecipientsAreRefused(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	path := h.listed(someStates, somePhones)
	for name, query := range map[string]string{"parameter": "?outcomes=failed", "outcome": "?outcome=lost", "phone": "?phone=12", "format": "?format=xlsx", "paged": "?format=csv&limit=3"} {
		code, body, _ := h.get(path + query)
		golden(t, "recipients_"+name, code, body)
	}
	h.log.mu.Lock()
	h.log.recs = nil // 14 days later
	h.log.mu.Unlock()
	code, body, _ := h.get(path)
	golden(t, "recipients_expired", code, body)
	h.put(&schemas.Status{Task: schemas.TaskIDFromKey("no", "plan").Bytes(), Version: 1})
	code, body, header := h.get(request.PathTasks + "/" + schemas.NewTaskID().String() + "/recipients")
	golden(t, "recipients_fresh", code, body)
	if header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// Marks that are behind the Status that was shown are waited for, and not told as if they were its.
func TestRecipientsThatAreNotWrittenYetAreLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		path := h.listed(someStates, somePhones)
		h.log.mu.Lock()
		h.log.recs = h.log.recs[:len(h.log.recs)-1] // the page
		h.log.mu.Unlock()
		code, body, header := h.get(path)
		golden(t, "recipients_behind", code, body)
		if header.Get("Retry-After") == "" || header.Get("Altavoz-Version") != "" {
			t.Errorf("header %v", header)
		}
	})
}

// stalled makes every read of a slice behind the first few wait until whoever reads gives up.
func (h *harness) stalled(after int32) (reads *atomic.Int32) {
	reads = new(atomic.Int32)
	h.log.reads = func(ctx context.Context) {
		if reads.Add(1) > after {
			<-ctx.Done()
		}
	}
	return reads
}

func manyPhones(n int) ([]schemas.RecipientState, []string) {
	states, phones := make([]schemas.RecipientState, n), make([]string, n)
	for i := range phones {
		states[i], phones[i] = schemas.StateSent, fmt.Sprintf("57300%07d", i)
	}
	return states, phones
}

// A client that goes away ends the reading, and gives its place back.
func TestRecipientsEndWithTheirClient(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	path := h.listed(manyPhones(20_000))
	reads := h.stalled(10)
	srv := httptest.NewServer(h.handler)
	t.Cleanup(srv.Close)
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+path+"?format=csv", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.ReadFull(resp.Body, make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	if n := h.metrics()["altavoz_http_slots_in_use slot=export"]; n != 1 {
		t.Fatalf("%v exports, want 1", n)
	}
	hangUp()
	for h.metrics()["altavoz_http_slots_in_use slot=export"] > 0 {
		time.Sleep(time.Millisecond)
	}
	if n := reads.Load(); n >= 20 {
		t.Errorf("%d slices were read, want fewer than 20", n)
	}
}

// A list that is lost on the way is no list that ends there: the connection breaks.
func TestRecipientsThatAreLostOnTheWayBreakTheConnection(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	path := h.listed(manyPhones(20_000))
	var reads atomic.Int32
	h.log.reads = func(context.Context) {
		if reads.Add(1) == 10 {
			h.log.mu.Lock()
			h.log.recs = nil
			h.log.mu.Unlock()
		}
	}
	srv := httptest.NewServer(h.handler)
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path+"?format=ndjson", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil || n == 0 {
		t.Errorf("%d bytes and %v, want some and an error", n, err)
	}
	if got := h.metrics()["altavoz_http_rejected_total code=internal"]; got != 0 {
		t.Errorf("%v internal errors, want 0", got)
	}
}

// A caller whose key is taken away gets no more of a list.
func TestThreatS03RecipientsEndWithTheKey(t *testing.T) {
	t.Parallel()
	both, one := file(t, twoOwners)(), file(t, strings.ReplaceAll(twoOwners, shopKey, "another-secret-of-it"))()
	var now atomic.Pointer[access.Table]
	now.Store(both)
	h := setup(t, producer.Config{Keys: now.Load})
	states, phones := manyPhones(20_000)
	path := h.listed(states, phones, "X-API-Key", shopKey)
	reads := h.stalled(1 << 20)
	before := h.log.reads
	h.log.reads = func(ctx context.Context) {
		if before(ctx); reads.Load() == 5 {
			now.Store(one)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("the list was written to its end")
		}
		if n := reads.Load(); n >= 20 {
			t.Errorf("%d slices were read, want fewer than 20", n)
		}
	}()
	h.do(http.MethodGet, path+"?format=ndjson", nil, "X-API-Key", shopKey)
}

// So many at once, of a caller and of all; the next ones are told to come back.
func TestRecipientsHaveSlots(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, twoOwners)})
	states, phones := manyPhones(2_000)
	paths := map[string]string{}
	for _, key := range []string{shopKey, crmKey, bossKey} {
		paths[key] = h.listed(states, phones, "X-API-Key", key)
	}
	h.stalled(0)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	open := func(key string) {
		before := h.metrics()["altavoz_http_slots_in_use slot=export"]
		go func() {
			req := httptest.NewRequestWithContext(ctx, http.MethodGet, paths[key], http.NoBody)
			req.Header.Set("X-API-Key", key)
			h.handler.ServeHTTP(httptest.NewRecorder(), req)
		}()
		for h.metrics()["altavoz_http_slots_in_use slot=export"] == before {
			time.Sleep(time.Millisecond)
		}
	}
	open(shopKey)
	h.refused(paths[shopKey], "recipients_share")
	open(crmKey)
	open(bossKey)
	end()
	for h.metrics()["altavoz_http_slots_in_use slot=export"] > 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestRecipientsHaveSlotsInAll(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	path := h.listed(manyPhones(2_000))
	h.stalled(0)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	for range 4 {
		go h.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
	}
	for h.metrics()["altavoz_http_slots_in_use slot=export"] < 4 {
		time.Sleep(time.Millisecond)
	}
	h.refused(path, "recipients_busy")
}

// refused asks for what there is no slot for. A request that got one would wait until it is given up.
func (h *harness) refused(path, name string) {
	h.t.Helper()
	ctx, end := context.WithTimeout(h.t.Context(), 5*time.Second)
	defer end()
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
	req.Header.Set("X-API-Key", shopKey)
	answer := httptest.NewRecorder()
	h.handler.ServeHTTP(answer, req)
	golden(h.t, name, answer.Code, answer.Body.String())
	if answer.Header().Get("Retry-After") == "" {
		h.t.Errorf("%s: no Retry-After", name)
	}
}
