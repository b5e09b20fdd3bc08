package producer

import (
	"context"
	"net/http"

	"altavoz/producer/codes"
	"altavoz/producer/dryrun"
	"altavoz/producer/senders"
	"altavoz/schemas/es"
)

// dryRun answers what an order would do.
func (in *Ingress) dryRun(ctx context.Context, o *order) answer {
	if !isClosed(in.ports.Numbers.CaughtUp()) {
		return later(codes.Unavailable, es.StillReadingRetry)
	}
	row, known := senders.One(in.cfg.Senders(), o.caller.Senders, o.sender, in.ports.Numbers.Number, o.now, o.dry.Language)
	r, err := o.dry.Report(ctx, o.req, dryrun.Number{Row: row, Configured: known}, o.now)
	if err != nil {
		in.cfg.Logger.ErrorContext(ctx, "dry run failed", "error", err)
		return internalError()
	}
	if o.replay {
		r.TaskID = o.task.String()
	}
	return answer{status: http.StatusOK, body: r}
}
