package fanout

import (
	"time"

	"altavoz/processor/fanout/schedule"
	"altavoz/schemas"
	"altavoz/stream"
)

// The senders, and what may be in flight and start.

// send is a record reaching the senders.
func (w *world) send(by tenures, rec stream.Record) {
	var s schemas.Send
	if err := schemas.Decode(&rec, &s); err != nil {
		w.failf("a send is not readable: %v", err)
		return
	}
	k := pair{schemas.TaskID(s.GetTask()), s.GetIndex()}
	made := w.produced(by, k, false)
	for _, c := range w.copies[k.task] {
		x := by[c.partition]
		if x == nil || x.inherited(c.offset, k.index) {
			continue
		}
		if g := x.leased(c.offset, k.index); g != nil {
			w.inTime(k.task, &s, g.at)
		}
	}
	if made.sends++; made.sends == 1 {
		w.fill(k, s.GetSender(), schemas.LaneOf(rec.Topic))
	}
	if w.stopSenders {
		w.held = append(w.held, rec)
		return
	}
	w.deliver(k, &s)
}

// deliver is a sender sending, once for each pair.
func (w *world) deliver(k pair, s *schemas.Send) {
	if w.sent[k]++; w.sent[k] > 1 {
		return
	}
	at, expired := mayStart(s, time.Now())
	if expired {
		time.AfterFunc(w.Delay(), func() { w.answer(k, schemas.StateExpired, nil) })
		return
	}
	if wait := time.Until(at); wait > 0 { // for its window
		time.AfterFunc(wait, func() { w.lock(func() { w.begin(k, s) }) })
		return
	}
	w.begin(k, s)
}

func (w *world) begin(k pair, s *schemas.Send) {
	w.starts(k, s)
	m, r := w.outcome(k)
	time.AfterFunc(10*time.Millisecond+10*w.Delay(), func() { w.answer(k, m, r) })
}

func (w *world) startSenders() {
	w.lock(func() {
		w.stopSenders = false
		w.release(len(w.held))
	})
}

// release lets senders have the first n of what they had not read. Called with the lock held.
func (w *world) release(n int) {
	for _, rec := range w.held[:n] {
		var s schemas.Send
		_ = schemas.Decode(&rec, &s)
		w.deliver(pair{schemas.TaskID(s.GetTask()), s.GetIndex()}, &s)
	}
	w.held = w.held[n:]
}

// fill counts a send as in flight on its number's lane.
func (w *world) fill(k pair, sender string, lane schemas.Lane) {
	if f := w.tasks[k.task]; f != nil && f.states[k.index].Decided() {
		return
	}
	key := sender + "/" + string(lane)
	w.inFlight[key]++
	w.made[k].counts = key
	rate := w.numbers[sender].Rate
	if rate <= 0 {
		return
	}
	seconds := float64(schedule.BulkSeconds)
	if lane == schemas.LaneExpress {
		seconds = schedule.ExpressSeconds
	}
	if most := max(schedule.MinWindow, int(rate*seconds)) + w.unseen; w.inFlight[key] > most {
		w.failf("%d sends of %s are in flight, %d may be", w.inFlight[key], key, most)
	}
}

// starts checks that a sender may begin a call for the recipient now. Called with the lock held.
func (w *world) starts(k pair, s *schemas.Send) {
	if b, ok := w.bounds[k.task]; ok {
		if b.left--; b.left < 0 && !w.doubtful[k.task] {
			w.failf("more sends of %s start than the %d that its Status said", k.task, b.inFlight)
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

// leaseSlack is how long after it was taken a quantum's lease may be committed: the commit under way, and its own.
const leaseSlack = 5 * time.Second

// inTime checks that a send's quantum was taken in the hours of its task. How long its write takes then is up to the log, and
// senders look at the hours again; what an earlier owner had leased is dispatched whenever it is found. Called with the lock held.
func (w *world) inTime(id schemas.TaskID, s *schemas.Send, leased time.Time) {
	open := false
	for back := time.Duration(0); back <= leaseSlack; back += time.Second {
		open = open || s.GetWindow().Open(leased.Add(-back))
	}
	if !open {
		w.failf("a quantum of %s is leased outside its window", id)
	}
	if leased.After(time.UnixMilli(s.GetNotAfterMs()).Add(leaseSlack)) {
		w.failf("a quantum of %s is leased after its end", id)
	}
	if f := w.tasks[id]; f != nil && leased.UnixMilli() < f.opened.GetScheduleMs() {
		w.failf("a quantum of %s is leased before its schedule", id)
	}
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
	w.Append(schemas.EncodeResult(&schemas.Result{
		Task: k.task.Bytes(), AtMs: time.Now().UnixMilli(),
		Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{Index: k.index, Mark: uint32(m)}},
	}))
	if r == nil {
		return
	}
	time.AfterFunc(r.after, func() {
		w.Append(schemas.EncodeResult(&schemas.Result{
			Task: k.task.Bytes(), AtMs: time.Now().UnixMilli(), Event: &schemas.Result_Receipts{Receipts: &schemas.Receipts{
				Outcomes: []*schemas.Outcome{{Index: k.index, Mark: uint32(r.mark)}},
			}},
		}))
	})
}
