package fold

import (
	"testing"
	"time"

	"altavoz/schemas"
)

func control(c *Controls, id schemas.TaskID, kind schemas.ControlKind, offset int64, at time.Time) {
	c.Apply(id, &schemas.Control{Task: id.Bytes(), Kind: kind}, offset, at, at)
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
	c.Apply(last, &schemas.Control{Task: last.Bytes()}, n, began.Add(100*ControlsLife), began.Add(schemas.TaskLife))
	if all := c.All(); len(all) != n+1 {
		t.Errorf("%d tasks are left of %d; want %v", len(all), n+1, n+1)
	}
	// Beyond, the topic itself has forgotten.
	control(c, last, schemas.ControlKind_CONTROL_KIND_CANCEL, n+1, began.Add(ControlsLife+time.Second))
	if all := c.All(); len(all) != 1 || !all[last].Cancelled {
		t.Errorf("%d tasks are left, want 1", len(all))
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
		c.Withdraw(other, "run")
	}
	if w, ok := c.Get(id); !ok || !w.Cancelled || !w.Paused {
		t.Errorf("%+v is wanted", w)
	}
	if len(c.All()) != 1 || len(c.queue) > 2*spareQueue {
		t.Errorf("%d tasks, %d in the queue; want 1, at most %v", len(c.All()), len(c.queue), 2*spareQueue)
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
		c.StartReread()
		for i := range ids {
			if i != 2 { // its order was in the lost part
				control(c, ids[i], schemas.ControlKind_CONTROL_KIND_PAUSE, int64(i), now)
			}
		}
		c.FinishReread()
	}
	if len(c.queue) > 2*len(ids)+spareQueue {
		t.Errorf("%d in the queue for %d tasks; want at most %v", len(c.queue), len(ids), 2*len(ids)+spareQueue)
	}
	control(c, ids[0], schemas.ControlKind_CONTROL_KIND_RESUME, int64(len(ids)), now)
	if w, _ := c.Get(ids[0]); w.Paused || !w.Resumed || !w.NewerThan(was) || was.NewerThan(w) {
		t.Errorf("resumed, and %+v is wanted (%+v before)", w, was)
	}
	if w, _ := c.Get(ids[1]); !w.Cancelled || !w.Paused {
		t.Errorf("cancelled, and %+v is wanted", w)
	}
	control(c, ids[2], schemas.ControlKind_CONTROL_KIND_RESUME, int64(len(ids)), now)
	if w, _ := c.Get(ids[2]); w.Paused || !w.Resumed {
		t.Errorf("what was lost is resumed, and %+v is wanted", w)
	}
	control(c, ids[0], schemas.ControlKind_CONTROL_KIND_PAUSE, int64(len(ids))+1, now.Add(ControlsLife+time.Second))
	if all := c.All(); len(all) != 1 {
		t.Errorf("%d tasks are known whose time is over", len(all)-1)
	}
}

const (
	pause  = schemas.ControlKind_CONTROL_KIND_PAUSE
	resume = schemas.ControlKind_CONTROL_KIND_RESUME
	cancel = schemas.ControlKind_CONTROL_KIND_CANCEL
	speed  = schemas.ControlKind_CONTROL_KIND_SPEED
)

// While a topic that lost its end is read again nobody hears of an order that was overruled long ago: what was known stands until all is
// read again, and is told once then.
func TestOrdersThatAreReadAgainAreToldOnce(t *testing.T) {
	t.Parallel()
	c, id, now := NewControls(), schemas.NewTaskID(), time.UnixMilli(1_800_000_000_000)
	type order struct {
		kind  schemas.ControlKind
		speed uint32
	}
	orders := []order{{pause, 0}, {speed, 3}, {resume, 0}, {speed, 9}, {pause, 0}}
	take := func(i int) bool {
		at := now.Add(time.Duration(i) * time.Second)
		_, told := c.Apply(id, &schemas.Control{Task: id.Bytes(), Kind: orders[i].kind, Speed: orders[i].speed}, int64(i), at, now.Add(time.Hour))
		return told
	}
	for i := range orders {
		if !take(i) {
			t.Fatal("an order is not told")
		}
	}
	was, _ := c.Get(id)
	for cuts := range 3 {
		c.StartReread()
		for i := range orders {
			if take(i) {
				t.Error("an order that is read again is told")
			}
			if w, ok := c.Get(id); !ok || w != was {
				t.Errorf("while it is read again %+v is wanted", w)
			}
		}
		want := schemas.Controls{Paused: true, Speed: 9, HasSpeed: true, Next: int64(len(orders)), Cuts: cuts + 1}
		if told := c.FinishReread(); len(told) != 1 || told[0] != (Update{id, want}) {
			t.Errorf("told is %+v, want 1 of them", told)
		}
		was, _ = c.Get(id)
		if was != want || c.All()[id] != want {
			t.Errorf("read again, and %+v is wanted", was)
		}
	}
}

// The last order before a cut stands, though the log has only those that it overruled, until one comes that is newer. Of a task of which
// nothing was known, and of cancels, all counts.
func TestWhatWasKnownStandsAgainstOrdersThatAreReadAgain(t *testing.T) {
	t.Parallel()
	c, now := NewControls(), time.UnixMilli(1_800_000_000_000)
	known, other, lost, late, over := schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID(), schemas.NewTaskID()
	say := func(id schemas.TaskID, kind schemas.ControlKind, fast uint32, offset int64, at time.Duration) {
		c.Apply(id, &schemas.Control{Task: id.Bytes(), Kind: kind, Speed: fast}, offset, now.Add(at), now.Add(time.Hour))
	}
	say(known, resume, 0, 10, 1)
	say(known, speed, 50, 11, 2)
	say(late, resume, 0, 12, 3)
	// From here on the log lost all.
	say(known, pause, 0, 13, 4*time.Second)
	say(known, speed, 5, 14, 5*time.Second)
	say(late, pause, 0, 15, 6*time.Second)
	say(lost, pause, 0, 16, 7*time.Second)
	c.StartReread()
	say(known, resume, 0, 10, 1)
	say(known, speed, 50, 11, 2)
	say(late, resume, 0, 12, 3)
	say(other, resume, 0, 13, 8*time.Second) // written before the cut was found
	say(other, pause, 0, 14, 9*time.Second)
	say(known, cancel, 0, 15, time.Second)
	say(late, resume, 0, 16, 10*time.Second)
	say(over, pause, 0, 17, 11*time.Second)
	c.Withdraw(known, "run")
	c.Withdraw(over, "run")
	told := c.FinishReread()
	if len(told) != 3 {
		t.Errorf("told is %+v, want 3 of them", told)
	}
	for what, of := range map[string]struct {
		id   schemas.TaskID
		want schemas.Controls
	}{
		"overruled":   {known, schemas.Controls{Paused: true, Cancelled: true, Speed: 5, HasSpeed: true, Next: 16, Cuts: 1}},
		"unknown":     {other, schemas.Controls{Paused: true, Next: 15, Cuts: 1}},
		"lost":        {lost, schemas.Controls{Paused: true, Cuts: 1}},
		"written ago": {late, schemas.Controls{Resumed: true, Next: 17, Cuts: 1}},
		"taken back":  {over, schemas.Controls{}},
	} {
		t.Run(what, func(t *testing.T) {
			if w, _ := c.Get(of.id); w != of.want {
				t.Errorf("%+v is wanted, not %+v", w, of.want)
			}
		})
	}
	say(known, resume, 0, 18, 0) // whatever its clock says
	say(lost, resume, 0, 19, 0)
	for _, id := range []schemas.TaskID{known, lost} {
		if w, _ := c.Get(id); w.Paused || !w.Resumed || w.Cuts != 1 {
			t.Errorf("resumed since, and %+v is wanted", w)
		}
	}
}
