package templates_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/templates"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/template"
)

// book is one of a single template.
type book struct {
	asked template.Query
	err   error
	of    template.Definition
}

func (b *book) Page(_ context.Context, _ string, q template.Query) (*template.Page, error) {
	b.asked = q
	return &template.Page{Templates: []template.Definition{b.of}, Next: "more"}, b.err
}

func (b *book) Check(_ context.Context, _ string, u *template.Use) (string, []template.Problem, error) {
	return b.of.Category, template.Check(&b.of, u), b.err
}

func service(b templates.Book) *templates.Service {
	return &templates.Service{Book: b, Sender: func(asked string) (string, error) { return asked, nil }}
}

func list(s *templates.Service, caller *access.Caller, query string) (*templates.Page, error) {
	return s.List(httptest.NewRequest(http.MethodGet, templates.Path+"?"+query, nil), caller)
}

func TestListIsThatOfTheCallersNumber(t *testing.T) {
	t.Parallel()
	b := &book{of: template.Definition{Name: "x", Body: "{{1}}"}}
	page, err := list(service(b), access.Local(), "sender=1&name=x&language=es&status=PAUSED&category=UTILITY&cursor=c&limit=7")
	if err != nil || page.NextCursor != "more" || len(page.Templates) != 1 || page.Templates[0].Variables[0].Name != "1" {
		t.Fatal(page, err)
	}
	if want := (template.Query{Name: "x", Language: "es", Status: "PAUSED", Category: "UTILITY", Cursor: "c", Limit: 7}); b.asked != want {
		t.Errorf("asked %+v", b.asked)
	}
	for query, want := range map[string]string{
		"limit=101":                          request.CodeValue,
		"name=" + strings.Repeat("a", 513):   request.CodeTooLong,
		"cursor=" + strings.Repeat("a", 513): request.CodeTooLong,
	} {
		if _, err := list(service(b), access.Local(), query); fieldCode(err) != want {
			t.Errorf("%.20s: %v, want %s", query, err, want)
		}
	}
	one := &access.Caller{Owner: "one", Senders: []string{"2"}}
	if _, err := list(service(b), one, "sender=1"); refusedCode(err) != codes.Sender {
		t.Errorf("a number of others: %v", err)
	}
	for want, err := range map[string]error{
		codes.Meta: &template.RefusedError{Code: 10, Detail: "no"}, codes.NotFound: template.ErrNoAccount, codes.Unavailable: template.ErrUnanswered,
	} {
		b.err = err
		if _, err := list(service(b), access.Local(), ""); refusedCode(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := list(service(nil), access.Local(), ""); refusedCode(err) != codes.NotFound {
		t.Errorf("without a book: %v", err)
	}
}

func refusedCode(err error) string {
	no := (*codes.RefusedError)(nil)
	errors.As(err, &no)
	if no == nil {
		return ""
	}
	return no.Code
}

func fieldCode(err error) string {
	no := (*request.FieldError)(nil)
	errors.As(err, &no)
	if no == nil {
		return ""
	}
	return no.Code
}

// TestBroadcastWhoseTemplateDoesNotFitIsRefused: by the first thing that is wrong; a dry run tells all. What is not known refuses nothing.
func TestBroadcastWhoseTemplateDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	content := &schemas.Content{Template: &schemas.Template{Name: "x", Language: "es", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Body: []*schemas.TemplateValue{{Text: "a"}}}}
	good := template.Definition{Name: "x", Status: "APPROVED", Category: "MARKETING", Header: template.Header{Kind: "image"}, Body: "{{1}}"}
	paused := good
	paused.Status, paused.Body = "PAUSED", "none"
	accept := func(b templates.Book, req *request.Request) (string, []es.Sentence) {
		return fieldCode(service(b).Accept(t.Context(), "1", req)), req.Warnings
	}
	for name, c := range map[string]struct {
		book    templates.Book
		content *schemas.Content
		dry     bool
		code    string
		warns   int
		reports int
	}{
		"fits":              {&book{of: good}, content, false, "", 0, 0},
		"paused":            {&book{of: paused}, content, false, fault.CodeTemplate, 0, 2},
		"paused, dry":       {&book{of: paused}, content, true, "", 0, 2},
		"no template":       {&book{of: paused}, &schemas.Content{Body: "x"}, false, "", 0, 0},
		"no book":           {nil, content, false, "", 0, 0},
		"no account":        {&book{of: paused, err: template.ErrNoAccount}, content, false, "", 0, 0},
		"Meta is silent":    {&book{of: paused, err: template.ErrUnanswered}, content, false, "", 1, 1},
		"Meta says nothing": {&book{of: paused, err: &template.RefusedError{Code: 190}}, content, false, "", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := proto.CloneOf(c.content)
			if code, warnings := accept(c.book, &request.Request{Content: content, DryRun: c.dry}); code != c.code || len(warnings) != c.warns {
				t.Errorf("got %q, %v; want %q, %d warnings", code, warnings, c.code, c.warns)
			}
			report := service(c.book).Report(t.Context(), "1", content)
			if got := content.GetTemplate().GetCategory(); (got == "MARKETING") != (name == "fits" || strings.HasPrefix(name, "paused")) {
				t.Errorf("its template is billed as %q", got)
			}
			if len(report) != c.reports {
				t.Errorf("a dry run reports %v, want %d", report, c.reports)
			}
			for _, s := range report {
				if s.Spanish() == "" {
					t.Errorf("no words for %v", s)
				}
			}
		})
	}
}
