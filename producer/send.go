package producer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/headers"
	"altavoz/producer/ratelimit"
	"altavoz/producer/tasks"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/schemas/taskids"
	"altavoz/stream"
)

// send is POST send-broadcast-interactive.
func (in *Ingress) send(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		a := refusal(http.StatusUnsupportedMediaType, codes.Encoding, es.Say(es.BodyEncoded))
		a.close = true
		return a
	}
	if r.ContentLength > in.cfg.MaxBody {
		return bodyError(request.Fault("", request.CodeBodyTooBig, es.BodyTooLarge))
	}
	key, err := headers.IdempotencyKey(r.Header)
	if err != nil {
		return bodyError(err)
	}
	up := upload.New(r.Context(), in.ports.Log)
	req, err := in.read(w, r, caller, up)
	if err != nil {
		return bodyError(err)
	}
	now := time.Now()
	order := &order{caller: caller, req: req, up: up, task: in.cfg.Identity.NewTaskID(), owner: caller.Owner, now: now, until: now.Add(in.cfg.DirectTimeout)}
	switch {
	case key != "" && req.TaskID != nil:
		return fieldError(request.Fault("task_id", request.CodeValue, es.KeyAndTaskID))
	case key != "":
		order.task, order.earlier = in.cfg.Identity.TaskIDs(caller.Owner, key)
		order.earlier, order.chosen = append(order.earlier, schemas.TaskIDFromKey(caller.Named, key)), true
	case req.TaskID != nil:
		order.task, order.chosen = *req.TaskID, true
	}
	asked, ok := caller.Sender(req.Sender)
	if !ok {
		return senderForbidden()
	}
	if order.sender, err = in.sender(asked); err != nil {
		return bodyError(err)
	}
	a := in.accept(r.Context(), order)
	a.budget = order.budget
	a.lenient = headers.Lenient(r.Header)
	return a
}

// order is a request on its way into Kafka.
type order struct {
	caller *access.Caller
	req    *request.Request
	up     *upload.Upload
	task   schemas.TaskID
	// earlier are the ids that the request would have had before: made with earlier secrets, and with none.
	earlier []schemas.TaskID
	chosen  bool           // the id is the caller's, who may have come before
	owner   string         // whose the task becomes
	retry   *schemas.Retry // nil: it is none
	sender  string
	now     time.Time
	replay  bool // it had come before
	budget  ratelimit.Budget
	until   time.Time // how long an answer may wait
}

// direct reports whether somebody waits for the broadcast's end: not if asked otherwise, nor if it can't come soon.
func (o *order) direct() bool {
	return !o.req.UseQueue && o.req.Total <= schemas.InlineRecipients && !o.begins().After(o.now)
}

// begins is when the first send may start: at once, at its schedule, or when its window opens then.
func (o *order) begins() time.Time {
	at := o.now
	if scheduled := time.UnixMilli(o.req.ScheduleMs); scheduled.After(at) {
		at = scheduled
	}
	if opens, ok := o.req.Window.Next(at); ok {
		return opens
	}
	return at.Add(schemas.TaskLife) // never: such a request was refused, or is as good as over
}

func (in *Ingress) read(w http.ResponseWriter, r *http.Request, caller *access.Caller, sink request.Sink) (*request.Request, error) {
	body, err := in.bodies.Open(w, r, in.shareOf(caller))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	most := cmp.Or(in.cfg.MaxPhones, schemas.MaxRecipients)
	if caller.PerRequest > 0 {
		most = min(most, caller.PerRequest)
	}
	if caller.PerDay > 0 { // no day has room for more
		most = uint32(min(uint64(most), caller.PerDay))
	}
	return request.Read(body, sink, request.Limits{MaxPhones: most, MaxBody: in.cfg.MaxBody, Lenient: headers.Lenient(r.Header), Now: time.Now()})
}

func (in *Ingress) sender(asked string) (string, error) {
	if in.cfg.Sender == nil {
		return asked, nil
	}
	if id, ok := in.cfg.Sender(asked); ok {
		return id, nil
	}
	e := request.Fault("sender", request.CodeValue, es.SenderNotOurs)
	if _, err := schemas.ParsePhone("+"+strings.TrimPrefix(asked, "+"), ""); err == nil && len(asked) <= maxPhoneChars {
		e.Hint = es.Say(es.SenderLooksLikePhone)
	}
	return "", e
}

// senderForbidden answers the same whether there is such a number or not.
func senderForbidden() answer {
	a := refusal(http.StatusForbidden, codes.Sender, es.Say(es.SenderNotAllowed))
	if body, ok := a.body.(errorBody); ok {
		body.Field = "sender"
		a.body = body
	}
	return a
}

// maxPhoneChars is the most characters of a 'sender' that is taken for a phone: Meta's ids have 14 digits and more.
const maxPhoneChars = 14

// accept puts the order into Kafka and answers: at once, or when it is carried out.
func (in *Ingress) accept(ctx context.Context, o *order) answer {
	if a, known := in.before(ctx, o); known {
		return a
	}
	if a, over := in.overBudget(o); over {
		return a
	}
	soon, cancel := context.WithDeadline(ctx, o.now.Add(PublishTimeout))
	defer cancel()
	o.up.Until(soon)
	b, err := o.up.Broadcast(o.req, o.task, o.sender, o.now)
	if err != nil {
		return in.notTaken(ctx, o, err, false)
	}
	b.Chosen, b.Direct = o.chosen, o.direct()
	b.Earlier, b.Retry = taskids.Bytes(o.earlier), o.retry
	in.cfg.Identity.Sign(b, o.owner)
	origin, err := upload.PublishBroadcast(soon, in.ports.Log, b)
	if err != nil {
		return in.notTaken(ctx, o, err, true)
	}
	in.cfg.Logger.InfoContext(ctx, "broadcast accepted", "task", o.task.String(), "total", b.GetTotal(), "lane", string(b.Lane()),
		"header", b.GetContent().GetHeader().String(), "file_bytes", b.GetContent().GetMedia().GetSize(), "direct", b.GetDirect(), "chosen", o.chosen, "caller", o.caller.Owner)
	if _, err := upload.Publish(soon, in.ports.Log, upload.TaskOpened(b, origin)); err != nil {
		// It is accepted all the same: the fanout writes a TaskOpened too.
		in.cfg.Logger.WarnContext(ctx, "plan not published", "task", o.task.String(), "error", err)
	}
	if o.chosen {
		switch s := in.await(soon, o.task, func(s *schemas.Status) bool { return s.GetPlan() != nil }); {
		case s == nil: //mutant:unconfirmed-id-is-not-accepted
			return in.unconfirmed(ctx, o)
		case !sameOrigin(s.GetPlan().GetOrigin(), origin):
			return in.repeat(ctx, o, s)
		}
	}
	in.metrics.Accepted(b.GetTotal())
	return in.finish(ctx, o)
}

// before answers an order whose task is there already, or of which that can't be known. The ids that it would have had before come
// first: a key is the same task for as long as it may be repeated, whatever the ids are made with meanwhile. Of those, one that is
// somebody else's is none of the order's: anybody could take an id that needs no secret. An id that an ingress made is its task's, also where
// nothing is known of that one yet.
func (in *Ingress) before(ctx context.Context, o *order) (answer, bool) {
	if !o.chosen {
		return answer{}, false
	}
	if len(o.earlier) > 0 && !in.caughtUp() { //mutant:earlier-ids-are-looked-up-in-the-whole-view
		return in.unconfirmed(ctx, o), true // of its own id the first TaskOpened would tell, of another one nothing
	}
	var failed *schemas.Status // and wrote to nobody: where the request has another task too, that is the one
	var failedID schemas.TaskID
	own := o.task
	for _, id := range append(slices.Clip(o.earlier), own) {
		s, err := in.lookup(ctx, id)
		if err != nil {
			return in.unconfirmed(ctx, o), true
		}
		if p := s.GetPlan(); p != nil && (id == own || in.owns(o, id, p)) { //mutant:earlier-ids-of-a-key-are-its-own
			if o.task = id; unsent(s) {
				failed, failedID = cmp.Or(failed, s), cmp.Or(failedID, id)
				continue
			}
			return in.repeat(ctx, o, s), true
		}
	}
	if o.task = own; failed != nil {
		o.task = failedID
		return in.repeat(ctx, o, failed), true
	}
	if in.cfg.Identity.Made(own) { //mutant:id-that-an-ingress-made-is-not-chosen
		return conflict(o), true
	}
	return answer{}, false
}

// owns reports whether the task of an id may be that of an earlier request of the same caller. An ingress of before owners signed
// nothing, so the same request may be it where the task has no owner, and under an earlier id where it was taken for an upstream's.
func (in *Ingress) owns(o *order, id schemas.TaskID, p *schemas.TaskOpened) bool {
	unsigned := p.GetOwner() == "" || p.GetOwner() == in.cfg.Upstream && slices.Contains(o.earlier, id)
	return p.GetOwner() == o.owner || unsigned && bytes.Equal(p.GetRequestSha256(), o.req.SHA256)
}

func unsent(s *schemas.Status) bool {
	return s.GetPhase() == schemas.Phase_PHASE_FAILED && s.GetCursor() == 0
}

func sameOrigin(a, b *schemas.Origin) bool {
	return a.GetPartition() == b.GetPartition() && a.GetOffset() == b.GetOffset()
}

// repeat answers a request whose task id was taken before: the same task if it is the same request of the same caller. Whose it
// is otherwise is not told, nor that it is another's.
func (in *Ingress) repeat(ctx context.Context, o *order, s *schemas.Status) answer {
	if !in.owns(o, o.task, s.GetPlan()) || !bytes.Equal(s.GetPlan().GetRequestSha256(), o.req.SHA256) { //mutant:a-repeat-is-the-same-callers
		return conflict(o)
	}
	o.replay = true
	return in.finish(ctx, o)
}

func conflict(o *order) answer {
	return refusal(http.StatusConflict, codes.Conflict, es.Say(es.KeyTaken)).of(o.task.String())
}

// unconfirmed answers an order whose task id may be another's: to accept it would promise what may never be sent.
func (in *Ingress) unconfirmed(ctx context.Context, o *order) answer {
	in.cfg.Logger.WarnContext(ctx, "it is not known whose the chosen task id is", "task", o.task.String())
	return later(codes.Unavailable, es.KeyUnconfirmed).hinted(es.Say(es.RepeatIsOnce)).of(o.task.String())
}

// notTaken answers a log that did not acknowledge. If that was the broadcast itself, nobody knows yet whether it is in.
func (in *Ingress) notTaken(ctx context.Context, o *order, err error, broadcast bool) answer {
	if !broadcast || errors.Is(err, stream.ErrNotWritten) {
		in.budget.Release(o.task)
	}
	if !errors.Is(err, upload.ErrPublish) {
		in.cfg.Logger.ErrorContext(ctx, "broadcast not accepted", "task", o.task.String(), "error", err)
		return internalError()
	}
	in.cfg.Logger.WarnContext(ctx, "broadcast not accepted", "task", o.task.String(), "error", err)
	if !broadcast || errors.Is(err, stream.ErrNotWritten) {
		return later(codes.Unavailable, es.BroadcastNotTaken)
	}
	return inDoubt(o)
}

// inDoubt answers where the broadcast may be in, or may come. Who chose its id may repeat the request; for anybody else that
// would be another broadcast, and nobody is told when to come back.
func inDoubt(o *order) answer {
	a := later(codes.Unavailable, es.BroadcastInDoubt).hinted(es.Say(es.RepeatSafely))
	if !o.chosen {
		a.retry, a.hint = false, es.Say(es.AskStatusFirst)
	}
	a.body = errorBody{Error: es.Say(es.BroadcastInDoubt).Spanish(), Code: codes.Unavailable, TaskID: o.task.String()}
	return a
}

// finish answers an accepted order.
func (in *Ingress) finish(ctx context.Context, o *order) answer {
	a := answer{status: http.StatusAccepted, location: request.PathStatus + o.task.String(), replayed: o.replay, warnings: o.req.Warnings}
	queued := queuedBody{Success: true, Message: es.Say(es.BroadcastQueued).Spanish(), TaskID: o.task.String()}
	if at := o.begins(); at.After(o.now) {
		queued.ETA = tasks.Clock(at.UnixMilli())
	}
	a.body = queued
	if !o.direct() || !in.waiting.Take() {
		return a
	}
	defer in.waiting.Give()
	wait, cancel := context.WithDeadline(ctx, o.until)
	defer cancel()
	s := in.await(wait, o.task, func(s *schemas.Status) bool { return s.GetPlan() != nil && s.GetFinishedMs() != 0 })
	if s == nil {
		return a
	}
	result := tasks.ResultOf(s)
	if now := time.Now(); tasks.StateOf(s, now) == tasks.Failure && result.Successful == 0 {
		a.status, a.code = http.StatusBadRequest, codes.Content
		a.body = errorBody{Error: cmp.Or(tasks.WhyOf(s, now, es.Spanish), schemas.Failed(schemas.CodeContent).Spanish()), Code: codes.Content, TaskID: o.task.String(), Result: result}
		return a
	}
	a.status = http.StatusOK
	a.body = processedBody{Success: true, Message: es.Say(es.BroadcastProcessed).Spanish(), Result: result, TaskID: o.task.String()}
	return a
}
