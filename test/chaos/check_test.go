//go:build linux

package chaos

import (
	"context"
	"fmt"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/whatsapp/simulator"
)

// verdict is what three witnesses say together.
type verdict struct {
	Tasks      int `json:"tasks"`
	Orphans    int `json:"tasks_without_an_answer"` // accepted, though their caller was not told
	Recipients int `json:"recipients"`
	Messages   int `json:"messages"` // that the API accepted
	Lost       int `json:"lost"`     // recipients without an outcome
	Doubled    int `json:"doubled"`  // calls beyond the first that was not plainly refused; of resend tasks none are counted
	Resent     int `json:"resent"`   // the same, of tasks that asked for it
	// Of those, how many more than answers were withheld and processes met by faults in the middle of the calls.
	ResentTooOften int `json:"resent_too_often"`
	Mistaken       int `json:"mistaken"` // recipients whose outcome is not what the API knows
	Disagree       int `json:"disagree"` // tasks whose status is not what results say
	Unknown        int `json:"unknown"`  // recipients who were unknown at some time
	// Why: the API gave no answer to a call; a fault came between start and outcome, for some of them before the call. Unexplained
	// ones are a finding.
	Withheld    int `json:"unknown_withheld"`
	BrokenOff   int `json:"unknown_broken_off"`
	NeverCalled int `json:"unknown_never_called"`
	Unexplained int `json:"unknown_unexplained"`
	// Of those, the ones whose message the API had accepted, which is what receipts can settle; of these the settled ones; and who
	// is unknown in the end.
	UnknownAccepted int `json:"unknown_accepted"`
	Settled         int `json:"settled"`
	StillUnknown    int `json:"still_unknown"`
	Undelivered     int `json:"undelivered"` // accepted, and failed later
	// Tasks that were steered, whose answer said so; recipients who were cancelled; and how many messages left after a pause or a
	// cancel beyond those that the answer said were in the pipe.
	Paused    int `json:"paused"`
	Stopped   int `json:"cancelled_tasks"`
	Cancelled int `json:"cancelled"`
	Overrun   int `json:"overrun"`

	evidence []string
}

const maxEvidence = 20

func (v *verdict) say(format string, args ...any) {
	if len(v.evidence) < maxEvidence {
		v.evidence = append(v.evidence, fmt.Sprintf(format, args...))
	}
}

// fold is what a recount of results says of a task.
type fold struct {
	total   int
	planned bool
	marks   []schemas.RecipientState
	unknown map[uint32]time.Time // who was so at some time, and when that was said first
	ranges  []said
}

// said is a range, and when it was said.
type said struct {
	*schemas.OutcomeRange
	atMs int64
}

func (f *fold) set(index uint32, m schemas.RecipientState, atMs int64) {
	for int(index) >= len(f.marks) {
		f.marks = append(f.marks, schemas.StatePending)
	}
	f.marks[index] = max(f.marks[index], m)
	if m.Outcome() == schemas.OutcomeUnknown {
		if f.unknown == nil {
			f.unknown = make(map[uint32]time.Time)
		}
		said := time.UnixMilli(atMs)
		if before, was := f.unknown[index]; !was || said.Before(before) {
			f.unknown[index] = said
		}
	}
}

func (f *fold) add(r *schemas.Result) {
	switch {
	case r.GetPlan() != nil && !f.planned: // the first one wins
		f.total, f.planned = int(r.GetPlan().GetTotal()), true
	case r.GetRange() != nil:
		f.ranges = append(f.ranges, said{r.GetRange(), r.GetAtMs()})
	}
	for _, o := range r.AllOutcomes() {
		f.set(o.GetIndex(), schemas.RecipientState(o.GetMark()), r.GetAtMs())
	}
}

// close applies the ranges, which are for those who have no outcome.
func (f *fold) close() {
	for _, r := range f.ranges {
		for i := r.GetFrom(); i < r.GetTo(); i++ {
			f.set(i, schemas.RecipientState(r.GetMark()), r.atMs)
		}
	}
	for len(f.marks) < f.total {
		f.marks = append(f.marks, schemas.StatePending)
	}
}

func (f *fold) counts() counts {
	c := counts{Total: f.total}
	for _, m := range f.marks {
		switch m.Outcome() {
		case schemas.OutcomePending:
			c.Pending++
			continue
		case schemas.OutcomeSkipped:
			c.Skipped++
		case schemas.OutcomeExpired:
			c.Expired++
		case schemas.OutcomeCancelled:
			c.Cancelled++
		case schemas.OutcomeUnknown:
			c.Unknown++
		case schemas.OutcomeUndelivered:
			c.Undelivered++
		case schemas.OutcomeDelivered:
			c.Delivered++
		case schemas.OutcomeRead:
			c.Read++
		case schemas.OutcomeFailed, schemas.OutcomeSent:
		}
		if m.Succeeded() {
			c.Successful++
		} else {
			c.Failed++
		}
	}
	return c
}

// each reads the whole of a topic from its first record on.
func (h *deployment) each(ctx context.Context, topic stream.Topic, do func(stream.Record) error) error {
	reader, err := h.reader()
	if err != nil {
		return err
	}
	defer reader.Close()
	ends, err := reader.Ends(ctx, topic)
	if err != nil {
		return err
	}
	for p, end := range ends {
		if err := reader.Range(ctx, stream.TopicPartition{Topic: topic, Partition: p}, 0, end, do); err != nil {
			return err
		}
	}
	return nil
}

// recount folds the whole of results, as nothing in altavoz does.
func (h *deployment) recount(ctx context.Context) (map[schemas.TaskID]*fold, error) {
	folds := make(map[schemas.TaskID]*fold)
	err := h.each(ctx, schemas.TopicResults, func(rec stream.Record) error {
		var r schemas.Result
		if err := schemas.Decode(&rec, &r); err != nil {
			return err
		}
		id := schemas.TaskID(r.GetTask())
		if folds[id] == nil {
			folds[id] = &fold{}
		}
		folds[id].add(&r)
		return nil
	})
	for _, f := range folds {
		f.close()
	}
	return folds, err
}

// resending reads which broadcasts allow a second message: of one that was accepted without an answer nobody else knows.
func (h *deployment) resending(ctx context.Context) (map[schemas.TaskID]bool, error) {
	out := make(map[schemas.TaskID]bool)
	err := h.each(ctx, schemas.TopicBroadcasts, func(rec stream.Record) error {
		var b schemas.Broadcast
		if schemas.Decode(&rec, &b) != nil {
			return nil //nolint:nilerr // JSON, of which the fanout writes a copy
		}
		if id, err := schemas.TaskIDFromBytes(b.GetTask()); err == nil && b.GetOnUnknown() == schemas.OnUnknown_ON_UNKNOWN_RESEND {
			out[id] = true
		}
		return nil
	})
	return out, err
}

// judge compares the witnesses. Without evidence it does not ask why somebody was unknown or was called again.
// It asks again for a while where only the status differs: it is written a moment later.
func (l *load) judge(ctx context.Context, patience time.Duration, e *evidence) (*verdict, error) {
	var v *verdict
	var err error
	await(ctx, patience, func() bool {
		var folds map[schemas.TaskID]*fold
		if folds, err = l.h.recount(ctx); err != nil {
			return false
		}
		var resend map[schemas.TaskID]bool
		if resend, err = l.h.resending(ctx); err != nil {
			return false
		}
		v = l.compare(ctx, folds, resend, e)
		if v.Disagree == 0 && v.Lost == 0 {
			return true
		}
		pause(ctx, time.Second)
		return false
	})
	return v, err
}

// said reports whether the last word on the task is one that was asked for: it may be cancelled when everybody was in the pipe.
func (t *task) said(s status) bool {
	if s.Status == "REVOKED" {
		return t.cancelled.Load()
	}
	return s.Result.Cancelled == 0
}

func (l *load) compare(ctx context.Context, folds map[schemas.TaskID]*fold, resend map[schemas.TaskID]bool, e *evidence) *verdict {
	v := &verdict{}
	known := make(map[schemas.TaskID]*task)
	for _, t := range l.h.list() {
		if known[t.id] != nil {
			v.say("task %s was accepted twice", t.id)
			v.Mistaken++
		}
		if t.resend != resend[t.id] && folds[t.id] != nil {
			v.say("task %s: resend was asked for: %v, is: %v", t.id, t.resend, resend[t.id])
			v.Mistaken++
		}
		known[t.id] = t
		f := folds[t.id]
		switch {
		case f == nil:
			v.Lost += t.phones
			v.say("task %s (%s of %d) is not in results at all", t.id, t.via, t.phones)
		case f.total != t.phones:
			v.Mistaken++
			v.say("task %s has %d recipients, and its plan says %d", t.id, t.phones, f.total)
		}
	}
	for id, f := range folds {
		t := known[id]
		if t == nil {
			v.Orphans++
			t = &task{id: id, via: "no answer", phones: f.total, resend: resend[id]}
			known[id] = t
		}
		if !f.planned {
			v.say("task %s (%s) has results and no plan", id, t.via)
			v.Mistaken++
			continue
		}
		v.Tasks++
		v.task(l.h.gate, e, t, f)
		v.steered(t, f)
		if s, ok := l.statusOf(ctx, id); !ok || !ended(s) || s.Status == "FAILURE" || s.Result != f.counts() || !t.said(s) {
			v.Disagree++
			v.say("task %s (%s of %d): the status says (%v) %+v, results say %+v", id, t.via, t.phones, ok, s, f.counts())
		}
	}
	v.phones(l.h.gate.sim, known)
	return v
}

// task looks at every recipient of a task.
func (v *verdict) task(g *gate, e *evidence, t *task, f *fold) {
	v.Recipients += f.total
	if len(f.marks) > f.total {
		v.Mistaken++
		v.say("task %s of %d has an outcome for %d", t.id, f.total, len(f.marks)-1)
	}
	t.sent = 0
	for i, m := range f.marks {
		calls, open, accepted := g.sim.Calls(schemas.Callback(t.id, uint32(i)))
		v.Messages += accepted
		t.sent += min(accepted, 1)
		switch {
		case open > 1 && t.resend:
			v.Resent += open - 1
			v.resent(g, e, t, i, open)
		case open > 1:
			v.Doubled += open - 1
			v.say("%s/%d (%s, %s) was called %d times, %d of them not refused, %d accepted", t.id, i, t.via, m.Outcome(), calls, open, accepted)
		}
		of := m.Outcome()
		v.count(of, f.wasUnknown(i), accepted)
		v.explain(g, e, t, f, i)
		switch {
		case m == schemas.StatePending:
			v.Lost++
			v.say("%s/%d (%s of %d) has no outcome; %d calls, %d accepted", t.id, i, t.via, f.total, calls, accepted)
		case of == schemas.OutcomeExpired, of == schemas.OutcomeCancelled && !t.cancelled.Load():
			v.Mistaken++
			v.say("%s/%d (%s) is %s, which nobody asked for", t.id, i, t.via, of)
		case accepted > 0 && (of == schemas.OutcomeFailed || of == schemas.OutcomeSkipped || of == schemas.OutcomeCancelled):
			v.Mistaken++
			v.say("%s/%d (%s) was accepted %d times and is %s", t.id, i, t.via, accepted, of)
		case accepted == 0 && (m >= schemas.StateSent):
			v.Mistaken++
			v.say("%s/%d (%s) is %s and was never accepted", t.id, i, t.via, of)
		}
	}
}

func (f *fold) wasUnknown(index int) bool {
	_, ok := f.unknown[uint32(index)]
	return ok
}

func (v *verdict) count(of schemas.OutcomeClass, wasUnknown bool, accepted int) {
	switch of { //nolint:exhaustive // those that are counted
	case schemas.OutcomeUnknown:
		v.StillUnknown++
	case schemas.OutcomeCancelled:
		v.Cancelled++
	case schemas.OutcomeUndelivered:
		v.Undelivered++
	}
	if !wasUnknown {
		return
	}
	v.Unknown++
	if accepted > 0 {
		v.UnknownAccepted++
		if of != schemas.OutcomeUnknown {
			v.Settled++
		}
	}
}

// phones looks for somebody who got two messages, whatever task they came from: no two tasks share a phone.
func (v *verdict) phones(sim *simulator.Simulator, known map[schemas.TaskID]*task) {
	seen := make(map[string]string)
	for _, r := range sim.Ledger("") {
		id, _, ok := schemas.ParseCallback(r.Callback)
		if !ok {
			v.Mistaken++
			v.say("a message with the callback data %q", r.Callback)
		}
		if t := known[id]; t != nil && t.resend {
			continue
		}
		if first, ok := seen[r.Phone]; ok {
			v.Doubled++
			v.say("%s got two messages: %s and %s", r.Phone, first, r.Callback)
		}
		seen[r.Phone] = r.Callback
	}
}
