package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"altavoz/kafka"
)

// missing is the exit code by which the scripts in deploy say that something is not installed.
const missing = 3

// startReal runs one of the scripts in deploy that start a real server, and returns its address. Without what it needs
// the test is skipped, except in CI. More are arguments of the script.
func startReal(t testing.TB, script string, more ...string) (addr, dir string) {
	t.Helper()
	dir = t.TempDir()
	args := append([]string{"start", "--dir", dir, "--owner", fmt.Sprint(os.Getpid())}, more...)
	cmd := exec.CommandContext(t.Context(), "../deploy/"+script+"/run", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == missing && os.Getenv("CI") != "true" {
		t.Skipf("#### SKIPPING: %s", stderr.String())
	}
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 2 || fields[0] != "ready" {
		t.Fatalf("%s %v: %v\n%s%s", script, args, err, out, stderr.String())
	}
	t.Cleanup(func() {
		stop := exec.CommandContext(context.WithoutCancel(t.Context()), "../deploy/"+script+"/run", "stop", "--dir", dir)
		if out, err := stop.CombinedOutput(); err != nil {
			t.Errorf("stopping %s: %v\n%s", script, err, out)
		}
	})
	return fields[1], dir
}

// realHouse is altavoz as it is deployed: roles in processes of their own, a real Kafka and a real Redis between them.
func realHouse(t *testing.T, brokers, redis string) *house {
	t.Helper()
	sim := startTestSimulator(t)
	config := func(name string, roles ...Role) Config {
		cfg := houseConfig(t)
		cfg.Process.Roles, cfg.Process.InstanceID = roles, name
		cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = []string{brokers}, fmt.Sprintf("e2e%d.", time.Now().UnixNano())
		cfg.Redis.Addrs = []string{redis}
		cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = sim.url(), simulatedNumber, simulatedToken
		return cfg
	}
	// One name a process, as an orchestrator gives it; the senders share their partitions.
	configs := []Config{
		config("producer-0", RoleProducer), config("fanout-0", RoleFanout), config("sender-0", RoleSender),
		config("sender-1", RoleSender), config("aggregator-0", RoleAggregator),
	}
	for i := range configs {
		configs[i].Kafka.TopicPrefix = configs[0].Kafka.TopicPrefix
	}
	// Only the one that takes receipts knows the secret: the others do not wait for those of a simulator that sends none.
	configs[0].WhatsApp.AppSecret = "app-secret"
	h := &house{simulator: sim.url(), secret: "app-secret"}
	var apps []*App
	h.statuses = func() *kafka.Statuses { return apps[0].doors.statuses }
	h.kafka = func() kafka.Config { return apps[0].kafka }
	start := func() { // for the whole test, whichever scenario asked for it
		apps = nil
		for _, cfg := range configs {
			apps = append(apps, startApp(t, cfg))
		}
		h.api = apps[0].URL()
	}
	start()
	h.publish = func(t *testing.T, key string, value []byte) {
		t.Helper()
		publishRaw(t, apps[0].kafka, apps[0].layout, key, value)
	}
	h.restart = func(t *testing.T) {
		t.Helper()
		for _, a := range apps {
			stopApp(t, a)
		}
		start()
	}
	return h
}

// TestRealEndToEnd is every promise of the path on a real Kafka and a real Redis.
func TestRealEndToEnd(t *testing.T) {
	t.Parallel()
	brokers, _ := startReal(t, "kafka-local")
	redis, _ := startReal(t, "redis-local")
	h := realHouse(t, brokers, redis)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, h) })
	}
	t.Run("FileKnownAfterRestart", func(t *testing.T) { testFileKnownAfterRestart(t, h) })
}

// A media id outlives the process that uploaded the file, because Redis remembers it.
func testFileKnownAfterRestart(t *testing.T, h *house) {
	t.Helper()
	body := `{"phones":["573007770001"],"body_text":"b","header_type":"image","header_content":"data:image/png;base64,` + onePixel + `"}`
	if code, got := h.post(t, body); code != 200 {
		t.Fatalf("%d %s", code, got)
	}
	before := h.ledger(t)
	h.restart(t)
	if code, got := h.post(t, strings.Replace(body, "0001", "0002", 1)); code != 200 || !strings.Contains(got, `"successful":1`) {
		t.Fatalf("%d %s", code, got)
	}
	if n := h.ledger(t).Uploads.Files - before.Uploads.Files; n != 0 {
		t.Errorf("the file was uploaded again, %d times", n)
	}
}

// TestRealKafka runs the suite of package kafka on a real broker.
func TestRealKafka(t *testing.T) {
	t.Parallel()
	brokers, _ := startReal(t, "kafka-local")
	redis, _ := startReal(t, "redis-local")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "altavoz/kafka", "altavoz/redis")
	cmd.Env = append(os.Environ(), "ALTAVOZ_TEST_KAFKA="+brokers, "ALTAVOZ_TEST_REDIS="+redis)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRealKafkaComesLater starts a process before its Kafka: it waits, says so, and goes on by itself.
func TestRealKafkaComesLater(t *testing.T) {
	t.Parallel()
	brokers, dir := startReal(t, "kafka-local")
	script := func(args ...string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "../deploy/kafka-local/run", append(args, "--dir", dir)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	script("stop")
	sim := startTestSimulator(t)
	cfg := houseConfig(t)
	cfg.Kafka.Brokers = []string{brokers}
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = sim.url(), simulatedNumber, simulatedToken
	started := make(chan *App, 1)
	go func() { started <- startApp(t, cfg) }()
	script("start", "--owner", fmt.Sprint(os.Getpid()))
	h := &house{api: (<-started).URL(), simulator: sim.url()}
	if code, got := h.post(t, `{"phones":["573001234567"],"body_text":"b"}`); code != 200 || !strings.Contains(got, `"successful":1`) {
		t.Errorf("%d %s", code, got)
	}
	if _, err := kafka.CheckTopics(t.Context(), kafka.Config{Brokers: []string{brokers}, Prefix: cfg.Kafka.TopicPrefix}); err != nil {
		t.Errorf("the topics it made: %v", err)
	}
}
