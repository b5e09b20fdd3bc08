package fanout

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
	"altavoz/stream"
)

// The topic of controls, and every process's view of it: behind by a little, each in its own way.

// controlsView is a process's view.
type controlsView struct {
	p      *process
	listen func(schemas.TaskID, schemas.Controls)
	known  map[schemas.TaskID]schemas.Controls
	read   int // records
}

func (w *world) control(id schemas.TaskID, kind schemas.ControlKind, speed ...uint32) int64 {
	c := &schemas.Control{Task: id.Bytes(), AtMs: time.Now().UnixMilli(), Kind: kind}
	if len(speed) > 0 {
		c.Speed = speed[0]
	}
	return w.append(nil, schemas.EncodeControl(c)).Offset
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
	if len(rec.Value) > 0 {
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
		time.AfterFunc(w.delay()+w.behind, p.controls.catchUp)
	}
}

// catchUp reads all that there is.
func (v *controlsView) catchUp() {
	w := v.p.w
	w.mu.Lock()
	all := w.logs[stream.TopicPartition{Topic: schemas.TopicControls}]
	told := make(map[schemas.TaskID]schemas.Controls)
	for ; v.read < len(all); v.read++ {
		rec := all[v.read]
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
		_ = schemas.Decode(&rec, &c)
		v.known[id] = v.known[id].Fold(&c, rec.Offset)
		told[id] = v.known[id]
	}
	w.mu.Unlock()
	for id, c := range told {
		v.listen(id, c)
	}
}

func (v *controlsView) Get(id schemas.TaskID) (schemas.Controls, bool) {
	v.p.w.mu.Lock()
	defer v.p.w.mu.Unlock()
	c, ok := v.known[id]
	return c, ok
}

func (v *controlsView) Listen(heard func(schemas.TaskID, schemas.Controls)) { v.listen = heard }

func (v *controlsView) Sync(context.Context) error {
	v.p.w.mu.Lock()
	wait := v.p.w.delay() + v.p.w.behind
	v.p.w.mu.Unlock()
	time.Sleep(wait)
	v.catchUp()
	return nil
}

// bound is what a Status said: so many sends of a task may still start.
type bound struct {
	controls int64
	left     int
	pipe     uint32
}

// bind begins to count what leaves after a Status that shows a pause or a cancel. Called with the lock held.
func (w *world) bind(id schemas.TaskID, st *schemas.Status) {
	c := w.wanted[id]
	if b, ok := w.bounds[id]; ok && (b.controls > st.GetControls() || b.controls == st.GetControls() && b.pipe == st.GetPipe()) {
		return
	}
	if st.GetControls() == 0 || st.GetControls() < c.Next || !c.Paused && !c.Cancelled {
		return
	}
	w.bounds[id] = bound{controls: st.GetControls(), left: int(st.GetPipe()), pipe: st.GetPipe()}
}

// starts checks that a sender may begin a call for the recipient now. Called with the lock held.
func (w *world) starts(k pair, s *schemas.Send) {
	w.started[k.task]++
	if b, ok := w.bounds[k.task]; ok {
		if b.left--; b.left < 0 && !w.doubtful[k.task] {
			w.failf("more sends of %s start than the %d that its Status said", k.task, b.pipe)
		}
		w.bounds[k.task] = b
	}
	if !s.GetWindow().Open(time.Now()) {
		w.failf("a send of %s starts outside its window", k.task)
	}
	if time.Now().UnixMilli() >= s.GetNotAfterMs() {
		w.failf("a send of %s starts after its end", k.task)
	}
}

// mayStart is the sender's own check: from when on it may start the send, or that its time is over.
func mayStart(s *schemas.Send, now time.Time) (at time.Time, expired bool) {
	at, ok := s.GetWindow().Next(now)
	return at, !ok || at.UnixMilli() >= s.GetNotAfterMs()
}

// leaseSlack is how long after it was taken a turn's lease may be committed: the commit under way, and its own.
const leaseSlack = 5 * time.Second

// inTime checks that a send's turn was taken in the hours of its task. How long its write takes then is up to the log, and
// senders look at the hours again; what an earlier owner had leased is dispatched whenever it is found. Called with the lock held.
func (w *world) inTime(id schemas.TaskID, s *schemas.Send, leased time.Time) {
	open := false
	for back := time.Duration(0); back <= leaseSlack; back += time.Second {
		open = open || s.GetWindow().Open(leased.Add(-back))
	}
	if !open {
		w.failf("a turn of %s is leased outside its window", id)
	}
	if leased.After(time.UnixMilli(s.GetNotAfterMs()).Add(leaseSlack)) {
		w.failf("a turn of %s is leased after its end", id)
	}
	if p := w.planOf(id); p != nil && leased.UnixMilli() < p.GetScheduleMs() {
		w.failf("a turn of %s is leased before its schedule", id)
	}
}

func (w *world) planOf(id schemas.TaskID) *schemas.TaskOpened {
	if f := w.tasks[id]; f != nil {
		return f.plan
	}
	return nil
}

// receipt is what Meta says later of a send that it had accepted.
type receipt struct {
	mark  schemas.RecipientState
	after time.Duration
}

// outcome is what a sender, and the webhooks, say of a recipient: sent, unless the test says otherwise.
func (w *world) outcome(k pair) (schemas.RecipientState, *receipt) {
	if w.outcomes == nil {
		return schemas.StateSent, nil
	}
	return w.outcomes(k)
}

// answer writes what became of a send.
func (w *world) answer(k pair, m schemas.RecipientState, r *receipt) {
	w.append(nil, schemas.EncodeResult(&schemas.Result{
		Task: k.task.Bytes(), AtMs: time.Now().UnixMilli(),
		Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{Index: k.index, Mark: uint32(m)}},
	}))
	if r == nil {
		return
	}
	time.AfterFunc(r.after, func() {
		w.append(nil, schemas.EncodeResult(&schemas.Result{
			Task: k.task.Bytes(), AtMs: time.Now().UnixMilli(), Event: &schemas.Result_Receipts{Receipts: &schemas.Receipts{
				Outcomes: []*schemas.Outcome{{Index: k.index, Mark: uint32(r.mark)}},
			}},
		}))
	})
}

// metric sums a metric over its labels.
func metric(t testing.TB, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
