package fanout

import (
	"context"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// The topic of controls, and every process's view of it: behind by a little, each in its own way.

// controlsView is a process's view.
type controlsView struct {
	p       *process
	listen  func(schemas.TaskID, schemas.Controls)
	known   map[schemas.TaskID]schemas.Controls
	read    int // records
	numbers map[string]standing.State
}

func (w *world) control(id schemas.TaskID, kind schemas.ControlKind, speed ...uint32) int64 {
	c := &schemas.Control{Task: id.Bytes(), AtMs: time.Now().UnixMilli(), Kind: kind}
	if len(speed) > 0 {
		c.Speed = speed[0]
	}
	return w.Append(schemas.EncodeControl(c)).Offset
}

func (w *world) pause(id schemas.TaskID) int64 {
	return w.control(id, schemas.ControlKind_CONTROL_KIND_PAUSE)
}

func (w *world) resume(id schemas.TaskID) int64 {
	return w.control(id, schemas.ControlKind_CONTROL_KIND_RESUME)
}

func (w *world) cancel(id schemas.TaskID) int64 {
	return w.control(id, schemas.ControlKind_CONTROL_KIND_CANCEL)
}

// controlled is a record reaching the topic. Called with the lock held.
func (w *world) controlled(rec stream.Record) {
	var c schemas.Control
	if _, number, _ := standing.Decode(&rec); number { // of no task
	} else if len(rec.Value) > 0 {
		if err := schemas.Decode(&rec, &c); err != nil {
			w.failf("a control is not readable: %v", err)
			return
		}
		id := schemas.TaskID(c.GetTask())
		if c.GetKind() == schemas.ControlKind_CONTROL_KIND_RESUME && !w.wanted[id].Cancelled {
			delete(w.bounds, id) // more may leave again
		}
		w.wanted[id] = w.wanted[id].Fold(&c, rec.Offset)
	} else {
		w.takenBack[string(rec.Key)]++
	}
	for _, p := range w.processes {
		time.AfterFunc(w.Delay()+w.behind, p.controls.catchUp)
	}
}

// catchUp reads all that there is.
func (v *controlsView) catchUp() {
	w := v.p.world
	w.Lock()
	all := w.Log(controls0).Records
	told := make(map[schemas.TaskID]schemas.Controls)
	for ; v.read < len(all); v.read++ {
		rec := all[v.read]
		if e, ours, err := standing.Decode(rec); ours {
			if err != nil {
				w.failf("an event of a number: %v", err)
				continue
			}
			v.numbers[e.GetNumber()] = v.numbers[e.GetNumber()].Fold(e)
			continue
		}
		id, err := schemas.ParseTaskID(string(rec.Key[:36]))
		if err != nil {
			w.failf("a key of controls: %v", err)
			continue
		}
		if len(rec.Value) == 0 {
			if c := v.known[id].Without(string(rec.Key[37:])); c.Idle() {
				delete(v.known, id)
			} else {
				v.known[id] = c
			}
			continue
		}
		var c schemas.Control
		_ = schemas.Decode(rec, &c)
		v.known[id] = v.known[id].Fold(&c, rec.Offset)
		told[id] = v.known[id]
	}
	w.Unlock()
	for id, c := range told {
		v.listen(id, c)
	}
}

func (v *controlsView) Get(id schemas.TaskID) (schemas.Controls, bool) {
	v.p.Lock()
	defer v.p.Unlock()
	c, ok := v.known[id]
	return c, ok
}

func (v *controlsView) Number(id string) standing.State {
	v.p.Lock()
	defer v.p.Unlock()
	return v.numbers[id]
}

func (v *controlsView) Listen(heard func(schemas.TaskID, schemas.Controls)) { v.listen = heard }

func (v *controlsView) Sync(context.Context) error {
	v.p.wait(&v.p.behind)
	v.catchUp()
	return nil
}

// bound is what a Status said: so many sends of a task may still start.
type bound struct {
	controls int64
	left     int
	inFlight uint32
}

// bind begins to count what leaves after a Status that shows a pause or a cancel. Called with the lock held.
func (w *world) bind(id schemas.TaskID, st *schemas.Status) {
	c := w.wanted[id]
	if b, ok := w.bounds[id]; ok && (b.controls > st.GetControls() || b.controls == st.GetControls() && b.inFlight == st.GetPipe()) {
		return
	}
	if st.GetControls() == 0 || st.GetControls() < c.Next || !c.Paused && !c.Cancelled {
		return
	}
	w.bounds[id] = bound{controls: st.GetControls(), left: int(st.GetPipe()), inFlight: st.GetPipe()}
}
