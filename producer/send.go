package producer

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/chosen"
	"altavoz/producer/codes"
	"altavoz/producer/dryrun"
	"altavoz/producer/headers"
	"altavoz/producer/ratelimit"
	"altavoz/producer/senders"
	"altavoz/producer/tasks"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/schemas/taskids"
	"altavoz/stream"
)

// send is POST send-broadcast-interactive and send-bulk-interactive, which differ in the recipients that a request may have.
func (in *Ingress) send(lists request.Lists) handler {
	return func(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
		return in.ordered(w, r, caller, lists)
	}
}

func (in *Ingress) ordered(w http.ResponseWriter, r *http.Request, caller *access.Caller, lists request.Lists) answer {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return refusal(http.StatusUnsupportedMediaType, codes.Encoding, es.Say(es.BodyEncoded)).closing()
	}
	if r.ContentLength > in.cfg.MaxBody {
		return bodyError(request.Fault("", request.CodeBodyTooBig, es.BodyTooLarge))
	}
	key, err := headers.IdempotencyKey(r.Header)
	if err != nil {
		return bodyError(err)
	}
	up, dry := upload.New(r.Context(), in.ports.Log), &dryrun.Run{Ports: &in.ports.DryRuns, Language: headers.Language(r.Header)}
	defer dry.End()
	req, no, err := in.read(w, r, caller, lists, up, dry)
	if no != nil {
		return *no
	}
	if err != nil {
		return bodyError(err)
	}
	now := time.Now()
	order := &order{caller: caller, req: req, up: up, dry: dry, task: in.cfg.Identity.NewTaskID(), owner: caller.Owner, now: now, until: now.Add(in.cfg.DirectTimeout)}
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
	a.budget, a.lenient = order.budget, headers.Lenient(r.Header)
	return a
}

// order is a request on its way into Kafka.
type order struct {
	caller *access.Caller
	req    *request.Request
	up     *upload.Upload
	dry    *dryrun.Run
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

func (in *Ingress) read(w http.ResponseWriter, r *http.Request, caller *access.Caller, lists request.Lists, sink request.Sink, dry *dryrun.Run) (req *request.Request, no *answer, err error) {
	body, err := in.bodies.Open(w, r, in.shareOf(caller))
	if err != nil {
		return nil, nil, err
	}
	defer body.Close()
	dry.Take = func() (give func()) {
		//mutant:dry-runs-are-shared
		if give, no = in.take(w, caller, access.DryRuns, in.dryRuns, es.ShareDryRuns, es.BusyDryRuns); no != nil {
			no.close = true // its body is not read to the end
		}
		return give
	}
	lim := request.Limits{Lists: lists, MaxPhones: caller.Most(cmp.Or(in.cfg.MaxPhones, schemas.MaxRecipients)), MaxBody: in.cfg.MaxBody, Lenient: headers.Lenient(r.Header), Now: time.Now(), DryRun: dry.Begin, Check: upload.Check(in.cfg.Callback, caller)}
	req, err = request.Read(body, sink, lim)
	return req, no, err
}

func (in *Ingress) sender(asked string) (string, error) {
	if in.cfg.Sender == nil {
		return asked, nil
	}
	if id, ok := in.cfg.Sender(asked); ok {
		return id, nil
	}
	return "", senders.Fault(asked)
}

// senderForbidden answers the same whether there is such a number or not.
func senderForbidden() answer {
	return answer{status: http.StatusForbidden, code: codes.Sender, body: errorBody{Error: es.Say(es.SenderNotAllowed).Spanish(), Code: codes.Sender, Field: "sender"}}
}

// accept puts the order into Kafka and answers: at once, or when it is carried out.
func (in *Ingress) accept(ctx context.Context, o *order) answer {
	if a, known := in.before(ctx, o); known {
		return a
	}
	if err := in.templates.Accept(ctx, o.sender, o.req); err != nil {
		return bodyError(err)
	}
	if a, over := in.overBudget(o); over {
		return a
	}
	if o.req.DryRun { //mutant:dry-run-is-not-made
		return in.finish(ctx, o)
	}
	soon, cancel := context.WithTimeout(ctx, PublishTimeout) // not of when the body was read: Meta may have been slow to say what a template has
	defer cancel()
	o.up.Until(soon)
	b, err := o.up.Broadcast(o.req, o.task, o.sender, o.now)
	if err != nil {
		return in.notTaken(ctx, o, err, false)
	}
	b.Chosen, b.Direct = o.chosen, o.req.Direct(o.now)
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
		case !chosen.SameOrigin(s.GetPlan().GetOrigin(), origin):
			tasks, claim := in.claims(o)
			a, _ := in.judged(ctx, o, tasks.Judge(claim, o.task, s))
			return a
		}
	}
	in.metrics.Accepted(b.GetTotal())
	return in.finish(ctx, o)
}

// before answers an order whose task is there already, or of which that can't be known.
func (in *Ingress) before(ctx context.Context, o *order) (answer, bool) {
	if !o.chosen {
		return answer{}, false
	}
	tasks, claim := in.claims(o)
	id, verdict := tasks.Find(ctx, claim)
	o.task = id
	return in.judged(ctx, o, verdict)
}

// claims is the order as it is looked up, and where.
func (in *Ingress) claims(o *order) (*chosen.Tasks, *chosen.Claim) {
	return &chosen.Tasks{Lookup: in.lookup, CaughtUp: in.caughtUp, Upstream: in.cfg.Upstream, Made: in.cfg.Identity.Made},
		&chosen.Claim{Owner: o.owner, SHA256: o.req.SHA256, Task: o.task, Earlier: o.earlier}
}

// judged answers an order whose task id was taken before: the same task if it is the same request of the same caller. Whose it
// is otherwise is not told, nor that it is another's.
func (in *Ingress) judged(ctx context.Context, o *order, v chosen.Verdict) (answer, bool) {
	switch v {
	case chosen.Repeat:
		o.replay = true
		return in.finish(ctx, o), true
	case chosen.Conflict:
		return refusal(http.StatusConflict, codes.Conflict, es.Say(es.KeyTaken)).of(o.task.String()), true
	case chosen.Unconfirmed:
		return in.unconfirmed(ctx, o), true
	case chosen.New:
	}
	return answer{}, false
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

// finish answers an accepted order, and a dry run.
func (in *Ingress) finish(ctx context.Context, o *order) answer {
	if o.req.DryRun { //mutant:dry-run-of-a-repeat-is-one
		return in.dryRun(ctx, o)
	}
	a := answer{status: http.StatusAccepted, location: request.PathStatus + o.task.String(), replayed: o.replay, warnings: o.req.Warnings}
	queued := queuedBody{Success: true, Message: es.Say(es.BroadcastQueued).Spanish(), TaskID: o.task.String()}
	if at := o.req.Begins(o.now); at.After(o.now) {
		queued.ETA = tasks.Clock(at.UnixMilli())
	}
	a.body = queued
	if !o.req.Direct(o.now) || !in.waiting.Take() {
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
