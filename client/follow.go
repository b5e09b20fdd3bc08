package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"altavoz/schemas"
)

const (
	pollFirst = 100 * time.Millisecond
	pollMost  = time.Second
	// lostTimeout is how long a server that has answered before may be away: the time of a restart.
	lostTimeout = 30 * time.Second
)

// Observer is told of a broadcast under way. A member that is nil is not called; none may block.
type Observer struct {
	Uploading func(bytes int64) // how much of the request is sent
	Answered  func(*Answer)     // how the request was answered: it may have warnings
	Status    func(*Task)       // each answer
}

// Follow asks for a task's status, every second at most, until it is over, and returns the last one. It waits out a server that is
// away for 30 s, or answers 503.
func (c *Client) Follow(ctx context.Context, task schemas.TaskID, o Observer) (*Task, error) {
	return c.follow(ctx, task, o, nil, nil, new(uploading))
}

// SendAndFollow is Send, and Follow from the moment at which the task is known, also while the answer to a direct broadcast is waited for.
// The request must name task as its task_id.
func (c *Client) SendAndFollow(ctx context.Context, task schemas.TaskID, write func(io.Writer) error, rewindable bool, o Observer) (*Task, error) {
	post, leave := context.WithCancel(ctx)
	defer leave()
	up := new(uploading)
	answered, answer := make(chan error, 1), new(Answer)
	go func() {
		answered <- c.send(post, write, rewindable, up, answer)
	}()
	return c.follow(ctx, task, o, answered, answer, up)
}

// follow is told by answered what became of the request that makes the task, while that is under way; nil: the task is there already. The answer
// is there then.
func (c *Client) follow(ctx context.Context, task schemas.TaskID, o Observer, answered <-chan error, answer *Answer, up *uploading) (*Task, error) {
	pause := pollFirst
	var heard time.Time
	for {
		timer := time.NewTimer(pause)
		select {
		case err := <-answered:
			timer.Stop()
			if err != nil {
				return nil, err
			}
			answered = nil
			if o.Answered != nil {
				o.Answered(answer)
			}
		case <-timer.C:
			pause = min(pause*3/2, pollMost)
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
		if answered != nil && !up.done.Load() {
			if o.Uploading != nil {
				o.Uploading(up.bytes.Load())
			}
			continue
		}
		s, err := c.Status(ctx, task)
		var no *RefusedError
		switch {
		case err == nil:
			heard = time.Now()
			if o.Status != nil {
				o.Status(s)
			}
			if s.Over() && answered == nil {
				return s, nil
			}
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case answered != nil: // the server may not know it yet
		case errors.As(err, &no) && no.Status == http.StatusServiceUnavailable: // it will answer again
		case no == nil && time.Since(heard) < lostTimeout:
		default:
			return nil, err
		}
	}
}
