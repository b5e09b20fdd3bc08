package producer

import (
	"net/http"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/connections"
	"altavoz/producer/upload"
	"altavoz/producer/webhooks"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// PathWebhook is what an app of Meta's is given as its callback URL. Nobody shows an API key there: Meta has none.
const PathWebhook = "/api/webhooks/whatsapp"

// webhook takes in what Meta says later of the messages that it accepted.
func (in *Ingress) webhook(w http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
	result, a := in.hear(w, r)
	in.metrics.Webhook(string(result))
	return a
}

func (in *Ingress) hear(w http.ResponseWriter, r *http.Request) (webhooks.Result, answer) {
	hooks := in.ports.Webhooks
	if hooks == nil {
		return webhooks.Refused, notHere(es.WebhookNoSecret)
	}
	if in.cross.Check(r) != nil { // Meta is no browser, and where nothing is signed a page could forge receipts
		return webhooks.Refused, notHere(es.WebhookCrossOrigin)
	}
	if r.Method == http.MethodGet {
		challenge, ok := hooks.Challenge(r.URL.Query())
		if !ok {
			return webhooks.Refused, notHere(es.WebhookToken)
		}
		return webhooks.Verified, answer{status: http.StatusOK, text: challenge}
	}
	slot, err := in.webhooks.Open(w, r, nil)
	if err != nil {
		return webhooks.Busy, bodyError(err)
	}
	defer slot.Close() // only now: what was read is held until it is acknowledged
	body, result, err := webhooks.Read(slot, r.ContentLength)
	if err != nil {
		return result, bodyError(err)
	}
	return in.settle(r, body)
}

// settle puts the receipts of a body into Kafka. Meta is told that it need not come again only when they are there.
func (in *Ingress) settle(r *http.Request, body []byte) (webhooks.Result, answer) {
	if !in.ports.Webhooks.Signed(body, r.Header) {
		if unsaid, ok := in.forged.Turn(time.Now()); ok {
			in.cfg.Logger.WarnContext(r.Context(), "a webhook is not signed with our app's secret", "from", r.RemoteAddr, "bytes", len(body), "not_logged", unsaid)
		}
		return webhooks.Forged, refusal(http.StatusUnauthorized, codes.Forged, es.Say(es.WebhookSignature))
	}
	connections.Trust(r.Context())
	recs, err := in.ports.Webhooks.Receipts(body, time.Now())
	if err != nil {
		in.cfg.Logger.WarnContext(r.Context(), "a webhook can't be read", "bytes", len(body), "error", err)
		return webhooks.Malformed, refusal(http.StatusBadRequest, request.CodeJSON, es.Say(es.EventUnreadable))
	}
	if len(recs) > 0 {
		if _, err := upload.Publish(r.Context(), in.ports.Log, recs...); err != nil {
			in.cfg.Logger.WarnContext(r.Context(), "receipts not taken", "records", len(recs), "error", err)
			return webhooks.Unavailable, later(codes.Unavailable, es.WebhookNotTaken)
		}
	}
	return webhooks.Accepted, answer{status: http.StatusOK, body: healthBody{"ok"}}
}

func notHere(why es.Code) answer {
	a := refusal(http.StatusForbidden, codes.Forbidden, es.Say(es.WebhookRefused)).hinted(es.Say(why))
	a.close = true
	return a
}
