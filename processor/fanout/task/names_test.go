package task_test

import (
	"testing"
	"time"

	"altavoz/blob"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// TestWhoWasDispatchedIsNoRepeatAfterATakeover: of one person's two names the second gets nothing; but what may have been dispatched before is so again,
// or its outcome would be both.
func TestWhoWasDispatchedIsNoRepeatAfterATakeover(t *testing.T) {
	t.Parallel()
	by := task.Sender{Region: "CO", Owner: 1, Phones: func(string, schemas.Phone) schemas.Phone { return "573001234567" }}
	for _, c := range []struct {
		pending []bool
		sends   int
	}{{nil, 1}, {[]bool{true, true}, 2}} {
		x := &task.Task{Loaded: task.Loaded{Ref: blob.NewRef(1, []int64{7}), Slice: &task.Slice{Phones: []string{"CO.1", "573001234567"}}, Seen: recipients.NewSeen()}}
		x.ID, x.Quantum, x.Pending = schemas.NewTaskID(), 2, c.pending
		x.Fill(&schemas.Broadcast{Sender: "100", Total: 2, AcceptedMs: time.Now().UnixMilli()})
		recs, _ := x.Expand(time.Now(), by)
		sends := 0
		for _, rec := range recs {
			if rec.Topic == schemas.TopicSendsExpress || rec.Topic == schemas.TopicSendsBulk {
				sends++
			}
		}
		if len(recs) != 2 || sends != c.sends {
			t.Errorf("pending %v: %d records, %d sends; want 2, %d", c.pending, len(recs), sends, c.sends)
		}
	}
}
