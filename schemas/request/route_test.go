package request_test

import (
	"errors"
	"testing"

	"altavoz/schemas"
	"altavoz/schemas/request"
)

// TestRouteAutoHasBothMessages: the interactive one as without a template, the template as without the other, and one file for both.
func TestRouteAutoHasBothMessages(t *testing.T) {
	t.Parallel()
	req, _, err := read(`{"recipients":[{"phone":"573001234567","variables":{"nombre":"Ana"}}],"route":" AUTO ","body_text":"Hola {{nombre}}","footer_text":"f",
		"header_type":"image","header_content":"https://cdn.example.com/a.png",
		"template":{"name":"aviso","language":"es_CO","header":{"type":"image"},"body":{"nombre":"{{nombre}}"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	c := req.Content
	if c.GetRoute() != schemas.Route_ROUTE_AUTO || c.GetBody() != "Hola {{nombre}}" || c.GetButtonText() != request.DefaultButtonText || c.GetFooter() != "f" ||
		c.GetTemplate().GetName() != "aviso" || c.GetTemplate().GetBody()[0].GetText() != "{{nombre}}" || c.GetHeader() != schemas.HeaderKind_HEADER_KIND_IMAGE || c.GetMedia().GetUrl() == "" {
		t.Errorf("%v; want both messages", c)
	}
	if i := c.Interactive(); i.GetTemplate() != nil || i.GetRoute() != schemas.Route_ROUTE_FIXED || i.GetBody() != c.GetBody() {
		t.Errorf("%v; want the interactive message alone", i)
	}
}

// TestRouteAutoByDirectSend: without a template the other message is the same one with its category; the one for whose window is open has none.
func TestRouteAutoByDirectSend(t *testing.T) {
	t.Parallel()
	req, _, err := read(`{"recipients":[{"phone":"573001234567","variables":{"nombre":"Ana"},"footer_text":"suyo"}],"route":"auto","category":"utility","body_text":"Hola {{nombre}}"}`)
	if err != nil {
		t.Fatal(err)
	}
	c := req.Content
	if !c.HasBoth() || c.GetTemplate() != nil || c.GetCategory() != "utility" || !c.Exempt() {
		t.Errorf("%v; want a second message by Direct Send", c)
	}
	if i := c.Interactive(); i.HasBoth() || i.GetCategory() != "" || i.GetBody() != c.GetBody() {
		t.Errorf("%v; want an ordinary message", i)
	}
}

func TestRouteAutoIsRefusedWithoutWhatItNeeds(t *testing.T) {
	t.Parallel()
	const template = `"template":{"name":"aviso","language":"es_CO"`
	for name, c := range map[string]struct{ body, field, code string }{
		"no template":              {`"body_text":"b"`, "route", request.CodeValue},
		"a category of no send":    {`"body_text":"b","category":"service"`, "route", request.CodeValue},
		"a list by Direct Send":    {`"body_text":"b","category":"utility","list":{"button":"Ver","sections":[{"rows":[{"id":"1","title":"1"}]}]}`, "list", request.CodeValue},
		"no text":                  {template + `}`, "body_text", request.CodeRequired},
		"a text to be filled in":   {`"body_text":"b","footer_text":"{{x}}",` + template + `}`, "footer_text", request.CodePlaceholder},
		"a template without name":  {`"body_text":"b","template":{"language":"es_CO"}`, "template.name", request.CodeRequired},
		"a value that is none":     {`"body_text":"b",` + template + `,"body":[" "]}`, "template.body[0]", request.CodeRequired},
		"a header without a file":  {`"body_text":"b",` + template + `,"header":{"type":"image"}}`, "template.header.type", request.CodeValue},
		"a file of its own":        {`"body_text":"b",` + template + `,"header":{"type":"image","content":"https://cdn.example.com/a.png"}}`, "template.header.content", request.CodeValue},
		"another kind of header":   {`"body_text":"b","header_type":"video","header_content":"https://cdn.example.com/a.mp4",` + template + `,"header":{"type":"image"}}`, "template.header.type", request.CodeValue},
		"a route that there isn't": {`"body_text":"b","route":"free",` + template + `}`, "route", request.CodeValue},
	} {
		body := `{"phones":["573001234567"],"route":"auto",` + c.body + `}`
		if name == "a route that there isn't" {
			body = `{"phones":["573001234567"],` + c.body + `}`
		}
		_, _, err := read(body)
		wrong := new(request.FieldError)
		if !errors.As(err, &wrong) || wrong.Field != c.field || wrong.Code != c.code {
			t.Errorf("%s: %v (%s, %s); want %s, %s", name, err, wrong.Field, wrong.Code, c.field, c.code)
		}
	}
}
