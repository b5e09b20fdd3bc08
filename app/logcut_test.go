package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// A broker that is killed and has lost its page cache: logs end below what groups have committed, and give the same offsets out
// again. It is noticed, nobody is sent to twice, and whoever is written to afterwards gets the message.
func TestRealKafkaThatLostTheEndOfItsLogs(t *testing.T) {
	t.Parallel()
	brokers, dir := startReal(t, "kafka-local")
	script := func(args ...string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "../deploy/kafka-local/run", append(args, "--dir", dir)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	sim := startTestSimulator(t)
	cfg := houseConfig(t)
	cfg.Kafka.Brokers = []string{brokers}
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = sim.url(), simulatedNumber, simulatedToken
	send := func(a *App, first int) {
		t.Helper()
		h := &house{api: a.URL(), simulator: sim.url()}
		for k := range 5 {
			var phones []string
			for i := range 40 {
				phones = append(phones, fmt.Sprintf("57300%07d", first+40*k+i+1_000_000))
			}
			text, _ := json.Marshal(phones)
			code, answer := h.post(t, `{"phones":`+string(text)+`,"body_text":"hola","use_queue":true}`)
			var s struct {
				TaskID string `json:"task_id"`
			}
			if err := json.Unmarshal([]byte(answer), &s); code != http.StatusAccepted || err != nil {
				t.Fatal(code, answer)
			}
			for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
				if _, got := h.get(t, h.api+statusPath+s.TaskID); strings.Contains(got, `"SUCCESS"`) {
					if !strings.Contains(got, `"successful":40`) {
						t.Error(got)
					}
					break
				}
				if time.Now().After(end) {
					t.Fatal("it does not end")
				}
			}
		}
	}
	a := startApp(t, cfg)
	send(a, 0)
	stopApp(t, a)
	script("kill9")
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
	script("start", "--owner", fmt.Sprint(os.Getpid()))
	a = startApp(t, cfg)
	send(a, 1000)
	var s struct {
		Accepted   int `json:"accepted"`
		Duplicates int `json:"duplicates"`
	}
	h := &house{api: a.URL(), simulator: sim.url()}
	_, body := h.get(t, sim.url()+"/_simulator/summary")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err, body)
	}
	if s.Accepted != 400 || s.Duplicates > 0 {
		t.Errorf("%d messages for 400 phones, %d of them twice", s.Accepted, s.Duplicates)
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
