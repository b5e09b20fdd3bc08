package harness

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"altavoz/producer"
	"altavoz/schemas"
)

// Receipt is one status of a webhook, as Meta writes it.
func Receipt(task schemas.TaskID, index uint32, phone, status, more string) string {
	return fmt.Sprintf(`{"id":"wamid.HBgLN%d","status":%q,"timestamp":"1750030073","recipient_id":%q,"biz_opaque_callback_data":%q%s}`,
		index, status, phone, schemas.Callback(task, index), more)
}

// Webhook is a body of Meta's with these statuses.
func Webhook(statuses ...string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"104996122399160","changes":[{"value":{"messaging_product":"whatsapp",` +
		`"metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"statuses":[` + strings.Join(statuses, ",") + `]},"field":"messages"}]}]}`
}

// WebhookRequest is a webhook as Meta signs it.
func WebhookRequest(tb testing.TB, url, secret, body string) *http.Request {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url+producer.PathWebhook, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return req
}
