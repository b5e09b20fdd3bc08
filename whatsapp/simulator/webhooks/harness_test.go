package webhooks_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"altavoz/internal/testio"
	"altavoz/whatsapp/simulator/faults"
	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/webhooks"
)

const secret = "app secret"

// post is a request as the receiver got it.
type post struct {
	at     time.Time
	body   []byte
	header http.Header
}

// receiver is the business's side.
type receiver struct {
	answer func(r *http.Request, nth int) int // status, 0: none at all; nil: 200

	mu    sync.Mutex
	posts []post
	told  map[string]int // what the engine says was taken: "wamid status"
	open  int
	most  int // requests at once
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	rc.mu.Lock()
	nth := len(rc.posts)
	rc.posts = append(rc.posts, post{time.Now(), body, r.Header})
	rc.open++
	rc.most = max(rc.most, rc.open)
	rc.mu.Unlock()
	status := http.StatusOK
	if err != nil {
		status = http.StatusBadRequest
	} else if rc.answer != nil {
		status = rc.answer(r, nth)
	}
	rc.mu.Lock()
	rc.open--
	rc.mu.Unlock()
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	if status == http.StatusMovedPermanently {
		w.Header().Set("Location", "/elsewhere") // which would answer as the next one
	}
	w.WriteHeader(status)
}

func (rc *receiver) got() []post {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return append([]post(nil), rc.posts...)
}

// start runs an engine that posts to the receiver; stop ends it and returns when nothing runs any more.
func start(t *testing.T, rc *receiver, cfg webhooks.Config) (e *webhooks.Engine, stop func()) {
	t.Helper()
	network := testio.NewPipes()
	cfg.URL, cfg.Secret, cfg.Dial = "http://business.test/hook", secret, network.Dial
	rc.told = map[string]int{}
	e, err := webhooks.New(cfg, func(m *webhooks.Message, s ledger.Status) {
		rc.mu.Lock()
		defer rc.mu.Unlock()
		rc.told[m.WAMID+" "+s.String()]++
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: rc}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { srv.Serve(network) })
	running.Go(func() { e.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		srv.Close()
		running.Wait()
	})
	t.Cleanup(stop)
	return e, stop
}

// later is a plan: what is told of a message, and when.
func later(steps ...faults.Step) faults.Later { return faults.Later{Steps: steps} }

func step(s ledger.Status, told time.Duration) faults.Step {
	return faults.Step{Status: s, Happens: told, Told: told}
}

// value is what a receiver looks for in a webhook.
type value struct {
	Metadata struct {
		Display string `json:"display_phone_number"`
		Number  string `json:"phone_number_id"`
	} `json:"metadata"`
	Contacts []struct {
		WaID   string `json:"wa_id"`
		UserID string `json:"user_id"`
	} `json:"contacts"`
	Statuses []struct {
		ID        string `json:"id"`
		Status    string `json:"status"`
		Timestamp string `json:"timestamp"`
		Recipient string `json:"recipient_id"`
		Callback  string `json:"biz_opaque_callback_data"`
	} `json:"statuses"`
}

// read opens an envelope.
func read(t *testing.T, body []byte) []value {
	t.Helper()
	var envelope struct {
		Object string `json:"object"`
		Entry  []struct {
			ID      string `json:"id"`
			Changes []struct {
				Field string `json:"field"`
				Value value  `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Object != "whatsapp_business_account" {
		t.Fatalf("%v in %s, want an envelope of Meta's", err, body)
	}
	var out []value
	for _, entry := range envelope.Entry {
		for _, c := range entry.Changes {
			if c.Field != "messages" || entry.ID == "" {
				t.Errorf("field %q of %q; want %q, one", c.Field, entry.ID, "messages")
			}
			out = append(out, c.Value)
		}
	}
	return out
}

// statuses counts those that arrived, as "id status".
func (rc *receiver) statuses(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, p := range rc.got() {
		for _, v := range read(t, p.body) {
			for _, s := range v.Statuses {
				out[s.ID+" "+s.Status]++
			}
		}
	}
	return out
}
