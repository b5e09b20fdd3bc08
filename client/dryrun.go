package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
)

// DryRun is what a broadcast would do. Times are RFC 3339, empty where they are not known.
type DryRun struct {
	Raw
	TaskID     string           `json:"task_id"` // the task that the request is already: nothing would be sent again; empty: none
	Reference  string           `json:"reference"`
	Recipients DryRunRecipients `json:"recipients"`
	Sender     *Sender          `json:"sender"` // the number that would send it; nil: the server does not know which
	// Call is the body of the call to the Cloud API for the first recipient; nil: nobody would be sent to. CallPath is where it would go, behind the
	// number's id: messages or marketing_messages; empty: an older server.
	Call     json.RawMessage `json:"call"`
	CallPath string          `json:"call_path"`
	File     *DryRunFile     `json:"file"` // nil: it has none
	Sending  Sending         `json:"sending"`
	Cost     *DryRunCost     `json:"cost"`     // nil: the server has no prices
	Warnings []string        `json:"warnings"` // Spanish

	IsDryRun bool `json:"dry_run"` // always
}

// DryRunRecipients is what becomes of the list: Pending + Invalid + Repeated = Total.
type DryRunRecipients struct {
	Total    uint32 `json:"total"`
	Pending  uint32 `json:"pending"`  // who would be sent to
	Invalid  uint32 `json:"invalid"`  // no phones
	Repeated uint32 `json:"repeated"` // they come before in the list
	OptedOut uint32 `json:"opted_out"`
	Faulty   uint32 `json:"faulty"` // their own message can't be made
	// Rows are the first 50 who are invalid, repeated, and of each reason for which a message can't be made, in the order of the list.
	Rows []Recipient `json:"rows"`
}

// DryRunFile is the file of the header, which was not uploaded.
type DryRunFile struct {
	// Verdict is ok, link (its URL would be passed on, and nobody has looked at it), refused (the broadcast would fail) or unknown (it could
	// not be looked at); a later version may have others.
	Verdict  string `json:"verdict"`
	Why      string `json:"why"` // Spanish
	MIMEType string `json:"mime_type"`
	Size     uint64 `json:"size"` // bytes
	Filename string `json:"filename"`
}

// Sending is when and how fast a broadcast would go if the assumptions hold.
type Sending struct {
	Direct      bool     `json:"direct"` // the answer to it would come at its end
	Rate        float64  `json:"rate"`   // messages a second; 0: not known
	StartsAt    string   `json:"starts_at"`
	EndsAt      string   `json:"ends_at"`
	Seconds     float64  `json:"seconds"`     // of sending, without hours in which the window is closed; 0: not known
	Expired     uint32   `json:"expired"`     // for whom the time would be over before their turn
	Assumptions []string `json:"assumptions"` // Spanish
}

// DryRunCost is what a broadcast would cost if the assumptions hold. Sums and prices are decimals of the currency.
type DryRunCost struct {
	Currency string `json:"currency"` // three letters
	Category string `json:"category"` // marketing, utility, authentication or service
	Most     string `json:"most"`
	Least    string `json:"least"` // if the number has used none of its free messages of the month
	// Countries are what those of each country cost, the costliest first. Who is of a country without a price is in Unpriced, and in no sum.
	Countries []struct {
		Country  string `json:"country"` // two letters; empty: it is not known
		Messages uint32 `json:"messages"`
		Price    string `json:"price"`
		Cost     string `json:"cost"`
	} `json:"countries"`
	Unpriced    uint32   `json:"unpriced"`
	Assumptions []string `json:"assumptions"` // Spanish
}

func (d *DryRun) keep(raw []byte) bool {
	d.JSON = raw
	return d.IsDryRun
}

// DryRun asks what a broadcast would do, and nothing is sent: whatever write writes, as Draft.WriteJSON does, goes out as a dry run. rewindable
// is that of Send; refusals are those of Send, and an error of another kind changes nothing either.
func (c *Client) DryRun(ctx context.Context, write func(io.Writer) error, rewindable bool) (*DryRun, error) {
	d := new(DryRun)
	if err := c.send(ctx, func(w io.Writer) error { return write(&dryWriter{w: w}) }, rewindable, new(uploading), d); err != nil {
		return nil, err
	}
	return d, nil
}

var errNoObject = errors.New("the body of a request is not an object with members")

// dryWriter writes the body of a request with one more member, before all others.
type dryWriter struct {
	w     io.Writer
	begun bool
}

func (d *dryWriter) Write(p []byte) (int, error) {
	rest := p
	if !d.begun {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if len(rest) == 0 {
			return len(p), nil
		}
		if rest[0] != '{' {
			return 0, errNoObject
		}
		if _, err := io.WriteString(d.w, `{"dry_run":true,`); err != nil {
			return 0, err
		}
		d.begun, rest = true, rest[1:]
	}
	if _, err := d.w.Write(rest); err != nil {
		return 0, err
	}
	return len(p), nil
}
