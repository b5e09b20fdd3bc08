package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
	"altavoz/test/harness"
)

// TestEndToEndTapsComeBackAsEvents: each of its recipient, with the id that was filled in for it; twice told by Meta it has one id.
func TestEndToEndTapsComeBackAsEvents(t *testing.T) {
	t.Parallel()
	cfg := harness.Config(t)
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: a.SimulatorURL()}
	people := `[{"phone":"573001810001","variables":{"cita":"7"}},{"phone":"573001810002","variables":{"cita":"8"}}]`
	asked := map[string]string{ // task by what its broadcast has
		"buttons":  h.Queued(t, `{"recipients":`+people+`,"body_text":"b","use_queue":true,"buttons":[{"id":"si-{{cita}}","title":"Sí"},{"id":"no","title":"No"}]}`),
		"location": h.Queued(t, `{"phones":["573001810003"],"body_text":"b","use_queue":true,"location_request":true}`),
	}
	asked["own"], asked["proto"] = schemas.NewTaskID().String(), publishOwnButtons(t, harness.Kafka(a, cfg))
	own := `{"task_id":"` + asked["own"] + `","use_queue":true,"body_text":"b","recipients":[{"phone":"573001810004"},` +
		`{"phone":"573001810005","variables":{"cita":"9"},"buttons":[{"id":"cita-{{cita}}","title":"A las {{cita}}"}]}]}`
	bulk, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+request.PathBulk, strings.NewReader(own))
	if err != nil {
		t.Fatal(err)
	}
	if code, body := h.Do(t, bulk); code != http.StatusAccepted {
		t.Fatalf("own buttons: %d %s", code, body)
	}
	for _, task := range asked {
		h.Finished(t, task)
	}
	for _, tap := range []string{`{"from":"573001810002","id":"si-8"}`, `{"from":"573001810001","id":"no"}`, `{"from":"573001810003","latitude":4.5,"longitude":-74.25}`, `{"from":"573001810005","id":"cita-9"}`, `{"from":"573001810007","id":"hoy"}`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.simulator+"/_simulator/tap", strings.NewReader(tap))
		if err != nil {
			t.Fatal(err)
		}
		if code, body := h.Do(t, req); code != http.StatusNoContent {
			t.Fatalf("%s: %d %s", tap, code, body)
		}
	}
	reader, err := records.NewReader(kafka.Config{Brokers: a.Brokers(), Prefix: cfg.Kafka.TopicPrefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	want := asked["buttons"] + " 1 button_reply si-8, " + asked["buttons"] + " 0 button_reply no, " + asked["location"] + " 0 location 4.5, " + asked["own"] + " 1 button_reply cita-9, " + asked["proto"] + " 1 list_reply hoy"
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(50 * time.Millisecond) {
		got := taps(t, reader)
		missing := ""
		for line := range strings.SplitSeq(want, ", ") {
			if got[line] != 1 {
				missing = line
			}
		}
		if missing == "" && len(got) == 5 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("got %v, want %s", got, want)
		}
	}
}

// publishOwnButtons publishes a broadcast of links of which one recipient has a list of its own.
func publishOwnButtons(t *testing.T, cfg kafka.Config) string {
	t.Helper()
	task := schemas.NewTaskID()
	list := &schemas.ReplyList{Button: "Ver", Sections: []*schemas.ListSection{{Rows: []*schemas.ListRow{{Id: "hoy", Title: "Hoy"}}}}}
	harness.Publish(t, cfg, schemas.EncodeBroadcast(&schemas.Broadcast{
		Task: task.Bytes(), Chosen: true, Phones: []string{"573001810006", "573001810007"},
		Content:  &schemas.Content{Body: "b", ButtonText: "Ver", ButtonUrl: "https://example.com"},
		Personal: []*schemas.Personal{{}, {Own: &schemas.Own{Shape: &schemas.Shape{Kind: &schemas.Shape_List{List: list}}}}},
	}))
	return task.String()
}

// taps counts the ids of the events of each tap.
func taps(t *testing.T, reader *records.Reader) map[string]int {
	t.Helper()
	ids := map[string]map[string]bool{}
	ends, err := reader.Ends(t.Context(), schemas.TopicEvents)
	if err != nil {
		t.Fatal(err)
	}
	for p, end := range ends {
		err := reader.Range(t.Context(), stream.TopicPartition{Topic: schemas.TopicEvents, Partition: p}, 0, end, func(rec stream.Record) error {
			var e struct {
				ID, Type string
				Data     struct {
					TaskID   string `json:"task_id"`
					Index    json.Number
					Kind, ID string
					Location struct{ Latitude json.Number }
				}
			}
			if err := json.Unmarshal(rec.Value, &e); err != nil || e.Type != "altavoz.task.reply" {
				return err
			}
			line := strings.Join([]string{e.Data.TaskID, e.Data.Index.String(), e.Data.Kind, e.Data.ID + e.Data.Location.Latitude.String()}, " ")
			if ids[line] == nil {
				ids[line] = map[string]bool{}
			}
			ids[line][e.ID] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got := make(map[string]int, len(ids))
	for line, of := range ids {
		got[line] = len(of)
	}
	return got
}
