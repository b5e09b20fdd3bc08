package sender

import (
	"time"

	"altavoz/processor/sender/ledger"
	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/stream"
)

// recordID is which recipient a record is for, and where it lies.
type recordID struct {
	offset int64
	task   schemas.TaskID
	index  uint32
}

// detachedSend is what this process knows of a record that a partition's ledger calls started, beyond what the ledger says. It
// outlives the assignment: if the partition comes back, as it does after an outage of the broker, the send need not become unknown.
type detachedSend struct {
	recordID

	until time.Time
	state ledger.State // what the ledger had of it
	send  *send        // its call is under way, or its result is being written
	free  bool         // its call reached nobody; otherwise, without send, its result is acknowledged
}

// detached is what is kept of partitions that are not owned at the moment, by offset.
type detached struct {
	partitions map[stream.TopicPartition]map[int64]*detachedSend
	n          int
	sweptAt    time.Time
}

func (k *detached) keep(s stream.TopicPartition, what *detachedSend) {
	if k.n >= maxDetachedRecords {
		return
	}
	if k.partitions == nil {
		k.partitions = make(map[stream.TopicPartition]map[int64]*detachedSend)
	}
	of := k.partitions[s]
	if of == nil {
		of = make(map[int64]*detachedSend)
		k.partitions[s] = of
	}
	if of[what.offset] == nil {
		k.n++
	}
	of[what.offset] = what
}

func (k *detached) drop(s stream.TopicPartition, offset int64) {
	if of := k.partitions[s]; of[offset] != nil {
		delete(of, offset)
		if k.n--; len(of) == 0 {
			delete(k.partitions, s)
		}
	}
}

// take returns what is known of a record, once. A record that has another identity is another record; and one of which the
// ledger says something else was called by another owner since.
func (k *detached) take(s stream.TopicPartition, id recordID, st ledger.State) *detachedSend {
	what := k.partitions[s][id.offset]
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
func (k *detached) of(e *send) *detachedSend {
	if what := k.partitions[e.assignment.partition][e.cell.Offset]; what != nil && what.send == e {
		return what
	}
	return nil
}

// sweep forgets what is too old, once a minute.
func (k *detached) sweep(now time.Time) {
	if now.Sub(k.sweptAt) < time.Minute {
		return
	}
	k.sweptAt = now
	for s, of := range k.partitions {
		for offset, what := range of {
			if now.After(what.until) {
				k.drop(s, offset)
			}
		}
	}
}

// keepDetached keeps what is known of a partition's started records when its assignment ends.
func (st *Stage) keepDetached(a *assignment, now time.Time) {
	until := now.Add(detachedLife)
	for _, ids := range [][]recordID{a.doneUncommitted, a.doneInCommit} {
		for _, id := range ids {
			st.detached.keep(a.partition, &detachedSend{recordID: id, until: until, state: ledger.Started})
		}
	}
	a.doneUncommitted, a.doneInCommit = nil, nil
	for c := a.ledger.First(); c != nil; c = c.Next() {
		e := c.Send
		switch {
		case e == nil || e.Task == nil:
		case e.Phase() == schedule.PhaseCalling, e.Phase() == schedule.PhaseRecording && c.Started():
			if e.Phase() == schedule.PhaseRecording {
				st.schedule.MoveTo(&e.Send, schedule.PhaseRecording, schedule.CauseDetached)
			}
			st.detached.keep(a.partition, &detachedSend{recordID: e.recordID(), until: until, state: c.State(), send: e})
		case !e.Phase().InFlight() && e.refusedSince(a):
			st.detached.keep(a.partition, &detachedSend{recordID: e.recordID(), until: until, state: ledger.Started, free: true})
		}
	}
}

func (e *send) recordID() recordID { return recordID{e.cell.Offset, e.Task.ID, e.Index} }

// refusedSince reports whether the broker has this send as started, by a commit of ours, and it is not: its call reached nobody
// or was not made, and no commit was tried since. Had one been, the next owner might have found it free, and started it.
func (e *send) refusedSince(a *assignment) bool {
	return e.startCommitted && !e.Doubtful && !e.cell.Started() && e.releasedAt == a.encodings //mutant:refusal-counts-before-its-commit
}

// resolve records what became of a send whose partition is not owned any more.
func (k *detached) resolve(e *send, free bool) {
	if what := k.of(e); what != nil {
		if free && e.Doubtful { // this call reached nobody, an earlier one may have
			k.drop(e.assignment.partition, e.cell.Offset)
			return
		}
		what.send, what.free = nil, free
	}
}

// reattach looks whether this process knows more of a record than its ledger, and reports whether nothing remains to be done.
func (st *Stage) reattach(a *assignment, c *cell, in *arrival) bool {
	if !c.Started() {
		return false
	}
	what := st.detached.take(a.partition, recordID{c.Offset, in.task, in.send.GetIndex()}, c.State())
	switch {
	case what == nil:
		return false
	case what.free:
		a.ledger.Release(c)
		st.commits.markDirty(a)
		return false
	case what.send == nil:
		a.ledger.Finish(c)
		st.commits.markDirty(a)
		return true
	}
	e := what.send
	e.assignment, e.cell, c.Send = a, c, e
	if e.Phase() == schedule.PhaseRecording {
		st.schedule.MoveTo(&e.Send, schedule.PhaseRecording, schedule.CauseResult)
	}
	e.Transfer(&a.Partition)
	a.bytes += e.size
	return true
}
