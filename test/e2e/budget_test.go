package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"altavoz/app/budget"
	"altavoz/internal/testio"
	"altavoz/test/harness"
)

const (
	smallBudget = 16 << 20 // bytes, the least that may be configured
	// mostOfBudget is how much of the budget the folder may take, in percent: it grows between two measurements.
	mostOfBudget = 125
	// fillTime is what filling may take: 4 seconds on an idle machine.
	fillTime = 3 * time.Minute
	// Each broadcast has some people, and entries that are no phones and do not compress: 140 KB that make no send.
	peopleEach, junkEach, junkBytes = 5, 900, 120
)

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// small is `altavoz up` as a process of its own, with a small budget, and the broadcasts that it accepted.
type small struct {
	*deployment
	binary, dir string
	env         []string
	cmd         *exec.Cmd
	said        testio.Buffer
	random      *rand.ChaCha8
	tasks       []string
	people      int
}

func startSmall(t *testing.T) *small {
	t.Helper()
	sim := harness.StartSimulator(t)
	post(t, sim.URL()+"/_simulator/faults", "latency=50ms") // so that calls are under way when it is killed
	api, dir := freeAddress(t), filepath.Join(t.TempDir(), "data")
	s := &small{
		deployment: &deployment{API: harness.API{URL: "http://" + api}, simulator: sim.URL()}, binary: harness.Binary(t, "ALTAVOZ_TEST_BINARY"), dir: dir, random: rand.NewChaCha8([32]byte{1}),
		env: []string{
			"ALTAVOZ_DATA_DIR=" + dir, fmt.Sprint("ALTAVOZ_DATA_BUDGET=", smallBudget), "ALTAVOZ_HTTP_ADDR=" + api, "ALTAVOZ_EMBEDDED_KAFKA_ADDR=" + freeAddress(t),
			"ALTAVOZ_WHATSAPP_BASE_URL=" + sim.URL(), "ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID=" + harness.Number, "ALTAVOZ_WHATSAPP_ACCESS_TOKEN=" + harness.Token, "ALTAVOZ_WHATSAPP_RATE=0",
		},
	}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func (s *small) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
}

func (s *small) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.CommandContext(t.Context(), s.binary, "up")
	s.cmd.Env = s.env
	s.cmd.Stderr = &s.said
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get(s.URL + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("it does not get ready:\n%s", s.said.String())
		}
	}
}

// broadcast posts one more to people who are in no other.
func (s *small) broadcast(t *testing.T) {
	t.Helper()
	var entries []string
	for range peopleEach {
		entries = append(entries, fmt.Sprintf("57300%05d77", s.people))
		s.people++
	}
	junk := make([]byte, junkBytes)
	for range junkEach {
		_, _ = s.random.Read(junk) // it never fails
		entries = append(entries, "x"+base64.StdEncoding.EncodeToString(junk))
	}
	s.tasks = append(s.tasks, s.Queued(t, fmt.Sprintf(`{"phones":%s,"body_text":"hola","use_queue":true}`, harness.Quoted(entries))))
}

// fill posts broadcasts until lists were trimmed.
func (s *small) fill(t *testing.T) {
	t.Helper()
	const together = 8
	for end := time.Now().Add(fillTime); harness.MetricSum(t, s.Metrics(t), "altavoz_data_trimmed_records_total", `topic="broadcasts"`) < together; {
		for range together {
			s.broadcast(t)
		}
		for _, task := range s.tasks[len(s.tasks)-together:] {
			s.Finished(t, task)
		}
		s.within(t)
		if time.Now().After(end) {
			t.Fatalf("nothing was trimmed after %d broadcasts", len(s.tasks))
		}
	}
}

func (s *small) within(t *testing.T) {
	t.Helper()
	if size, err := budget.FolderSize(s.dir); err != nil || size > smallBudget*mostOfBudget/100 {
		t.Fatalf("%d bytes after %d broadcasts (%v), want at most %d percent of %d", size, len(s.tasks), err, mostOfBudget, smallBudget)
	}
}

// lists checks that the list of the first task is gone and that of the last one is not.
func (s *small) lists(t *testing.T) {
	t.Helper()
	first, last := s.tasks[0], s.tasks[len(s.tasks)-1]
	if got := s.Status(t, first); got.Status != "SUCCESS" || got.Result.Successful != peopleEach {
		t.Errorf("the first task: %+v; want SUCCESS and %d sent", got, peopleEach)
	}
	for task, want := range map[string]int{first: http.StatusGone, last: http.StatusOK} {
		if code, body := s.Get(t, s.URL+"/api/messages/tasks/"+task+"/recipients"); code != want || code == http.StatusGone && !strings.Contains(body, `"list_expired"`) {
			t.Errorf("the list of %s: %d %.200s; want %d", task, code, body, want)
		}
	}
}

// Broadcasts go through a budget that has no room for all of them. The folder stays within it, the oldest lists are gone and their numbers are not. A
// process that was killed with tasks under way ends them, and sends to nobody twice.
func TestEndToEndFinishedWorkIsTrimmedWithinTheBudget(t *testing.T) {
	t.Parallel()
	s := startSmall(t)
	s.fill(t)
	s.lists(t)
	for range 5 {
		s.broadcast(t)
	}
	s.kill()
	s.start(t)
	s.fill(t)
	sent, unknown := 0, 0
	for _, task := range s.tasks {
		got := s.Finished(t, task)
		if got.Status != "SUCCESS" {
			t.Errorf("%+v; want SUCCESS", got)
		}
		sent, unknown = sent+got.Result.Successful, unknown+got.Result.Unknown
	}
	s.lists(t)
	s.within(t)
	var sum struct{ Accepted, Duplicates int }
	_, body := s.Get(t, s.simulator+"/_simulator/summary")
	if err := json.Unmarshal([]byte(body), &sum); err != nil {
		t.Fatal(err, body)
	}
	if sum.Duplicates > 0 || sent+unknown != s.people || sum.Accepted < sent || sum.Accepted > s.people {
		t.Errorf("%+v of %d people, of whom %d were sent to and %d may have been; want nobody twice, and nobody left out", sum, s.people, sent, unknown)
	}
}
