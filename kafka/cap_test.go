package kafka

import (
	"testing"

	"altavoz/schemas"
)

// Beyond its cap the view lets go of tasks of which nothing is wanted before any that is paused or cancelled.
func TestControlsAreBounded(t *testing.T) {
	t.Parallel()
	v, err := NewControls(Config{Brokers: []string{"127.0.0.1:1"}}, Layout{schemas.TopicControls: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Stop()
	v.most = 100
	var cancelled []schemas.TaskID
	for i := range 1000 {
		task, kind := schemas.NewTaskID(), schemas.ControlKind_CONTROL_KIND_RESUME
		if i%20 == 0 {
			kind = schemas.ControlKind_CONTROL_KIND_CANCEL
			cancelled = append(cancelled, task)
		}
		rec := schemas.EncodeControl(&schemas.Control{Task: task.Bytes(), Kind: kind})
		rec.Offset = int64(i)
		if err := v.read(rec); err != nil {
			t.Fatal(err)
		}
		if len(v.tasks) > v.most {
			t.Fatalf("%d tasks are held", len(v.tasks))
		}
	}
	for _, task := range cancelled {
		if _, ok := v.Get(task); !ok {
			t.Error("a cancelled task was forgotten before a resumed one")
		}
	}
}
