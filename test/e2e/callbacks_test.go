package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/test/harness"
)

const (
	callbackKey = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // base64
	// callbackAllow opens the receivers of tests, which are on loopback.
	callbackAllow = "127.0.0.0/8"
)

// receiver is an endpoint of callbacks. It verifies what it takes by itself.
type receiver struct {
	*httptest.Server
	t    testing.TB
	down atomic.Bool

	mu    sync.Mutex
	took  map[string][]string // kinds of events by reference, each where it came first
	tries int
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{t: t, took: make(map[string][]string)}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender died
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tries++; r.down.Load() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	key, err := base64.StdEncoding.DecodeString(callbackKey)
	if err != nil {
		r.t.Error(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(req.Header.Get("Webhook-Id") + "." + req.Header.Get("Webhook-Timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); req.Header.Get("Webhook-Signature") != want {
		r.t.Errorf("signed %q, want %q", req.Header.Get("Webhook-Signature"), want)
	}
	var event struct {
		ID, Type string
		Data     struct {
			Reference string
			Status    string
		}
	}
	if err := json.Unmarshal(body, &event); err != nil || event.ID != req.Header.Get("Webhook-Id") {
		r.t.Errorf("%s under the id %q: %v", body, req.Header.Get("Webhook-Id"), err)
	}
	kind := strings.TrimPrefix(event.Type, "altavoz.task.")
	if all := r.took[event.Data.Reference]; !slices.Contains(all, kind) {
		r.took[event.Data.Reference] = append(all, kind)
	}
}

// waits waits until everything of these references came, in order.
func (r *receiver) waits(t testing.TB, references []string, most time.Duration) {
	t.Helper()
	want := []string{"accepted", "started", "finished"}
	for deadline := time.Now().Add(most); ; time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		missing := slices.IndexFunc(references, func(ref string) bool { return len(r.took[ref]) < len(want) })
		for _, ref := range references {
			if got := r.took[ref]; !slices.Equal(got, want[:min(len(got), len(want))]) {
				t.Errorf("of %s came %v, want %v", ref, got, want)
			}
		}
		var got []string
		if missing >= 0 {
			got = r.took[references[missing]]
		}
		r.mu.Unlock()
		if missing < 0 || t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %s came %v in %s, want %v", references[missing], got, most, want)
		}
	}
}

// sendCallbacks sends n broadcasts with a callback and returns what they are called.
func sendCallbacks(t *testing.T, h *deployment, to, name string, n int) (references []string) {
	t.Helper()
	for i := range n {
		ref := fmt.Sprintf("%s %d %d", name, i, time.Now().UnixNano())
		body := fmt.Sprintf(`{"phones":["57300555%04d"],"body_text":"b","use_queue":true,"reference":%q,"callback_url":%q}`, i, ref, to)
		if code, got := h.Post(t, body); code != http.StatusAccepted {
			t.Fatalf("%d %s; want %d", code, got, http.StatusAccepted)
		}
		references = append(references, ref)
	}
	return references
}

// What happens to a broadcast is posted, signed and in order, to the endpoint that it names; one that fails disturbs no other, and gets everything once it
// works, through a restart of everything.
func testCallbacks(t *testing.T, h *deployment) {
	good, bad := newReceiver(t), newReceiver(t)
	bad.down.Store(true)
	late := sendCallbacks(t, h, bad.URL+"/hook", "bad", 10)
	early := sendCallbacks(t, h, good.URL+"/hook?x=1", "good", 10)
	good.waits(t, early, harness.SettleTime)
	h.restart(t)
	bad.down.Store(false)
	bad.waits(t, late, harness.SettleTime)
	for _, url := range []string{"http://10.0.0.7/hook", "https://localhost/hook", "http://user:pass@example.com/", "ftp://example.com/", "https://example.com:8443/"} {
		code, got := h.Post(t, fmt.Sprintf(`{"phones":["573001234567"],"body_text":"b","callback_url":%q}`, url))
		if code != http.StatusBadRequest || !strings.Contains(got, `"field":"callback_url"`) {
			t.Errorf("%s: %d %s; want %d", url, code, got, http.StatusBadRequest)
		}
	}
}

// TestRealCallbacksSurviveKills: the stage of callbacks is killed again and again, and the endpoint fails for a while: no event is lost, and those of a task
// come in order.
func TestRealCallbacksSurviveKills(t *testing.T) {
	t.Parallel()
	brokers, _ := harness.StartReal(t, "kafka-local")
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.Process.Roles = app.Roles{app.RoleProducer, app.RoleFanout, app.RoleSender, app.RoleAggregator}
	cfg.Kafka.Brokers = []string{brokers}
	cfg.Callback.Secrets, cfg.Media.FetchAllow = "whsec_"+callbackKey, []string{callbackAllow}
	h := &deployment{API: harness.API{URL: harness.Start(t, cfg).URL()}, simulator: sim.URL()}
	bin := harness.Binary(t, "ALTAVOZ_TEST_BINARY")
	start := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), bin, "serve", "--roles=callbacks")
		cmd.Env = append(os.Environ(), "ALTAVOZ_KAFKA_BROKERS="+brokers, "ALTAVOZ_KAFKA_TOPIC_PREFIX="+cfg.Kafka.TopicPrefix, "ALTAVOZ_HTTP_ADDR=127.0.0.1:0",
			"ALTAVOZ_INSTANCE_ID=callbacks-0", "ALTAVOZ_CALLBACK_SECRETS=whsec_"+callbackKey, "ALTAVOZ_MEDIA_FETCH_ALLOW="+callbackAllow)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	good, bad := newReceiver(t), newReceiver(t)
	bad.down.Store(true)
	var early, late []string
	for round := range 4 {
		cmd := start()
		early = append(early, sendCallbacks(t, h, good.URL, fmt.Sprint("good ", round), 8)...)
		late = append(late, sendCallbacks(t, h, bad.URL, fmt.Sprint("bad ", round), 8)...)
		time.Sleep(time.Duration(round) * 700 * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
	cmd := start()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	good.waits(t, early, time.Minute)
	bad.down.Store(false)
	bad.waits(t, late, 2*time.Minute)
	t.Logf("%d broadcasts, their events in order at both endpoints: %d and %d calls, 4 kills", len(early)+len(late), good.tries, bad.tries)
}
