package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/rewrite"
	"altavoz/processor/fanout/status"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// lane takes the turns of one queue that can be taken now.
func (s *slot) lane(q *queue, now time.Time) {
	for e := q.Look(now); e != nil; e = q.Look(now) {
		s.look(e.Task, now)
	}
	for e := q.Peek(now); e != nil && s.loads < maxLoads; e = q.Peek(now) {
		t := e.Task
		if !s.prepare(t, now) {
			q.Block(e)
			continue
		}
		if !s.fits(ledger.LineBytes) {
			return
		}
		//mutant:others-wait-for-the-first-recipients
		s.begin(t, q.Take(e, min(t.most(), t.slice.first+uint32(len(t.slice.phones))-t.cursor)), now)
	}
}

// repeat takes the turns that an earlier owner had leased. They are in the pipe already, so they wait for nobody: two of
// them could fill it, and then wait for themselves.
func (s *slot) repeat(now time.Time) {
	var left []*task
	for _, t := range s.repeats {
		switch {
		case t.state != stateOpen || t.lease == 0:
		case t.turn != nil || !s.prepare(t, now) || !s.fits(ledger.LineBytes-ledger.Reserve):
			left = append(left, t)
		default:
			s.begin(t, min(t.lease, t.slice.first+uint32(len(t.slice.phones))-t.cursor), now)
			left = append(left, t)
		}
	}
	s.repeats = left
}

// begin leases the turn: it is produced when a commit says so.
func (s *slot) begin(t *task, n uint32, now time.Time) {
	s.room -= ledger.LineBytes
	if t.place == placeNone {
		s.relist(t)
	}
	t.turn = &turn{t: t, from: t.cursor, n: n}
	s.leasing = append(s.leasing, t.turn)
	s.dirty, s.urgent = true, true
	s.st.metrics.turns[t.lane].Inc()
	if !t.started {
		t.started = true
		s.log.Info("broadcast started", "task", t.id.String(), "sender", t.sender, "lane", string(t.lane), "total", t.Total,
			"waited_seconds", now.Sub(time.UnixMilli(t.accepted)).Seconds())
	}
	s.prefetch(t, t.cursor+n)
}

// produce dispatches a turn that is leased.
func (s *slot) produce(u *turn) {
	t := u.t
	if t.turn != u {
		return
	}
	recs := s.expand(u, time.Now())
	// Ids take more than was reserved. Without room for it the list goes on all the same: what they take is bounded in each set,
	// and two lists that wait for each other's room would wait for ever.
	if more := t.seen.Bytes() - t.holds; t.holds > 0 && more > 0 && s.st.sets.TryAcquire(more) {
		t.holds += more
	}
	s.enqueue(&writing{lease: true, Write: partition.Write{To: s.logOf(t), Records: recs, Done: func(stream.Record) { s.dispatched(u) }}})
}

// dispatched takes in that all of a turn is in the log.
func (s *slot) dispatched(u *turn) {
	t, now := u.t, time.Now()
	t.turn = nil
	t.cursor += u.n
	t.lease -= min(t.lease, u.n)
	if t.mask = t.mask[min(int(u.n), len(t.mask)):]; t.lease == 0 {
		t.mask, t.doubt = nil, false
	}
	s.touch()
	s.st.metrics.dispatched[t.lane].Add(float64(u.n))
	switch {
	case t.status != nil && status.Finished(t.status):
		s.dismiss(t)
	case t.cursor == t.Total:
		s.close(t, t.dispatched(now, t.Total))
	default:
		s.whenPlanned(t, func() { s.write(s.logOf(t), func(stream.Record) {}, t.dispatched(now, t.cursor)) })
		s.chill(t)
		s.look(t, now)
	}
}

// expand makes the turn's records: a send for each recipient, or the outcome of one who gets none.
func (s *slot) expand(u *turn, now time.Time) []stream.Record {
	t := u.t
	notAfter := min(now.Add(schemas.SendLife).UnixMilli(), t.ends().UnixMilli())
	replaced, all := s.replaced(t)
	recs := make([]stream.Record, 0, u.n)
	for i := range u.n {
		index := u.from + i
		text := t.slice.phones[index-t.slice.first]
		phone, mark := t.seen.Judge(text, s.st.cfg.Region)
		if t.mask != nil && !t.mask[i] {
			continue // decided before the takeover
		}
		if t.mask != nil {
			s.st.metrics.repeats.Inc()
		}
		if t.doubt && !mark.Decided() { //mutant:recipient-in-doubt-is-not-sent-to
			mark = schemas.StateUnknown
		}
		if mark.Decided() {
			recs = append(recs, t.result(now, &schemas.Result{Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{
				Index: index, Mark: uint32(mark), Phone: rewrite.Shown(text), Reason: rewrite.Reason(mark, text, s.st.cfg.Region),
			}}}))
			continue
		}
		recs = append(recs, schemas.EncodeSend(t.lane, &schemas.Send{
			Task: t.id.Bytes(), Index: index, Phone: phone.Digits(), Sender: t.sender, NotAfterMs: notAfter,
			ContentRef: t.ref, Content: t.content, OnUnknown: t.body.GetOnUnknown(), Window: t.window,
			Generation: s.owners[0], Replaced: replaced, RepeatedAll: all,
		}))
	}
	return recs
}
