package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// A broker that is killed and has lost its page cache: logs end below what groups have committed, and give the same offsets out
// again. It is noticed, nobody is sent to twice, and whoever is written to afterwards gets the message.
func TestRealKafkaThatLostTheEndOfItsLogs(t *testing.T) {
	t.Parallel()
	brokers, dir := harness.StartReal(t, "kafka-local")
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.Kafka.Brokers = []string{brokers}
	send := func(a *app.App, first int) {
		t.Helper()
		h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}
		for k := range 5 {
			var phones []string
			for i := range 40 {
				phones = append(phones, fmt.Sprintf("57300%07d", first+40*k+i+1_000_000))
			}
			text, _ := json.Marshal(phones)
			code, answer := h.Post(t, `{"phones":`+string(text)+`,"body_text":"hola","use_queue":true}`)
			var s struct {
				TaskID string `json:"task_id"`
			}
			if err := json.Unmarshal([]byte(answer), &s); code != http.StatusAccepted || err != nil {
				t.Fatal(code, answer)
			}
			for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
				if _, got := h.Get(t, h.URL+harness.StatusPath+s.TaskID); strings.Contains(got, `"SUCCESS"`) {
					if !strings.Contains(got, `"successful":40`) {
						t.Errorf("got %q, want %q in it", got, `"successful":40`)
					}
					break
				}
				if time.Now().After(end) {
					t.Fatal("it does not end")
				}
			}
		}
	}
	a := harness.Start(t, cfg)
	send(a, 0)
	harness.Stop(t, a)
	harness.RunReal(t, "kafka-local", dir, "kill9")
	cut := 0
	for _, topic := range []stream.Topic{schemas.TopicSendsExpress, schemas.TopicBroadcasts, schemas.TopicResults} {
		files, err := filepath.Glob(filepath.Join(dir, "data", cfg.Kafka.TopicPrefix+string(topic)+"-*", "*.log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && info.Size() > 0 {
				if err := os.Truncate(f, info.Size()/2); err != nil {
					t.Fatal(err)
				}
				cut++
			}
		}
	}
	harness.RunReal(t, "kafka-local", dir, "start", "--owner", fmt.Sprint(os.Getpid()))
	a = harness.Start(t, cfg)
	send(a, 1000)
	var s struct {
		Accepted   int `json:"accepted"`
		Duplicates int `json:"duplicates"`
	}
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}
	_, body := h.Get(t, sim.URL()+"/_simulator/summary")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err, body)
	}
	if s.Accepted != 400 || s.Duplicates > 0 {
		t.Errorf("%d messages for 400 phones, %d of them twice; want 400, 0", s.Accepted, s.Duplicates)
	}
	resp, err := http.Get(a.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	for _, stage := range []string{"sender", "fanout", "aggregator"} {
		if !regexp.MustCompile(`altavoz_log_disagreements_total\{kind="end",stage="` + stage + `"\} [1-9]`).Match(text) {
			t.Errorf("the %s has not noticed, and %d logs were cut", stage, cut)
		}
	}
}
