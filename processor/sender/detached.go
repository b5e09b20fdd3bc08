package sender

import (
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// recordID is which recipient a record is for, and where it lies.
type recordID struct {
	offset int64
	task   schemas.TaskID
	index  uint32
}

// knowledge is what this process knows of a record that a partition's ledger calls started, beyond what the ledger says. It
// outlives the assignment: should the partition come back, as it does after an outage of the broker, nobody need call it unknown.
type knowledge struct {
	recordID

	until time.Time
	state state // what the ledger said of it
	send  *send // its call is under way, or its result is being written
	free  bool  // its call reached nobody; otherwise, without send, its result is acknowledged
}

// detached is what is kept of partitions that are not owned at the moment, by offset.
type detached struct {
	slots map[stream.TopicPartition]map[int64]*knowledge
	n     int
	swept time.Time
}

func (k *detached) keep(s stream.TopicPartition, what *knowledge) {
	if k.n >= knownMost {
		return
	}
	if k.slots == nil {
		k.slots = make(map[stream.TopicPartition]map[int64]*knowledge)
	}
	of := k.slots[s]
	if of == nil {
		of = make(map[int64]*knowledge)
		k.slots[s] = of
	}
	if of[what.offset] == nil {
		k.n++
	}
	of[what.offset] = what
}

func (k *detached) drop(s stream.TopicPartition, offset int64) {
	if of := k.slots[s]; of[offset] != nil {
		delete(of, offset)
		if k.n--; len(of) == 0 {
			delete(k.slots, s)
		}
	}
}

// recall returns what is known of a record, once. A record that has another identity is another record; and one of which the
// ledger says something else was called by another owner since.
func (k *detached) recall(s stream.TopicPartition, id recordID, st state) *knowledge {
	what := k.slots[s][id.offset]
	if what == nil {
		return nil
	}
	k.drop(s, id.offset)
	if acknowledged := what.send == nil && !what.free; what.recordID != id || what.state != st && !acknowledged { //mutant:another-record-is-not-known
		return nil
	}
	return what
}

// of returns what is kept of a send that is still under way.
func (k *detached) of(e *send) *knowledge {
	if what := k.slots[e.on.slot][e.cell.offset]; what != nil && what.send == e {
		return what
	}
	return nil
}

// sweep forgets what is too old, once a minute.
func (k *detached) sweep(now time.Time) {
	if now.Sub(k.swept) < time.Minute {
		return
	}
	k.swept = now
	for s, of := range k.slots {
		for offset, what := range of {
			if now.After(what.until) {
				k.drop(s, offset)
			}
		}
	}
}

// detach keeps what is known of a partition's started records when its assignment ends.
func (st *Stage) detach(a *assignment, now time.Time) {
	until := now.Add(knownLife)
	for _, ids := range [][]recordID{a.unsaid, a.saying} {
		for _, id := range ids {
			st.detached.keep(a.slot, &knowledge{recordID: id, until: until, state: started})
		}
	}
	a.unsaid, a.saying = nil, nil
	for c := a.ledger.head; c != nil; c = c.next {
		e := c.send
		switch {
		case e == nil || e.task == nil:
		case e.phase == phaseCalling, e.phase == phaseRecording && c.started:
			if e.phase == phaseRecording {
				st.to(e, phaseRecording, causeDetached)
			}
			st.detached.keep(a.slot, &knowledge{recordID: e.recordID(), until: until, state: c.state(), send: e})
		case !e.phase.busy() && e.refusedSince(a):
			st.detached.keep(a.slot, &knowledge{recordID: e.recordID(), until: until, state: started, free: true})
		}
	}
}

func (e *send) recordID() recordID { return recordID{e.cell.offset, e.task.id, e.index} }

// refusedSince reports whether the broker has this send as started, by a commit of ours, and it is not: its call reached nobody
// or was not made, and no commit was tried since. Had one been, the next owner might have found it free, and started it.
func (e *send) refusedSince(a *assignment) bool {
	return e.acked && !e.doubtful && !e.cell.started && e.released == a.encoded //mutant:refusal-counts-before-its-commit
}

// learned takes in what became of a send whose partition is not owned any more.
func (st *Stage) learned(e *send, free bool) {
	if what := st.detached.of(e); what != nil {
		if free && e.doubtful { // this call reached nobody, an earlier one may have
			st.detached.drop(e.on.slot, e.cell.offset)
			return
		}
		what.send, what.free = nil, free
	}
}

// attach looks whether this process knows more of a record than its ledger, and reports whether nothing remains to be done.
func (st *Stage) attach(a *assignment, c *cell, in *arrival) bool {
	if !c.started {
		return false
	}
	what := st.detached.recall(a.slot, recordID{c.offset, in.task, in.send.GetIndex()}, c.state())
	switch {
	case what == nil:
		return false
	case what.free:
		a.ledger.release(c)
		st.soil(a)
		return false
	case what.send == nil:
		a.ledger.done(c)
		st.soil(a)
		return true
	}
	e := what.send
	old := e.on
	e.on, e.cell, c.send = a, c, e
	if e.phase == phaseRecording {
		st.to(e, phaseRecording, causeResult)
	}
	a.busy++
	a.bytes += e.size
	old.rest()
	return true
}
