package producer

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/connections"
	"altavoz/producer/slots"
	"altavoz/producer/upload"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// PathWebhook is what an app of Meta's is given as its callback URL. Nobody shows an API key there: Meta has none.
const PathWebhook = "/api/webhooks/whatsapp"

// Limits of webhooks. They have slots of their own, so that neither they nor broadcasts keep the others out. Meta comes again
// with whatever finds no room.
const (
	// maxWebhook is what Meta says is the most, 3 MB, with room for its meaning MiB and a little more.
	maxWebhook = 3<<20 + 64<<10
	// bigWebhook is the size from which a body needs one of bigWebhooks slots. A single update has 1 KB, a batch of a
	// hundred with old Meta's long ones 60 KB.
	bigWebhook  = 64 << 10
	maxWebhooks = 256 // bodies at once, 64 KiB each: 16 MiB
	bigWebhooks = 8   // 3 MiB each, and as much again of receipts on their way: 50 MiB
	// forgedEvery is how often at most a body with a wrong signature is logged; all are counted.
	forgedEvery = time.Second
)

// webhookResult is what became of a webhook.
type webhookResult string

const (
	webhookAccepted    webhookResult = "accepted"    // its receipts, if it has any, are in Kafka
	webhookVerified    webhookResult = "verified"    // Meta asked whose endpoint this is
	webhookRefused     webhookResult = "refused"     // webhooks are not taken here, or not from there
	webhookForged      webhookResult = "forged"      // not signed with our app's secret
	webhookMalformed   webhookResult = "malformed"   // no JSON, or too large
	webhookBroken      webhookResult = "broken"      // the body did not come whole
	webhookBusy        webhookResult = "busy"        // no slot
	webhookUnavailable webhookResult = "unavailable" // Kafka did not acknowledge
)

var webhookResults = []string{
	string(webhookAccepted), string(webhookVerified), string(webhookRefused), string(webhookForged), string(webhookMalformed), string(webhookBroken), string(webhookBusy), string(webhookUnavailable),
}

// webhook takes in what Meta says later of the messages that it accepted.
func (in *Ingress) webhook(w http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
	result, a := in.hear(w, r)
	in.metrics.Webhook(string(result))
	return a
}

func (in *Ingress) hear(w http.ResponseWriter, r *http.Request) (webhookResult, answer) {
	hooks := in.ports.Webhooks
	if hooks == nil {
		return webhookRefused, notHere(es.WebhookNoSecret)
	}
	if in.cross.Check(r) != nil { // Meta is no browser, and where nothing is signed a page could forge receipts
		return webhookRefused, notHere(es.WebhookCrossOrigin)
	}
	if r.Method == http.MethodGet {
		challenge, ok := hooks.Challenge(r.URL.Query())
		if !ok {
			return webhookRefused, notHere(es.WebhookToken)
		}
		return webhookVerified, answer{status: http.StatusOK, text: challenge}
	}
	slot, err := in.webhooks.Open(w, r, nil)
	if err != nil {
		return webhookBusy, bodyError(err)
	}
	defer slot.Close() // only now: what was read is held until it is acknowledged
	body, result, err := readWebhook(slot, r.ContentLength)
	if err != nil {
		return result, bodyError(err)
	}
	return in.settle(r, body)
}

// settle puts the receipts of a body into Kafka. Meta is told that it need not come again only when they are there.
func (in *Ingress) settle(r *http.Request, body []byte) (webhookResult, answer) {
	if !in.ports.Webhooks.Signed(body, r.Header) {
		if unsaid, ok := in.forged.Turn(time.Now()); ok {
			in.cfg.Logger.WarnContext(r.Context(), "a webhook is not signed with our app's secret", "from", r.RemoteAddr, "bytes", len(body), "not_logged", unsaid)
		}
		return webhookForged, refusal(http.StatusUnauthorized, codeForged, es.Say(es.WebhookSignature))
	}
	connections.Trust(r.Context())
	recs, err := in.ports.Webhooks.Receipts(body, time.Now())
	if err != nil {
		in.cfg.Logger.WarnContext(r.Context(), "a webhook can't be read", "bytes", len(body), "error", err)
		return webhookMalformed, refusal(http.StatusBadRequest, request.CodeJSON, es.Say(es.EventUnreadable))
	}
	if len(recs) > 0 {
		if _, err := upload.Publish(r.Context(), in.ports.Log, recs...); err != nil {
			in.cfg.Logger.WarnContext(r.Context(), "receipts not taken", "records", len(recs), "error", err)
			return webhookUnavailable, later(codeUnavailable, es.WebhookNotTaken)
		}
	}
	return webhookAccepted, answer{status: http.StatusOK, body: healthBody{"ok"}}
}

// readWebhook reads a body whole. On an error it says what to count it as.
func readWebhook(body io.Reader, length int64) ([]byte, webhookResult, error) {
	tooBig := request.Fault("", request.CodeBodyTooBig, es.WebhookTooLarge)
	if length > maxWebhook {
		return nil, webhookMalformed, tooBig
	}
	buf := bytes.NewBuffer(make([]byte, 0, max(length, 0)+bytes.MinRead))
	switch n, err := buf.ReadFrom(io.LimitReader(body, maxWebhook+1)); {
	case errors.Is(err, slots.ErrNone):
		return nil, webhookBusy, err
	case err != nil:
		return nil, webhookBroken, err
	case n > maxWebhook:
		return nil, webhookMalformed, tooBig
	}
	return buf.Bytes(), "", nil
}

func notHere(why es.Code) answer {
	a := refusal(http.StatusForbidden, codeForbidden, es.Say(es.WebhookRefused)).hinted(es.Say(why))
	a.close = true
	return a
}
