package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/test/harness"
)

// testHistory sends two broadcasts, one of each lane, to one person, and asks what this person got.
func testHistory(t *testing.T, h *deployment) {
	const refused = "573995550030"
	phones := harness.Phones(55, 150)
	phones[140] = refused
	var tasks []string
	for _, list := range [][]string{phones, {"573995551111", refused}} {
		task := h.Queued(t, `{"body_text":"b","phones":`+harness.Quoted(list)+`,"use_queue":true}`)
		h.Finished(t, task)
		tasks = append(tasks, task)
	}
	type send struct {
		TaskID  string `json:"task_id"`
		Index   int    `json:"index"`
		Phone   string `json:"phone"`
		Outcome string `json:"outcome"`
		Code    int    `json:"code"`
	}
	ask := func(path string) (sends []send, since time.Time, stopped string) {
		code, body := h.Get(t, h.URL+"/api/messages/recipients/"+path)
		var got struct {
			Since     time.Time `json:"since"`
			StoppedBy string    `json:"stopped_by"`
			Sends     []send    `json:"sends"`
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != http.StatusOK {
			t.Fatalf("%s: %d %s, %v; want %d", path, code, body, err, http.StatusOK)
		}
		return got.Sends, got.Since, got.StoppedBy
	}
	// The states are written within two seconds of the Status that counts them.
	want := []send{{tasks[1], 1, refused, "failed", 131030}, {tasks[0], 140, refused, "failed", 131030}}
	var sends []send
	var since time.Time
	var stopped string
	for end := time.Now().Add(harness.SettleTime); !slices.Equal(sends, want) && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		sends, since, stopped = ask("+57%20399%20555%200030")
	}
	if !slices.Equal(sends, want) || stopped != "" || time.Since(since) < 24*time.Hour {
		t.Errorf("%v since %s, stopped by %q; want %v, all that is kept", sends, since, stopped, want)
	}
	if sends, since, stopped = ask(refused + "?limit=1"); len(sends) != 1 || sends[0] != want[0] || stopped != "limit" || time.Since(since) > time.Hour {
		t.Errorf("%v since %s, stopped by %q; want the last one", sends, since, stopped)
	}
	if sends, _, stopped = ask("573995559999"); len(sends) != 0 || stopped != "" {
		t.Errorf("%v, stopped by %q; want nothing", sends, stopped)
	}
	if code, body := h.Get(t, h.URL+"/api/messages/recipients/12"); code != http.StatusBadRequest || !strings.Contains(body, `"field":"phone"`) || !strings.Contains(body, `"hint":`) {
		t.Errorf("%d %s; want %d", code, body, http.StatusBadRequest)
	}
}
