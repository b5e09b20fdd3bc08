package task_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// TestRepeatedUpdateHasTheControlsInForce: whatever order the two are written in, nobody reads of a cancel without how many may still leave.
func TestRepeatedUpdateHasTheControlsInForce(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	x := new(task.Task)
	x.BecomeOpen()
	x.Controls = schemas.Controls{Cancelled: true, Next: 7}
	x.Blocked.Status = task.Status{Phase: schemas.Phase_PHASE_CANCELLED}
	p := x.Publish(now, 50)
	if p == nil || p.Update.GetControls() != 7 || p.Update.GetPipe() != 50 {
		t.Fatalf("published %+v, want what 7 controls and 50 sends in flight are", p)
	}
	if got := x.Repeat(); !proto.Equal(got, p.Update) {
		t.Errorf("repeated %v, want %v", got, p.Update)
	}
	taken := &task.Task{Status: &schemas.Status{Phase: schemas.Phase_PHASE_CANCELLED, Controls: 7, Pipe: 50, Speed: 3}}
	taken.Restore()
	if got := taken.Repeat(); got.GetControls() != 7 || got.GetPipe() != 50 || got.GetSpeed() != 3 {
		t.Errorf("repeated %v after a takeover, want the controls, sends and speed of the status", got)
	}
}
