package sender

import (
	"time"

	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/schemas/reply"
)

// held is outcomes of bulk sends that wait for others, one record a task.
type held struct {
	records []*pendingRecord
	open    map[schemas.TaskID]*pendingRecord // those of records that take more
	ends    int
	from    time.Time // the first one
	due     bool      // they are written when the lock is released
}

// maxHeld is how many outcomes wait for others at most.
const maxHeld = schemas.MaxOutcomes

// newOutcome makes the record of a send's outcome.
func newOutcome(e *send, o *schemas.Outcome, now time.Time) *pendingRecord {
	return &pendingRecord{
		ends: []end{{e, schemas.RecipientState(o.GetMark()).Outcome()}}, lane: e.Lane, task: e.Task.ID, outcomes: []*schemas.Outcome{o}, createdAt: now, answers: e.Task.Answerable(e.Personal),
	}
}

// hold has the outcome of a send written in one record with others of its task: once the lock is released, unless it waits.
func (r *results) hold(e *send, o *schemas.Outcome, now time.Time, waits bool) {
	h := &r.held
	if h.ends == 0 {
		h.from = now
	}
	h.ends++
	h.due = h.due || !waits || h.ends >= maxHeld
	p := h.open[e.Task.ID]
	if p == nil {
		if h.open == nil {
			h.open = make(map[schemas.TaskID]*pendingRecord)
		}
		p = newOutcome(e, o, now)
		h.open[e.Task.ID] = p
		h.records = append(h.records, p)
		return
	}
	p.ends, p.outcomes = append(p.ends, end{e, schemas.RecipientState(o.GetMark()).Outcome()}), append(p.outcomes, o)
	p.createdAt, p.answers = now, p.answers || e.Task.Answerable(e.Personal) //mutant:answers-of-any-are-found
	if len(p.outcomes) == schemas.MaxOutcomes {
		delete(h.open, e.Task.ID)
	}
}

// until is when they are written at last; no time if there are none.
func (h *held) until() time.Time {
	if h.ends == 0 {
		return time.Time{}
	}
	return h.from.Add(schedule.ResultsWait)
}

// take returns the records, which are held no more.
func (h *held) take() []*pendingRecord {
	out := h.records
	clear(h.open)
	*h = held{open: h.open}
	return out
}

// encode makes the record of a result, if that was not done before.
func (p *pendingRecord) encode() {
	if p.outcomes != nil {
		p.sent = reply.SentRecord(p.answers, p.task, p.outcomes)
		p.rec = schemas.EncodeOutcomes(p.task, p.createdAt.UnixMilli(), p.outcomes)
	} else if p.result != nil {
		p.rec = schemas.EncodeResult(p.result)
	}
	p.outcomes, p.result = nil, nil
}
