package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"altavoz/test/harness"
)

// testRecipients compares what the CSV of a task says of each recipient with what the simulator accepted and refused.
func testRecipients(t *testing.T, h *deployment) {
	phones := harness.Phones(9, 1500)
	refused := map[int]string{5: "573997650030", 1100: "573997650021", 1499: "573997660030"}
	for i, phone := range refused {
		phones[i] = phone
	}
	phones[7], phones[1200] = "=cmd|' /C calc'!A0", phones[3]
	task := h.Queued(t, `{"body_text":"b","phones":`+harness.Quoted(phones)+`,"use_queue":true}`)
	path := h.URL + "/api/messages/tasks/" + task + "/recipients"
	// While it goes on the answer is a snapshot, and no error; until the task is known, 503 asks for another try.
	code, got := h.Get(t, path+"?outcome=pending,sent&limit=1")
	for end := time.Now().Add(harness.SettleTime); code == http.StatusServiceUnavailable && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		code, got = h.Get(t, path+"?outcome=pending,sent&limit=1")
	}
	if code != http.StatusOK || !strings.Contains(got, `"version":`) {
		t.Errorf("while it goes on: %d %s; want %v", code, got, http.StatusOK)
	}
	h.Finished(t, task)
	accepted := make(map[string]bool)
	var entries []struct {
		Phone string `json:"phone"`
	}
	code, got = h.Get(t, h.simulator+"/_simulator/ledger")
	if err := json.Unmarshal([]byte(got), &entries); err != nil || code != http.StatusOK {
		t.Fatalf("the simulator's ledger: %d, %v", code, err)
	}
	for _, e := range entries {
		accepted[e.Phone] = true
	}
	code, got = h.Get(t, path+"?format=csv")
	rows, err := csv.NewReader(strings.NewReader(got)).ReadAll()
	if err != nil || code != http.StatusOK || len(rows) != len(phones)+1 {
		t.Fatalf("%d, %v, %d rows; want %d and a header", code, err, len(rows), len(phones))
	}
	for i, row := range rows[1:] {
		index, phone, outcome, failure := row[0], row[1], row[2], row[3]
		want, wantPhone, wantCode := []string{"sent", "delivered", "read"}, phones[i], ""
		switch {
		case i == 7:
			want, wantPhone = []string{"failed"}, "'"+phones[i]
		case i == 1200:
			want = []string{"skipped"}
		case refused[i] != "":
			want, wantCode = []string{"failed"}, "1310"+phones[i][10:]
		case !accepted[phones[i]]:
			t.Errorf("the simulator did not accept %s", phones[i])
		}
		if refused[i] != "" && accepted[phones[i]] {
			t.Errorf("the simulator accepted %s", phones[i])
		}
		if index != strconv.Itoa(i) || phone != wantPhone || failure != wantCode || !slices.Contains(want, outcome) {
			t.Errorf("row %v, want %d, %s, one of %v, %q", row, i, wantPhone, want, wantCode)
		}
	}
	code, got = h.Get(t, fmt.Sprintf("%s?code=131030&phone=%s", path, refused[1499]))
	if want := `"recipients":[{"index":1499,"phone":"573997660030","outcome":"failed","code":131030,`; code != http.StatusOK || !strings.Contains(got, want) || strings.Contains(got, "next_cursor") {
		t.Errorf("%d %s; want %s alone", code, got, want)
	}
}
