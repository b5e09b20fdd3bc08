package use_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/template/use"
)

func read(t *testing.T, text string, lenient bool) *use.Given {
	t.Helper()
	d := jsontext.NewDecoder(strings.NewReader(text))
	g, err := use.Read(d, lenient)
	if err != nil {
		t.Fatal(err)
	}
	if d.InputOffset() != int64(len(text)) {
		t.Fatalf("%d bytes of %s are read", d.InputOffset(), text)
	}
	return g
}

const everything = `{"name":"aviso","language":"es_CO","header":{"type":"Text","content":"Hola {{nombre}}","name":"titulo"},"body":{"pedido":7,"nombre":"{{nombre}}"},` +
	`"buttons":[{"index":0,"url_suffix":" p/{{pedido}} "},{"index":"1","payload":"SI"},{"copy_code":"X7","index":2}]}`

func TestATemplateIsReadFromARequest(t *testing.T) {
	t.Parallel()
	g := read(t, everything, false)
	want := &schemas.Template{}
	if err := protojson.Unmarshal([]byte(`{"name":"aviso","language":"es_CO","header":"HEADER_KIND_TEXT","headerValue":{"name":"titulo","text":"Hola {{nombre}}"},`+
		`"body":[{"name":"nombre","text":"{{nombre}}"},{"name":"pedido","text":"7"}],"buttons":[{"kind":"TEMPLATE_BUTTON_KIND_URL_SUFFIX","value":"p/{{pedido}}"},`+
		`{"index":1,"kind":"TEMPLATE_BUTTON_KIND_QUICK_REPLY","value":"SI"},{"index":2,"kind":"TEMPLATE_BUTTON_KIND_COPY_CODE","value":"X7"}]}`), want); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(g.Template, want) || len(g.Faults)+len(use.Faults(g.Template)) > 0 {
		t.Errorf("%v, %v; want %v", g.Template, g.Faults, want)
	}
	g = read(t, `{"name":"a","language":"es","header":{"type":"document","content":"https://x.example/a.pdf","filename":"a.pdf"},"body":["{{1}}",true],"buttons":null,"color":{"x":[1]}}`, true)
	if g.Content != "https://x.example/a.pdf" || g.Filename != "a.pdf" || !slices.Equal(g.Strange, []string{"template.color"}) || len(g.Faults) > 0 ||
		g.Template.GetBody()[1].GetText() != "true" || g.Template.GetHeader() != schemas.HeaderKind_HEADER_KIND_DOCUMENT {
		t.Errorf("%+v", g)
	}
}

func TestWrongTemplatesAreRefusedWithTheirField(t *testing.T) {
	t.Parallel()
	with := func(members string) string { return `{"name":"aviso","language":"es"` + members + `}` }
	for _, tt := range []struct{ text, field, code string }{
		{`7`, "template", "wrong_type"},
		{`{"name":"aviso"}`, "template.language", "required"},
		{`{"language":"es"}`, "template.name", "required"},
		{`{"name":"Aviso","language":"es"}`, "template.name", "invalid_value"},
		{`{"name":"` + strings.Repeat("a", 513) + `","language":"es"}`, "template.name", "invalid_value"},
		{`{"name":{},"language":"es"}`, "template.name", "wrong_type"},
		{`{"name":"aviso","language":"es-CO"}`, "template.language", "invalid_value"},
		{with(`,"bodi":[]`), "template.bodi", "unknown_field"},
		{with(`,"header":"x"`), "template.header", "wrong_type"},
		{with(`,"header":{"type":"audio"}`), "template.header.type", "invalid_value"},
		{with(`,"header":{"content":"x"}`), "template.header.type", "invalid_value"},
		{with(`,"header":{"filename":"x"}`), "template.header.type", "required"},
		{with(`,"header":{"type":"text"}`), "template.header.content", "required"},
		{with(`,"header":{"type":"text","content":"x","filename":"a"}`), "template.header.filename", "invalid_value"},
		{with(`,"header":{"type":"image","content":"x","name":"a"}`), "template.header.name", "invalid_value"},
		{with(`,"header":{"type":"text","content":"` + strings.Repeat("x", 61) + `"}`), "template.header.content", "too_long"},
		{with(`,"header":{"type":"text","content":"x"},"body":{"a":"b"}`), "template.header.name", "required"},
		{with(`,"header":{"type":"text","content":"x","name":"t"},"body":["b"]`), "template.header.name", "invalid_value"},
		{with(`,"body":"x"`), "template.body", "wrong_type"},
		{with(`,"body":{"1":"x"}`), "template.body.1", "invalid_value"},
		{with(`,"body":{"":"x"}`), "template.body", "invalid_value"},
		{with(`,"body":{"a":[]}`), "template.body.a", "wrong_type"},
		{with(`,"body":["a"` + strings.Repeat(`,"a"`, 100) + `]`), "template.body", "too_many"},
		{with(`,"buttons":{}`), "template.buttons", "wrong_type"},
		{with(`,"buttons":[7]`), "template.buttons[0]", "wrong_type"},
		{with(`,"buttons":[{"index":0}]`), "template.buttons[0]", "required"},
		{with(`,"buttons":[{"index":0,"payload":"x","copy_code":"y"}]`), "template.buttons[0]", "required"},
		{with(`,"buttons":[{"payload":"x"}]`), "template.buttons[0].index", "invalid_value"},
		{with(`,"buttons":[{"index":10,"payload":"x"}]`), "template.buttons[0].index", "invalid_value"},
		{with(`,"buttons":[{"index":1,"payload":"x"},{"index":1,"payload":"x"}]`), "template.buttons[1].index", "duplicate_field"},
		{with(`,"buttons":[` + strings.TrimSuffix(strings.Repeat(`{"index":1,"payload":"x"},`, 11), ",") + `]`), "template.buttons", "too_many"},
		{with(`,"buttons":[{"index":1,"url_suffix":"https://example.com/7"}]`), "template.buttons[0].url_suffix", "invalid_url"},
		{with(`,"buttons":[{"index":1,"copy_code":"` + strings.Repeat("x", 21) + `"}]`), "template.buttons[0].copy_code", "too_long"},
		{with(`,"buttons":[{"index":1,"payload":"` + strings.Repeat("x", 257) + `"}]`), "template.buttons[0].payload", "too_long"},
	} {
		t.Run(tt.text[:min(len(tt.text), 60)], func(t *testing.T) {
			t.Parallel()
			g := read(t, tt.text, false)
			all := slices.Concat(g.Faults, use.Faults(g.Template))
			if len(all) == 0 || all[0].Field != tt.field && !strings.HasPrefix(tt.text, `7`) || all[0].Code != tt.code || all[0].Error() == "" {
				t.Errorf("refused with %v, want %s of %s", all, tt.code, tt.field)
			}
		})
	}
}

// What Meta refuses in a value is refused wherever it stands, and the error says where.
func TestValuesThatMetaRefusesAreRefused(t *testing.T) {
	t.Parallel()
	for value, code := range map[string]string{
		"Ana": "", "a    b": "", "": fault.CodeRequired, " ": fault.CodeRequired, "\u200b": fault.CodeRequired, "a\nb": fault.CodeValue, "a\tb": fault.CodeValue, "a\u2028b": fault.CodeValue,
		"a     b": fault.CodeValue, strings.Repeat("x", 1024): "", strings.Repeat("x", 1025): fault.CodeTooLong, strings.Repeat("😀", 513): fault.CodeTooLong,
	} {
		tmpl := &schemas.Template{Name: "a", Language: "es", Body: []*schemas.TemplateValue{{Name: "x", Text: "x"}, {Name: "nombre", Text: value}}}
		all := use.Faults(tmpl)
		if len(all) > 1 || (len(all) == 0) != (code == "") || len(all) > 0 && (all[0].Code != code || all[0].Field != "template.body.nombre") {
			t.Errorf("%.20q: %v, want %s", value, all, code)
		}
	}
}

// Whatever comes: what is read of it is bounded, and so is what it is refused for.
func TestATemplateOfARequestIsBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"name":"a","body":[` + strings.TrimSuffix(strings.Repeat(`"x",`, 600), ",") + `]}`,
		`{"x":[` + strings.TrimSuffix(strings.Repeat(`{},`, 600), ",") + `]}`,
		`{"body":[` + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("x", 60<<10)+`",`, 5), ",") + `]}`,
	} {
		_, err := use.Read(jsontext.NewDecoder(strings.NewReader(text)), true)
		f, ok := errors.AsType[*fault.FieldError](err)
		if !ok || f.Code != fault.CodeTooMany || f.Field != "template" {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

// What is accepted fits into the record of a content, of which the fanout refuses a larger one: text beside the template included.
func TestValuesOfATemplateFitIntoARecord(t *testing.T) {
	t.Parallel()
	tmpl := &schemas.Template{Name: "a", Language: "es"}
	for range use.MaxBytes / 1024 {
		tmpl.Body = append(tmpl.Body, &schemas.TemplateValue{Text: strings.Repeat("é", 512)})
	}
	if all := use.Faults(tmpl); len(all) > 0 {
		t.Errorf("%d bytes are refused: %v", use.MaxBytes, all)
	}
	tmpl.Body[0].Text += "x"
	if all := use.Faults(tmpl); len(all) != 1 || all[0].Field != "template" || all[0].Code != fault.CodeTooLong {
		t.Errorf("a byte more: %v", all)
	}
}

// Reading ends where the value does, or at a mistake of the JSON: whatever stands behind it is somebody else's.
func TestReadingNeverPanics(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var value func(depth int) any
		value = func(depth int) any {
			switch k := rapid.IntRange(0, 6).Draw(t, "kind"); {
			case k < 2 && depth > 0:
				out := map[string]any{}
				for range rapid.IntRange(0, 4).Draw(t, "members") {
					out[rapid.SampledFrom([]string{"name", "language", "header", "body", "buttons", "type", "content", "index", "payload", "x"}).Draw(t, "name")] = value(depth - 1)
				}
				return out
			case k == 2 && depth > 0:
				return []any{value(depth - 1), value(depth - 1)}
			case k == 3:
				return rapid.Int().Draw(t, "n")
			case k == 4:
				return nil
			}
			return rapid.String().Draw(t, "text")
		}
		b, err := json.Marshal(value(4))
		if err != nil {
			t.Fatal(err)
		}
		d := jsontext.NewDecoder(strings.NewReader(fmt.Sprintf("[%s,7]", b)))
		if _, err := d.ReadToken(); err != nil {
			t.Fatal(err)
		}
		g, err := use.Read(d, rapid.Bool().Draw(t, "lenient"))
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if tok, err := d.ReadToken(); err != nil || tok.String() != "7" {
			t.Fatalf("%s: behind it comes %v, %v; want 7", b, tok, err)
		}
		use.Faults(g.Template)
	})
}
