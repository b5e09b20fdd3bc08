package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/app/operator"
	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

// A process that meets what a newer version wrote waits for that version, in each stage: nothing is rejected, the partition is held,
// and whoever is in the others gets the message.
func TestNewerRecordsHoldTheirPartitionInEachStage(t *testing.T) {
	t.Parallel()
	for topic, stage := range map[stream.Topic]string{
		schemas.TopicBroadcasts: "fanout", schemas.TopicSendsExpress: "sender", schemas.TopicSendsBulk: "sender", schemas.TopicResults: "aggregator",
	} {
		t.Run(string(topic), func(t *testing.T) {
			t.Parallel()
			sim := startTestSimulator(t)
			cfg := houseConfig(t)
			cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = sim.url(), simulatedNumber, simulatedToken
			a := startApp(t, cfg)
			h := &house{api: a.URL(), simulator: sim.url(), kafka: func() kafka.Config { return a.kafka }}

			// The partition to be held is that of somebody whom the broadcast does not concern.
			phones, id := []string{"573001230001", "573001230002", "573001230003"}, schemas.NewTaskID()
			concerned := make(map[int32]bool)
			keys := map[stream.Topic][]string{
				schemas.TopicBroadcasts: {simulatedNumber}, schemas.TopicSendsExpress: phones, schemas.TopicResults: {id.String()},
			}
			for _, key := range keys[topic] {
				concerned[a.layout.Home(topic, []byte(key))] = true
			}
			partition := int32(0)
			for concerned[partition] {
				partition++
			}
			if partition >= a.layout[topic] {
				t.Fatal("no partition is left")
			}
			kc := a.kafka
			kc.Registerer = nil
			pub, err := kafka.NewPublisher(kc, a.layout, 0)
			if err != nil {
				t.Fatal(err)
			}
			rec := stream.Record{
				Topic: topic, Partition: partition, Key: []byte("k"), Value: []byte{0xff, 0xff},
				Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte("2")}},
			}
			if topic == schemas.TopicSendsExpress { // nor is one without a value a tombstone of this version
				rec.Value = nil
			}
			if _, err := pub.Publish(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
			if err := pub.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(settleTime); heldBy(t, a)[stage] != 1; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("held: %v", heldBy(t, a))
				}
			}
			code, answer := h.post(t, fmt.Sprintf(`{"phones":["%s"],"body_text":"hola","task_id":%q}`, strings.Join(phones, `","`), id))
			if code != http.StatusOK || !strings.Contains(answer, `"successful":3`) {
				t.Errorf("%d %s", code, answer)
			}
			err = operator.Rejects(t.Context(), h.kafka(), func(r operator.Rejected) error {
				t.Errorf("rejected: %+v", r)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if got := heldBy(t, a); got[stage] != 1 || len(got) != 3 {
				t.Errorf("held: %v", got)
			}
		})
	}
}

// heldBy is how many partitions each stage holds.
func heldBy(t *testing.T, a *App) map[string]float64 {
	t.Helper()
	all, err := a.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]float64)
	for _, f := range all {
		if f.GetName() == "altavoz_partitions_held" {
			for _, m := range f.GetMetric() {
				out[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	return out
}
