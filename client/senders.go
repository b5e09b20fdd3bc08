package client

import (
	"context"
	"encoding/json"
	"net/http"

	"altavoz/schemas/request"
)

// Sender is a number that the key may send from. Times are RFC 3339, empty where there is none.
type Sender struct {
	Raw
	ID      string `json:"id"` // as Draft.Sender takes it
	Name    string `json:"name"`
	Default bool   `json:"default"` // it sends what names no number
	// State is sending, slowed, paused, outage, misconfigured, refused, token, locked or unknown; a later version may have others.
	State string      `json:"state"`
	Why   string      `json:"why"`  // Spanish; empty: it sends
	Code  int         `json:"code"` // Meta's; 0: none
	Since string      `json:"since"`
	Until string      `json:"until"`
	Rate  *SenderRate `json:"rate"` // nil: it has no limit
	// Quality is Meta's last warning about the number's quality; empty: there was none.
	Quality      string `json:"quality"`
	QualitySince string `json:"quality_since"`
	Month        *Month `json:"month"` // nil: the key has no scope admin, or nothing was priced
}

// Month is what a number's broadcasts of this month cost, as far as Meta's receipts tell it.
type Month struct {
	Month   string   `json:"month"` // UTC, as 2026-10
	Priced  []Priced `json:"priced"`
	Service uint32   `json:"service"` // free-form messages, of which Meta bills those beyond 1,000
}

// SenderRate is in messages a second.
type SenderRate struct {
	Configured float64 `json:"configured"`
	Share      float64 `json:"share"` // of that for broadcasts
	Now        float64 `json:"now"`   // of the share in force
}

// UnmarshalJSON keeps the number as it came.
func (s *Sender) UnmarshalJSON(text []byte) error {
	type plain Sender
	err := json.Unmarshal(text, (*plain)(s))
	s.JSON = append(json.RawMessage(nil), text...)
	return err
}

type senders struct {
	Senders []Sender `json:"senders"`
}

func (s *senders) keep([]byte) bool { return s.Senders != nil }

// Senders asks for the numbers that the key may send from, the default one first.
func (c *Client) Senders(ctx context.Context) ([]Sender, error) {
	s := new(senders)
	err := c.ask(ctx, http.MethodGet, request.PathSenders, nil, s)
	return s.Senders, err
}
