package producer

import (
	"context"
	"io"
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/route"
	"altavoz/producer/tasks"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// runControls are the controls without a body, by the end of their path.
var runControls = map[string]schemas.ControlKind{
	route.Pause:  schemas.ControlKind_CONTROL_KIND_PAUSE,
	route.Resume: schemas.ControlKind_CONTROL_KIND_RESUME,
	route.Cancel: schemas.ControlKind_CONTROL_KIND_CANCEL,
}

// control is POST tasks/{task_id}/pause, resume and cancel.
func (in *Ingress) control(kind schemas.ControlKind) handler {
	return func(_ http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
		return in.steer(r, caller, &schemas.Control{Kind: kind})
	}
}

// speed is PATCH tasks/{task_id}.
func (in *Ingress) speed(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	text, err := in.readSmall(w, r, caller, maxControlBytes)
	if err != nil {
		return bodyError(err)
	}
	speed, err := tasks.ReadSpeed(text)
	if err != nil {
		return bodyError(err)
	}
	return in.steer(r, caller, &schemas.Control{Kind: schemas.ControlKind_CONTROL_KIND_SPEED, Speed: speed})
}

// readSmall reads a body that is held whole.
func (in *Ingress) readSmall(w http.ResponseWriter, r *http.Request, caller *access.Caller, most int) ([]byte, error) {
	body, err := in.bodies.Open(w, r, in.shareOf(caller))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, int64(most)+1))
	if err == nil && len(text) > most {
		err = request.Fault("", request.CodeBodyTooBig, es.BodyTooLarge)
	}
	return text, err
}

// steer records what is wanted of a task and answers when it is in force. It is recorded even if the view says that it is in force
// already: another control, of which the view does not know yet, may stand between. Only what stands for good is not said again.
func (in *Ingress) steer(r *http.Request, caller *access.Caller, c *schemas.Control) answer {
	task, known, no := in.mine(r, caller)
	if no != nil {
		return *no
	}
	if tasks.Closed(known) {
		return closed(task, c, known)
	}
	c.Task, c.AtMs, c.By = task.Bytes(), time.Now().UnixMilli(), caller.Owner
	out, err := upload.Publish(r.Context(), in.ports.Log, schemas.EncodeControl(c))
	if err != nil {
		in.cfg.Logger.WarnContext(r.Context(), "control not recorded", "task", task.String(), "kind", c.GetKind().String(), "error", err)
		return later(codes.Unavailable, es.ControlNotTaken)
	}
	offset := out[0].Offset
	in.cfg.Logger.InfoContext(r.Context(), "control recorded", "task", task.String(), "kind", c.GetKind().String(), "speed", c.GetSpeed(), "offset", offset, "caller", caller.Owner)
	// Nobody obeys an order before it is written. Where a Status says so the topic lost its end, and gives its offsets out again.
	unseen := known.GetControls() > offset //mutant:control-in-a-cut-log-is-not-in-force
	var s *schemas.Status
	if !unseen {
		s = in.inForce(r.Context(), task, offset)
	}
	switch {
	case s == nil:
		if newer, ok := in.ports.Statuses.Get(task); ok {
			known = newer
		}
		return steered(http.StatusAccepted, task, known, tasks.InPipe(known), es.Say(es.ControlRecorded).Spanish())
	case tasks.Obeyed(c, offset, s, time.Now()):
		return steered(http.StatusOK, task, s, tasks.Leaving(s), tasks.Effect(c, s))
	}
	return closed(task, c, s)
}

// mine is find for what changes a task: where it is not known yet whose it is, that is waited for. Who may steer everybody's need not.
func (in *Ingress) mine(r *http.Request, caller *access.Caller) (schemas.TaskID, *schemas.Status, *answer) {
	task, s, no := in.find(r, caller)
	if no != nil || s.GetPlan() != nil || caller.May(access.Admin) {
		return task, s, no
	}
	ctx, cancel := context.WithTimeout(r.Context(), controlTimeout)
	defer cancel()
	if in.await(ctx, task, func(s *schemas.Status) bool { return s.GetPlan() != nil }) == nil { //mutant:nobody-steers-what-may-be-anothers
		a := later(codes.Unavailable, es.TaskNotKnownYet)
		return task, nil, &a
	}
	return in.find(r, caller)
}

// inForce waits for a status that carries the control at the offset, or says that the task takes none any more; nil: it did
// not come in time.
func (in *Ingress) inForce(ctx context.Context, task schemas.TaskID, offset int64) *schemas.Status {
	if !in.waiting.Take() {
		return nil
	}
	defer in.waiting.Give()
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	return in.await(ctx, task, func(s *schemas.Status) bool {
		return s.GetControls() > offset || tasks.Closed(s)
	})
}

// closed answers a control of a task that takes none any more: a cancelled one that is cancelled again is what was wanted.
func closed(task schemas.TaskID, c *schemas.Control, s *schemas.Status) answer {
	now := time.Now()
	if c.GetKind() == schemas.ControlKind_CONTROL_KIND_CANCEL && tasks.Cancelled(s, now) {
		return steered(http.StatusOK, task, s, tasks.Leaving(s), tasks.Effect(c, s))
	}
	state, why := tasks.StateOf(s, now), tasks.WhyOf(s, now, es.Spanish)
	text := es.Say(es.TaskOver, state)
	if !state.Over() {
		text = es.Say(es.TaskClosed, why)
	}
	a := refusal(http.StatusConflict, codes.Closed, text)
	a.body = errorBody{Error: text.Spanish(), Code: codes.Closed, TaskID: task.String(), Status: state}
	return a
}

func steered(status int, task schemas.TaskID, s *schemas.Status, pipe uint32, message string) answer {
	return answer{
		status: status, location: request.PathTasks + "/" + task.String(),
		body: controlBody{Success: true, TaskID: task.String(), Status: tasks.StateOf(s, time.Now()), InPipe: pipe, Message: message},
	}
}
