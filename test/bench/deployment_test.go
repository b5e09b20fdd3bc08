package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/test/harness"
)

// postTime is how long one request may take: ten million phones are 150 MB.
const postTime = 5 * time.Minute

// number is a sender number, with what Meta allows it a second (0: no limit). A fifth of that is left for replies.
type number struct {
	ID    string  `json:"id"`
	Token string  `json:"token"`
	Rate  float64 `json:"rate"`
}

// setup says how altavoz is deployed.
type setup struct {
	embedded bool     // `up`: all of it in one process, its Kafka too
	roles    []string // of each process, on a real Kafka
	redis    bool
	numbers  []number
	faults   string   // of the simulator
	env      []string // more of it, of each process
}

// deployment is altavoz as it is deployed, with a simulator beside it. It keeps an account of everything that it was asked for.
type deployment struct {
	b         *testing.B
	ctx       context.Context //nolint:containedctx // the bench's time, which is named where it is made
	api       string
	sim       string
	client    *http.Client
	processes []*benchedProcess
	own       []int // process ids of altavoz
	broker    int   // of the real Kafka; 0: there is none
	beside    []int // of what is measured with: this process and the simulator
	kafkaDir  string
	meter     *requestMeter // nil until it is asked

	phones atomic.Int64 // given out so far
	bare   atomic.Int64 // sends of the bare loops

	mu    sync.Mutex
	tasks []string // Queued, or not over when their answer came
	total int      // recipients of everything
	sent  int      // of direct broadcasts that were answered
	// answered is how long the last request took, without the time to make it: that of ten million phones takes seconds.
	answered time.Duration
}

// deploy starts it; it ends with the bench. What is asked of it fails once most has passed.
func deploy(b *testing.B, bin string, s setup, most time.Duration) *deployment {
	b.Helper()
	d := &deployment{b: b, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: postTime}}
	b.Cleanup(d.client.CloseIdleConnections)
	numbers, err := json.Marshal(s.numbers)
	if err != nil {
		b.Fatal(err)
	}
	senders := filepath.Join(b.TempDir(), "senders.json")
	if err := os.WriteFile(senders, numbers, 0o600); err != nil {
		b.Fatal(err)
	}
	sim := benchProcess(b, bin, []string{"simulate", "--addr", "127.0.0.1:0", "--plain-phones", "--faults", s.faults}, nil)
	d.sim = sim.url(b)
	d.beside = []int{os.Getpid(), sim.cmd.Process.Pid}
	env := append([]string{
		"ALTAVOZ_SENDERS_FILE=" + senders, "ALTAVOZ_WHATSAPP_BASE_URL=" + d.sim, "ALTAVOZ_HTTP_ADDR=127.0.0.1:0", "ALTAVOZ_LOG_LEVEL=info", "ALTAVOZ_LOG_FORMAT=text",
	}, s.env...)
	if s.embedded {
		env = append(env, "ALTAVOZ_EMBEDDED_KAFKA_ADDR=127.0.0.1:0", "ALTAVOZ_DATA_DIR="+b.TempDir())
		d.processes = append(d.processes, benchProcess(b, bin, []string{"up"}, env))
	} else {
		brokers, dir := harness.StartReal(b, "kafka-local", "--optimized")
		d.broker, d.kafkaDir = serverPID(b, dir), dir
		env = append(env, "ALTAVOZ_KAFKA_BROKERS="+brokers)
	}
	if s.redis {
		redis, _ := harness.StartReal(b, "redis-local")
		env = append(env, "ALTAVOZ_REDIS_ADDRS="+redis)
	}
	for i, roles := range s.roles {
		name := fmt.Sprintf("ALTAVOZ_INSTANCE_ID=%s-%d", roles, i)
		d.processes = append(d.processes, benchProcess(b, bin, []string{"serve", "--roles=" + roles}, append(slices.Clone(env), name)))
	}
	for _, p := range d.processes {
		p.url(b)
		d.own = append(d.own, p.cmd.Process.Pid)
	}
	d.api = d.processes[0].url(b)
	var cancel context.CancelFunc
	d.ctx, cancel = context.WithTimeoutCause(b.Context(), most, fmt.Errorf("the bench takes longer than %s", most))
	b.Cleanup(cancel)
	return d
}

// cpu is what altavoz, the broker, and what they are measured with have used so far, in seconds. Redis uses next to nothing.
func (d *deployment) cpu() (own, broker, beside float64) {
	d.b.Helper()
	for _, pid := range d.own {
		own += cpuSeconds(d.b, pid)
	}
	if d.broker != 0 {
		broker = cpuSeconds(d.b, d.broker)
	}
	for _, pid := range d.beside {
		beside += cpuSeconds(d.b, pid)
	}
	return own, broker, beside
}

// others starts to measure which part of the machine processes other than the deployment's have.
func (d *deployment) others() (share func() float64) {
	d.b.Helper()
	used := func() float64 {
		own, broker, beside := d.cpu()
		return machineSeconds(d.b) - own - broker - beside
	}
	began, before := time.Now(), used()
	return func() float64 { return max(0, used()-before) / time.Since(began).Seconds() / float64(runtime.NumCPU()) }
}

// say tells somebody who waits what goes on.
func (d *deployment) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, d.b.Name()+": "+format+"\n", args...)
}

// send posts a broadcast and takes it into the account. A task id says that it was not over when the
// answer came.
func (d *deployment) send(sender string, phones int, extra string) (task string, err error) {
	first := int(d.phones.Add(int64(phones))) - phones
	var body strings.Builder
	body.Grow(phones*15 + 200)
	fmt.Fprintf(&body, `{"body_text":"hola","sender":%q,%s"phones":["%s"`, sender, extra, benchPhone(first))
	for i := 1; i < phones; i++ {
		body.WriteString(`,"` + benchPhone(first+i) + `"`)
	}
	body.WriteString("]}")
	asked := time.Now()
	code, answer, err := d.do(http.MethodPost, d.api+harness.SendPath, body.String())
	answered := time.Since(asked)
	var a harness.TaskStatus
	if err == nil {
		err = json.Unmarshal(answer, &a)
	}
	switch {
	case err != nil:
	case code == http.StatusAccepted && a.TaskID != "":
	case code == http.StatusOK && a.Result.Successful == phones:
		a.TaskID = "" // it is over
	default:
		err = errors.New("not sent")
	}
	if err != nil {
		return "", fmt.Errorf("a broadcast to %d phones: %w: %d %s", phones, err, code, answer)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total += phones
	d.answered = answered
	if d.sent += a.Result.Successful; a.TaskID != "" {
		d.tasks = append(d.tasks, a.TaskID)
	}
	return a.TaskID, nil
}

// queue sends a broadcast for which nobody waits. What of it has not started in time expires, so that its scenario ends; the
// zero time is no bound.
func (d *deployment) queue(sender string, phones int, until time.Time) string {
	d.b.Helper()
	task, err := d.send(sender, phones, queuedUntil(until))
	if err != nil {
		d.b.Fatal(err)
	}
	return task
}

func queuedUntil(at time.Time) string {
	if at.IsZero() {
		return `"use_queue":true,`
	}
	return fmt.Sprintf(`"use_queue":true,"expire_at":%q,`, at.UTC().Format(time.RFC3339Nano))
}

func (d *deployment) do(method, url, body string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(d.ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func (d *deployment) status(task string) (s harness.TaskStatus, err error) {
	code, answer, err := d.do(http.MethodGet, d.api+harness.StatusPath+task, "")
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("task-status %s: %d %s", task, code, answer)
	}
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	return s, err
}

// finish asks for a task until it is over.
func (d *deployment) finish(task string, every time.Duration) harness.TaskStatus {
	d.b.Helper()
	for {
		s, err := d.status(task)
		if err != nil {
			d.b.Fatal(err)
		}
		if s.Status == "SUCCESS" || s.Status == "FAILURE" {
			return s
		}
		d.sleep(every)
	}
}

// faults tells the simulator how to misbehave.
func (d *deployment) faults(rules string) {
	d.b.Helper()
	if code, answer, err := d.do(http.MethodPost, d.sim+"/_simulator/faults", rules); err != nil || code != http.StatusNoContent {
		d.b.Fatalf("faults: %v: %d %s", err, code, answer)
	}
}

// simulated is what the simulator says.
type simulated struct {
	Accepted   int            `json:"accepted"`
	Duplicates int            `json:"duplicates"`
	Repeated   int            `json:"repeated"`
	Refused    map[string]int `json:"refused"`
}

func (d *deployment) ledger() (l simulated) {
	d.b.Helper()
	l, err := d.summary()
	if err != nil {
		d.b.Fatal(err)
	}
	return l
}

func (d *deployment) summary() (l simulated, err error) {
	code, answer, err := d.do(http.MethodGet, d.sim+"/_simulator/summary", "")
	if err == nil {
		err = json.Unmarshal(answer, &l)
	}
	if err != nil {
		err = fmt.Errorf("the simulator's summary: %w: %d %.200q", err, code, answer)
	}
	return l, err
}

// account is everything that was asked for and what became of it.
type account struct {
	Recipients int `json:"recipients"`
	Sent       int `json:"sent"`
	Expired    int `json:"expired"`
	Unknown    int `json:"unknown"`
	Failed     int `json:"failed"` // for any other reason
	Lost       int `json:"lost"`
	Doubled    int `json:"doubled"` // calls, or messages, beyond the first for one recipient
	Untold     int `json:"untold"`
}

// settle waits until every task is over, and compares what they say with the simulator's ledger.
func (d *deployment) settle(patience time.Duration) account {
	d.b.Helper()
	a := account{Recipients: d.total, Sent: d.sent}
	end := time.Now().Add(patience)
	for _, task := range d.tasks {
		s, err := d.status(task)
		for ; err == nil && s.Status != "SUCCESS" && s.Status != "FAILURE" && time.Now().Before(end); s, err = d.status(task) {
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			d.b.Fatal(err)
		}
		r := s.Result
		a.Sent += r.Successful
		a.Expired += r.Expired
		a.Unknown += r.Unknown
		a.Failed += r.Failed - r.Expired - r.Unknown
	}
	// Who has no outcome is lost, and so is who is said to have been sent to although nobody was; who has two is as wrong.
	l := d.ledger()
	real := l.Accepted - int(d.bare.Load())
	missing := a.Recipients - a.Sent - a.Expired - a.Unknown - a.Failed
	a.Lost = max(missing, -missing) + max(0, a.Sent-real)
	a.Doubled = max(l.Duplicates, l.Repeated)
	// Messages beyond those that the tasks account for: of a broadcast that was answered with 503 and taken all the same.
	a.Untold = max(0, real-a.Sent-a.Unknown)
	return a
}
