package upstream

import (
	"context"
	"errors"
	"io"

	"altavoz/client"
	"altavoz/stream"
)

// Publish puts a broadcast on Kafka as an upstream system would. write writes the body of the HTTP request; what it fails to write whole is not
// published.
func Publish(ctx context.Context, log stream.Log, write func(io.Writer) error) (client.Published, error) {
	pr, pw := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(pw)
		pw.CloseWithError(err)
		written <- err
	}()
	published, err := client.PublishJSON(ctx, log, pr)
	pr.CloseWithError(io.ErrClosedPipe) // ends a writer whose words were not all wanted
	if werr := <-written; err != nil && werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		err = werr
	}
	return published, err //nolint:wrapcheck // says all
}
