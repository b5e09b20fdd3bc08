package sender

import (
	"fmt"
	"strings"
	"time"

	"altavoz/internal/backoff"
	"altavoz/schemas"
	"altavoz/stream"
)

// pendingRecord is a record on its way to the log.
type pendingRecord struct {
	timer timer // for another try

	send      *send // whose end it is; nil for a note
	lane      lane
	outcome   schemas.OutcomeClass // "" for what is none
	result    *schemas.Result      // until it is encoded
	rec       stream.Record
	tries     int
	createdAt time.Time // of a note
}

// unlock releases the lock and writes what collected under it: a log may answer at once, through acked.
func (st *Stage) unlock() {
	out := st.outbox
	st.outbox = nil
	st.mu.Unlock()
	for _, p := range out {
		if p.result != nil {
			p.rec, p.result = schemas.EncodeResult(p.result), nil
		}
		log := st.ports.Bulk
		if p.lane == express {
			log = st.ports.Express
		}
		log.Append(p.rec, func(_ stream.Record, err error) { st.onWritten(p, err) })
	}
}

// recordOutcome gives a send its outcome. It is done when that is acknowledged.
func (st *Stage) recordOutcome(e *send, m schemas.RecipientState, reason, wamid string) {
	o := &schemas.Outcome{Index: e.index, Mark: uint32(m), Wamid: strings.ToValidUTF8(wamid, "?")}
	if m != schemas.StateSent { // nobody asks for the phone of one that was sent
		o.Phone, o.Reason = e.phone.Digits(), strings.ToValidUTF8(reason, "?")
	}
	st.writeResult(e, &pendingRecord{
		send: e, lane: e.lane, outcome: m.Outcome(),
		result: &schemas.Result{Task: e.task.id.Bytes(), AtMs: time.Now().UnixMilli(), Event: &schemas.Result_Outcome{Outcome: o}},
	})
	if m.Outcome() == schemas.OutcomeFailed {
		st.logFailure(e, reason)
	}
}

// reject keeps a record that nobody understands.
func (st *Stage) reject(e *send, in *arrival) {
	st.metrics.rejects.Inc()
	st.log.Error("send can't be understood", "topic", in.rec.Topic, "partition", in.rec.Partition, "offset", in.rec.Offset, "error", in.err)
	//mutant:reject-counts-once-acknowledged
	st.writeResult(e, &pendingRecord{send: e, lane: bulk, rec: st.ports.Reject(in.rec, stageName, "decode", in.err.Error())})
}

func (st *Stage) writeResult(e *send, p *pendingRecord) {
	st.moveTo(e, phaseRecording, recordingCause(e.assignment.live))
	st.outbox = append(st.outbox, p) //mutant:result-counts-once-acknowledged
}

// recordingCause is what a send waits for whose result is being written. Results of lost partitions have a bound of their own
// (maxDetached), or an outage that took partitions away would leave no room for those that are ours.
func recordingCause(live bool) cause {
	if live {
		return causeResult
	}
	return causeDetached
}

// publishUpdate says what the task as a whole is doing.
func (st *Stage) publishUpdate(t *task, ph schemas.Phase, why string, cause *schemas.Cause, now time.Time) {
	st.outbox = append(st.outbox, &pendingRecord{lane: bulk, createdAt: now, result: &schemas.Result{
		Task: t.id.Bytes(), AtMs: now.UnixMilli(),
		Event: &schemas.Result_Note{Note: &schemas.TaskUpdate{Phase: ph, Why: strings.ToValidUTF8(why, "?"), Cause: cause}},
	}})
}

// onWritten takes in how the writing of a record ended.
func (st *Stage) onWritten(p *pendingRecord, err error) {
	st.mu.Lock()
	defer st.unlock()
	e := p.send
	if err != nil {
		st.metrics.resultFailures.Inc()
		p.tries++
		if !st.stopping && st.worthRetrying(p, time.Now()) {
			st.timers.Start(&p.timer, p, time.Now().Add(backoff.Equal(resultBase, resultMax, p.tries-1)))
			st.wake()
			return
		}
		st.log.Warn("result was not written", "error", err)
	} else if p.outcome != "" {
		st.metrics.sends[p.lane][p.outcome].Inc()
	}
	if e == nil {
		return
	}
	if st.capacityShort || e.assignment.inBacklogged {
		st.wake()
	}
	if err != nil { // its partition has another owner, or this process ends
		st.detached.drop(e.assignment.partition, e.cell.Offset)
		st.remove(e)
		return
	}
	st.finish(e)
}

// worthRetrying reports whether a record that could not be written is tried again: a result while its partition is ours, or as long as
// what became of the send is kept; what a task is doing, until that is said anew.
func (st *Stage) worthRetrying(p *pendingRecord, now time.Time) bool {
	if p.send == nil {
		return now.Sub(p.createdAt) < announceEvery
	}
	return p.send.assignment.live || st.detached.of(p.send) != nil
}

// onTimer is a record's timer: another try.
func (p *pendingRecord) onTimer(st *Stage, _ time.Time) { st.outbox = append(st.outbox, p) }

// logFailure writes a line for a refused phone, a bounded number of them a second.
func (st *Stage) logFailure(e *send, reason string) {
	if now := time.Now(); now.Sub(st.failuresSince) >= time.Second {
		if st.failures > failureLines {
			st.log.Warn("more sends failed", "sends", st.failures-failureLines, "within_seconds", 1)
		}
		st.failures, st.failuresSince = 0, now
	}
	if st.failures++; st.failures <= failureLines {
		st.log.Warn("send failed", "task", e.task.id, "index", e.index, "phone", e.phone, "sender", e.number.id, "reason", reason)
	}
}

// failureLines is how many failed phones are logged in a second; all are counted, and in the results.
const failureLines = 20

// failureOf returns the outcome of a send that Meta refused for good, and the words for it.
func failureOf(r *schemas.Reply) (schemas.RecipientState, string) {
	code := r.Code
	if r.Verdict == schemas.VerdictContent && code == 0 {
		code = schemas.CodeContent
	}
	m := schemas.Failed(code)
	reason, _ := m.Reason()
	words := m.Spanish()
	if reason.Code != code { // not in the table: the number goes into the words
		words = fmt.Sprintf("(%d) %s", code, reason.Spanish)
	}
	if r.Detail != "" && (reason.Code != code || r.Verdict == schemas.VerdictContent) {
		words += ": " + r.Detail
	}
	return m, words
}
