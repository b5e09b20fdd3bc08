package producer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"altavoz/producer"
	"altavoz/producer/optouts"
	"altavoz/schemas"
	"altavoz/schemas/optout"
)

// book is what is known of opt-outs, of two businesses.
type book struct {
	mu     sync.Mutex
	set    *optout.Set
	behind bool
}

func (b *book) Ready() bool { return !b.behind }

func (b *book) Sync(context.Context) error { return nil }

func (b *book) Business(number string) (string, bool) { return "of-" + number, true }

func (b *book) Get(business, person string) optout.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.set.Get(business, person)
}

func (b *book) After(business, person string) optout.Names {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := b.set.After(business, person)
	names.Sort()
	return names
}

// read takes in what was written.
func (b *book) read(t *testing.T, log *memoryLog) {
	t.Helper()
	log.mu.Lock()
	defer log.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range log.recs {
		if log.recs[i].Topic != schemas.TopicOptOuts {
			continue
		}
		business, e, err := optout.Decode(&log.recs[i])
		if err != nil {
			t.Fatal(err)
		}
		b.set.Apply(business, e)
	}
}

func TestPeopleAreAddedShownAndTakenOffTheListOfOptOuts(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Sender: oneOf("1065", "1066")})
	ask := func(method, path, body string, want int) string {
		t.Helper()
		code, got, _ := h.do(method, optouts.Path+path, strings.NewReader(body))
		if code != want {
			t.Fatalf("%s %s: %d %s; want %d", method, path, code, got, want)
		}
		h.people.read(t, h.log)
		return got
	}
	if got := ask(http.MethodPost, "", `{"phones":["+57 300 123-4567","5215512345678","525512345678","x","CO.1765"]}`, http.StatusOK); !strings.Contains(got, `"added":3,"known":1,"invalid":[{"index":3,`) {
		t.Errorf("added: %s", got)
	}
	if got := ask(http.MethodPost, "", `{"phones":["573001234567"]}`, http.StatusOK); got != `{"added":0,"known":1}` {
		t.Errorf("once more: %s", got)
	}
	if got := ask(http.MethodGet, "/5215512345678", "", http.StatusOK); !strings.HasPrefix(got, `{"phone":"525512345678","opted_out":true,"since":"`) || !strings.HasSuffix(got, `"source":"import"}`) {
		t.Errorf("shown: %s", got)
	}
	if got := ask(http.MethodGet, "/573001234567?sender=1066", "", http.StatusOK); got != `{"phone":"573001234567","opted_out":false}` {
		t.Errorf("another business's: %s", got)
	}
	var all []string
	for cursor := ""; ; {
		var page optouts.Page
		if err := json.Unmarshal([]byte(ask(http.MethodGet, "?limit=1&cursor="+cursor, "", http.StatusOK)), &page); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.OptOuts {
			all = append(all, r.Phone)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if got := fmt.Sprint(all); got != "[525512345678 573001234567 CO.1765]" {
		t.Errorf("listed: %s", got)
	}
	if got := ask(http.MethodGet, "?format=csv", "", http.StatusOK); strings.Count(got, "\n") != 4 || !strings.HasPrefix(got, "phone,opted_out,since,source\n525512345678,true,") {
		t.Errorf("exported: %s", got)
	}
	if got := ask(http.MethodDelete, "/3001234567", "", http.StatusOK); !strings.HasPrefix(got, `{"phone":"573001234567","opted_out":false,`) {
		t.Errorf("taken off: %s", got)
	}
	if got := ask(http.MethodGet, "/573001234567", "", http.StatusOK); !strings.HasPrefix(got, `{"phone":"573001234567","opted_out":false,`) {
		t.Errorf("then: %s", got)
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodPost, "", `{"phones":[]}`, http.StatusBadRequest},
		{http.MethodPost, "", `{"phones":["1"],"x":1}`, http.StatusBadRequest},
		{http.MethodPost, "", `[`, http.StatusBadRequest},
		{http.MethodPost, "", `{"phones":["573001234567"],"sender":"9"}`, http.StatusBadRequest},
		{http.MethodGet, "?limit=1001", "", http.StatusBadRequest},
		{http.MethodGet, "?cursor=a+b", "", http.StatusBadRequest},
		{http.MethodGet, "?format=xlsx", "", http.StatusBadRequest},
		{http.MethodGet, "/12", "", http.StatusBadRequest},
		{http.MethodPut, "/573001234567", "", http.StatusMethodNotAllowed},
	} {
		ask(c.method, c.path, c.body, c.want)
	}
	h.people.behind = true
	ask(http.MethodGet, "", "", http.StatusServiceUnavailable)
}

// TestThreatS03OptOutsAreForKeysWithTheirScope: and of the numbers that the key may send from.
func TestThreatS03OptOutsAreForKeysWithTheirScope(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Sender: oneOf("1065", "1066"), Keys: file(t, `[
		{"owner":"tienda","secrets":["`+shopKey+`"],"scopes":["send","read","control","admin"]},
		{"owner":"crm","secrets":["`+crmKey+`"],"scopes":["optouts"],"senders":["1066"]}]`)})
	for _, c := range []struct {
		key, path string
		want      int
	}{{shopKey, "", http.StatusForbidden}, {crmKey, "", http.StatusOK}, {crmKey, "?sender=1065", http.StatusForbidden}, {"", "", http.StatusUnauthorized}} {
		if code, body, _ := h.do(http.MethodGet, optouts.Path+c.path, nil, "X-API-Key", c.key); code != c.want {
			t.Errorf("%s%s: %d %s; want %d", c.key, c.path, code, body, c.want)
		}
	}
}
