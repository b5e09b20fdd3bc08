package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
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

// evicting is a process with its simulator, and what is asked of both.
type evicting struct {
	*deployment
	app *app.App
	cfg app.Config
}

func startEvicting(t *testing.T) *evicting {
	t.Helper()
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	a := harness.Start(t, cfg)
	return &evicting{&deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL()}, a, cfg}
}

func onePhone(phone int, text string) string {
	return fmt.Sprintf(`{"phones":["57300%04d777"],"body_text":%q,"use_queue":true}`, phone, text)
}

// ended posts a request that is queued, and returns its task once it has ended.
func (h *evicting) ended(t *testing.T, body string, headers ...string) schemas.TaskID {
	t.Helper()
	code, answer := h.Post(t, body, headers...)
	if code != http.StatusAccepted {
		t.Fatal(code, answer)
	}
	var queued struct {
		TaskID string `json:"task_id"`
	}
	if err := json.Unmarshal([]byte(answer), &queued); err != nil {
		t.Fatal(err)
	}
	id, err := schemas.ParseTaskID(queued.TaskID)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if code, s := h.Get(t, h.URL+harness.StatusPath+id.String()); code == http.StatusOK && strings.Contains(s, `"SUCCESS"`) {
			return id
		}
		if time.Now().After(end) {
			t.Fatalf("task %s does not end", id)
		}
	}
}

func (h *evicting) kafka() kafka.Config { return harness.Kafka(h.app, h.cfg) }

func (h *evicting) publisher(t *testing.T) (*records.Publisher, kafka.Layout) {
	t.Helper()
	layout := harness.Layout(t, h.kafka())
	pub, err := records.NewPublisher(h.kafka(), layout, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pub.Close(t.Context()) })
	return pub, layout
}

// evict lets so many other tasks finish that the process does not keep the given ones in memory: those are all the tasks that there
// are. A view of the test's own reads the same records in the same order, and so holds the same in memory once both have read them all.
func (h *evicting) evict(t *testing.T, ids ...schemas.TaskID) {
	t.Helper()
	view, total := harness.Statuses(t, h.kafka()), len(ids)
	pub, layout := h.publisher(t)
	why := strings.Repeat("x", 10_000)
	inMemory := func(id schemas.TaskID) bool { _, ok := view.Get(id); return ok }
	knows := func() int { return int(harness.MetricSum(t, h.Metrics(t), "altavoz_view_tasks")) }
	for end := time.Now().Add(time.Minute); slices.ContainsFunc(ids, inMemory) || knows() < total; {
		if time.Now().After(end) {
			t.Fatalf("some of %d tasks are still in memory; the process knows %d of %d tasks", len(ids), knows(), total)
		}
		recs := make([]stream.Record, 100)
		for i := range recs {
			id := schemas.NewTaskID()
			recs[i] = schemas.EncodeStatus(layout.Home(schemas.TopicStatuses, []byte(id.String())), &schemas.Status{
				Task: id.Bytes(), Version: 1, FinishedMs: 1, Why: why, Plan: &schemas.TaskOpened{Total: 1},
				Counts: []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 1}},
			})
		}
		if _, err := pub.Publish(t.Context(), recs...); err != nil {
			t.Fatal(err)
		}
		total += len(recs)
	}
}

// A task that finished so long ago that no process has it in memory answers for itself, and so does its Idempotency-Key. Its
// repeats straight from Kafka leave the fanout's ledger, and new broadcasts go on.
func TestEndToEndRepeatOfATaskThatIsReadBack(t *testing.T) {
	h := startEvicting(t)
	const n = 20
	ids := make([]schemas.TaskID, n)
	for i := range ids {
		ids[i] = h.ended(t, onePhone(i, "hola"), "Idempotency-Key", fmt.Sprint("key-", i))
	}
	h.evict(t, ids...)
	for _, id := range ids {
		if code, answer := h.Get(t, h.URL+harness.StatusPath+id.String()); code != http.StatusOK || !strings.Contains(answer, `"SUCCESS"`) {
			t.Errorf("task-status: %d %s; want %v, %q in it", code, answer, http.StatusOK, `"SUCCESS"`)
		}
	}
	if code, answer := h.Post(t, onePhone(0, "hola"), "Idempotency-Key", "key-0"); code != http.StatusAccepted || !strings.Contains(answer, ids[0].String()) {
		t.Errorf("the same request again: %d %s; want %v", code, answer, http.StatusAccepted)
	}
	if code, answer := h.Post(t, onePhone(1, "otro mensaje"), "Idempotency-Key", "key-1"); code != http.StatusConflict {
		t.Errorf("another request under an old key: %d %s; want %v", code, answer, http.StatusConflict)
	}
	const repeats = 3000
	pub, _ := h.publisher(t)
	for i := range repeats {
		value := fmt.Sprintf(`{"phones":["57300%04d777"],"body_text":"hola","use_queue":true,"task_id":"%s"}`, i%n, ids[i%n])
		rec := stream.Record{Topic: schemas.TopicBroadcasts, Partition: stream.NoPartition, Key: []byte(harness.Number), Value: []byte(value)}
		if _, err := pub.Publish(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	h.ended(t, onePhone(1000, "nuevo"))
	if s := h.summary(t); s.Accepted != n+1 || s.Duplicates > 0 {
		t.Errorf("%d messages for %d phones: %d were sent twice; want %v, 0", s.Accepted, n+1, s.Duplicates, n+1)
	}
}

type accepted struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
}

func (h *evicting) summary(t *testing.T) (s accepted) {
	t.Helper()
	_, body := h.Get(t, h.simulator+"/_simulator/summary")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err, body)
	}
	return s
}

// sends is where the topics of sends end, all in all.
func (h *evicting) sends(t *testing.T) (n int64) {
	t.Helper()
	r, err := records.NewReader(h.kafka())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, topic := range []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk} {
		all, err := r.Ends(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range all {
			n += end
		}
	}
	return n
}

// Everything stood still for longer than the broker keeps the offsets of a group, and not as long as broadcasts are kept: the
// fanout reads them all again, and dispatches none of those that finished.
func TestEndToEndOffsetsThatAreGoneDispatchNothingAgain(t *testing.T) {
	h := startEvicting(t)
	const n = 60
	ids := make([]schemas.TaskID, n)
	for i := range ids {
		ids[i] = h.ended(t, onePhone(i, "hola"))
	}
	h.evict(t, ids...)
	before := h.sends(t)
	harness.Stop(t, h.app)
	gone := 0
	_ = filepath.WalkDir(h.cfg.Embedded.DataDir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && !d.IsDir() && strings.Contains(d.Name(), "groups") && os.Remove(path) == nil {
			gone++
		}
		return nil
	})
	if gone == 0 {
		t.Fatal("found no offsets")
	}
	h.cfg.Process.Roles = app.Roles{app.RoleProducer, app.RoleFanout, app.RoleAggregator} // what the fanout does alone: sends are over by then
	h.app = harness.Start(t, h.cfg)
	h.URL = h.app.URL()
	dropped := fmt.Sprintf("altavoz_broadcasts_dropped_total{cause=\"repeat\"} %d\n", n)
	for end := time.Now().Add(time.Minute); !strings.Contains(h.Metrics(t), dropped) && h.sends(t) == before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not all of %d broadcasts are known for repeats", n)
		}
	}
	if again := h.sends(t) - before; again > 0 {
		t.Errorf("the fanout dispatched %d of %d recipients again; want 0", again, n)
	}
	if s := h.summary(t); s.Accepted != n || s.Duplicates > 0 {
		t.Errorf("%d messages for %d phones: %d were sent twice; want %v, 0", s.Accepted, n, s.Duplicates, n)
	}
}
