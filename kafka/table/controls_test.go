package table

import (
	"testing"
	"time"

	"altavoz/schemas"
)

func control(c *Controls, id schemas.TaskID, kind schemas.ControlKind, offset int64, at time.Time) {
	c.Take(id, &schemas.Control{Task: id.Bytes(), Kind: kind}, offset, at, at)
}

// However many tasks are steered, what is wanted of each is known for as long as it may come and go on.
func TestWhatIsWantedIsKnownForATasksLife(t *testing.T) {
	t.Parallel()
	const n = 300_000 // three times of what there was room for once
	c, began := NewControls(), time.UnixMilli(1_800_000_000_000)
	ids := make([]schemas.TaskID, n)
	for i := range ids {
		ids[i] = schemas.NewTaskID()
		kind := schemas.ControlKind_CONTROL_KIND_PAUSE
		if i%2 == 0 {
			kind = schemas.ControlKind_CONTROL_KIND_RESUME // it overrules the canary for good
		}
		control(c, ids[i], kind, int64(i), began)
	}
	last := schemas.NewTaskID()
	control(c, last, schemas.ControlKind_CONTROL_KIND_CANCEL, n, began.Add(schemas.TaskLife))
	for i, id := range ids {
		if w, ok := c.Get(id); !ok || w.Paused == (i%2 == 0) || w.Resumed == w.Paused {
			t.Fatalf("of task %d is wanted %+v, %v", i, w, ok)
		}
	}
	// A clock that is far ahead makes nobody old.
	c.Take(last, &schemas.Control{Task: last.Bytes()}, n, began.Add(100*ControlsLife), began.Add(schemas.TaskLife))
	if all := c.All(); len(all) != n+1 {
		t.Errorf("%d tasks are left of %d", len(all), n+1)
	}
	// Beyond, the topic itself has forgotten.
	control(c, last, schemas.ControlKind_CONTROL_KIND_CANCEL, n+1, began.Add(ControlsLife+time.Second))
	if all := c.All(); len(all) != 1 || !all[last].Cancelled {
		t.Errorf("%d tasks are left", len(all))
	}
	for _, topic := range schemas.Topics() {
		if topic.Topic == schemas.TopicControls && (topic.Retention < ControlsLife || ControlsLife <= schemas.TaskLife+schemas.FreshTask) {
			t.Errorf("controls are kept for %v, known for %v, and tasks live for %v", topic.Retention, ControlsLife, schemas.TaskLife)
		}
	}
}

// A word said late keeps what was said before; a task spoken of again and again, and one that is over, take no room.
func TestControlsTakeRoomForWhatIsWantedOnly(t *testing.T) {
	t.Parallel()
	c, now := NewControls(), time.UnixMilli(1_800_000_000_000)
	id := schemas.NewTaskID()
	control(c, id, schemas.ControlKind_CONTROL_KIND_CANCEL, 0, now)
	now = now.Add(ControlsLife - time.Hour)
	control(c, id, schemas.ControlKind_CONTROL_KIND_PAUSE, 1, now)
	now = now.Add(2 * time.Hour)
	for i := range int64(100_000) {
		other := schemas.NewTaskID()
		control(c, other, schemas.ControlKind_CONTROL_KIND_PAUSE, 2+i, now)
		c.TakeBack(other, "run")
	}
	if w, ok := c.Get(id); !ok || !w.Cancelled || !w.Paused {
		t.Errorf("%+v is wanted", w)
	}
	if len(c.All()) != 1 || len(c.queue) > 2*spareQueue {
		t.Errorf("%d tasks, %d in the queue", len(c.All()), len(c.queue))
	}
}

// A topic that lost its end gives its offsets out again: what is said there counts, though a higher offset is remembered. Until it says
// something else what was wanted stands, and for as long as before.
func TestOffsetsOfALogThatLostItsEndCountAnew(t *testing.T) {
	t.Parallel()
	c, now := NewControls(), time.UnixMilli(1_800_000_000_000)
	ids := make([]schemas.TaskID, 3*spareQueue)
	for i := range ids {
		ids[i] = schemas.NewTaskID()
		control(c, ids[i], schemas.ControlKind_CONTROL_KIND_PAUSE, int64(1_000_000+i), now)
	}
	control(c, ids[1], schemas.ControlKind_CONTROL_KIND_CANCEL, 2_000_000, now)
	was, _ := c.Get(ids[0])
	for range 5 { // it is read again each time
		c.Anew()
		for i := range ids {
			control(c, ids[i], schemas.ControlKind_CONTROL_KIND_PAUSE, int64(i), now)
		}
	}
	if len(c.queue) > 2*len(ids)+spareQueue {
		t.Errorf("%d in the queue for %d tasks", len(c.queue), len(ids))
	}
	control(c, ids[0], schemas.ControlKind_CONTROL_KIND_RESUME, int64(len(ids)), now)
	if w, _ := c.Get(ids[0]); w.Paused || !w.Resumed || !w.NewerThan(was) || was.NewerThan(w) {
		t.Errorf("resumed, and %+v is wanted (%+v before)", w, was)
	}
	if w, _ := c.Get(ids[1]); !w.Cancelled || !w.Paused {
		t.Errorf("cancelled, and %+v is wanted", w)
	}
	control(c, ids[0], schemas.ControlKind_CONTROL_KIND_PAUSE, int64(len(ids))+1, now.Add(ControlsLife+time.Second))
	if all := c.All(); len(all) != 1 {
		t.Errorf("%d tasks are known whose time is over", len(all)-1)
	}
}
