package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// row is a recipient as the export has it, and as a consumer of events has it.
type row struct {
	Index   uint32
	Phone   string
	Outcome string
	Code    int
}

// exported are the recipients of a task, by the export.
func (h *deployment) exported(t *testing.T, task string) (rows []row) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/api/messages/tasks/"+task+"/recipients?format=ndjson", nil)
	if err != nil {
		t.Fatal(err)
	}
	code, body := h.Do(t, req)
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// foldedEvents folds the events of a task as a consumer does. counted says how many recipients were told when the end was.
func foldedEvents(t *testing.T, reader *records.Reader, task string, total int) (rows []row, events, counted int) {
	t.Helper()
	rows, best := make([]row, total), make([]int, total)
	ends, err := reader.Ends(t.Context(), schemas.TopicEvents)
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	take := func(rec stream.Record) error {
		if string(rec.Key) != task {
			return nil
		}
		type outcome struct {
			Index, From, To uint32
			Phone, Outcome  string
			Code, Mark      int
		}
		var e struct {
			Type string
			Data struct{ Recipients, Ranges []outcome }
		}
		if err := json.Unmarshal(rec.Value, &e); err != nil {
			return err
		}
		if e.Type == "altavoz.task.finished" && !ended {
			ended = true
			for _, mark := range best {
				if mark > 0 {
					counted++
				}
			}
		}
		for _, o := range e.Data.Recipients {
			e.Data.Ranges = append(e.Data.Ranges, outcome{From: o.Index, To: o.Index + 1, Phone: o.Phone, Outcome: o.Outcome, Code: o.Code, Mark: o.Mark})
		}
		if e.Type == "altavoz.task.recipients" {
			events++
		}
		for _, o := range e.Data.Ranges {
			for i := o.From; i < o.To; i++ {
				if o.Phone != "" {
					rows[i].Phone = o.Phone
				}
				if o.Mark > best[i] {
					best[i], rows[i].Outcome, rows[i].Code = o.Mark, o.Outcome, o.Code
				}
			}
		}
		return nil
	}
	for p, end := range ends {
		if err := reader.Range(t.Context(), stream.TopicPartition{Topic: schemas.TopicEvents, Partition: p}, 0, end, take); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rows {
		rows[i].Index = uint32(i)
	}
	return rows, events, counted
}

// TestRealOutcomesInEventsSurviveKills: the aggregator is killed again and again while broadcasts go out and one is cancelled. What a consumer has of the topic
// events is what the export has, and the end comes after all that it counts.
func TestRealOutcomesInEventsSurviveKills(t *testing.T) {
	t.Parallel()
	brokers, _ := harness.StartReal(t, "kafka-local")
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.Process.Roles = app.Roles{app.RoleProducer, app.RoleFanout, app.RoleSender}
	cfg.Kafka.Brokers = []string{brokers}
	h := &deployment{API: harness.API{URL: harness.Start(t, cfg).URL()}, simulator: sim.URL()}
	bin := harness.Binary(t, "ALTAVOZ_TEST_BINARY")
	start := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), bin, "serve", "--roles=aggregator")
		cmd.Env = append(os.Environ(), "ALTAVOZ_KAFKA_BROKERS="+brokers, "ALTAVOZ_KAFKA_TOPIC_PREFIX="+cfg.Kafka.TopicPrefix, "ALTAVOZ_HTTP_ADDR=127.0.0.1:0",
			"ALTAVOZ_INSTANCE_ID=aggregator-0")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	cmd := start()
	t.Cleanup(func() { kill(cmd) })
	const total = 4000
	ask := func(block, speed int) string {
		phones := harness.Phones(block, total)
		phones[7], phones[8], phones[9] = "12", phones[6], "573990000026" // no phone, a repeat, one that fails
		return fmt.Sprintf(`{"phones":%s,"body_text":"b","use_queue":true,"events":"recipients","speed":%d}`, harness.Quoted(phones), speed)
	}
	reader, err := records.NewReader(kafka.Config{Brokers: cfg.Kafka.Brokers, Prefix: cfg.Kafka.TopicPrefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	whole := h.Queued(t, ask(41, 300))
	cut := h.Queued(t, ask(42, 100))
	seen := 0
	for round := range 3 {
		for deadline := time.Now().Add(harness.SettleTime); ; time.Sleep(50 * time.Millisecond) {
			_, events, _ := foldedEvents(t, reader, cut, total)
			if events > seen {
				seen = events
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d events after %d kills, and no more", events, round)
			}
		}
		time.Sleep(time.Duration(300*round) * time.Millisecond) // at another moment between two checkpoints each time
		kill(cmd)
		cmd = start()
	}
	if code, _, _ := h.control(t, cut, "cancel", ""); code != http.StatusOK && code != http.StatusAccepted {
		t.Fatalf("cancelling: %d", code)
	}
	h.Finished(t, whole)
	h.Finished(t, cut)
	for _, task := range []string{whole, cut} {
		same := func() (events, counted int, why string) {
			rows, events, counted := foldedEvents(t, reader, task, total)
			want := h.exported(t, task)
			ranged := 0
			for i := range want {
				if rows[i].Phone == "" { // in a range
					ranged++
					rows[i].Phone = want[i].Phone
				}
			}
			if i := slices.IndexFunc(want, func(r row) bool { return rows[r.Index] != r }); i >= 0 {
				return events, counted, fmt.Sprintf("recipient %d is %v by events, %v by the export", i, rows[i], want[i])
			}
			if task == whole && ranged > 0 {
				return events, counted, fmt.Sprintf("%d recipients have no phone", ranged)
			}
			return events, counted, ""
		}
		for deadline := time.Now().Add(harness.SettleTime); ; time.Sleep(200 * time.Millisecond) {
			events, counted, why := same()
			if why == "" && counted == total {
				t.Logf("%d recipients in %d events through 3 kills, all of them before the end", total, events)
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s; %d of %d were told before the end", why, counted, total)
			}
		}
	}
}
