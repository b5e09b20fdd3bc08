package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"altavoz/app"
	"altavoz/schemas"
)

const (
	maxAnswer = 1 << 20 // bytes; the longest real one has a hundred error lines
	// answerPatience is longer than the server waits for a broadcast that is not queued.
	answerPatience = 2 * time.Minute
	statusPatience = 15 * time.Second
	// busyTries is how often a request is made again that the server had no room for.
	busyTries = 10
	busyMost  = 30 * time.Second
)

// client talks to a running altavoz.
type client struct {
	base string
	key  schemas.Secret
	http *http.Client
	sent atomic.Int64 // bytes of the body under way
	done atomic.Bool  // it is all sent
}

func newClient(base string, key schemas.Secret) *client {
	return &client{base: strings.TrimRight(base, "/"), key: key, http: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: answerPatience, MaxIdleConnsPerHost: 2},
	}}
}

// taskStatus is what the server says of a task.
type taskStatus struct {
	TaskID string `json:"task_id"`
	Status string `json:"status"`
	Why    string `json:"why"`
	ETA    string `json:"eta"`
	Result *struct {
		Total      uint32   `json:"total"`
		Successful uint32   `json:"successful"`
		Failed     uint32   `json:"failed"` // the next ones included
		Unknown    uint32   `json:"unknown"`
		Skipped    uint32   `json:"skipped"`
		Expired    uint32   `json:"expired"`
		Cancelled  uint32   `json:"cancelled"`
		Pending    uint32   `json:"pending"`
		Errors     []string `json:"errors"`
	} `json:"result"`
	raw json.RawMessage
}

// over reports whether nothing more will happen.
func (s *taskStatus) over() bool {
	return s.Status == "SUCCESS" || s.Status == "FAILURE" || s.Status == "REVOKED"
}

// refusal is an answer that says no.
type refusal struct {
	status int
	text   string
	hint   string
	after  time.Duration
}

func (r *refusal) Error() string { return r.text }

// send posts a request whose body write writes, again where the server has no room and the body can be written again.
func (c *client) send(ctx context.Context, write func(io.Writer) error, again bool) error {
	for try := 1; ; try++ {
		err := c.post(ctx, write)
		var no *refusal
		if !errors.As(err, &no) || no.status != http.StatusServiceUnavailable || !again || try == busyTries {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(max(no.after, time.Second), busyMost)):
		}
	}
}

func (c *client) post(ctx context.Context, write func(io.Writer) error) error {
	pr, pw := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+app.PathSend, pr)
	if err != nil {
		return wrongURL(c.base, err)
	}
	c.sent.Store(0)
	c.done.Store(false)
	written := make(chan error, 1)
	go func() {
		err := write(&counter{pw, &c.sent})
		c.done.Store(err == nil)
		pw.CloseWithError(err)
		written <- err
	}()
	req.Header.Set("Content-Type", "application/json")
	_, err = c.do(req)
	pr.CloseWithError(io.ErrClosedPipe) // the server may answer before it has read all
	if werr := <-written; werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		return werr
	}
	return err
}

// status asks how far a task is.
func (c *client) status(ctx context.Context, task schemas.TaskID) (*taskStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+app.PathStatus+task.String(), nil)
	if err != nil {
		return nil, wrongURL(c.base, err)
	}
	body, err := c.do(req)
	if err != nil {
		return nil, err
	}
	s := &taskStatus{raw: body}
	if err := json.Unmarshal(body, s); err != nil || s.Status == "" {
		return nil, notOurs(c.base)
	}
	return s, nil
}

// do makes a request; an answer that is no success is a *refusal.
func (c *client) do(req *http.Request) ([]byte, error) {
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, &exit{err: fmt.Errorf("nobody answers on %s", c.base), code: exitError, hint: "start it with `" + self() + " up`, or name another one with --url"}
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", c.base, err)
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return body, nil
	}
	var no struct {
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}
	if json.Unmarshal(body, &no) != nil || no.Error == "" {
		return nil, notOurs(c.base)
	}
	r := &refusal{status: resp.StatusCode, text: no.Error, hint: no.Hint}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		r.after = time.Duration(n) * time.Second
	}
	if r.status == http.StatusUnauthorized {
		r.hint = "give a key with --api-key or ALTAVOZ_API_KEY"
	}
	return nil, r
}

func wrongURL(base string, err error) error {
	return &exit{err: fmt.Errorf("--url %s: %w", base, err), code: exitUsage, hint: "it looks like http://127.0.0.1:8080"}
}

func notOurs(base string) error {
	return &exit{err: fmt.Errorf("%s does not answer like altavoz", base), code: exitError, hint: "is --url right?"}
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n *atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}
