package webhooks

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"altavoz/producer/codes"
	"altavoz/producer/connections"
	"altavoz/producer/loglimit"
	"altavoz/producer/slots"
	"altavoz/producer/underway"
	"altavoz/producer/upload"
	"altavoz/schemas/es"
	"altavoz/schemas/optout"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// Hooks understands what Meta posts.
type Hooks interface {
	// Challenge returns what proves to Meta that the endpoint is ours, and false for one who may not know.
	Challenge(query url.Values) (answer string, ok bool)
	// Signed reports whether the body is Meta's.
	Signed(body []byte, header http.Header) bool
	// Receipts returns the results that the body tells of, and who opted out. An error means that nobody will ever understand it, or, where it
	// is optout.ErrBehind, that this process can't yet.
	Receipts(body []byte, now time.Time) ([]stream.Record, error)
}

// Receiver takes webhooks in.
type Receiver struct {
	Bodies slots.Bodies

	hooks  Hooks
	log    stream.Publisher
	logger *slog.Logger
	cross  *http.CrossOriginProtection
	forged loglimit.Line // those that are not Meta's
}

// NewReceiver returns what takes webhooks in; hooks nil: it takes none.
func NewReceiver(hooks Hooks, log stream.Publisher, logger *slog.Logger) *Receiver {
	return &Receiver{
		Bodies: slots.Bodies{Any: make(slots.Slots, AtOnce), Big: make(slots.Slots, BigAtOnce), From: Big, Underway: new(underway.Bodies[*slots.Body])},
		hooks:  hooks, log: log, logger: logger, cross: http.NewCrossOriginProtection(), forged: loglimit.Line{Every: ForgedEvery},
	}
}

// Take takes a webhook in, and returns the text that proves whose the endpoint is to who asks for that. Its error is a *codes.RefusedError, or
// what kept the body from being read.
func (t *Receiver) Take(w http.ResponseWriter, r *http.Request) (challenge string, result Result, err error) {
	if t.hooks == nil {
		return "", Refused, notHere(es.WebhookNoSecret)
	}
	if t.cross.Check(r) != nil { // Meta is no browser, and where nothing is signed a page could forge receipts
		return "", Refused, notHere(es.WebhookCrossOrigin)
	}
	if r.Method == http.MethodGet {
		challenge, ok := t.hooks.Challenge(r.URL.Query())
		if !ok {
			return "", Refused, notHere(es.WebhookToken)
		}
		return challenge, Verified, nil
	}
	slot, err := t.Bodies.Open(w, r, nil)
	if err != nil {
		return "", Busy, err
	}
	defer slot.Close() // only now: what was read is held until it is acknowledged
	body, result, err := Read(slot, r.ContentLength)
	if err != nil {
		return "", result, err
	}
	result, err = t.settle(r, body)
	return "", result, err
}

// settle puts the receipts of a body into Kafka. Meta is told that it need not come again only when they are there.
func (t *Receiver) settle(r *http.Request, body []byte) (Result, error) {
	if !t.hooks.Signed(body, r.Header) {
		if unsaid, ok := t.forged.Turn(time.Now()); ok {
			t.logger.WarnContext(r.Context(), "a webhook is not signed with our app's secret", "from", r.RemoteAddr, "bytes", len(body), "not_logged", unsaid)
		}
		return Forged, &codes.RefusedError{Status: http.StatusUnauthorized, Code: codes.Forged, Says: es.Say(es.WebhookSignature)}
	}
	connections.Trust(r.Context())
	recs, err := t.hooks.Receipts(body, time.Now())
	if errors.Is(err, optout.ErrBehind) {
		return Unavailable, &codes.RefusedError{Status: http.StatusServiceUnavailable, Code: codes.Unavailable, Says: es.Say(es.WebhookNotTaken), Again: true}
	}
	if err != nil {
		t.logger.WarnContext(r.Context(), "a webhook can't be read", "bytes", len(body), "error", err)
		return Malformed, &codes.RefusedError{Status: http.StatusBadRequest, Code: request.CodeJSON, Says: es.Say(es.EventUnreadable)}
	}
	if len(recs) > 0 {
		if _, err := upload.Publish(r.Context(), t.log, recs...); err != nil {
			t.logger.WarnContext(r.Context(), "receipts not taken", "records", len(recs), "error", err)
			return Unavailable, &codes.RefusedError{Status: http.StatusServiceUnavailable, Code: codes.Unavailable, Says: es.Say(es.WebhookNotTaken), Again: true}
		}
	}
	return Accepted, nil
}

func notHere(why es.Code) error {
	return &codes.RefusedError{Status: http.StatusForbidden, Code: codes.Forbidden, Says: es.Say(es.WebhookRefused), Hint: es.Say(why), Close: true}
}
