package producer

import (
	"context"
	"io"
	"time"

	"altavoz/producer/draft"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// Draft is a broadcast as a Go program writes it.
type Draft = draft.Draft

// Receipt says what became of a published broadcast.
type Receipt struct {
	Task     schemas.TaskID
	Total    uint32
	Origin   *schemas.Origin // the record in broadcasts
	Warnings []string        // Spanish
}

// Publish puts a broadcast straight on Kafka. It needs the right to write to broadcasts and blobs, nothing else, and
// returns when the broadcast is accepted: from then on it goes out whether this program lives or not. What is wrong with
// the draft is a *request.FieldError.
func Publish(ctx context.Context, log stream.Publisher, d *Draft) (Receipt, error) {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pw.CloseWithError(d.WriteJSON(pw))
	}()
	r, err := PublishJSON(ctx, log, pr)
	pr.CloseWithError(io.ErrClosedPipe) // ends a writer that was not read to its end
	<-done
	return r, err
}

// PublishJSON is Publish for a draft that is the body of an HTTP request already.
func PublishJSON(ctx context.Context, log stream.Publisher, body io.Reader) (Receipt, error) {
	now := time.Now()
	up := upload.New(ctx, log)
	req, err := request.Read(body, up, request.Limits{Now: now})
	if err != nil {
		return Receipt{}, err
	}
	task := schemas.NewTaskID()
	if req.TaskID != nil {
		task = *req.TaskID
	}
	b, err := up.Broadcast(req, task, req.Sender, now)
	if err != nil {
		return Receipt{}, err
	}
	b.AcceptedMs = 0 // an ingress accepts; of others the record's own time counts, and so the fanout tells them apart
	origin, err := upload.Commit(ctx, log, b)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Task: task, Total: req.Total, Origin: origin, Warnings: req.Warnings}, nil
}
