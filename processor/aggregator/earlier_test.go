package aggregator

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// A partition of results that an earlier version leaves, with its statuses and marks, is gone on with: nothing of it is folded anew,
// finished tasks stay as they are, and the others come to their end.
func TestPartitionOfAnEarlierVersionIsTakenOver(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/a5df55f.golden")
	if err != nil {
		t.Fatal(err)
	}
	inBubble(t, func(w *world) {
		t := w.t
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			switch f[0] {
			case "#":
			case "position":
				var at int64
				if _, err := fmt.Sscan(f[1], &at); err != nil {
					t.Fatal(err)
				}
				w.setPosition(at, false)
			default:
				value, err := hex.DecodeString(f[3])
				header, version, _ := strings.Cut(f[2], "=")
				if err != nil {
					t.Fatal(err)
				}
				w.append(stream.Record{
					Topic: stream.Topic(f[0]), Partition: 0, Key: []byte(f[1]), Value: value, Headers: []stream.Header{{Key: header, Value: []byte(version)}},
				})
			}
		}
		going, over := schemas.TaskIDFromKey("", "golden a"), schemas.TaskIDFromKey("", "golden b")
		finished := w.status(over)
		if w.size(results0) != 9 || w.status(going).GetFinishedMs() != 0 || finished.GetFinishedMs() == 0 {
			t.Fatal("not what was kept")
		}
		p := w.start(Config{})
		p.feedAll()
		settle(time.Minute)
		if got := p.metric("altavoz_ledger_disagreements_total"); got != 0 {
			t.Errorf("%v disagreements, want 0", got)
		}
		of := func(id schemas.TaskID, r *schemas.Result) *schemas.Result { r.Task = id.Bytes(); return r }
		w.result(
			of(going, outcome(2, schemas.StateDelivered, "", "")), // it was unknown
			of(going, outcome(3, schemas.StateSent, "", "")), of(going, outcome(4, schemas.StateSent, "", "")),
		)
		p.feedAll()
		settle(time.Minute)
		p.leave()
		if got := w.status(over); got.GetVersion() != finished.GetVersion() {
			t.Errorf("the finished task was written again: %v", got)
		}
		got, counts := w.status(going), make(map[uint32]uint32)
		for _, c := range got.GetCounts() {
			counts[c.GetMark()] = c.GetCount()
		}
		if got.GetFinishedMs() == 0 || counts[uint32(schemas.StateSent)] != 3 || counts[uint32(schemas.StateDelivered)] != 1 || counts[uint32(schemas.Failed(131030))] != 1 {
			t.Errorf("the other one: %v, want FinishedMs other than 0", got)
		}
	})
}
