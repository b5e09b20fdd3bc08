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
	"time"

	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/schemas/shown"
)

const (
	maxAnswer = 1 << 20 // bytes; the longest real one is a page of 500 tasks
	// sendTimeout is how long the answer to a broadcast is waited for once its body is sent. It is longer than the server waits for a
	// broadcast that is not queued, 25 s.
	sendTimeout = 2 * time.Minute
	askTimeout  = 15 * time.Second // for everything else
	// A request for which the server has no room is sent busyTries times at most, and up to busyWait apart: five minutes in all.
	busyTries = 10
	busyWait  = 30 * time.Second
)

var (
	// ErrUnreachable is the error of an address at which nothing listens.
	ErrUnreachable = errors.New("nobody answers")
	// ErrNotAltavoz is the error of an answer that altavoz does not give: another service has the address.
	ErrNotAltavoz = errors.New("it does not answer like altavoz")
)

// Client calls one altavoz over HTTP. It is safe for concurrent use.
type Client struct {
	base string
	path string // that broadcasts are posted to
	key  schemas.Secret
	http *http.Client
}

// New returns a client of the altavoz at an address, as http://127.0.0.1:8080. The key is shown as Authorization: Bearer; empty: none.
func New(base string, key schemas.Secret) *Client {
	return &Client{base: strings.TrimRight(base, "/"), path: request.PathSend, key: key, http: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: sendTimeout, MaxIdleConnsPerHost: 2},
	}}
}

// Bulk returns a client of the same altavoz whose broadcasts may have recipients with messages of their own, and no Phones.
func (c *Client) Bulk() *Client {
	bulk := *c
	bulk.path = request.PathBulk
	return &bulk
}

// RefusedError is an answer with a status of 300 or more.
type RefusedError struct {
	Status     int           // of HTTP
	Code       string        // for programs, as "unknown_field"; empty where the contract has none
	Text       string        // Spanish
	Hint       string        // what to do about it; may be empty
	RetryAfter time.Duration // when the request may be made again; 0: the server named no time
}

func (r *RefusedError) Error() string { return r.Text }

// Answer is how a broadcast was answered.
type Answer struct {
	Raw
	TaskID   string   `json:"task_id"`
	Message  string   `json:"message"` // Spanish
	Result   *Result  `json:"result"`  // nil: it is queued, or goes on; Follow tells its end
	ETA      string   `json:"eta"`     // RFC 3339: when it starts, where that is asked for
	Warnings []string `json:"warnings"`
}

func (a *Answer) keep(raw []byte) bool {
	a.JSON = raw
	return a.TaskID != ""
}

// Send posts a broadcast. write writes the body of the request, as Draft.WriteJSON does; rewindable says that it may be called again, which
// happens where the server has no room (503), ten times at most. A direct broadcast is answered when it is done.
//
// What the server refuses is a *RefusedError, and nothing was sent; of one with status 503, and of any other error but ErrUnreachable and
// those of write, nobody knows: send it again under the same task id.
func (c *Client) Send(ctx context.Context, write func(io.Writer) error, rewindable bool) (*Answer, error) {
	a := new(Answer)
	if err := c.send(ctx, write, rewindable, new(uploading), a); err != nil {
		return nil, err
	}
	return a, nil
}

func (c *Client) send(ctx context.Context, write func(io.Writer) error, rewindable bool, up *uploading, into answer) error {
	for try := 1; ; try++ {
		err := c.post(ctx, write, up, into)
		var no *RefusedError
		if !errors.As(err, &no) || no.Status != http.StatusServiceUnavailable || !rewindable || try == busyTries {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(max(no.RetryAfter, time.Second), busyWait)):
		}
	}
}

func (c *Client) post(ctx context.Context, write func(io.Writer) error, up *uploading, into answer) error {
	pr, pw := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+c.path, pr)
	if err != nil {
		return err
	}
	up.bytes.Store(0)
	up.done.Store(false)
	written := make(chan error, 1)
	go func() {
		err := write(&counter{pw, &up.bytes})
		up.done.Store(err == nil)
		pw.CloseWithError(err)
		written <- err
	}()
	req.Header.Set("Content-Type", "application/json")
	err = c.do(req, into)
	pr.CloseWithError(io.ErrClosedPipe) // the server may answer before it has read all
	if werr := <-written; werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		return werr
	}
	return err
}

// ask makes a request of a few bytes.
func (c *Client) ask(ctx context.Context, method, path string, body []byte, into answer) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	return c.do(req, into)
}

// do makes a request and reads its answer; one that is no success is a *RefusedError.
func (c *Client) do(req *http.Request, into answer) error {
	resp, err := c.request(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", c.base, err)
	}
	if err := json.Unmarshal(body, into); err != nil || !into.keep(body) {
		return fmt.Errorf("%s: %w", c.base, ErrNotAltavoz)
	}
	return nil
}

func (c *Client) refused(resp *http.Response, body []byte) error {
	var no struct {
		Error string `json:"error"`
		Code  string `json:"code"`
		Hint  string `json:"hint"`
	}
	if json.Unmarshal(body, &no) != nil || no.Error == "" {
		return fmt.Errorf("%s: %w", c.base, ErrNotAltavoz)
	}
	r := &RefusedError{Status: resp.StatusCode, Code: no.Code, Text: shown.Line(no.Error), Hint: shown.Line(no.Hint)}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		r.RetryAfter = time.Duration(n) * time.Second
	}
	return r
}

// uploading is how much of a request's body is sent.
type uploading struct {
	bytes atomic.Int64
	done  atomic.Bool // all of it
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
