package whatsapp

import (
	"context"
	"net/http"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/whatsapp/nethttp"
)

// Probe reads the id of a sender number, which sends nothing and costs none of its messages. A verdict other than Unsent or Lost means
// that the Cloud API answers, whatever the state of the number. It is over within the call time-out.
func (c *Client) Probe(ctx context.Context, sender string) schemas.Reply {
	n, ok := c.number(sender)
	if !ok {
		return schemas.Reply{Verdict: schemas.VerdictAccount, Detail: es.Say(es.NoTokenHere).Spanish()}
	}
	start := time.Now()
	a := c.call(ctx, n, nethttp.Request{Method: http.MethodGet, URL: n.self}, n.probe, &exchange{})
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
