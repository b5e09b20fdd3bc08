package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"altavoz/schemas"
	"altavoz/whatsapp/simulator"
)

// The run of TestSimulatedLimits: a number of 80 a second, of which altavoz leaves a fifth to replies.
const (
	limitsRate     = 80.0
	limitsHeadroom = 0.2
	limitsTasks    = 3
	limitsPhones   = 20_000 // of each task
	limitsCalm     = "latency=50ms..300ms; rate=80; pair"
)

// trouble is something that the Cloud API does for a while.
type trouble struct {
	at, lasts time.Duration
	rule      string
	all       bool // refuses every call while it lasts
}

func limitsTroubles() []trouble {
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	return []trouble{
		{second(0), second(60), "phone=57300000* 131056=100%", false},
		{second(90), second(3), "130429=100%", true},
		{second(180), second(2), "130429=100% retry_after=4s", true},
		{second(270), second(75), "token_expired", true},
		{second(450), second(5), "130429=100%", true},
		{second(550), second(60), "maintenance", true},
		{second(720), second(20), "131000=10%", false},
		{second(800), second(1), "130429=100%", true},
	}
}

// TestSimulatedLimits runs the whole house, two processes of it, in fake time against a Cloud API with its limits on: 80 a
// second, one message in 6 s to a phone, bursts of 130429, an expired token, maintenance, errors that pass. Everybody is
// sent to in the end, at 95 % of what is there for the taking, and few calls are refused.
//
// The rate is: messages that the API accepted, over the seconds from the first to the last of them without those in which it
// refused every call. So waiting longer than need be, and going slower afterwards, counts against altavoz.
func TestSimulatedLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newLimitsWorld(t)
		defer w.close()
		ids := make([]schemas.TaskID, 0, limitsTasks+20)
		for i := range limitsTasks {
			ids = append(ids, w.post(phonesFrom(i, limitsPhones)))
		}
		few := []string{"573000000001", "573000000002", "573000000003"}
		for range 20 { // small ones, all to the same phones: one in six seconds each
			ids = append(ids, w.post(few))
		}
		w.run(ids)
		w.judge(ids, limitsTasks*limitsPhones+20*len(few))
	})
}

// limitsWorld is a broker, a Cloud API with limits, and two processes, in a bubble.
type limitsWorld struct {
	t       *testing.T
	vn      kfake.VirtualNetwork
	sim     *simulator.Simulator
	apps    []*App
	ends    []func()
	begin   time.Time
	seconds []int // messages accepted, by second
}

func newLimitsWorld(t *testing.T) *limitsWorld {
	t.Helper()
	w := &limitsWorld{t: t, begin: time.Now()}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(simKafka), kfake.ListenFn(w.vn.Listen))
	if err != nil {
		t.Fatal(err)
	}
	w.ends = append(w.ends, cluster.Close)
	w.sim = simulator.New(simulator.Config{
		Numbers: []simulator.Number{{ID: simNumber, Token: simToken}}, PlainPhones: true, Seed: 1, Records: -1, Faults: limitsCalm,
	})
	l, err := w.vn.Listen("tcp", simAPI)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.sim.Serve(ctx, l) }()
	w.ends = append(w.ends, func() { cancel(); <-served })
	for i := range 2 {
		w.start(fmt.Sprintf("127.0.0.1:%d", 8100+i))
	}
	return w
}

func (w *limitsWorld) start(addr string) {
	w.t.Helper()
	cfg := Default()
	cfg.Process.Roles, cfg.HTTP.Addr = AllRoles(), addr
	cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = []string{fmt.Sprintf("127.0.0.1:%d", simKafka)}, "limits."
	cfg.Kafka.RequestTimeout = 80 * time.Second // as in the simulation: kfake is slow to see who joins
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = "http://"+simAPI, simNumber, simToken
	cfg.WhatsApp.Rate = limitsRate
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("SIM_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("process", addr)
	}
	a, err := New(cfg, Options{Network: Network{Dial: w.vn.DialContext, Listen: w.vn.Listen}, Logger: log})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := a.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.apps = append(w.apps, a)
}

func (w *limitsWorld) close() {
	for _, a := range w.apps {
		ctx, cancel := context.WithTimeout(context.Background(), StopTimeout)
		if err := a.Stop(ctx); err != nil {
			w.t.Error(err)
		}
		cancel()
	}
	for i := range w.ends {
		w.ends[len(w.ends)-1-i]()
	}
	time.Sleep(time.Minute) // what a library does in its own time
}

func (w *limitsWorld) do(method, path, body string, want int, answer any) error {
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://127.0.0.1:8100"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: w.vn.DialContext, DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		return fmt.Errorf("%s %s: %d %s %w", method, path, resp.StatusCode, text, err)
	}
	return json.Unmarshal(text, answer)
}

func (w *limitsWorld) post(phones []string) schemas.TaskID {
	w.t.Helper()
	body := `{"phones":` + quoted(phones) + `,"body_text":"hola","use_queue":true}`
	for try := 0; ; try++ {
		var a struct {
			TaskID string `json:"task_id"`
		}
		err := w.do(http.MethodPost, sendPath, body, http.StatusAccepted, &a)
		if err == nil {
			id, err := schemas.ParseTaskID(a.TaskID)
			if err != nil {
				w.t.Fatal(err)
			}
			return id
		}
		if try > 30 {
			w.t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
	}
}

func (w *limitsWorld) status(id schemas.TaskID) (s taskStatus, ok bool) {
	return s, w.do(http.MethodGet, statusPath+id.String(), "", http.StatusOK, &s) == nil
}

// run switches the troubles on as their time comes, until every task is at its end.
func (w *limitsWorld) run(ids []schemas.TaskID) {
	for w.sim.Summary().Accepted == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	w.begin = time.Now()
	troubles, last := limitsTroubles(), 0
	next := troubles
	for {
		for len(next) > 0 && time.Since(w.begin) >= next[0].at {
			rule := fmt.Sprintf("%s; for=%s %s", limitsCalm, next[0].lasts, next[0].rule)
			if err := w.sim.SetFaults(rule); err != nil {
				w.t.Fatal(err)
			}
			next = next[1:]
		}
		time.Sleep(time.Second)
		n := w.sim.Summary().Accepted
		w.seconds = append(w.seconds, n-last)
		last = n
		if len(w.seconds)%20 != 0 {
			continue
		}
		open := 0
		for _, id := range ids {
			if s, ok := w.status(id); !ok || s.Status != "SUCCESS" {
				open++
			}
		}
		if open == 0 {
			break
		}
		if time.Since(w.begin) > 2*time.Hour {
			w.t.Errorf("%d of %d tasks are not finished", open, len(ids))
			return
		}
	}
	if len(next) > 0 {
		w.t.Errorf("it was over before %v", next[0])
	}
}

func (w *limitsWorld) judge(ids []schemas.TaskID, recipients int) {
	sum := w.sim.Summary()
	sent := 0
	for _, id := range ids {
		s, _ := w.status(id)
		if r := s.Result; r.Successful != r.Total || r.Failed != 0 {
			w.t.Errorf("task %s: %+v", id, r)
		}
		sent += s.Result.Successful
	}
	if sent != recipients || sum.Accepted != recipients || sum.Repeated > 0 || sum.Duplicates > 0 {
		w.t.Errorf("%d of %d sent; %d accepted, %d calls repeated, %d messages doubled", sent, recipients, sum.Accepted, sum.Repeated, sum.Duplicates)
	}
	refused := 0
	for _, n := range sum.Refused {
		refused += n
	}
	share := float64(refused) / float64(refused+sum.Accepted)

	length := len(w.seconds)
	for length > 0 && w.seconds[length-1] == 0 {
		length--
	}
	out := time.Duration(0)
	for _, x := range limitsTroubles() {
		if x.all {
			out += x.lasts
		}
	}
	open := (time.Duration(length)*time.Second - out).Seconds()
	usable := limitsRate * (1 - limitsHeadroom)
	got := float64(sum.Accepted) / open
	w.t.Logf("%d messages in %d s, of which the API refused everything for %v: %.1f a second, %.1f %% of %v; %d calls refused (%.2f %%): %v; most within a second: %d",
		sum.Accepted, length, out, got, 100*got/usable, usable, refused, 100*share, sum.Refused, sum.MaxRateByNumber[simNumber])
	for i := 0; i < length; i += 20 {
		n := 0
		for _, k := range w.seconds[i:min(i+20, length)] {
			n += k
		}
		fmt.Printf("%d:%d ", i, n/20)
	}
	fmt.Println()
	if got < 0.95*usable {
		w.t.Errorf("%.1f a second, of %v that were there", got, usable)
	}
	if share >= 0.02 {
		w.t.Errorf("%.2f %% of the calls were refused", 100*share)
	}
	if n := sum.MaxRateByNumber[simNumber]; float64(n) > limitsRate {
		w.t.Errorf("%d messages within a second", n)
	}
}
