// Package client talks to a running altavoz over HTTP, for the commands that do.
//
// What the other side refuses is a *RefusedError, in its words; that nobody is there is ErrNobody.
package client

import (
	"bytes"
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
	"altavoz/schemas/shown"
)

const (
	maxAnswer = 1 << 20 // bytes; the longest real one is a page of 500 tasks
	// answerPatience is longer than the server waits for a broadcast that is not queued.
	answerPatience = 2 * time.Minute
	statusPatience = 15 * time.Second
	// busyTries is how often a request is made again that the server had no room for.
	busyTries = 10
	busyMost  = 30 * time.Second
)

var (
	// ErrNobody is the error of an address where nobody listens.
	ErrNobody = errors.New("nobody answers")
	// ErrStranger is the error of an answer that is none of altavoz's.
	ErrStranger = errors.New("it does not answer like altavoz")
)

// Client talks to one altavoz.
type Client struct {
	base string
	key  schemas.Secret
	http *http.Client
	sent atomic.Int64 // bytes of the body under way
	done atomic.Bool  // it is all sent
}

// New returns a client of the altavoz at an address.
func New(base string, key schemas.Secret) *Client {
	return &Client{base: strings.TrimRight(base, "/"), key: key, http: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: answerPatience, MaxIdleConnsPerHost: 2},
	}}
}

// RefusedError is an answer that says no.
type RefusedError struct {
	Status int
	text   string
	hint   string
	after  time.Duration
}

func (r *RefusedError) Error() string { return r.text }

// Hint returns what to do about it.
func (r *RefusedError) Hint() string { return r.hint }

// Uploaded returns how many bytes of the request under way are sent, and whether that is all.
func (c *Client) Uploaded() (int64, bool) { return c.sent.Load(), c.done.Load() }

// Send posts a broadcast whose request write writes, again where the server has no room and it can be written again.
func (c *Client) Send(ctx context.Context, write func(io.Writer) error, again bool) error {
	for try := 1; ; try++ {
		err := c.post(ctx, write)
		var no *RefusedError
		if !errors.As(err, &no) || no.Status != http.StatusServiceUnavailable || !again || try == busyTries {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(max(no.after, time.Second), busyMost)):
		}
	}
}

func (c *Client) post(ctx context.Context, write func(io.Writer) error) error {
	pr, pw := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+app.PathSend, pr)
	if err != nil {
		return err
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

// Status asks how far a task is.
func (c *Client) Status(ctx context.Context, task schemas.TaskID) (*Task, error) {
	s := new(Task)
	return s, c.ask(ctx, http.MethodGet, app.PathStatus+task.String(), nil, s)
}

// ask makes a request of a few bytes and reads the answer into one that keeps it as it came, too.
func (c *Client) ask(ctx context.Context, method, path string, body []byte, into answer) error {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	raw, err := c.do(req)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil || !into.keep(raw) {
		return fmt.Errorf("%s: %w", c.base, ErrStranger)
	}
	return nil
}

// do makes a request; an answer that is no success is a *RefusedError.
func (c *Client) do(req *http.Request) ([]byte, error) {
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("%w on %s", ErrNobody, c.base)
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
		return nil, fmt.Errorf("%s: %w", c.base, ErrStranger)
	}
	r := &RefusedError{Status: resp.StatusCode, text: shown.Line(no.Error), hint: shown.Line(no.Hint)}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		r.after = time.Duration(n) * time.Second
	}
	if r.Status == http.StatusUnauthorized {
		r.hint = "give a key with --api-key or ALTAVOZ_API_KEY"
	}
	return nil, r
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
