package producer

import (
	"net/http"

	"altavoz/producer/access"
	"altavoz/producer/webhooks"
)

// PathWebhook is what an app of Meta's is given as its callback URL. Nobody shows an API key there: Meta has none.
const PathWebhook = "/api/webhooks/whatsapp"

// webhook takes in what Meta says later of the messages that it accepted.
func (in *Ingress) webhook(w http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
	challenge, result, err := in.webhooks.Take(w, r)
	in.metrics.Webhook(string(result))
	switch {
	case err != nil:
		return bodyError(err)
	case result == webhooks.Verified:
		return answer{status: http.StatusOK, text: challenge}
	}
	return answer{status: http.StatusOK, body: healthBody{Status: "ok"}}
}
