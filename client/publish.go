package client

import (
	"context"
	"io"
	"time"

	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// Published says what became of a published broadcast.
type Published struct {
	Task     schemas.TaskID  // the draft's, or a new one
	Total    uint32          // recipients, invalid and repeated ones included
	Origin   *schemas.Origin // the record in broadcasts
	Warnings []string        // Spanish, of what was accepted and may be a mistake
}

// Publish puts a broadcast straight on Kafka. It needs the right to write to broadcasts and blobs, nothing else, and
// returns when the broadcast is acknowledged: from then on it goes out whether this program lives or not.
//
// What is wrong with the draft is a *request.FieldError, and nothing was published. Of an error that is stream.ErrNotWritten nothing was
// published either; after any other one, the end of ctx included, nobody knows: publish the draft again under its TaskID.
func Publish(ctx context.Context, log stream.Publisher, d *Draft) (Published, error) {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pw.CloseWithError(d.WriteJSON(pw))
	}()
	p, err := PublishJSON(ctx, log, pr)
	pr.CloseWithError(io.ErrClosedPipe) // ends a writer that was not read to its end
	<-done
	return p, err
}

// PublishJSON is Publish for a draft that is the body of an HTTP request already.
func PublishJSON(ctx context.Context, log stream.Publisher, body io.Reader) (Published, error) {
	now := time.Now()
	up := upload.New(ctx, log)
	req, err := request.Read(body, up, request.Limits{Now: now})
	if err != nil {
		return Published{}, err
	}
	task := schemas.NewTaskID()
	if req.TaskID != nil {
		task = *req.TaskID
	}
	b, err := up.Broadcast(req, task, req.Sender, now)
	if err != nil {
		return Published{}, err
	}
	b.AcceptedMs = 0 // an ingress accepts; of others the record's own time counts, and so the fanout tells them apart
	origin, err := upload.PublishBroadcast(ctx, log, b)
	if err != nil {
		return Published{}, err
	}
	p := Published{Task: task, Total: req.Total, Origin: origin}
	for _, w := range req.Warnings {
		p.Warnings = append(p.Warnings, w.Spanish())
	}
	return p, nil
}
