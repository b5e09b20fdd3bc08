package http1

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Head is what a request begins with: its request line and headers. It is made once, for all requests that differ only in their body.
type Head []byte

// Head makes a Head for a path of the server. Nothing in it can end a line, so that no header and no other request can be hidden in a token or
// a path; and no header may say where the request ends, or what becomes of its connection.
func (c *Client) Head(method string, u *url.URL, fields http.Header) (Head, error) {
	target := u.RequestURI()
	if !token([]byte(method)) || !strings.HasPrefix(target, "/") || !graphic(target) {
		return nil, fmt.Errorf("request %q %q: a character that can't be there", method, target)
	}
	if c.cfg.Proxy != nil && !c.tunnel { // the proxy has to know where it goes
		target = c.cfg.Server.Scheme + "://" + c.cfg.Server.Host + target
	}
	h := append(Head{}, method+" "+target+" HTTP/1.1\r\nHost: "+c.cfg.Server.Host+endOfLine...)
	if c.cfg.Proxy != nil && !c.tunnel {
		h = append(h, c.proxyAuth()...)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !token([]byte(name)) || !printable(strings.Join(fields[name], "")) {
			return nil, fmt.Errorf("header %q: a character that can't be there", name)
		}
		if slices.ContainsFunc(ours, func(s string) bool { return strings.EqualFold(s, name) }) {
			return nil, fmt.Errorf("header %q: it is not the caller's", name)
		}
		for _, value := range fields[name] {
			h = append(h, name+": "+value+endOfLine...)
		}
	}
	return h, nil
}

// ours are the headers that only this package writes.
var ours = []string{"Connection", "Content-Length", "Expect", "Host", "Proxy-Authorization", "Trailer", "Transfer-Encoding", "Upgrade"}

// graphic reports whether a request's target is one word.
func graphic(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Do makes one request and reads its answer, within a time that includes waiting for other calls and for a connection. body is nil where a
// request has none. It makes one attempt, whatever happens.
//
// A failed call was certainly not sent if it never got a connection, or if its one write put not one byte into it. An idle connection that
// the server has closed, or on which something came that nobody had asked for, is not used. Beyond that a write proves nothing: the
// system takes the bytes for a connection of whose end it does not know yet.
func (c *Client) Do(ctx context.Context, timeout time.Duration, h Head, body []byte, a *Answer) {
	a.Status, a.Body, a.Err, a.Unsent, a.head = 0, a.Body[:0], nil, true, a.head[:0]
	if ctx.Err() != nil {
		a.Err = context.Cause(ctx)
		return
	}
	deadline := time.Now().Add(timeout)
	if a.Err = c.await(ctx, timeout); a.Err != nil {
		return
	}
	defer func() { <-c.calls }()
	cn, err := c.conn(ctx, deadline)
	if err != nil {
		a.Err = err
		return
	}
	reusable, err := cn.exchange(h, body, a, c.cfg.MaxAnswer)
	if err == nil && reusable && ctx.Err() == nil {
		c.put(cn)
		return
	}
	cn.close()
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = ErrTimeout
		}
		a.Err = because(ctx, err)
	}
}

// conn returns a connection to make a call with, whose deadline is set, and which the end of ctx aborts.
func (c *Client) conn(ctx context.Context, deadline time.Time) (*conn, error) {
	for cn := c.take(); cn != nil; cn = c.take() {
		if time.Since(cn.idleSince) < idleTimeout && cn.ready(deadline) && cn.watch(ctx) {
			return cn, nil
		}
		cn.close()
	}
	cn, err := c.connect(ctx, deadline)
	if err != nil {
		return nil, err
	}
	if err := cn.SetDeadline(deadline); err != nil {
		cn.close()
		return nil, fmt.Errorf("setting the deadline: %w", err)
	}
	cn.watch(ctx)
	return cn, nil
}

// exchange writes a request, in one piece, and reads its answer.
func (cn *conn) exchange(h Head, body []byte, a *Answer, limit int) (reusable bool, err error) {
	cn.out = append(cn.out[:0], h...)
	if body != nil {
		cn.out = append(cn.out, "Content-Length: "...)
		cn.out = strconv.AppendInt(cn.out, int64(len(body)), 10)
		cn.out = append(cn.out, endOfLine...)
	}
	cn.out = append(append(cn.out, endOfLine...), body...)
	writes := cn.raw.writes
	_, err = cn.Write(cn.out)
	a.Unsent = err != nil && cn.raw.writes == writes
	if err != nil {
		return false, err
	}
	return a.read(cn, limit)
}
