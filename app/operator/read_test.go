package operator

import (
	"strings"
	"testing"

	"altavoz/stream"
)

// Neither a phone nor Meta's id of a message, which has it, is shown unless it was asked for.
func TestPhonesOfEventsAreMasked(t *testing.T) {
	t.Parallel()
	const about = `{"type":"altavoz.task.recipients","data":{"task_id":"x","recipients":[{"index":0,"phone":"573001234567","wamid":"wamid.HBgMNTcz"},{"index":1,"mark":232}],"ranges":[{"from":2,"to":9}]}}`
	shown, err := eventJSON(&stream.Record{Value: []byte(about)}, false)
	if err != nil || strings.Contains(string(shown), "3001234567") || strings.Contains(string(shown), "wamid") ||
		!strings.Contains(string(shown), "4567") || !strings.Contains(string(shown), `"to":9`) || !strings.Contains(string(shown), `"mark":232`) {
		t.Errorf("shown as %s, %v; want a masked phone, no wamid and the rest", shown, err)
	}
	for _, as := range []string{about, `{"type":"altavoz.task.finished","data":{"task_id":"x"}}`, `[]`} {
		if shown, err := eventJSON(&stream.Record{Value: []byte(as)}, as == about); err != nil || string(shown) != as {
			t.Errorf("shown as %s, %v; want %s", shown, err, as)
		}
	}
}
