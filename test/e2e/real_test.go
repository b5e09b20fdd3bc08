package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/kafka"
	"altavoz/kafka/topics"
	"altavoz/test/harness"
)

// realDeployment is altavoz as it is deployed: roles in processes of their own, a real Kafka and a real Redis between them.
func realDeployment(t *testing.T, brokers, redis string) *deployment {
	t.Helper()
	sim := harness.StartSimulator(t)
	config := func(name string, roles ...app.Role) app.Config {
		cfg := harness.ConfigOf(t, sim.URL())
		cfg.Process.Roles, cfg.Process.InstanceID = roles, name
		cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = []string{brokers}, fmt.Sprintf("e2e%d.", time.Now().UnixNano())
		cfg.Redis.Addrs = []string{redis}
		cfg.Callback.Secrets, cfg.Media.FetchAllow = "whsec_"+callbackKey, []string{callbackAllow}
		return cfg
	}
	// One name a process, as an orchestrator gives it; the senders share their partitions.
	configs := []app.Config{
		config("producer-0", app.RoleProducer), config("fanout-0", app.RoleFanout), config("sender-0", app.RoleSender),
		config("sender-1", app.RoleSender), config("aggregator-0", app.RoleAggregator), config("callbacks-0", app.RoleCallbacks),
	}
	for i := range configs {
		configs[i].Kafka.TopicPrefix = configs[0].Kafka.TopicPrefix
	}
	// Only the one that takes receipts knows the secret: the others do not wait for those of a simulator that sends none.
	configs[0].WhatsApp.AppSecret = "app-secret"
	h := &deployment{simulator: sim.URL(), secret: "app-secret"}
	var apps []*app.App
	h.kafka = func() kafka.Config { return harness.Kafka(apps[0], configs[0]) }
	start := func() { // for the whole test, whichever scenario asked for it
		apps = nil
		for _, cfg := range configs {
			apps = append(apps, harness.Start(t, cfg))
		}
		h.URL = apps[0].URL()
	}
	start()
	h.publish = func(t *testing.T, key string, value []byte) {
		t.Helper()
		publishRaw(t, h.kafka(), key, value)
	}
	h.restart = func(t *testing.T) {
		t.Helper()
		for _, a := range apps {
			harness.Stop(t, a)
		}
		start()
	}
	return h
}

// TestRealEndToEnd is every promise of the path on a real Kafka and a real Redis.
func TestRealEndToEnd(t *testing.T) {
	t.Parallel()
	brokers, _ := harness.StartReal(t, "kafka-local")
	redis, _ := harness.StartReal(t, "redis-local")
	h := realDeployment(t, brokers, redis)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, h) })
	}
	t.Run("FileKnownAfterRestart", func(t *testing.T) { testFileKnownAfterRestart(t, h) })
}

// A media id outlives the process that uploaded the file, because Redis remembers it.
func testFileKnownAfterRestart(t *testing.T, h *deployment) {
	t.Helper()
	body := `{"phones":["573007770001"],"body_text":"b","header_type":"image","header_content":"data:image/png;base64,` + harness.OnePixel + `"}`
	if code, got := h.Post(t, body); code != 200 {
		t.Fatalf("%d %s; want 200", code, got)
	}
	before := h.ledger(t)
	h.restart(t)
	if code, got := h.Post(t, strings.Replace(body, "0001", "0002", 1)); code != 200 || !strings.Contains(got, `"successful":1`) {
		t.Fatalf("%d %s; want 200, %q in it", code, got, `"successful":1`)
	}
	if n := h.ledger(t).Uploads.Files - before.Uploads.Files; n != 0 {
		t.Errorf("the file was uploaded again, %d times, want 0", n)
	}
}

// TestRealKafkaAndRedisPassTheSuites runs the suites that can have a real broker or a real Redis on these. They wait for it more than they compute; unit runs
// them on the embedded one.
func TestRealKafkaAndRedisPassTheSuites(t *testing.T) {
	t.Parallel()
	brokers, _ := harness.StartReal(t, "kafka-local")
	redis, _ := harness.StartReal(t, "redis-local")
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"test", "-vet=off", "-ldflags=-s -w", "-count=1", "-parallel=8", "-skip=/embedded"}, realSuites(t)...)...)
	cmd.Env = append(os.Environ(), "ALTAVOZ_TEST_KAFKA="+brokers, "ALTAVOZ_TEST_REDIS="+redis)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// realSuites are the packages with tests that take a real server where one is given.
func realSuites(t *testing.T) (packages []string) {
	t.Helper()
	for _, root := range []string{"kafka", "redis", "app"} {
		err := filepath.WalkDir(filepath.Join("../..", root), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte("kafkatest.OnBrokers(")) || bytes.Contains(text, []byte(`"ALTAVOZ_TEST_REDIS"`)) {
				packages = append(packages, filepath.Dir(path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if packages = slices.Compact(packages); len(packages) < 7 {
		t.Fatalf("got %v, want seven packages or more", packages)
	}
	return packages
}

// TestRealKafkaComesLater starts a process before its Kafka: it waits, says so, and goes on by itself.
func TestRealKafkaComesLater(t *testing.T) {
	t.Parallel()
	brokers, dir := harness.StartReal(t, "kafka-local")
	harness.RunReal(t, "kafka-local", dir, "stop")
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.Kafka.Brokers = []string{brokers}
	var starting sync.WaitGroup
	starting.Go(func() {
		if err := harness.TryReal(t, "kafka-local", dir, "start", "--owner", fmt.Sprint(os.Getpid())); err != nil {
			t.Error(err)
		}
	})
	defer starting.Wait()
	h := &deployment{API: harness.API{URL: harness.Start(t, cfg).URL()}, simulator: sim.URL()}
	if code, got := h.Post(t, `{"phones":["573001234567"],"body_text":"b"}`); code != 200 || !strings.Contains(got, `"successful":1`) {
		t.Errorf("%d %s; want 200, %q in it", code, got, `"successful":1`)
	}
	if _, err := topics.Check(t.Context(), kafka.Config{Brokers: []string{brokers}, Prefix: cfg.Kafka.TopicPrefix}); err != nil {
		t.Errorf("the topics it made: %v", err)
	}
}
