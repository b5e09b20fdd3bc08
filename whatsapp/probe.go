package whatsapp

import (
	"context"
	"net/http"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// Probe reads the id of a sender number, which sends nothing and costs none of its messages. A verdict other than Unsent or Lost means
// that the Cloud API answers, whatever the state of the number. It is over within the call time-out.
func (c *Client) Probe(ctx context.Context, sender string) schemas.Reply {
	n, ok := c.number(sender)
	if !ok {
		return schemas.Reply{Verdict: schemas.VerdictAccount, Detail: es.Say(es.NoTokenHere).Spanish()}
	}
	u := *n.self
	u.RawQuery = "fields=id"
	start := time.Now()
	a := c.get(ctx, &http.Request{
		Method: http.MethodGet, URL: &u, Host: u.Host, Header: n.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	})
	r := schemas.Reply{Verdict: schemas.VerdictSent}
	if w, e, ok := parseAnswer(a.body); a.err != nil || !ok || e != nil || w.ID == "" {
		r = judge(a, start)
	}
	if r.Detail != "" {
		r.Detail = clean(r.Detail, n.token)
	}
	c.metrics.answered(callProbe, r, time.Since(start))
	return r
}

// get makes a call that only reads. Whether a failed one was sent does not matter.
func (c *Client) get(ctx context.Context, req *http.Request) answer {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.CallTimeout, errCallTimeout)
	defer cancel()
	resp, err := c.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{err: cause(ctx, err)}
	}
	defer func() { _ = resp.Body.Close() }() // what was to be read is read
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.body, a.err = readAnswer(resp); a.err != nil {
		a.err = cause(ctx, a.err)
	}
	return a
}
