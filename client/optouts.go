package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

const pathOptOuts = "/api/messages/optouts"

// MaxOptOuts is how many people one request adds.
const MaxOptOuts = 10_000

// OptOut is whether a person has opted out of what a business sends. Since is RFC 3339, empty where nothing is known.
type OptOut struct {
	Raw
	Phone    string `json:"phone"` // digits in one national writing, or a user id
	OptedOut bool   `json:"opted_out"`
	Since    string `json:"since"`
	Source   string `json:"source"` // word, preference, code, api or import; a later version may have others
}

func (o *OptOut) keep(raw []byte) bool {
	o.JSON = raw
	return o.Phone != ""
}

// UnmarshalJSON keeps the person as it came.
func (o *OptOut) UnmarshalJSON(text []byte) error {
	type plain OptOut
	err := json.Unmarshal(text, (*plain)(o))
	o.JSON = append(json.RawMessage(nil), text...)
	return err
}

// OptOutPage is some people of the list.
type OptOutPage struct {
	OptOuts    []OptOut `json:"optouts"`
	NextCursor string   `json:"next_cursor"` // empty: there are no more
}

func (p *OptOutPage) keep([]byte) bool { return p.OptOuts != nil }

// OptOutsAdded is what became of people who were to be added.
type OptOutsAdded struct {
	Added   *int `json:"added"`
	Known   int  `json:"known"` // they had opted out before
	Invalid []struct {
		Index int    `json:"index"` // of the entry, from 0
		Error string `json:"error"`
	} `json:"invalid"` // at most 100
}

func (a *OptOutsAdded) keep([]byte) bool { return a.Added != nil }

// OptOuts asks for a page of who opted out of what the business of a number sends; sender "" is the key's first. The first page has the cursor "".
func (c *Client) OptOuts(ctx context.Context, sender, cursor string, limit int) (*OptOutPage, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	for name, value := range map[string]string{"sender": sender, "cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	p := new(OptOutPage)
	return p, c.ask(ctx, http.MethodGet, pathOptOuts+"?"+q.Encode(), nil, p)
}

// AddOptOuts has people opt out, MaxOptOuts at most.
func (c *Client) AddOptOuts(ctx context.Context, sender string, phones []string) (*OptOutsAdded, error) {
	body, err := json.Marshal(struct {
		Phones []string `json:"phones"`
		Sender string   `json:"sender,omitempty"`
	}{phones, sender})
	if err != nil {
		return nil, err
	}
	a := new(OptOutsAdded)
	return a, c.ask(ctx, http.MethodPost, pathOptOuts, body, a)
}

// OptOut asks about a person.
func (c *Client) OptOut(ctx context.Context, sender, phone string) (*OptOut, error) {
	return c.optOut(ctx, http.MethodGet, sender, phone)
}

// RemoveOptOut has a person come back, and returns them as they are then.
func (c *Client) RemoveOptOut(ctx context.Context, sender, phone string) (*OptOut, error) {
	return c.optOut(ctx, http.MethodDelete, sender, phone)
}

func (c *Client) optOut(ctx context.Context, method, sender, phone string) (*OptOut, error) {
	path := pathOptOuts + "/" + url.PathEscape(phone)
	if sender != "" {
		path += "?sender=" + url.QueryEscape(sender)
	}
	o := new(OptOut)
	return o, c.ask(ctx, method, path, nil, o)
}
