// Package templates shows the message templates of the callers' accounts, and judges whether a broadcast that uses one may be accepted. What Meta
// does not answer refuses nothing.
package templates

import (
	"context"
	"errors"
	"net/http"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/page"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/schemas/template"
)

const (
	// Path is where the list is.
	Path = "/api/messages/templates"

	defaultLimit = 50
	maxText      = 512 // bytes of a parameter
)

// Parameters are those of the list.
var Parameters = []string{"sender", "name", "language", "status", "category", "cursor", "limit"}

// Book is the templates of accounts. Errors are those of package template.
type Book interface {
	// Page returns some templates of a sender number's account, as they are now.
	Page(ctx context.Context, sender string, q template.Query) (*template.Page, error)
	// Check returns what a template is billed as, Meta's word, and why a message would not be sent; nothing where it would.
	Check(ctx context.Context, sender string, u *template.Use) (category string, problems []template.Problem, err error)
}

// Service answers what is asked of templates. The zero value knows none.
type Service struct {
	Book Book // nil: no account is known here
	// Sender returns the number that a request asks for, the default one if it asks for none; an error is a *request.FieldError.
	Sender func(asked string) (string, error)
}

// Row is a template, and what a use of it has to have values for.
type Row struct {
	template.Definition

	Variables []template.Variable `json:"variables,omitempty"`
}

// Page is some templates.
type Page struct {
	Templates  []Row  `json:"templates"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// List answers a request for templates. An error is a *request.FieldError or a *codes.RefusedError.
func (s *Service) List(r *http.Request, caller *access.Caller) (*Page, error) {
	v := r.URL.Query()
	q := template.Query{Name: v.Get("name"), Language: v.Get("language"), Status: v.Get("status"), Category: v.Get("category"), Cursor: v.Get("cursor")}
	for _, name := range Parameters {
		if len(v.Get(name)) > maxText {
			return nil, request.Fault(name, request.CodeTooLong, es.FieldLong, name, maxText, len(v.Get(name)))
		}
	}
	var err error
	if q.Limit, err = page.Limit(v.Get("limit"), defaultLimit, template.MostOfPage); err != nil {
		return nil, err //nolint:wrapcheck // says all
	}
	number, ok := caller.Sender(v.Get("sender"))
	if !ok { //mutant:templates-are-of-the-callers-numbers
		return nil, &codes.RefusedError{Status: http.StatusForbidden, Code: codes.Sender, Says: es.Say(es.SenderNotAllowed)}
	}
	if number, err = s.Sender(number); err != nil {
		return nil, err
	}
	found, err := (*template.Page)(nil), template.ErrNoAccount
	if s.Book != nil {
		found, err = s.Book.Page(r.Context(), number, q)
	}
	if err != nil {
		return nil, refusal(err)
	}
	out := &Page{Templates: make([]Row, 0, len(found.Templates)), NextCursor: found.Next}
	for i := range found.Templates {
		d := &found.Templates[i]
		out.Templates = append(out.Templates, Row{*d, d.Variables()})
	}
	return out, nil
}

// refusal says why templates can't be shown.
func refusal(err error) error {
	no := (*template.RefusedError)(nil)
	switch {
	case errors.As(err, &no):
		return &codes.RefusedError{Status: http.StatusBadGateway, Code: codes.Meta, Says: es.Say(es.TemplatesRefused, no.Error()), Hint: es.Say(es.TemplatesAnswerHint)}
	case errors.Is(err, template.ErrNoAccount):
		return &codes.RefusedError{Status: http.StatusNotFound, Code: codes.NotFound, Says: es.Say(es.TemplatesUnconfigured), Hint: es.Say(es.TemplatesConfigureHint)}
	}
	return &codes.RefusedError{Status: http.StatusServiceUnavailable, Code: codes.Unavailable, Says: es.Say(es.TemplatesUnanswered), Again: true}
}

// Accept returns why a request may not be accepted from a number, a *request.FieldError, because of its template. What is not known it accepts,
// with a warning where Meta should have known. The content then says what its template is billed as. A dry run has its own report.
func (s *Service) Accept(ctx context.Context, number string, req *request.Request) error {
	if req.DryRun {
		return nil
	}
	faults, doubt := s.judge(ctx, number, req.Content)
	if len(faults) > 0 { //mutant:a-template-that-does-not-fit-is-refused
		return faults[0]
	}
	if !doubt.None() {
		req.Warnings = append(req.Warnings, doubt)
	}
	return nil
}

// Report returns all that is wrong with a content's template, as a dry run says it, and whether that is not known.
func (s *Service) Report(ctx context.Context, number string, c *schemas.Content) (all []es.Sentence) {
	faults, doubt := s.judge(ctx, number, c)
	for _, f := range faults {
		all = append(all, es.Say(es.TemplateFault, f.Field, f.Says.Spanish()))
	}
	if !doubt.None() {
		all = append(all, doubt)
	}
	return all
}

// judge also writes into the content what its template is billed as, where that is known.
func (s *Service) judge(ctx context.Context, number string, c *schemas.Content) (faults []*request.FieldError, doubt es.Sentence) {
	u := template.UseOf(c)
	if u == nil || s.Book == nil {
		return nil, es.Sentence{}
	}
	category, problems, err := s.Book.Check(ctx, number, u)
	switch {
	case errors.Is(err, template.ErrNoAccount):
		return nil, es.Sentence{}
	case err != nil:
		return nil, es.Say(es.TemplateUnchecked)
	}
	c.Template.Category = category
	for _, p := range problems {
		faults = append(faults, &request.FieldError{Field: member(p.Field), Code: p.Code, Says: p.Says, Hint: p.Hint})
	}
	return faults, es.Sentence{}
}

// member is what a request calls a part of a use.
func member(field string) string { return "template." + field }
