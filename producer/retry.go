package producer

import (
	"context"
	"errors"
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/bodies"
	"altavoz/producer/codes"
	"altavoz/producer/export"
	"altavoz/producer/retry"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// retry is POST tasks/{task_id}/retry: the message again, to those of a task that ended who are asked for. Asked for twice it is one task.
func (in *Ingress) retry(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	id, s, no := in.mine(r, caller)
	if no != nil { //mutant:nobody-retries-anothers-task
		return *no
	}
	text, err := in.readSmall(w, r, caller, maxControlBytes)
	if err != nil {
		return bodyError(err)
	}
	asked, err := retry.Read(text)
	if err != nil {
		return bodyError(err)
	}
	if s.GetPlan() == nil || !in.caughtUp() {
		return later(codes.Unavailable, es.TaskNotKnownYet)
	}
	if _, ok := caller.Sender(s.GetPlan().GetSender()); !ok {
		return senderForbidden()
	}
	if _, err := in.sender(s.GetPlan().GetSender()); err != nil {
		return bodyError(err)
	}
	if err := retry.Ended(s, asked, time.Now()); err != nil {
		return in.notRetried(r.Context(), id, err)
	}
	give, no := in.take(w, caller, access.Exports, in.exports, es.ShareExports, es.BusyExports)
	if no != nil {
		return *no
	}
	defer give()
	// Whoever gives up waiting and asks again finds what was made meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), retryLife)
	defer cancel()
	maker := retry.Maker{Tasks: in.ports.Recipients, IDs: in.cfg.Identity.RetryIDs, Status: in.lookup}
	for range retry.Most {
		up := upload.New(ctx, in.ports.Log)
		made, err := maker.Make(ctx, id, s, asked, up, caller.PerRequest, time.Now())
		if err != nil {
			return in.notRetried(ctx, id, err)
		}
		if made.There {
			return retried(id, made)
		}
		now := time.Now()
		a := in.accept(ctx, &order{
			caller: caller, req: made.Request, up: up, task: made.ID, earlier: made.Earlier, chosen: true, owner: s.GetPlan().GetOwner(), retry: made.Retry,
			sender: s.GetPlan().GetSender(), now: now, until: now,
		})
		if a.status == http.StatusAccepted && !a.replayed {
			b := retried(id, made)
			b.budget = a.budget
			return b
		}
		if !a.replayed { // else another request for it was faster, perhaps for others
			return a
		}
	}
	return later(codes.Unavailable, es.RetryUnread)
}

func retried(of schemas.TaskID, made *retry.Made) answer {
	return answer{status: http.StatusAccepted, location: request.PathStatus + made.ID.String(), replayed: made.There, body: bodies.Retry{
		Success: true, Message: es.Say(es.RetryQueued, made.Total).Spanish(), TaskID: made.ID.String(), RetryOf: of.String(), Total: made.Total,
	}}
}

// notRetried answers why a task is not retried.
func (in *Ingress) notRetried(ctx context.Context, id schemas.TaskID, err error) answer {
	if no := new(codes.RefusedError); errors.As(err, &no) {
		return refusedBy(no)
	}
	if errors.Is(err, export.ErrExpired) {
		return listExpired(id)
	}
	in.cfg.Logger.WarnContext(ctx, "task not retried", "task", id.String(), "error", err)
	return later(codes.Unavailable, es.RetryUnread)
}

// listExpired answers that a task's list is gone.
func listExpired(id schemas.TaskID) answer {
	return refusal(http.StatusGone, codes.Expired, es.Say(es.ListExpired)).hinted(es.Say(es.CountsOnly, request.PathTasks+"/"+id.String()))
}
