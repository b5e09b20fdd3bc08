package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"altavoz/kafka/records"
	"altavoz/producer/dryrun"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// testDryRun asks what a broadcast with a long list and a file would do, and makes it then: what was said is what happens, and nothing did before.
func testDryRun(t *testing.T, h *deployment) {
	picture, err := base64.StdEncoding.DecodeString(harness.OnePixel)
	if err != nil {
		t.Fatal(err)
	}
	picture = append(picture, []byte(strings.Repeat("dry run", 100_000))...)
	phones := harness.Phones(0, 1500)
	phones = append(phones, phones[7], "28/11/2026")
	body := `"phones":` + harness.Quoted(phones) + `,"body_text":"b","speed":100000,"header_type":"image","header_content":"data:image/png;base64,` + base64.StdEncoding.EncodeToString(picture) + `"}`
	ledger, ends := h.ledger(t), h.ends(t)
	code, got := h.Post(t, `{"dry_run":true,`+body)
	var r dryrun.Report
	if err := json.Unmarshal([]byte(got), &r); err != nil || code != http.StatusOK || !r.DryRun {
		t.Fatalf("%d %.300s, %v; want %d", code, got, err, http.StatusOK)
	}
	if r.Recipients.Total != 1502 || r.Recipients.Pending != 1500 || r.Recipients.Invalid != 1 || r.Recipients.Repeated != 1 || len(r.Recipients.Rows) != 2 {
		t.Errorf("recipients %+v", r.Recipients)
	}
	if r.File == nil || r.File.Verdict != dryrun.FileGood || r.File.Size != uint64(len(picture)) {
		t.Errorf("file %+v", r.File)
	}
	if r.Sender == nil || r.Sender.ID != harness.Number || !strings.Contains(string(r.Call), `"to":"+`+phones[0]+`"`) {
		t.Errorf("sender %+v, call %s", r.Sender, r.Call)
	}
	if after := h.ledger(t); after != ledger {
		t.Errorf("the simulator had %+v, and has %+v", ledger, after)
	}
	if after := h.ends(t); !slices.Equal(after, ends) {
		t.Errorf("the logs ended at %v, and end at %v", ends, after)
	}
	s := h.Finished(t, h.Queued(t, `{"use_queue":true,`+body))
	if res := s.Result; uint32(res.Successful) != r.Recipients.Pending || uint32(res.Failed) != r.Recipients.Invalid+r.Recipients.Repeated {
		t.Errorf("%+v; was told %+v", res, r.Recipients)
	}
	if code, got := h.Post(t, `{"dry_run":true,"phones":["573000000177"]}`); code != http.StatusBadRequest {
		t.Errorf("%d %s; want %d", code, got, http.StatusBadRequest)
	}
}

// ends is where the logs end that a request is written to.
func (h *deployment) ends(t *testing.T) (all []int64) {
	t.Helper()
	r, err := records.NewReader(h.kafka())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, topic := range []stream.Topic{schemas.TopicBroadcasts, schemas.TopicBlobs} {
		ends, err := r.Ends(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for p := range int32(len(ends)) {
			all = append(all, ends[p])
		}
	}
	return all
}
