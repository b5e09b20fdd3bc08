// Package callback holds what callbacks need of the configuration: the secrets that sign them, and where they may go.
package callback

import (
	"fmt"
	"log/slog"
	"net/url"
	"sync"

	"altavoz/processor/callbacks/post"
	"altavoz/processor/callbacks/sign"
	"altavoz/producer/access"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/whatsapp/media"
)

// Variable is where the secrets stand.
const Variable = "ALTAVOZ_CALLBACK_SECRETS"

// Rules is which callbacks are taken and what signs them. It is safe for concurrent use.
type Rules struct {
	guard *media.Guard
	now   func() schemas.Secret
	log   *slog.Logger

	mu   sync.Mutex
	text schemas.Secret
	keys sign.Secrets
}

// New returns rules with the secrets as they are now, and now as they are later. allow is what the operator opened (media.NewGuard).
func New(secrets schemas.Secret, now func() schemas.Secret, allow []string, log *slog.Logger) (*Rules, error) {
	keys, err := sign.Parse(secrets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Variable, err)
	}
	guard, err := media.NewGuard(allow)
	if err != nil {
		return nil, fmt.Errorf("opening callbacks: %w", err)
	}
	return &Rules{guard: guard, now: now, log: log, text: secrets, keys: keys}, nil
}

// Secrets returns those of this moment. What can't be used changes nothing.
func (r *Rules) Secrets() sign.Secrets {
	text := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if text == r.text {
		return r.keys
	}
	r.text = text
	keys, err := sign.Parse(text)
	if err != nil {
		r.log.Error("secrets of callbacks stay as they were", "name", Variable, "error", err)
		return r.keys
	}
	r.keys = keys
	return keys
}

// Poster returns what posts to endpoints, by dial where the network is a simulated one.
func (r *Rules) Poster(simulated bool, dial media.Dial) *post.Client {
	if !simulated {
		dial = nil
	}
	return post.New(r.guard.Dialer(dial))
}

// Check fills in the callback of a request from its caller's key, and returns why it is not taken: a *request.FieldError, or nil.
func (r *Rules) Check(c *access.Caller, req *request.Request) error {
	if req.Callback == "" {
		req.Callback = c.Callback
	}
	if req.Callback == "" {
		return nil
	}
	if !r.Secrets().Has(c.Owner) { //mutant:callback-without-secret-is-refused
		f := request.Fault("callback_url", request.CodeValue, es.CallbackUnsigned)
		f.Hint = es.Say(es.CallbackUnsignedHint, Variable)
		return f
	}
	if _, err := r.guard.CheckURL(req.Callback); err != nil { //mutant:private-callback-is-refused
		return request.Fault("callback_url", request.CodeURL, es.FieldPrivate, "callback_url")
	}
	if u, err := url.Parse(req.Callback); err == nil && !r.guard.Reachable(u) {
		return request.Fault("callback_url", request.CodeURL, es.CallbackPort)
	}
	return nil
}
