package dryrun

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/producer/dryrun/rates"
	"altavoz/producer/senders"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// Ports is what a dry run asks.
type Ports struct {
	// Render returns where a number's call to the Cloud API for one recipient goes, behind the number's id, and its body. It neither waits nor calls.
	Render func(number string, c *schemas.Content, to schemas.Phone, callback string) (path string, body []byte, err error)
	Media  Media  // nil: this process fetches no files
	People People // nil: nobody knows who opted out
	// Templates tells what is wrong with the template of a content; nil: nobody knows.
	Templates Templates
	Region    string      // of phones without a country, as the fanout has it
	Rates     *rates.Card // nil: nobody has said what messages cost
}

// Templates tells what is wrong with the use of a template.
type Templates interface {
	// Report returns why a message would not be sent from a number, and what is not known of it. The content then says what its template is billed as.
	Report(ctx context.Context, number string, c *schemas.Content) []es.Sentence
}

// Report is what a broadcast would do.
type Report struct {
	Success bool   `json:"success"`
	DryRun  bool   `json:"dry_run"`
	Message string `json:"message"`
	// TaskID is the task that the request has made before, whose answer it would get: nothing is sent again.
	TaskID     string     `json:"task_id,omitzero"`
	Reference  string     `json:"reference,omitzero"` // what the caller calls it
	Recipients Recipients `json:"recipients"`
	// Sender is the number that would send it, as the list of numbers has it. Not there where this process does not know which.
	Sender *senders.Row `json:"sender,omitzero"`
	// CallPath is where the call to the Cloud API would go, behind the number's id: messages, or marketing_messages. It and Call are there together.
	CallPath string `json:"call_path,omitzero"`
	// Call is the body of the call to the Cloud API for the first recipient, with zeros for the id of the task and a word for that of the
	// file. Not there where nobody would be sent to.
	Call     jsontext.Value `json:"call,omitzero"`
	File     *File          `json:"file,omitzero"`
	Sending  Sending        `json:"sending"`
	Cost     *Cost          `json:"cost,omitzero"`
	Warnings []string       `json:"warnings,omitempty"`
}

// Number is a sender number as far as this process knows it.
type Number struct {
	Row        *senders.Row // nil: it does not know which
	Configured bool         // it has the rate of the number, or knows that there is no limit
}

// Run is a request of which nothing is to happen; that it is one turns out while it is read.
type Run struct {
	Ports    *Ports
	Language es.Language
	// Take takes one of the places for dry runs; nil: there is none.
	Take func() (give func())

	list *List // nil: it is none
	give func()
}

var errNoPlace = errors.New("no place for a dry run")

// Begin takes a place for it, until End, and returns where its recipients are counted.
func (r *Run) Begin() (request.Sink, error) {
	if r.give = r.Take(); r.give == nil {
		return nil, errNoPlace
	}
	r.list = NewList(r.Ports.Region, r.Ports.People)
	r.list.priced = r.Ports.Rates != nil
	return r.list, nil
}

// End gives the place back, if it has one.
func (r *Run) End() {
	if r.give != nil {
		r.give()
	}
}

// Report says what the request, which was read, would do from a number.
func (r *Run) Report(ctx context.Context, req *request.Request, n Number, now time.Time) (*Report, error) {
	l, in := r.list, r.Language
	if l.total == 0 { // it stands in the request
		if err := l.Slice(req.Phones, req.Personal); err != nil {
			return nil, err
		}
	}
	number := ""
	if n.Row != nil {
		number = n.Row.ID
	}
	if r.Ports.Templates != nil && number != "" {
		req.Warnings = append(req.Warnings, r.Ports.Templates.Report(ctx, number, req.Content)...)
	}
	l.without(req, n) // where its template is one of marketing, that is known only now
	file, content := r.Ports.file(ctx, req, in)
	content, err := l.personally(content)
	if err != nil {
		return nil, err
	}
	if l.owns.more {
		req.Warnings = append(req.Warnings, es.Say(es.DryRunLong))
	}
	report := &Report{
		Success: true, DryRun: true, Message: es.Say(es.DryRunDone).Spanish(), Reference: req.Reference, Recipients: l.recipients(in), Sender: n.Row, File: file,
		Sending: l.sendingOf(req, n, now, in), Warnings: es.All(req.Warnings, in),
	}
	if card := r.Ports.Rates; card != nil {
		report.Cost = l.costOf(card, req.Content, in)
	}
	if l.pending > 0 && content != nil {
		if report.CallPath, report.Call, err = r.Ports.Render(number, content, l.first, schemas.Callback(schemas.TaskID{}, l.firstAt)); err != nil {
			return nil, fmt.Errorf("rendering a dry run: %w", err)
		}
	}
	return report, nil
}
