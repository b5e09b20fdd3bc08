// Package post posts callbacks to the servers of others. Where it may connect to is its dialer's to say, at each connection.
package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// timeout is how long an endpoint has for its answer.
	timeout          = 10 * time.Second
	handshakeTimeout = 5 * time.Second
	idleTimeout      = 30 * time.Second
	idleConns        = 64
	maxHeaderBytes   = 64 << 10
	// maxAnswer is how much of an answer is read, so that its connection can be used again.
	maxAnswer = 64 << 10
)

var errTimeout = errors.New("the endpoint did not answer in time")

// Client posts callbacks. It is safe for concurrent use.
type Client struct{ http *http.Client }

// New returns a client that connects with dial.
func New(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *Client {
	return &Client{http: &http.Client{
		Transport: &http.Transport{
			DialContext:         dial,
			TLSHandshakeTimeout: handshakeTimeout, MaxIdleConns: idleConns, IdleConnTimeout: idleTimeout,
			MaxResponseHeaderBytes: maxHeaderBytes, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Post posts a body and returns the answer's status and how long it asks to wait; 0: it does not say.
func (c *Client) Post(ctx context.Context, to string, header http.Header, body []byte) (status int, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, 0, fmt.Errorf("making a callback: %w", err)
	}
	req.GetBody = nil // a second try is the stage's to make
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "altavoz")
	resp, err := c.http.Do(req)
	if whole, ok := errors.AsType[*url.Error](err); ok {
		err = whole.Err // without the URL, which may hold a secret
	}
	if err != nil {
		return 0, 0, fmt.Errorf("posting a callback: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // what it says is of no use
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		wait = time.Duration(min(seconds, int(maxWait/time.Second))) * time.Second
	}
	return resp.StatusCode, wait, nil
}

// maxWait bounds what an answer may ask for.
const maxWait = time.Hour
