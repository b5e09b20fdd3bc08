package e2e

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
	"altavoz/test/harness"
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
			sim := harness.StartSimulator(t)
			cfg := harness.ConfigOf(t, sim.URL())
			a := harness.Start(t, cfg)
			h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL(), kafka: func() kafka.Config { return harness.Kafka(a, cfg) }}

			// The partition to be held is that of somebody whom the broadcast does not concern.
			phones, id := []string{"573001230001", "573001230002", "573001230003"}, schemas.NewTaskID()
			concerned, layout := make(map[int32]bool), harness.Layout(t, h.kafka())
			keys := map[stream.Topic][]string{
				schemas.TopicBroadcasts: {harness.Number}, schemas.TopicSendsExpress: phones, schemas.TopicResults: {id.String()},
			}
			for _, key := range keys[topic] {
				concerned[layout.Home(topic, []byte(key))] = true
			}
			partition := int32(0)
			for concerned[partition] {
				partition++
			}
			if partition >= layout[topic] {
				t.Fatal("no partition is left")
			}
			rec := stream.Record{
				Topic: topic, Partition: partition, Key: []byte("k"), Value: []byte{0xff, 0xff},
				Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte("3")}},
			}
			if topic == schemas.TopicSendsExpress { // nor is one without a value a tombstone of this version
				rec.Value = nil
			}
			harness.Publish(t, h.kafka(), rec)
			for end := time.Now().Add(harness.SettleTime); heldBy(t, h)[stage] != 1; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("held: %v", heldBy(t, h))
				}
			}
			code, answer := h.Post(t, fmt.Sprintf(`{"phones":["%s"],"body_text":"hola","task_id":%q}`, strings.Join(phones, `","`), id))
			if code != http.StatusOK || !strings.Contains(answer, `"successful":3`) {
				t.Errorf("%d %s; want %v, %q in it", code, answer, http.StatusOK, `"successful":3`)
			}
			err := operator.Rejects(t.Context(), h.kafka(), func(r operator.Rejected) error {
				t.Errorf("rejected: %+v", r)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if got := heldBy(t, h); got[stage] != 1 {
				t.Errorf("held: %v", got)
			}
		})
	}
}

// heldBy is how many partitions each stage holds.
func heldBy(t *testing.T, h *deployment) map[string]float64 {
	t.Helper()
	text, out := h.Metrics(t), make(map[string]float64)
	for _, stage := range []string{"fanout", "sender", "aggregator"} {
		out[stage] = harness.MetricSum(t, text, "altavoz_partitions_held", `stage="`+stage+`"`)
	}
	return out
}
