package retry

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"altavoz/producer/codes"
	"altavoz/producer/export"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

const (
	// Most is how many retries a task has. Those of its retries are not among them.
	Most = 32
	// receiptsWithin is how long after the end of a task receipts are waited for that say what became of unknown recipients.
	receiptsWithin = 24 * time.Hour
	// callsWithin is how long after the end of a task whose time was over it is waited for what became of calls that had begun: an owner of
	// before may have written sends of which the one that ended the task did not know.
	callsWithin = 2 * time.Minute
)

// errBehind is the error of a retry of which nothing but its results is known yet.
var errBehind = errors.New("a retry is not known yet")

// Maker makes retries.
type Maker struct {
	Tasks export.Source
	// IDs returns the ids that the n-th retry of a task may have: that of a new one, and those that earlier secrets gave.
	IDs func(task schemas.TaskID, n uint32) (id schemas.TaskID, earlier []schemas.TaskID)
	// Status returns that of any task, nil where there is none.
	Status func(ctx context.Context, task schemas.TaskID) (*schemas.Status, error)
}

// Made is a retry: one that is there already, or one that is to be accepted.
type Made struct {
	ID      schemas.TaskID
	Earlier []schemas.TaskID // other ids of it
	Total   uint32
	There   bool
	// The rest is of one that is to be accepted.
	Retry   *schemas.Retry
	Request *request.Request
}

// Ended refuses a task that is not over, and one whose unknown recipients are asked for too early.
func Ended(s *schemas.Status, a *Asked, now time.Time) error {
	if s.GetFinishedMs() == 0 { //mutant:running-task-is-not-retried
		return &codes.RefusedError{Status: http.StatusConflict, Code: codes.Running, Says: es.Say(es.RetryRunning)}
	}
	end := time.UnixMilli(s.GetFinishedMs())
	if a.of(schemas.StateUnknown) { //mutant:unknown-recipients-wait-for-receipts
		if s.GetPhase() == schemas.Phase_PHASE_FAILED && has(s, schemas.Failed(schemas.CodeContent)) { //mutant:recipients-of-a-failed-task-wait-for-its-sends
			if err := early(sendsEnd(s).Add(callsWithin), es.RetryFailed, now); err != nil {
				return err
			}
		}
		return early(end.Add(receiptsWithin), es.RetryEarly, now)
	}
	if a.of(schemas.StateExpired) && has(s, schemas.StateExpired) { //mutant:expired-recipients-wait-for-calls
		return early(end.Add(callsWithin), es.RetryExpired, now)
	}
	return nil
}

// has reports whether a task has recipients in a state.
func has(s *schemas.Status, state schemas.RecipientState) bool {
	return slices.ContainsFunc(s.GetCounts(), func(c *schemas.StateCount) bool { return c.GetMark() == uint32(state) })
}

// sendsEnd is when the last send of a task that failed expires. Senders know nothing of the failure, so one that waits for its number, or for its
// window, is still called until then.
func sendsEnd(s *schemas.Status) time.Time {
	at := time.UnixMilli(s.GetFinishedMs()).Add(schemas.SendLife)
	if expire := s.GetPlan().GetExpireMs(); expire > 0 && time.UnixMilli(expire).Before(at) {
		return time.UnixMilli(expire)
	}
	return at
}

func early(until time.Time, says es.Code, now time.Time) error {
	if !now.Before(until) {
		return nil
	}
	return &codes.RefusedError{Status: http.StatusConflict, Code: codes.Early, Says: es.Say(says, until.UTC().Format(time.RFC3339)), Wait: until.Sub(now)}
}

// Make makes the next retry of a task that ended, or finds the one that is asked for again. What it writes to up belongs to nothing until
// the retry is accepted; most is how many recipients it may have, 0: any number. Its errors: *codes.RefusedError, export.ErrExpired, and others, which
// may pass.
func (m Maker) Make(ctx context.Context, id schemas.TaskID, s *schemas.Status, a *Asked, up *upload.Upload, most uint32, now time.Time) (*Made, error) {
	t, err := m.Tasks.Open(ctx, id, s)
	if err != nil {
		return nil, err
	}
	r := &schemas.Retry{Of: id.Bytes(), Marks: a.marks(), Total: t.Total, AcceptedMs: s.GetPlan().GetAcceptedMs()}
	if of := t.Broadcast().GetRetry(); of != nil {
		r.Total, r.AcceptedMs = of.GetTotal(), of.GetAcceptedMs()
	}
	until := time.UnixMilli(r.GetAcceptedMs()).Add(schemas.TaskLife)
	if !now.Before(until) { //mutant:old-list-is-not-retried
		return nil, export.ErrExpired
	}
	taken := newSet(r.GetTotal())
	earlier, err := m.earlier(ctx, r, taken)
	if err != nil || earlier.goesOn != nil {
		return earlier.goesOn, err
	}
	if err := t.Settle(ctx, false, func() (*schemas.Status, error) { return m.Status(ctx, id) }); err != nil {
		return nil, err
	}
	chosen, err := choose(ctx, t, s.GetPhase() == schemas.Phase_PHASE_FAILED, a, taken)
	if err != nil {
		return nil, err
	}
	switch {
	case chosen.count == 0 && earlier.same != nil:
		return earlier.same, nil
	case chosen.count == 0:
		return nil, earlier.nobody()
	case earlier.next == 0:
		return nil, &codes.RefusedError{Status: http.StatusConflict, Code: codes.Retries, Says: es.Say(es.RetryMost, Most)}
	case most > 0 && chosen.count > most:
		return nil, &codes.RefusedError{Status: http.StatusBadRequest, Code: request.CodeTooMany, Says: es.Say(es.RetryTooMany, chosen.count, most)}
	}
	r.Number = earlier.next
	made := &Made{Total: chosen.count, Retry: r}
	made.ID, made.Earlier = m.IDs(id, r.GetNumber())
	w := &writer{task: t, chosen: chosen, retry: r, id: made.ID, sender: s.GetPlan().GetSender(), accepted: s.GetPlan().GetAcceptedMs()}
	made.Request, err = w.request(ctx, up, until, now)
	return made, err
}

// request is what the retry asks for: what its task did, with an end of its own.
func (w *writer) request(ctx context.Context, up *upload.Upload, until, now time.Time) (*request.Request, error) {
	b := w.task.Broadcast() // which was read for this retry alone
	req := &request.Request{
		Content: b.GetContent(), Total: w.chosen.count, UseQueue: true, OnUnknown: b.GetOnUnknown(), ExpireMs: until.UnixMilli(),
		Speed: b.GetSpeed(), Window: b.GetWindow(), Literal: b.GetLiteral(), Reference: b.GetReference(), Callback: b.GetCallbackUrl(), Events: b.GetEvents(), SHA256: w.retry.Digest(),
	}
	if b.GetExpireMs() > 0 { // it has as long as its task had
		life := b.GetExpireMs() - max(w.accepted, b.GetScheduleMs())
		req.ExpireMs = min(req.ExpireMs, now.UnixMilli()+max(life, 0))
	}
	err := w.content(ctx, req.Content)
	switch {
	case err != nil:
	case int(w.chosen.count) <= b.InlineMost():
		some, failed := w.inline(ctx)
		req.Phones, req.Personal, err = some.GetPhones(), some.GetPersonal(), failed
	default:
		req.Sliced = b.GetSliceRecipients()
		if err = w.list(ctx); err == nil {
			err = w.places(ctx, up.Places)
		}
	}
	return req, err
}

// others is what is known of the retries that a task has.
type others struct {
	goesOn *Made  // the one that is asked for, if it is not over
	same   *Made  // the last one for the same states
	last   *Made  // of all
	next   uint32 // the number of the next one; 0: there are as many as may be
}

// nobody refuses a retry of nobody.
func (o others) nobody() error {
	r := &codes.RefusedError{Status: http.StatusConflict, Code: codes.Nobody, Says: es.Say(es.RetryNobody)}
	if o.last != nil {
		r.Hint = es.Say(es.RetryInRetry, o.last.ID)
	}
	return r
}

// earlier looks at the retries that there are of a task, and takes the places of those whom they have.
func (m Maker) earlier(ctx context.Context, r *schemas.Retry, taken *set) (o others, err error) {
	for n := uint32(1); n <= Most; n++ {
		id, s, err := m.find(ctx, schemas.TaskID(r.GetOf()), n)
		if err != nil {
			return o, err
		}
		if s == nil {
			o.next = n
			return o, nil
		}
		t, err := m.Tasks.Open(ctx, id, s)
		if err != nil {
			return o, err
		}
		o.last = &Made{ID: id, Total: t.Total, There: true}
		if bytes.Equal(t.Broadcast().GetRetry().GetMarks(), r.GetMarks()) {
			if o.same = o.last; s.GetFinishedMs() == 0 {
				o.goesOn = o.last
				return o, nil
			}
		}
		err = t.Places(ctx, func(picked []uint32) error {
			for _, p := range picked {
				if p < r.GetTotal() {
					taken.add(p)
				}
			}
			return nil
		})
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// find returns a retry of a task under any of its ids, and its Status; nil: there is none. One that failed before it wrote to anybody, since
// another id has it, is not the one.
func (m Maker) find(ctx context.Context, of schemas.TaskID, n uint32) (id schemas.TaskID, found *schemas.Status, err error) {
	own, earlier := m.IDs(of, n)
	for _, one := range append([]schemas.TaskID{own}, earlier...) {
		s, err := m.Status(ctx, one)
		switch {
		case err != nil:
			return id, nil, err
		case s == nil:
		case s.GetPlan() == nil:
			return id, nil, errBehind
		case found == nil || s.GetCause().GetReason() != schemas.Reason_REASON_REPEATED:
			id, found = one, s
		}
	}
	return id, found, nil
}
