//go:build linux

package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/stream"
	"altavoz/test/harness"
)

const (
	// inFlight is how many calls a process may have under way: what a kill or a stop can make unknown. One number may have inFlightOfOne.
	inFlight, inFlightOfOne = 64, 47
	// numberRate is the messages a second of each number: together a fraction of what altavoz can do without faults,
	// because broker, processes, API and checker share the machine.
	numberRate = 60
	prefix     = "chaos."
	// upstreamTopic is an upstream system's own, whose records the relay of the fanout processes copies to broadcasts.
	upstreamTopic = "crm.broadcasts"
	// upstreamSetting is the variable that names it.
	upstreamSetting = "ALTAVOZ_UPSTREAM_TOPICS"
)

// deployment is a whole altavoz with an API that outlives it.
type deployment struct {
	t       *testing.T
	setting string
	dir     string // of logs and data; kept when the test fails
	binary  string
	gate    *gate
	kafka   *server // nil where it is embedded
	redis   *server
	brokers string
	proxies *proxies // nil: processes talk to the broker itself
	procs   []*process
	extras  int
	// upstream is where the upstream system publishes: to upstreamTopic, if all processes are of versions that know such topics.
	upstream stream.Topic

	mu     sync.Mutex
	broken []string // what went wrong on the way
	tasks  []*task
}

func newDeployment(t *testing.T, setting string, seed uint64) *deployment {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv("CHAOS_DIR"), "chaos-"+setting+"-") //nolint:usetesting // kept when it fails
	if err != nil {
		t.Fatal(err)
	}
	h := &deployment{t: t, setting: setting, dir: dir, binary: harness.Binary(t, "CHAOS_BINARY"), upstream: upstreamTopic}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs and data are kept in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	h.gate = openGate(t, seed, func() string {
		if p := h.api(0); p != nil {
			return p.url()
		}
		return ""
	})
	t.Cleanup(h.end)
	return h
}

// fail writes down what must not be. It may be called from any goroutine.
func (h *deployment) fail(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = append(h.broken, fmt.Sprintf("%s "+format, append([]any{time.Now().UTC().Format("15:04:05.000")}, args...)...))
}

func (h *deployment) failures() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.broken)
}

// end kills what runs.
func (h *deployment) end() {
	for _, p := range h.all() {
		p.kill()
	}
	if h.t.Failed() {
		for _, p := range h.all() {
			if text := p.tail(6); text != "" {
				h.t.Logf("%s", text)
			}
		}
	}
}

// embedded makes it one `altavoz up` with its data in a folder.
func (h *deployment) embedded(data string, env ...string) {
	h.t.Helper()
	h.brokers = freeAddr(h.t)
	env = append([]string{"ALTAVOZ_DATA_DIR=" + data, "ALTAVOZ_EMBEDDED_KAFKA_ADDR=" + h.brokers, "ALTAVOZ_KAFKA_TOPIC_PREFIX=" + prefix}, env...)
	h.add("up-0", "up", []string{"up"}, env...)
}

// real makes it processes of their own, on a Kafka and a Redis.
func (h *deployment) real(specs []spec, brokerArgs ...string) {
	h.t.Helper()
	h.kafka = startServer(h.t, "kafka-local", filepath.Join(h.dir, "kafka"), brokerArgs...)
	h.redis = startServer(h.t, "redis-local", filepath.Join(h.dir, "redis"))
	h.brokers = h.kafka.addr
	for _, s := range specs {
		h.serve(s)
	}
}

// proxied is real, with a proxy between each process and the broker.
func (h *deployment) proxied(specs []spec) {
	h.t.Helper()
	var names []string
	for _, s := range specs {
		names = append(names, s.name)
	}
	var args []string
	h.proxies, args = openProxies(h.t, names)
	h.real(specs, args...)
}

// spec is a process to be: with an identity that survives restarts, or without.
type spec struct {
	name, role string
	identity   bool
}

// roles of a deployment on real servers. Of each stage one process has an identity and the other has none.
var realSpecs = []spec{
	{"producer-0", "producer", true},
	{"fanout-0", "fanout", true},
	{"fanout-1", "fanout", false},
	{"sender-0", "sender", true},
	{"sender-1", "sender", false},
	{"aggregator-0", "aggregator", true},
	{"aggregator-1", "aggregator", false},
}

func (h *deployment) serve(s spec) *process {
	env := []string{"ALTAVOZ_KAFKA_BROKERS=" + cmp.Or(h.proxies.addr(s.name), h.brokers), "ALTAVOZ_KAFKA_TOPIC_PREFIX=" + prefix, "ALTAVOZ_REDIS_ADDRS=" + h.redis.addr}
	if s.identity {
		env = append(env, "ALTAVOZ_INSTANCE_ID="+s.name)
	}
	return h.add(s.name, s.role, []string{"serve", "--roles=" + s.role}, env...)
}

// add makes a process and starts it.
func (h *deployment) add(name, role string, args []string, env ...string) *process {
	h.t.Helper()
	env = append(env, "ALTAVOZ_WHATSAPP_BASE_URL="+h.gate.url+"/"+name, "ALTAVOZ_SENDERS_FILE="+h.sendersFile(),
		"ALTAVOZ_WHATSAPP_MAX_IN_FLIGHT="+strconv.Itoa(inFlightOfOne), "ALTAVOZ_WHATSAPP_APP_SECRET="+appSecret)
	if h.upstream == upstreamTopic {
		env = append(env, upstreamSetting+"="+upstreamTopic+"=crm")
	}
	p := &process{name: name, role: role, args: args, env: env, addr: freeAddr(h.t), dir: h.dir, binary: h.binary}
	p.broken = func(what string) { h.fail("%s\n%s", what, p.tail(3)) }
	h.mu.Lock()
	h.procs = append(h.procs, p)
	h.mu.Unlock()
	if err := p.start(); err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *deployment) sendersFile() string {
	type number struct {
		ID    string  `json:"id"`
		Token string  `json:"token"`
		Rate  float64 `json:"rate"`
	}
	var list []number
	for _, id := range numbers {
		list = append(list, number{id, token, numberRate})
	}
	b, err := json.Marshal(list)
	if err != nil {
		h.t.Fatal(err)
	}
	path := filepath.Join(h.dir, "senders.json")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

func (h *deployment) all() []*process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.procs)
}

// ofRole returns the processes that faults call so.
func (h *deployment) ofRole(role string) []*process {
	var out []*process
	for _, p := range h.all() {
		if p.role == role {
			out = append(out, p)
		}
	}
	return out
}

// api returns a process that takes requests, or nil.
func (h *deployment) api(n int) *process {
	var open []*process
	for _, p := range h.all() {
		if (p.role == "producer" || p.role == "up" || p.role == "all") && p.running() {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[n%len(open)]
}

// awaitReady waits until every process that runs says that it is ready.
func (h *deployment) awaitReady(ctx context.Context, patience time.Duration) {
	h.t.Helper()
	for _, p := range h.all() {
		if !await(ctx, patience, func() bool { return !p.running() || p.ready() }) {
			h.t.Fatalf("%s is not ready after %s\n%s", p.name, patience, p.tail(5))
		}
	}
}

func (h *deployment) reader() (*records.Reader, error) {
	return records.NewReader(kafka.Config{Brokers: []string{h.brokers}, Prefix: prefix})
}

// indented returns lines as a block that reads well in a test's log.
func indented(lines []string) string { return "  " + strings.Join(lines, "\n  ") }
