package client_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/client"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

func ana(vars map[string]string) func(func(client.Person) bool) {
	return slices.Values([]client.Person{{Phone: "573991234572", Variables: vars}})
}

func TestPublishUsesTheTemplateOfADraft(t *testing.T) {
	t.Parallel()
	value := func(name, text string) *schemas.TemplateValue { return &schemas.TemplateValue{Name: name, Text: text} }
	button := func(index uint32, kind schemas.TemplateButtonKind, text string) *schemas.TemplateButton {
		return &schemas.TemplateButton{Index: index, Kind: kind, Value: text}
	}
	image := &schemas.Template{
		Name: "aviso", Language: "es_CO", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Body: []*schemas.TemplateValue{value("nombre", "{{nombre}}")},
		Buttons: []*schemas.TemplateButton{button(0, schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_URL_SUFFIX, "{{pedido}}")},
	}
	use := func() *client.TemplateUse {
		return &client.TemplateUse{
			Name: "aviso", Language: "es_CO", Body: []client.TemplateValue{{Name: "nombre", Text: "{{nombre}}"}},
			Buttons: []client.TemplateButton{{Index: 0, URLSuffix: "{{pedido}}"}},
		}
	}
	people := ana(map[string]string{"nombre": "Ana", "pedido": "7"})
	for name, tt := range map[string]struct {
		draft client.Draft
		want  *schemas.Template
		media *schemas.MediaRef // without its digest and place
	}{
		"a file": {
			client.Draft{Template: use(), HeaderType: "image", File: strings.NewReader(png), FileType: "image/png", FileName: "p.png", Recipients: people},
			image, &schemas.MediaRef{MimeType: "image/png", Size: uint64(len(png)), Filename: "p.png"},
		},
		"a link": {
			client.Draft{Template: use(), HeaderType: "image", HeaderContent: "https://cdn.example/p.png", Recipients: people},
			image, &schemas.MediaRef{Url: "https://cdn.example/p.png"},
		},
		"a file of both messages": {
			client.Draft{
				Route: client.RouteAuto, BodyText: "Hola {{nombre}}", Template: func() *client.TemplateUse { u := use(); u.HeaderType = "image"; return u }(), HeaderType: "image",
				File: strings.NewReader(png), FileType: "image/png", Recipients: people,
			},
			image, &schemas.MediaRef{MimeType: "image/png", Size: uint64(len(png))},
		},
		"texts of both messages": {
			client.Draft{
				Route: client.RouteAuto, BodyText: "Hola", HeaderType: "text", HeaderContent: "Aviso", Phones: slices.Values([]string{"573991234572"}),
				Template: &client.TemplateUse{Name: "a", Language: "es", HeaderType: "text", HeaderText: "Ana"},
			},
			&schemas.Template{Name: "a", Language: "es", Header: schemas.HeaderKind_HEADER_KIND_TEXT, HeaderValue: value("", "Ana")}, nil,
		},
		"a text": {
			client.Draft{
				Template: &client.TemplateUse{
					Name: "a", Language: "es", HeaderName: "titulo", Body: []client.TemplateValue{{Name: "b", Text: "2"}, {Name: "a", Text: "1"}},
					Buttons: []client.TemplateButton{{Index: 1, Payload: "SI"}, {Index: 2, CopyCode: "X7"}},
				},
				HeaderType: "text", HeaderContent: "{{nombre}}", Recipients: people,
			},
			&schemas.Template{
				Name: "a", Language: "es", Header: schemas.HeaderKind_HEADER_KIND_TEXT, HeaderValue: value("titulo", "{{nombre}}"),
				Body: []*schemas.TemplateValue{value("a", "1"), value("b", "2")},
				Buttons: []*schemas.TemplateButton{
					button(1, schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_QUICK_REPLY, "SI"), button(2, schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_COPY_CODE, "X7"),
				},
			}, nil,
		},
		"numbers": {
			client.Draft{Template: &client.TemplateUse{Name: "a", Language: "es", Body: []client.TemplateValue{{Text: "2"}, {Text: "1"}}}, Phones: numbers(1)},
			&schemas.Template{Name: "a", Language: "es", Body: []*schemas.TemplateValue{value("", "2"), value("", "1")}}, nil,
		},
		"nothing else": {
			client.Draft{Template: &client.TemplateUse{Name: "a", Language: "es"}, Phones: numbers(1)}, &schemas.Template{Name: "a", Language: "es"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &memoryLog{}
			if _, err := client.Publish(t.Context(), log, &tt.draft); err != nil {
				t.Fatal(err)
			}
			c := log.broadcast(t).GetContent()
			if diff := cmp.Diff(tt.want, c.GetTemplate(), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.media, c.GetMedia(), protocmp.Transform(), protocmp.IgnoreFields(&schemas.MediaRef{}, "sha256", "parts")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The service names what is wrong with a template, also what an object of JSON can't have.
func TestTemplatesThatAreRefused(t *testing.T) {
	t.Parallel()
	with := func(body ...client.TemplateValue) *client.TemplateUse {
		return &client.TemplateUse{Name: "a", Language: "es", Body: body}
	}
	for name, tt := range map[string]struct {
		draft client.Draft
		field string
	}{
		"a body":      {client.Draft{Template: with(), BodyText: "b"}, "template"},
		"a footer":    {client.Draft{Template: with(), FooterText: "b"}, "template"},
		"a list":      {client.Draft{Template: with(), List: &client.List{}}, "template"},
		"no language": {client.Draft{Template: &client.TemplateUse{Name: "a"}}, "template.language"},
		"no type":     {client.Draft{Template: with(), HeaderContent: "x"}, "template.header.type"},
		"two files":   {client.Draft{Template: with(), HeaderType: "image", HeaderContent: "https://cdn.example/p.png", File: strings.NewReader(png)}, "content"},
		"one name":    {client.Draft{Template: with(client.TemplateValue{Name: "a", Text: "x"}, client.TemplateValue{Text: "x"})}, "template.body"},
		"a name twice": {
			client.Draft{Template: with(client.TemplateValue{Name: "a", Text: "x"}, client.TemplateValue{Name: "a", Text: "x"})}, "a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &memoryLog{}
			tt.draft.Phones = numbers(1)
			_, err := client.Publish(t.Context(), log, &tt.draft)
			field, ok := errors.AsType[*request.FieldError](err)
			if !ok || field.Field != tt.field || len(log.recs[schemas.TopicBroadcasts]) != 0 {
				t.Errorf("got %v, want a FieldError of %s and no broadcast", err, tt.field)
			}
		})
	}
}

// What a draft does not have is not written, so that an empty one is an object too.
func TestADraftLeavesOutWhatItHasNot(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]client.Draft{
		`{"phones":[]}`: {},
		`{"template":{"name":"a","language":"es"},"phones":[]}`:                    {Template: &client.TemplateUse{Name: "a", Language: "es"}},
		`{"header_type":"image","header_content":"data:;base64,eA==","phones":[]}`: {HeaderType: "image", File: strings.NewReader("x")},
	} {
		var out strings.Builder
		if err := d.WriteJSON(&out); err != nil || !json.Valid([]byte(out.String())) || out.String() != want {
			t.Errorf("%s, %v; want %s", out.String(), err, want)
		}
	}
}
