package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"altavoz/schemas/template"
)

const pathTemplates = "/api/messages/templates"

// MaxTemplates is how many templates a page has at most.
const MaxTemplates = template.MostOfPage

// Template is one language of a message template, as Meta has it.
type Template struct {
	Raw
	template.Definition

	Variables []template.Variable `json:"variables"` // what a broadcast has to have values for
}

// UnmarshalJSON keeps the template as it came.
func (t *Template) UnmarshalJSON(text []byte) error {
	var plain struct {
		template.Definition

		Variables []template.Variable `json:"variables"`
	}
	err := json.Unmarshal(text, &plain)
	t.Definition, t.Variables = plain.Definition, plain.Variables
	t.JSON = append(json.RawMessage(nil), text...)
	return err
}

// TemplatePage is some templates of an account.
type TemplatePage struct {
	Templates  []Template `json:"templates"`
	NextCursor string     `json:"next_cursor"` // empty: there are no more
}

func (p *TemplatePage) keep([]byte) bool { return p.Templates != nil }

// TemplateQuery is which templates are asked for; empty members ask for all. Name also finds names that it is a part of.
type TemplateQuery struct{ Sender, Name, Language, Status, Category string }

// Templates asks for a page of the templates of a number's account; Sender "" is the key's first. The first page has the cursor "".
func (c *Client) Templates(ctx context.Context, of TemplateQuery, cursor string, limit int) (*TemplatePage, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	for name, value := range map[string]string{
		"sender": of.Sender, "name": of.Name, "language": of.Language, "status": of.Status, "category": of.Category, "cursor": cursor,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	p := new(TemplatePage)
	return p, c.ask(ctx, http.MethodGet, pathTemplates+"?"+q.Encode(), nil, p)
}
