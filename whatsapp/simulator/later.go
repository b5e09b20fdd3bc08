package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"altavoz/whatsapp/simulator/codes"
	"altavoz/whatsapp/simulator/content"
	"altavoz/whatsapp/simulator/faults"
	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/users"
	"altavoz/whatsapp/simulator/webhooks"
)

// What happens after the answer, and without a request: webhooks, and phones that write.

const (
	codeWindow  = 131047
	codeStopped = 131050

	maxInbound = 64 << 10 // bytes of a message that a phone writes, and what is around it
	// earlyTime is how long an answer waits for a webhook that should come before it: a receiver that takes longer than Meta's
	// senders wait for an answer is not worth it.
	earlyTime = 2 * time.Second
)

// SendWebhooks sends webhooks until ctx ends; what is pending then is dropped. Serve does it by itself: this is for those who serve
// Handler.
func (s *Simulator) SendWebhooks(ctx context.Context) {
	if s.hooks != nil {
		s.hooks.Run(ctx)
	}
}

// plan decides what webhooks tell of an accepted message. The channel, if it is not nil, is closed once the first one was posted,
// which the answer waits for.
func (s *Simulator) plan(m *webhooks.Message, got *ledger.Received, late faults.Late, c faults.Call, now time.Time) <-chan struct{} {
	later := s.rules.Load().Later(c, now, late)
	m.Old, m.Username, m.Linked = later.Old, later.Username, later.Linked
	m.PricedWithRead = later.PricedWithRead
	s.mu.Lock()
	m.Price = s.prices.Of(m.Number, m.Category, now, later.Free, later.Delivered)
	s.mu.Unlock()
	if late.Code != 0 {
		k := codes.Of(late.Code)
		m.Failure = webhooks.Failure{Code: late.Code, Title: k.Title, Details: k.Details}
	}
	s.answers(got, &later, now)
	return s.hooks.Accepted(m, now, later)
}

// answers has the phone that got a message tap it, or say STOP, if it does that by itself.
func (s *Simulator) answers(got *ledger.Received, later *faults.Later, now time.Time) {
	if at := now.Add(later.Tap); later.Tap > 0 {
		if tap, ok := webhooks.Answered(got, got.Type == content.TypeLocation, later.Choice); ok && s.openWindow(got.Number, users.Person(got.Phone), at) {
			tap.ID = s.ownID(got.Phone)
			s.hooks.Answer(tap.Body(*got, at), at)
		}
	}
	if at := now.Add(later.Stop); later.Stop > 0 && s.openWindow(got.Number, users.Person(got.Phone), at) {
		s.hooks.Answer(webhooks.Inbound(got.Number, got.Phone, users.Valid(got.Phone), s.ownID(got.Phone), "STOP", at), at)
	}
}

// ownID is the id of a message that a phone writes.
func (s *Simulator) ownID(phone string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traces++
	return s.wamid(phone, ^s.traces) // messages count from 0
}

// await lets a webhook go before the answer.
func (x *exchange) await(early <-chan struct{}) {
	if early == nil {
		return
	}
	t := time.NewTimer(earlyTime)
	defer t.Stop()
	select {
	case <-early:
	case <-t.C:
	case <-x.stop:
		panic(http.ErrAbortHandler)
	}
}

// told writes down that a status was taken.
func (s *Simulator) told(m *webhooks.Message, status ledger.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := 0
	if status == ledger.Failed {
		code = m.Failure.Code
	}
	s.ledger.Told(m.Place, status, code)
	if status != ledger.Sent && m.Prices(status) {
		s.prices.Told(m.Price)
	}
}

// windowOpen reports whether the phone has written to a number within the last 24 hours, or to one that nobody named where there are none.
func (s *Simulator) windowOpen(number, phone string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isOpen(number, phone, now)
}

// isOpen is windowOpen for who holds s.mu.
func (s *Simulator) isOpen(number, phone string, now time.Time) bool {
	return s.people.Open(hash(number+"/"+phone), now) || s.people.Open(hash("/"+phone), now)
}

// openWindow says that the phone has written to a number; false where no more can be remembered.
func (s *Simulator) openWindow(number, phone string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.people.Wrote(hash(number+"/"+phone), now)
}

// inbound has a phone write to a number, which opens its window with that number.
func (s *Simulator) inbound(w http.ResponseWriter, r *http.Request) {
	var in struct {
		From   string `json:"from"` // digits, or a user id
		Text   string `json:"text"`
		Number string `json:"number"` // empty: the first one
		// Preference, stop or resume, is set instead of a text.
		Preference string `json:"preference"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxInbound)).Decode(&in)
	in.From = strings.TrimPrefix(in.From, "+")
	user := users.Valid(in.From)
	if in.Number == "" && len(s.cfg.Numbers) > 0 {
		in.Number = s.cfg.Numbers[0].ID
	}
	switch {
	case err != nil:
	case !user && !isDigits(in.From):
		err = errors.New("from is a phone, or a user id")
	case s.hooks != nil && !isDigits(in.Number):
		err = errors.New("number is missing, the phone number id that is written to")
	case in.Preference != "" && in.Preference != "stop" && in.Preference != "resume":
		err = errors.New("preference is stop or resume")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	now := time.Now()
	if in.Preference != "" {
		if err = s.prefer(users.Person(in.From), in.Preference); err == nil && s.hooks != nil {
			err = s.hooks.Raw(webhooks.Preference(in.Number, in.From, user, in.Preference, now), now)
		}
		answerQueued(w, err)
		return
	}
	if !s.openWindow(in.Number, users.Person(in.From), now) {
		http.Error(w, "too many phones have written", http.StatusTooManyRequests)
		return
	}
	if s.hooks != nil {
		err = s.hooks.Raw(webhooks.Inbound(in.Number, in.From, user, s.ownID(in.From), in.Text, now), now)
	}
	answerQueued(w, err)
}

// prefer has a person set whether marketing messages may come, for all numbers alike.
func (s *Simulator) prefer(from, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.people.Prefer(hash(from), value == "stop") {
		return errors.New("too many phones want no marketing messages")
	}
	return nil
}

// rawWebhook sends whatever a webhook may be, signed.
func (s *Simulator) rawWebhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhooks.MaxBody))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case s.hooks == nil:
		http.Error(w, "there is no URL for webhooks", http.StatusConflict)
	default:
		answerQueued(w, s.hooks.Raw(body, time.Now()))
	}
}

func answerQueued(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
