package sender

import (
	"slices"
	"strings"
	"time"

	"altavoz/internal/backoff"
	"altavoz/processor/sender/failures"
	"altavoz/processor/sender/report"
	"altavoz/processor/sender/schedule"
	"altavoz/processor/timers"
	"altavoz/schemas"
	"altavoz/schemas/reply"
	"altavoz/stream"
)

// results is what is written to the log: outcomes of sends, updates of tasks, events of numbers, and rejects. Records collect under
// the lock and are written after it is released. Guarded by Stage.mu.
type results struct {
	outbox   []*pendingRecord
	timers   timers.Set[*pendingRecord] // of records that could not be written
	held     held
	failures failures.Log
	stopping bool // nothing is tried again
}

// pendingRecord is a record that is not acknowledged yet.
type pendingRecord struct {
	timer timers.Timer[*pendingRecord] // for another try

	ends      []end // none for an update
	lane      schedule.Lane
	result    *schemas.Result    // until it is encoded, or:
	outcomes  []*schemas.Outcome // those of ends, of one task
	task      schemas.TaskID
	answers   bool          // recipients may answer
	sent, rec stream.Record // sent is written before rec: by it taps are known; no topic: it is none
	tries     int
	createdAt time.Time
}

// end is a send whose end a record is, and how it ended; "" for what is no outcome.
type end struct {
	send    *send
	outcome schemas.OutcomeClass
}

// add has a record written once the lock is released.
func (r *results) add(p *pendingRecord) { r.outbox = append(r.outbox, p) }

// releaseHeld has what is held written, if it waited long enough or is not to wait.
func (r *results) releaseHeld(now time.Time, all bool) {
	if all || !now.Before(r.held.until()) {
		r.outbox = append(r.outbox, r.held.take()...)
	}
}

// holds reports whether an outcome waits for others: one of a bulk send whose number has more of them started.
func (st *Stage) holds(e *send, now time.Time) bool {
	a := e.assignment
	return e.Lane == schedule.Bulk && a.live && !a.draining && !st.results.stopping && e.Number.GroupFollows(now)
}

// retry has records written again whose time has come.
func (r *results) retry(now time.Time) {
	for t := r.timers.Due(now); t != nil; t = r.timers.Due(now) {
		r.add(t.Of)
	}
}

// unlock releases the lock and writes what collected under it: a log may answer at once, through onWritten.
func (st *Stage) unlock() {
	if st.results.held.due {
		st.results.releaseHeld(time.Time{}, true)
	}
	out := st.results.outbox
	st.results.outbox = nil
	st.mu.Unlock()
	for _, p := range out {
		p.encode()
		log := st.ports.Bulk
		if p.lane == schedule.Express {
			log = st.ports.Express
		}
		reply.AppendBehind(log, p.sent, p.rec, func(err error) { st.onWritten(p, err) })
	}
}

// recordOutcome gives a send its outcome. It is done when that is acknowledged.
func (st *Stage) recordOutcome(e *send, m schemas.RecipientState, reason, wamid string) {
	o := &schemas.Outcome{Index: e.Index, Mark: uint32(m), Wamid: strings.ToValidUTF8(wamid, "?")}
	sent := m.Outcome() == schemas.OutcomeSent
	if !sent {
		o.Reason = strings.ToValidUTF8(reason, "?")
	}
	if !sent || e.namePhone { // mostly nobody asks for the phone of one that was sent
		o.Phone = e.Phone.Digits()
	}
	st.schedule.MoveTo(&e.Send, schedule.PhaseRecording, recordingCause(e.assignment.live))
	now := time.Now()
	if e.Lane == schedule.Express { //mutant:result-counts-once-acknowledged
		st.results.add(newOutcome(e, o, now))
	} else {
		st.results.hold(e, o, now, st.holds(e, now))
	}
	if m.Outcome() == schemas.OutcomeFailed {
		st.results.failures.Write(st.log, "task", e.Task.ID, "index", e.Index, "phone", e.Phone, "sender", e.Number.ID, "reason", reason)
	}
}

// reject keeps a record that can't be decoded.
func (st *Stage) reject(e *send, in *arrival) {
	st.metrics.rejects.Inc()
	st.log.Error("send can't be understood", "topic", in.rec.Topic, "partition", in.rec.Partition, "offset", in.rec.Offset, "error", in.err)
	st.schedule.MoveTo(&e.Send, schedule.PhaseRecording, recordingCause(e.assignment.live))
	st.results.add(&pendingRecord{ //mutant:reject-counts-once-acknowledged
		ends: []end{{send: e}}, lane: schedule.Bulk, rec: st.ports.Reject(*in.rec, stageName, "decode", in.err.Error()),
	})
}

// recordingCause is what a send waits for whose result is being written. Results of lost partitions have a bound of their own
// (schedule.MaxDetached), or an outage that took partitions away would leave no room for those that are ours.
func recordingCause(live bool) schedule.Cause {
	if live {
		return schedule.CauseResult
	}
	return schedule.CauseDetached
}

// onWritten ends a send whose result is acknowledged, or has the record written again.
func (st *Stage) onWritten(p *pendingRecord, err error) {
	st.mu.Lock()
	defer st.unlock()
	if err != nil {
		st.metrics.resultFailures.Inc()
		p.tries++
		if !st.results.stopping && st.worthRetrying(p, time.Now()) {
			st.results.timers.Start(&p.timer, p, time.Now().Add(backoff.Equal(resultBase, resultMax, p.tries-1)))
			st.commits.wake()
			return
		}
		st.log.Warn("result was not written", "error", err)
	}
	for _, of := range p.ends {
		e := of.send
		if st.schedule.CapacityShort() || e.assignment.inBacklogged {
			st.commits.wake()
		}
		if err != nil { // its partition has another owner, or this process ends
			st.detached.drop(e.assignment.partition, e.cell.Offset)
			st.schedule.Remove(&e.Send)
			continue
		}
		if of.outcome != "" {
			st.metrics.sends[p.lane][of.outcome].Inc()
		}
		st.finish(e)
	}
}

// worthRetrying reports whether a record that could not be written is tried again: a result while its partition is ours, or as long as
// what became of the send is kept; what a task is doing, until it publishes that anew.
func (st *Stage) worthRetrying(p *pendingRecord, now time.Time) bool {
	if len(p.ends) == 0 {
		return now.Sub(p.createdAt) < report.AnnounceEvery
	}
	return slices.ContainsFunc(p.ends, func(of end) bool { return of.send.assignment.live || st.detached.of(of.send) != nil })
}
