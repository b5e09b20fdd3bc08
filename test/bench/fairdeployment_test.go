package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/test/harness"
)

// fairLatency is how long the simulator takes to answer.
const fairLatency = "latency=50ms"

// fairNumbers are the sender numbers, with what Meta allows each of them a second (0: no limit).
var fairNumbers = []struct {
	ID    string  `json:"id"`
	Token string  `json:"token"`
	Rate  float64 `json:"rate"`
}{{"1001", "token", 0}, {"1002", "token", 0}, {"1003", "token", 400}, {"1004", "token", 20}, {"1005", "token", 400}, {"1006", "token", 400}}

const (
	crowdedNumber, sharedNumber, fastNumber, slowNumber, runningNumber, stoppedNumber = "1001", "1002", "1003", "1004", "1005", "1006"
	fairFastRate                                                                      = 400 * 4 / 5 // sends a second of the fast number: a fifth is left for replies
)

// fairDeployment is altavoz as it is deployed, one process a role and two senders, on a real Kafka and Redis, with a
// simulator beside it. It keeps an account of everything that it was asked for.
type fairDeployment struct {
	b      *testing.B
	ctx    context.Context //nolint:containedctx // the bench's time, named in BenchmarkFair
	api    string
	sim    string
	client *http.Client
	pids   []int // of everything that belongs to it

	phones atomic.Int64 // given out so far
	bare   atomic.Int64 // sends of the bare loop

	mu    sync.Mutex
	tasks []string // Queued, or not over when their answer came
	total int      // recipients of everything
	sent  int      // of direct broadcasts that were answered
}

func newFairDeployment(b *testing.B) *fairDeployment {
	b.Helper()
	bin := benchBinary(b)
	brokers, dir := harness.StartReal(b, "kafka-local")
	redis, _ := harness.StartReal(b, "redis-local")
	numbers, err := json.Marshal(fairNumbers)
	if err != nil {
		b.Fatal(err)
	}
	senders := filepath.Join(b.TempDir(), "senders.json")
	if err := os.WriteFile(senders, numbers, 0o600); err != nil {
		b.Fatal(err)
	}
	f := &fairDeployment{b: b, ctx: b.Context(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: time.Minute}}
	b.Cleanup(f.client.CloseIdleConnections)
	sim := benchProcess(b, bin, []string{"simulate", "--addr", "127.0.0.1:0", "--plain-phones", "--faults", fairLatency}, nil)
	f.sim = sim.url(b)
	env := []string{
		"ALTAVOZ_KAFKA_BROKERS=" + brokers, "ALTAVOZ_REDIS_ADDRS=" + redis, "ALTAVOZ_SENDERS_FILE=" + senders,
		"ALTAVOZ_WHATSAPP_BASE_URL=" + f.sim, "ALTAVOZ_HTTP_ADDR=127.0.0.1:0", "ALTAVOZ_LOG_LEVEL=info", "ALTAVOZ_LOG_FORMAT=text",
	}
	var processes []*benchedProcess
	for i, role := range []app.Role{app.RoleProducer, app.RoleFanout, app.RoleSender, app.RoleSender, app.RoleAggregator} {
		name := fmt.Sprintf("ALTAVOZ_INSTANCE_ID=%s-%d", role, i)
		processes = append(processes, benchProcess(b, bin, []string{"serve", "--roles=" + string(role)}, append(slices.Clone(env), name)))
	}
	f.pids = []int{os.Getpid(), sim.cmd.Process.Pid, serverPID(b, dir)}
	for _, p := range processes {
		p.url(b)
		f.pids = append(f.pids, p.cmd.Process.Pid)
	}
	f.api = processes[0].url(b)
	return f
}

// cpu is what all of it has used so far, in seconds, but for Redis, which uses next to nothing.
func (f *fairDeployment) cpu() (sum float64) {
	f.b.Helper()
	for _, pid := range f.pids {
		sum += cpuSeconds(f.b, pid)
	}
	return sum
}

// say tells somebody who waits what goes on.
func (f *fairDeployment) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "fair: "+format+"\n", args...)
}

// send posts a broadcast and takes it into the account. A task id says that it was not over when the
// answer came.
func (f *fairDeployment) send(sender string, phones int, extra string) (task string, err error) {
	first := int(f.phones.Add(int64(phones))) - phones
	var body strings.Builder
	body.Grow(phones*15 + 200)
	fmt.Fprintf(&body, `{"body_text":"hola","sender":%q,%s"phones":["%s"`, sender, extra, benchPhone(first))
	for i := 1; i < phones; i++ {
		body.WriteString(`,"` + benchPhone(first+i) + `"`)
	}
	body.WriteString("]}")
	code, answer, err := f.do(http.MethodPost, f.api+harness.SendPath, body.String())
	var a harness.TaskStatus
	if err == nil {
		err = json.Unmarshal(answer, &a)
	}
	switch {
	case err != nil:
	case code == http.StatusAccepted && a.TaskID != "":
	case code == http.StatusOK && a.Result.Successful == phones:
	default:
		err = errors.New("not sent")
	}
	if err != nil {
		return "", fmt.Errorf("a broadcast to %d phones: %w: %d %s", phones, err, code, answer)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total += phones
	if f.sent += a.Result.Successful; a.TaskID != "" {
		f.tasks = append(f.tasks, a.TaskID)
	}
	return a.TaskID, nil
}

// queue sends a broadcast for which nobody waits. What of it has not started in time expires, so that its scenario ends.
func (f *fairDeployment) queue(sender string, phones int, until time.Time) string {
	f.b.Helper()
	task, err := f.send(sender, phones, queuedUntil(until))
	if err != nil {
		f.b.Fatal(err)
	}
	return task
}

func queuedUntil(at time.Time) string {
	return fmt.Sprintf(`"use_queue":true,"expire_at":%q,`, at.UTC().Format(time.RFC3339Nano))
}

func (f *fairDeployment) do(method, url, body string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(f.ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, bytes.TrimSpace(answer), err
}

func (f *fairDeployment) status(task string) (s harness.TaskStatus, err error) {
	code, answer, err := f.do(http.MethodGet, f.api+harness.StatusPath+task, "")
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("task-status %s: %d %s", task, code, answer)
	}
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	return s, err
}

// faults tells the simulator how to misbehave.
func (f *fairDeployment) faults(rules string) {
	f.b.Helper()
	if code, answer, err := f.do(http.MethodPost, f.sim+"/_simulator/faults", rules); err != nil || code != http.StatusNoContent {
		f.b.Fatalf("faults: %v: %d %s", err, code, answer)
	}
}

// fairLedger is what the simulator says.
type fairLedger struct {
	Accepted   int            `json:"accepted"`
	Duplicates int            `json:"duplicates"`
	Repeated   int            `json:"repeated"`
	Refused    map[string]int `json:"refused"`
}

func (f *fairDeployment) ledger() (l fairLedger) {
	f.b.Helper()
	code, answer, err := f.do(http.MethodGet, f.sim+"/_simulator/summary", "")
	if err == nil {
		err = json.Unmarshal(answer, &l)
	}
	if err != nil {
		f.b.Fatalf("the simulator's summary: %v: %d %s", err, code, answer)
	}
	return l
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
func (f *fairDeployment) settle(patience time.Duration) account {
	f.b.Helper()
	a := account{Recipients: f.total, Sent: f.sent}
	end := time.Now().Add(patience)
	for _, task := range f.tasks {
		s, err := f.status(task)
		for ; err == nil && s.Status != "SUCCESS" && s.Status != "FAILURE" && time.Now().Before(end); s, err = f.status(task) {
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			f.b.Fatal(err)
		}
		r := s.Result
		a.Sent += r.Successful
		a.Expired += r.Expired
		a.Unknown += r.Unknown
		a.Failed += r.Failed - r.Expired - r.Unknown
	}
	// Who has no outcome is lost, and so is who is said to have been sent to although nobody was.
	l := f.ledger()
	real := l.Accepted - int(f.bare.Load())
	a.Lost = a.Recipients - a.Sent - a.Expired - a.Unknown - a.Failed + max(0, a.Sent-real)
	a.Doubled = max(l.Duplicates, l.Repeated)
	// Messages beyond those that the tasks account for: of a broadcast that was answered with 503 and taken all the same.
	a.Untold = max(0, real-a.Sent-a.Unknown)
	return a
}
