package whatsapp

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/schemas/optout"
	"altavoz/stream"
	"altavoz/whatsapp/account"
	"altavoz/whatsapp/signature"
)

// WebhookConfig is what was agreed with Meta in the app's dashboard.
type WebhookConfig struct {
	AppSecret   schemas.Secret        // events are signed with it, or with one of the two (package signature); empty: whatever comes is taken for Meta's
	Now         func() schemas.Secret // AppSecret as it is now; nil: it stays
	VerifyToken schemas.Secret        // Meta shows it when the endpoint is registered; empty: nobody can register it
	// Numbers returns the ids of our sender numbers: reports on other accounts do not count. It must not wait.
	Numbers func() []string
	// Account returns the account that a number is configured to belong to; nil: that is learnt from receipts.
	Account func(number string) string
	// OptOuts makes the records of what is said of people. An error means that it can't yet. Nil: nothing of it is kept.
	OptOuts func(h *optout.Heard, now time.Time) ([]stream.Record, error)
	// Inbound makes the records of who wrote to which number. Nil: nothing of it is kept.
	Inbound func(all []lastinbound.Message, now time.Time) []stream.Record
	// Tapped makes the results of taps on messages of ours. An error means that it can't yet. Nil: nothing is told of them.
	Tapped     func(all []*schemas.Tap, now time.Time) ([]stream.Record, error)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Webhooks understands what Meta posts. It is safe for concurrent use and holds nothing that must be closed.
type Webhooks struct {
	secret  func() schemas.Secret // nil: none
	token   schemas.Secret
	metrics *webhookMetrics
	numbers *account.Numbers
	optOuts func(h *optout.Heard, now time.Time) ([]stream.Record, error)
	inbound func(all []lastinbound.Message, now time.Time) []stream.Record
	tapped  func(all []*schemas.Tap, now time.Time) ([]stream.Record, error)
}

// NewWebhooks returns the reader of an app's webhooks.
func NewWebhooks(c WebhookConfig) *Webhooks {
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Numbers == nil {
		c.Numbers = func() []string { return nil }
	}
	switch {
	case c.AppSecret == "":
		c.Now = nil
	case c.Now == nil:
		c.Now = func() schemas.Secret { return c.AppSecret }
	}
	return &Webhooks{
		secret: c.Now, token: c.VerifyToken, optOuts: c.OptOuts, inbound: c.Inbound, tapped: c.Tapped, metrics: newWebhookMetrics(c.Registerer),
		numbers: account.New(account.Config{Ours: c.Numbers, Account: c.Account, Signed: c.AppSecret != "", Logger: c.Logger, Registerer: c.Registerer}),
	}
}

// Challenge returns what proves to Meta that the endpoint is ours, and false for one who does not know the token.
func (h *Webhooks) Challenge(query url.Values) (string, bool) {
	// The digests have one length, so that the time taken does not tell the token's.
	shown, want := sha256.Sum256([]byte(query.Get("hub.verify_token"))), sha256.Sum256([]byte(h.token.Reveal()))
	known := subtle.ConstantTimeCompare(shown[:], want[:]) == 1 && h.token != ""
	answer := query.Get("hub.challenge")
	return answer, known && query.Get("hub.mode") == "subscribe" && answer != ""
}

// Signed reports whether the body is Meta's.
func (h *Webhooks) Signed(body []byte, header http.Header) bool {
	return h.secret == nil || signature.Valid(h.secret(), body, header)
}

// Receipts returns the results in the body, who opted out, who wrote, and what it reports of our numbers as a whole. An error means that it is no
// JSON, or more of it than Meta ever posts; optout.ErrBehind that it must come again.
func (h *Webhooks) Receipts(body []byte, now time.Time) ([]stream.Record, error) {
	n, err := readNews(body)
	if err != nil {
		return nil, err
	}
	var recs []stream.Record
	if h.optOuts != nil {
		if recs, err = h.optOuts(&n.people, now); err != nil {
			return nil, err
		}
	}
	if h.tapped != nil {
		taps, err := h.tapped(n.taps, now)
		if err != nil {
			return nil, err
		}
		recs = append(recs, taps...)
	}
	if h.inbound != nil {
		recs = append(recs, h.inbound(n.wrote, now)...)
	}
	h.metrics.heard(n)
	for number, e := range n.homes {
		h.numbers.Learn(number, e)
	}
	return slices.Concat(recs, n.results(now), h.numbers.Events(n.announced, now)), nil
}
