package e2e

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"altavoz/app/operator"
	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// TestEndToEndThreatS13UpstreamTopicsHaveOwnersOfTheirOwn: what is written to an upstream system's topic is that topic's owner's, whatever it says;
// it takes over no task of another owner and sends to no list of another's. What a process that died relays again is the same task.
func TestEndToEndThreatS13UpstreamTopicsHaveOwnersOfTheirOwn(t *testing.T) {
	t.Parallel()
	sim := harness.StartSimulator(t)
	cfg := harness.ConfigOf(t, sim.URL())
	cfg.HTTP.KeysFile, cfg.Kafka.UpstreamOwner = filepath.Join(t.TempDir(), "keys.json"), "erp"
	cfg.Kafka.UpstreamTopics = []string{"crm.broadcasts=crm", "tienda.broadcasts=tienda"}
	if err := os.WriteFile(cfg.HTTP.KeysFile, []byte(ownersKeys), 0o600); err != nil {
		t.Fatal(err)
	}
	a := harness.Start(t, cfg)
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: sim.URL(), kafka: func() kafka.Config { return harness.Kafka(a, cfg) }}
	write := func(topic stream.Topic, recs ...stream.Record) {
		for i := range recs {
			recs[i].Topic, recs[i].Partition = topic, 0
		}
		harness.Publish(t, h.kafka(), recs...)
	}
	ask := func(task, secret string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/api/messages/tasks/"+task, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", secret)
		return h.Do(t, req)
	}
	ends := func(task, owner string, strangers ...string) {
		t.Helper()
		for deadline := time.Now().Add(harness.SettleTime); ; time.Sleep(10 * time.Millisecond) {
			if code, body := ask(task, owner); code == http.StatusOK && strings.Contains(body, "SUCCESS") {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("%s for its owner: %d %s", task, code, body)
			}
		}
		for _, s := range strangers {
			if code, body := ask(task, s); code != http.StatusNotFound {
				t.Errorf("%s for a stranger: %d %s; want %v", task, code, body, http.StatusNotFound)
			}
		}
	}
	phones := harness.Quoted(harness.Phones(4, 1500))
	code, body := h.Post(t, `{"body_text":"suyo","phones":`+phones+`,"use_queue":true}`, "X-API-Key", shopSecret)
	if code != http.StatusAccepted {
		t.Fatal(code, body)
	}
	theirs := taskOf(t, body)
	ends(theirs, shopSecret, crmSecret, erpSecret)
	victim := new(schemas.Broadcast)
	for _, rec := range recordsOf(t, h.kafka(), schemas.TopicBroadcasts) {
		if err := schemas.Decode(&rec, victim); err != nil {
			t.Fatal(err)
		}
	}
	if victim.GetSlices() == nil || victim.GetOwner() != "tienda" {
		t.Fatalf("got %q, want Owner %q", victim, "tienda")
	}
	before := h.ledger(t).Accepted

	one, two, chosen := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
	forged := func(task schemas.TaskID, change func(b *schemas.Broadcast)) stream.Record {
		b := &schemas.Broadcast{
			Task: task.Bytes(), Sender: harness.Number, Content: &schemas.Content{Body: "b", ButtonText: "x", ButtonUrl: "https://example.com"},
			Phones: []string{"573001114567"}, Total: 1, Owner: "tienda", OwnerMac: victim.GetOwnerMac(), RequestSha256: victim.GetRequestSha256(), AcceptedMs: victim.GetAcceptedMs(),
		}
		change(b)
		return schemas.EncodeBroadcast(b)
	}
	write("crm.broadcasts",
		stream.Record{Value: fmt.Appendf(nil, `{"task_id":%q,"phones":["573001114568"],"body_text":"b"}`, one)},
		forged(two, func(*schemas.Broadcast) {}),
		forged(schemas.TaskID(victim.GetTask()), func(*schemas.Broadcast) {}), // a task of the shop's
		forged(schemas.NewTaskID(), func(b *schemas.Broadcast) { b.Phones, b.Slices, b.Total = nil, victim.GetSlices(), 1500 }),
		stream.Record{Value: []byte(`{"phones":["573001114569"],"body_text":"sin id"}`)},
		stream.Record{Value: []byte(`{"phones":["573001114570"],"body_text":"b","owner":"tienda"}`)},
		stream.Record{Value: fmt.Appendf(nil, `{"task_id":%q,"phones":%s,"body_text":"b"}`, chosen, harness.Quoted(harness.Phones(5, 1200)))},
	)
	ends(one.String(), crmSecret, shopSecret, erpSecret)
	ends(two.String(), crmSecret, shopSecret, erpSecret)
	ends(chosen.String(), crmSecret, shopSecret, erpSecret)
	write("tienda.broadcasts", stream.Record{Value: fmt.Appendf(nil, `{"task_id":%q,"phones":["573001114571"],"body_text":"otro"}`, one)}) // a task of crm's
	const sent = 3 + 1200
	codes := func() (out []string) {
		if err := operator.Rejects(t.Context(), h.kafka(), func(r operator.Rejected) error {
			out = append(out, r.Stage+" "+r.Code)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for end := time.Now().Add(harness.SettleTime); (len(codes()) < 4 || h.ledger(t).Accepted < before+sent) && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
	}
	if got := strings.Join(codes(), ","); len(codes()) != 4 || strings.Count(got, "relay foreign") != 2 || strings.Count(got, "relay invalid") != 1 || strings.Count(got, "fanout conflict") != 1 {
		t.Errorf("rejects: %s", got)
	}

	harness.Stop(t, a) // what was committed is gone, as if nothing of it had been before a kill
	_ = filepath.WalkDir(cfg.Embedded.DataDir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && !d.IsDir() && strings.Contains(d.Name(), "groups") {
			return os.Remove(path)
		}
		return nil
	})
	a = harness.Start(t, cfg)
	h.URL = a.URL()
	last := schemas.NewTaskID()
	write("crm.broadcasts", stream.Record{Value: fmt.Appendf(nil, `{"task_id":%q,"phones":["573001114572"],"body_text":"b"}`, last)})
	ends(last.String(), crmSecret)
	ends(one.String(), crmSecret, shopSecret, erpSecret)
	if now := h.ledger(t).Accepted; now != before+sent+1 {
		t.Errorf("%d messages went out, want %d", now-before, sent+1)
	}
}

// recordsOf reads what lies in a topic.
func recordsOf(t *testing.T, cfg kafka.Config, topic stream.Topic) (out []stream.Record) {
	t.Helper()
	reader, err := records.NewReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ends, err := reader.Ends(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for p, end := range ends {
		if err := reader.Range(t.Context(), stream.TopicPartition{Topic: topic, Partition: p}, 0, end, func(rec stream.Record) error {
			out = append(out, rec)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
