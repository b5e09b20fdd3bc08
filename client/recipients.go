package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"syscall"

	"altavoz/schemas"
	"altavoz/schemas/request"
)

// maxRecipient bounds a line of a list of recipients, in bytes. A real one has some 300.
const maxRecipient = 64 << 10

// Recipient is what became of one recipient of a task.
type Recipient struct {
	Raw
	Index     uint32 `json:"index"` // its place in the list, from 0
	Phone     string `json:"phone"` // its digits; as given where it is no phone
	Outcome   string `json:"outcome"`
	Code      int    `json:"code"`      // Meta's; 0: none
	Reason    string `json:"reason"`    // Spanish; may be empty
	Retryable bool   `json:"retryable"` // it has not got the message, and may get it if it is sent again
	Route     string `json:"route"`     // free_form or template: which one it got, of a broadcast with route auto
}

// Version is which state of a task its recipients were read in.
type Version struct {
	Number uint64 // that of Task
	Exact  bool   // false: of a task that goes on some outcomes may be later ones
}

// Recipients calls each for the recipients of a task that the query wants (outcome and code, several separated by commas, and phone; nil:
// all), in the order of the list, while they arrive. Its error is that of each, too; one of the connection says that some are missing. A
// list that is not kept any more is a *RefusedError with status 410.
func (c *Client) Recipients(ctx context.Context, task schemas.TaskID, query url.Values, each func(*Recipient) error) (Version, error) {
	return c.recipients(ctx, task, query, "ndjson", func(line []byte) error {
		r := new(Recipient)
		if err := json.Unmarshal(line, r); err != nil || r.Outcome == "" {
			return fmt.Errorf("%s: %w", c.base, ErrNotAltavoz)
		}
		r.JSON = append(json.RawMessage(nil), line...)
		return each(r)
	})
}

// RecipientsCSV is Recipients as lines of CSV, without their ends; the first one is the header.
func (c *Client) RecipientsCSV(ctx context.Context, task schemas.TaskID, query url.Values, each func(line []byte) error) (Version, error) {
	return c.recipients(ctx, task, query, "csv", each)
}

func (c *Client) recipients(ctx context.Context, task schemas.TaskID, query url.Values, format string, each func(line []byte) error) (v Version, err error) {
	all := url.Values{"format": {format}}
	maps.Copy(all, query)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+request.PathTasks+"/"+task.String()+"/recipients?"+all.Encode(), http.NoBody)
	if err != nil {
		return v, err
	}
	resp, err := c.request(req)
	if err != nil {
		return v, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if v.Number, err = strconv.ParseUint(resp.Header.Get("Altavoz-Version"), 10, 64); err != nil {
		return v, fmt.Errorf("%s: %w", c.base, ErrNotAltavoz)
	}
	v.Exact = resp.Header.Get("Altavoz-Exact") == "true"
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxRecipient)
	for lines.Scan() {
		if err := each(lines.Bytes()); err != nil {
			return v, err
		}
	}
	if err := lines.Err(); err != nil {
		return v, fmt.Errorf("the recipients of %s are not all: %w", task, err)
	}
	return v, nil
}

// request makes a request; an answer that is no success is a *RefusedError.
func (c *Client) request(req *http.Request) (*http.Response, error) {
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("%w on %s", ErrUnreachable, c.base)
		}
		return nil, err
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", c.base, err)
	}
	return nil, c.refused(resp, body)
}
