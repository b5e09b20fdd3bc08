package content_test

import (
	"slices"
	"strings"
	"testing"

	"altavoz/schemas"
	"altavoz/schemas/content"
	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
)

// What comes as Protobuf is held to the rules of HTTP.
func TestContentHasOneSetOfRules(t *testing.T) {
	t.Parallel()
	doc := schemas.HeaderKind_HEADER_KIND_DOCUMENT
	for _, c := range []struct {
		name    string
		c       *schemas.Content
		literal bool
		field   string
		code    string
	}{
		{"good", &schemas.Content{Body: "Hola"}, false, "", ""},
		{"good with a button", &schemas.Content{Body: "Hola", ButtonText: "Ver", ButtonUrl: "https://example.com"}, false, "", ""},
		{"good with a file", &schemas.Content{Body: "Hola", Header: doc, Media: &schemas.MediaRef{Url: "https://example.com/a.pdf"}}, false, "", ""},
		{"nothing", nil, false, "body_text", fault.CodeRequired},
		{"invisible body", &schemas.Content{Body: "\u200b"}, false, "body_text", fault.CodeRequired},
		{"60 KB of body", &schemas.Content{Body: strings.Repeat("b", 60<<10)}, false, "body_text", fault.CodeTooLong},
		{"long header", &schemas.Content{Body: "b", Header: schemas.HeaderKind_HEADER_KIND_TEXT, HeaderText: strings.Repeat("b", 61)}, false, "header_content", fault.CodeTooLong},
		{"script in the button", &schemas.Content{Body: "b", ButtonUrl: "javascript:alert(1)"}, false, "button_url", fault.CodeURL},
		{"private address in the button", &schemas.Content{Body: "b", ButtonUrl: "http://192.168.0.1/"}, false, "button_url", fault.CodeURL},
		{"placeholder", &schemas.Content{Body: "{{1}}"}, false, "body_text", fault.CodePlaceholder},
		{"placeholder meant as text", &schemas.Content{Body: "{{1}}"}, true, "", ""},
		{"any media id", &schemas.Content{Body: "b", Header: doc, Media: &schemas.MediaRef{MediaId: "1"}}, false, "header_content", fault.CodeValue},
		{"any link", &schemas.Content{Body: "b", Header: doc, Media: &schemas.MediaRef{Link: "http://10.0.0.1/a.pdf"}}, false, "header_content", fault.CodeValue},
		{"file that is no address", &schemas.Content{Body: "b", Header: doc, Media: &schemas.MediaRef{Url: "file:///etc/passwd"}}, false, "header_content", fault.CodeURL},
		{"file without a header", &schemas.Content{Body: "b", Media: &schemas.MediaRef{Url: "https://example.com/a.pdf"}}, false, "header_type", fault.CodeValue},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			faults := content.Faults(c.c, c.literal)
			if c.code == "" {
				if len(faults) > 0 {
					t.Errorf("got %v, want no fault", faults[0])
				}
				return
			}
			if len(faults) == 0 || faults[0].Field != c.field || faults[0].Code != c.code {
				t.Errorf("%v, want %s %s", faults, c.field, c.code)
			}
		})
	}
}

func TestButtonsThatOptOutAreTold(t *testing.T) {
	t.Parallel()
	buttons := func(all ...*schemas.ReplyButton) *schemas.Content {
		return &schemas.Content{Body: "b", Shape: &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: &schemas.ReplyButtons{Buttons: all}}}}
	}
	list := &schemas.ReplyList{Button: "Ver", Sections: []*schemas.ListSection{{Rows: []*schemas.ListRow{{Id: "baja", Title: "Baja"}}}}}
	for name, tt := range map[string]struct {
		c    *schemas.Content
		want []string // fields
	}{
		"a link":        {&schemas.Content{Body: "Responde BAJA", ButtonText: "Cancelar"}, nil},
		"other words":   {buttons(&schemas.ReplyButton{Id: "si", Title: "Sí"}, &schemas.ReplyButton{Id: "cancelar_cita", Title: "Cancelar cita"}), nil},
		"a title":       {buttons(&schemas.ReplyButton{Id: "si", Title: "Confirmar"}, &schemas.ReplyButton{Id: "no", Title: "Cancelar"}), []string{"buttons[1].title"}},
		"an id":         {buttons(&schemas.ReplyButton{Id: "stop", Title: "No más"}), []string{"buttons[0].id"}},
		"rows of lists": {&schemas.Content{Body: "b", Shape: &schemas.Shape{Kind: &schemas.Shape_List{List: list}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range content.OptOuts(tt.c) {
				if s.Code != es.TapOptsOut || !s.Known() {
					t.Errorf("it says %v", s)
				}
				got = append(got, s.Args[0])
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("told of %v, want %v", got, tt.want)
			}
		})
	}
}
