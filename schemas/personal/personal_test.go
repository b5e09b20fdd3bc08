package personal

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/schemas/rules"
	"altavoz/schemas/shape"
)

func content(names ...string) *schemas.Content {
	return &schemas.Content{
		Body: "Hola {{nombre}}", Footer: "Pie", ButtonText: "Ver", ButtonUrl: "https://example.com/p/{{pedido}}?x=1", Variables: names,
		Files: []*schemas.MediaRef{{Url: "https://example.com/a.png", Kind: schemas.HeaderKind_HEADER_KIND_IMAGE}},
	}
}

func values(v ...string) *schemas.Personal {
	p := &schemas.Personal{}
	for i, text := range v {
		p.Variables, p.Values = append(p.Variables, uint32(i)), append(p.Values, text)
	}
	return p
}

func TestPlaceholdersAreFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "Hola": "", "{{a}}": "a", "{{ a }}{{\ta\u00a0}}": "a", "{{a}} {{b}} {{a}}": "a b", "{{{a}}}": "a", "{{a {{b}}": "b", "{{a b}} {{c}}": "c", "{{}} {{ }}": "",
		"{{nombre_1}}": "nombre_1", "{{año}} {{имя}} {{名前}} {{नाम}}": "año имя 名前 नाम", "{{a-b}}": "", "{a}": "", "{{a}": "", "{{a\n}}": "", "}}{{a}}": "a", "{{a | upper}}": "",
		"{{" + strings.Repeat("a", MaxName) + "}}": strings.Repeat("a", MaxName), "{{" + strings.Repeat("a", MaxName+1) + "}}": "", "{{%20a%20}}": "a",
	} {
		if got := strings.Join(Placeholders(text), " "); got != want {
			t.Errorf("Placeholders(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAMessageIsMadeOfWhatAllHaveAndWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	names := []string{"nombre", "pedido"}
	kind := schemas.HeaderKind_HEADER_KIND_IMAGE.Enum()
	for _, tt := range []struct {
		name       string
		p          *schemas.Personal
		body, link string
		file       string
		code       int
		field      string
	}{
		{"filled", values("Ana", "7"), "Hola Ana", "https://example.com/p/7?x=1", "", 0, ""},
		{"a value that looks like a placeholder", values("{{pedido}}", "7"), "Hola {{pedido}}", "https://example.com/p/7?x=1", "", 0, ""},
		{"a value that a link has no place for", values("Ana", "7/8?y=2&z#ñ"), "Hola Ana", "https://example.com/p/7%2F8%3Fy%3D2%26z%23%C3%B1?x=1", "", 0, ""},
		{"its own body", &schemas.Personal{Variables: []uint32{1}, Values: []string{"7"}, Own: &schemas.Own{Body: new("Pedido {{pedido}}")}}, "Pedido 7", "https://example.com/p/7?x=1", "", 0, ""},
		{"its own file", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{Header: kind, File: 1}}, "Hola Ana", "https://example.com/p/7?x=1", "https://example.com/a.png", 0, ""},
		{"no value", values("Ana"), "", "", "", schemas.CodeVariable, fieldButtonLink},
		{"nothing", nil, "", "", "", schemas.CodeVariable, fieldBody},
		{"a variable that the content has not", &schemas.Personal{Variables: []uint32{9}, Values: []string{"Ana"}}, "", "", "", schemas.CodeVariable, fieldBody},
		{"more variables than values", &schemas.Personal{Variables: []uint32{1, 0}, Values: []string{"7"}}, "", "", "", schemas.CodeVariable, fieldBody},
		{"too long", values(strings.Repeat("a", rules.MaxBodyText), "7"), "", "", "", schemas.CodeTooLong, fieldBody},
		{"far too long", values(strings.Repeat("a", schemas.MaxPersonalBytes-100), "7"), "", "", "", schemas.CodeTooLong, fieldBody},
		{"more than a send may carry", &schemas.Personal{Variables: []uint32{0, 1, 2}, Values: []string{"Ana", "7", strings.Repeat("a", schemas.MaxPersonalBytes)}}, "", "", "", schemas.CodeTooLong, ""},
		{"steps in the path", values("Ana", ".."), "", "", "", schemas.CodePersonal, fieldButtonLink},
		{"no body", &schemas.Personal{Variables: []uint32{1}, Values: []string{"7"}, Own: &schemas.Own{Body: new(" ")}}, "", "", "", schemas.CodePersonal, fieldBody},
		{"no button", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{ButtonText: new("")}}, "", "", "", schemas.CodePersonal, fieldButton},
		{"two lines in the button", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{ButtonText: new("a\nb")}}, "", "", "", schemas.CodePersonal, fieldButton},
		{"a private link", &schemas.Personal{Variables: []uint32{0}, Values: []string{"Ana"}, Own: &schemas.Own{ButtonUrl: new("http://10.0.0.1/")}}, "", "", "", schemas.CodePersonal, fieldButtonLink},
		{"no link", &schemas.Personal{Variables: []uint32{0}, Values: []string{"Ana"}, Own: &schemas.Own{ButtonUrl: new("hola")}}, "", "", "", schemas.CodePersonal, fieldButtonLink},
		{"a file that is not there", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{Header: kind, File: 2}}, "", "", "", schemas.CodePersonal, fieldHeader},
		{"a file of another kind", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{Header: schemas.HeaderKind_HEADER_KIND_VIDEO.Enum(), File: 1}}, "", "", "", schemas.CodePersonal, fieldHeader},
		{"a text header without text", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{Header: schemas.HeaderKind_HEADER_KIND_TEXT.Enum()}}, "", "", "", schemas.CodePersonal, fieldHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Of(content(names...), tt.p)
			if tt.code != 0 {
				f, ok := errors.AsType[*FaultError](err)
				if !ok || f.Code != tt.code || f.Field != tt.field || f.Error() == "" || (tt.code == schemas.CodeVariable) != (f.Variable != "") {
					t.Errorf("%v, %+v; want code %d of %s", err, f, tt.code, tt.field)
				}
				return
			}
			if err != nil || got.GetBody() != tt.body || got.GetButtonUrl() != tt.link || got.GetMedia().GetUrl() != tt.file || len(got.GetVariables())+len(got.GetFiles()) > 0 {
				t.Errorf("%v, %v; want %q, %s, %s", got, err, tt.body, tt.link, tt.file)
			}
		})
	}
}

func TestALinkMayBeAValueAsAWhole(t *testing.T) {
	t.Parallel()
	c := &schemas.Content{Body: "hola", ButtonText: "Ver", ButtonUrl: "{{enlace}}", Variables: []string{"enlace"}}
	for value, want := range map[string]string{"\thttps://example.com/a?b=c": "https://example.com/a?b=c", "https://example.com/../b": "https://example.com/../b", "http://localhost/": "", "": ""} {
		got, err := Of(c, values(value))
		if got.GetButtonUrl() != want || (err == nil) != (want != "") {
			t.Errorf("%q: %s, %v; want %q", value, got.GetButtonUrl(), err, want)
		}
	}
}

// pieces are texts of which some look like placeholders.
var pieces = rapid.SampledFrom([]string{"a", "ñ", " ", "{{", "}}", "{", "}", "{{a}}", "{{ b }}", "{{c}}", "%20", "/", "?", "&", "#", "..", ".", "%", "=", "\"", "\n", "😀"})

func textOf(t *rapid.T, name string) string {
	return strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, name), "")
}

// What is put in stands in the text as it is, and what stood around it too: no value is read for placeholders.
func TestAValueIsNotReadAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := textOf(t, "text")
		with := map[string]string{"a": textOf(t, "a"), "b": textOf(t, "b"), "c": textOf(t, "c")}
		got, missing := fill(text, func(name string) (string, bool) { v, ok := with[name]; return v, ok })
		if missing != "" { // a name that was drawn letter by letter
			if _, there := with[missing]; there || !slices.Contains(Placeholders(text), missing) {
				t.Fatalf("no value for %s", missing)
			}
			return
		}
		var want strings.Builder // the text is cut first, and put together after
		rest := text
		for {
			before, name, after, ok := next(rest)
			if !ok {
				break
			}
			want.WriteString(before + with[name])
			rest = after
		}
		if got != want.String()+rest {
			t.Errorf("%q with %v is %q, want %q", text, with, got, want.String()+rest)
		}
	})
}

// A text without placeholders stays as it is, and so does any text of a content that has no variables.
func TestWithoutPlaceholdersNothingChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := "x" + textOf(t, "text")
		got, err := Of(&schemas.Content{Body: text, ButtonText: "Ver", ButtonUrl: "https://example.com/{{a}}"}, values("v"))
		if err != nil && !strings.Contains(err.Error(), "URL") || err == nil && (got.GetBody() != text || got.GetButtonUrl() != "https://example.com/{{a}}") {
			t.Errorf("%q becomes %v, %v", text, got, err)
		}
		if len(Placeholders(text)) > 0 {
			return
		}
		if got, missing := fill(text, func(string) (string, bool) { return "", false }); got != text || missing != "" {
			t.Errorf("%q becomes %q, without a value for %q", text, got, missing)
		}
	})
}

// Whatever the values of one recipient are, another one's message has none of them.
func TestAMessageHasTheValuesOfItsRecipientOnly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := content("nombre", "pedido")
		want := rapid.SliceOfN(rapid.StringMatching(`[a-z]{8}`), 2, 8).Draw(t, "names")
		var got []string
		for _, name := range want {
			m, err := Of(c, values(name, name))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, strings.TrimPrefix(m.GetBody(), "Hola "))
		}
		if !slices.Equal(got, want) || !proto.Equal(c, content("nombre", "pedido")) {
			t.Errorf("%v, want %v; the content is %v", got, want, c)
		}
	})
}

// A link keeps its host, its path's segments and its query's members, whatever is put in.
func TestAValueStaysInItsPartOfALink(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := textOf(t, "value")
		got, err := Of(&schemas.Content{Body: "b", ButtonText: "Ver", ButtonUrl: "https://example.com/a/{{v}}/b?c={{v}}&d=1#{{v}}", Variables: []string{"v"}}, values(v))
		if v == "." || v == ".." {
			if err == nil {
				t.Errorf("%q: %s", v, got.GetButtonUrl())
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(got.GetButtonUrl())
		if err != nil {
			t.Fatal(err)
		}
		if u.Host != "example.com" || strings.Count(u.EscapedPath(), "/") != 3 || u.Path != "/a/"+v+"/b" || u.Query().Get("c") != v || u.Query().Get("d") != "1" || len(u.Query()) != 2 || u.Fragment != v {
			t.Errorf("%q becomes %s", v, got.GetButtonUrl())
		}
	})
}

func TestASampleIsWhatAllRecipientsHave(t *testing.T) {
	t.Parallel()
	got := Sample(&schemas.Content{Body: "{{a}}", Footer: "Pie {{a}}", ButtonText: "Ver", ButtonUrl: "{{a}}", Variables: []string{"a"}})
	if got.GetBody() != "x" || got.GetFooter() != "Pie " || got.GetButtonUrl() != "" {
		t.Errorf("got %v", got)
	}
	if got = Sample(&schemas.Content{Body: "{{a}}", ButtonUrl: "https://{{a}}.example.com", Variables: []string{"a"}}); got.GetButtonUrl() != "https://x.example.com" {
		t.Errorf("got %v", got)
	}
	if got = Sample(&schemas.Content{Body: "{{a}}"}); got.GetBody() != "{{a}}" {
		t.Errorf("got %v", got)
	}
}

func BenchmarkOf(b *testing.B) {
	c, p := content("nombre", "pedido"), values("Ana María", "12345")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Of(c, p); err != nil {
			b.Fatal(err)
		}
	}
}

// TestLargeIsWhatARecordHolds: whatever it is that takes the room, also many values of nothing, and what this version does not know.
func TestLargeIsWhatARecordHolds(t *testing.T) {
	t.Parallel()
	strange := values("v")
	strange.ProtoReflect().SetUnknown(append([]byte{0x7a, 0x80, 0x80, 0x01}, make([]byte, 16<<10)...)) // a field 15 of 16 KiB
	for name, p := range map[string]*schemas.Personal{
		"values of nothing": {Values: make([]string, schemas.MaxPersonalBytes)},
		"unknown":           strange,
		"numbers":           {Variables: make([]uint32, schemas.MaxPersonalBytes+1)},
	} {
		if !Large(p) || Check(content("nombre"), p) == nil {
			t.Errorf("%s: %d bytes may be in a send", name, proto.Size(p))
		}
	}
	if most := values(slices.Repeat([]string{strings.Repeat("a", 81)}, MaxVariables)...); Large(most) {
		t.Errorf("what a request may have is too large: %d bytes", proto.Size(most))
	}
}

// What a recipient taps is filled in as its text is, ids included, and held to its limits; what all have stays as it was.
func TestAShapeIsFilledForEachRecipient(t *testing.T) {
	t.Parallel()
	button := func(id, title string) *schemas.ReplyButton { return &schemas.ReplyButton{Id: id, Title: title} }
	c := &schemas.Content{Body: "Hola", Variables: []string{"hora", "sede"}, Shape: &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: &schemas.ReplyButtons{
		Buttons: []*schemas.ReplyButton{button("a-{{hora}}", "A las {{hora}}"), button("b", "En {{sede}}")},
	}}}}
	before := proto.CloneOf(c)
	got, err := Of(c, values("9:00", "{{hora}}"))
	if err != nil {
		t.Fatal(err)
	}
	all := got.GetShape().GetButtons().GetButtons()
	if all[0].GetId() != "a-9:00" || all[0].GetTitle() != "A las 9:00" || all[1].GetTitle() != "En {{hora}}" || got.GetButtonText() != "" {
		t.Errorf("got %v", got)
	}
	if !proto.Equal(c, before) {
		t.Errorf("what all have became %v", c)
	}
	for name, tt := range map[string]struct {
		p     *schemas.Personal
		code  int
		field string
	}{
		"too long":     {values(strings.Repeat("9", 15), "x"), schemas.CodeTooLong, "buttons[0].title"},
		"no value":     {values("9:00"), schemas.CodeVariable, "buttons[1].title"},
		"two lines":    {values("9\n", "x"), schemas.CodePersonal, "buttons[0].id"},
		"its own link": {&schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"9", "x"}, Own: &schemas.Own{ButtonUrl: new("https://example.com")}}, schemas.CodePersonal, "buttons"},
	} {
		if f := Check(c, tt.p); f == nil || f.Code != tt.code || f.Field != tt.field || f.Error() == "" {
			t.Errorf("%s: %+v, want code %d of %s", name, f, tt.code, tt.field)
		}
	}
	sample := Sample(c).GetShape().GetButtons().GetButtons()
	if len(sample[0].GetTitle()) == len("A las ") || sample[0].GetTitle() == sample[1].GetTitle() || !proto.Equal(c, before) {
		t.Errorf("the sample is %v", sample)
	}
}

// A recipient's own buttons have the place of the link, or of the buttons, that all have.
func TestOwnButtonsHaveThePlaceOfThoseOfAll(t *testing.T) {
	t.Parallel()
	shape := func(title string) *schemas.Shape {
		return &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: &schemas.ReplyButtons{Buttons: []*schemas.ReplyButton{{Id: "1", Title: title}}}}}
	}
	for name, c := range map[string]*schemas.Content{
		"a link":  {Body: "Hola", ButtonText: "Ver", ButtonUrl: "https://example.com", Variables: []string{"hora"}},
		"buttons": {Body: "Hola", Shape: shape("No"), Variables: []string{"hora"}},
	} {
		p := values("9:00")
		p.Own = &schemas.Own{Shape: shape("A las {{hora}}")}
		got, err := Of(c, p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := &schemas.Content{Body: "Hola", Shape: shape("A las 9:00")}
		if !proto.Equal(got, want) || p.GetOwn().GetShape().GetButtons().GetButtons()[0].GetTitle() != "A las {{hora}}" {
			t.Errorf("instead of %s: %v, and its own became %v; want %v", name, got, p, want)
		}
	}
	for name, tt := range map[string]struct {
		c   *schemas.Content
		own *schemas.Shape
	}{
		"beside a template":  {&schemas.Content{Template: &schemas.Template{Name: "aviso", Language: "es"}}, shape("Sí")},
		"with nothing in it": {&schemas.Content{Body: "Hola", ButtonText: "Ver", ButtonUrl: "https://example.com"}, &schemas.Shape{}},
	} {
		if f := Check(tt.c, &schemas.Personal{Own: &schemas.Own{Shape: tt.own}}); f == nil || f.Code != schemas.CodePersonal || f.Field != "buttons" {
			t.Errorf("%s: %+v; want a fault of buttons", name, f)
		}
	}
}

// Values may make different what is the same without them.
func TestTitlesOfNothingButValuesAreNoRepeat(t *testing.T) {
	t.Parallel()
	c := &schemas.Content{Body: "Hola", Variables: []string{"a", "b"}, Shape: &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: &schemas.ReplyButtons{
		Buttons: []*schemas.ReplyButton{{Id: "{{a}}", Title: "{{a}}"}, {Id: "{{b}}", Title: "{{b}}"}},
	}}}}
	if f := shape.Check(Sample(c)); f != nil {
		t.Error(f)
	}
	if f := Check(c, values("x", "y")); f != nil {
		t.Error(f)
	}
	if f := Check(c, values("x", "x")); f == nil || f.Field != "buttons[1].id" {
		t.Errorf("two buttons of one id: %v", f)
	}
}

func template() *schemas.Content {
	return &schemas.Content{
		Variables: []string{"nombre", "pedido"},
		Files:     []*schemas.MediaRef{{Url: "https://example.com/a.png", Kind: schemas.HeaderKind_HEADER_KIND_IMAGE}},
		Header:    schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{MediaId: "7"},
		Template: &schemas.Template{
			Name: "aviso", Language: "es", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Body: []*schemas.TemplateValue{{Name: "a", Text: "Hola {{nombre}}"}},
			Buttons: []*schemas.TemplateButton{{Kind: schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_URL_SUFFIX, Value: "p/{{pedido}}"}, {Index: 1, Kind: schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_COPY_CODE, Value: "{{pedido}}"}},
		},
	}
}

// Each recipient's values go into the template, and into nobody else's; what Meta would refuse of them costs that recipient only.
func TestATemplateIsFilledForEachRecipient(t *testing.T) {
	t.Parallel()
	c := template()
	image := schemas.HeaderKind_HEADER_KIND_IMAGE.Enum()
	for _, tt := range []struct {
		name         string
		p            *schemas.Personal
		body, suffix string
		code         int
		field        string
	}{
		{"filled", values("Ana", "7"), "Hola Ana", "p/7", 0, ""},
		{"another", values("Luis", "8/9"), "Hola Luis", "p/8%2F9", 0, ""},
		{"a value that looks like a placeholder", values("{{pedido}}", "7"), "Hola {{pedido}}", "p/7", 0, ""},
		{"its own file", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{Header: image, File: 1}}, "Hola Ana", "p/7", 0, ""},
		{"no value", values("Ana"), "", "", schemas.CodeVariable, "template.buttons[0].url_suffix"},
		{"two lines", values("Ana\nLuis", "7"), "", "", schemas.CodePersonal, "template.body.a"},
		{"five blanks", values("Ana     Luis", "7"), "", "", schemas.CodePersonal, "template.body.a"},
		{"a long code", values("Ana", strings.Repeat("7", 21)), "", "", schemas.CodeTooLong, "template.buttons[1].copy_code"},
		{"steps in the path", values("Ana", ".."), "", "", schemas.CodePersonal, "template.buttons[0].url_suffix"},
		{"its own text", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{Body: new("b")}}, "", "", schemas.CodePersonal, fieldBody},
		{"a header of another kind", &schemas.Personal{Variables: []uint32{0, 1}, Values: []string{"Ana", "7"}, Own: &schemas.Own{Header: schemas.HeaderKind_HEADER_KIND_VIDEO.Enum(), File: 1}}, "", "", schemas.CodePersonal, fieldHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Of(c, tt.p)
			if tt.code != 0 {
				f, ok := errors.AsType[*FaultError](err)
				if !ok || f.Code != tt.code || f.Field != tt.field || f.Error() == "" {
					t.Errorf("%v, %+v; want code %d of %s", err, f, tt.code, tt.field)
				}
				return
			}
			if err != nil || got.GetTemplate().GetBody()[0].GetText() != tt.body || got.GetTemplate().GetButtons()[0].GetValue() != tt.suffix || (got.GetMedia().GetUrl() != "") != (tt.p.GetOwn() != nil) {
				t.Errorf("%v, %v; want %q, %q", got, err, tt.body, tt.suffix)
			}
		})
	}
	if !proto.Equal(c, template()) {
		t.Errorf("the content of all is now %v", c)
	}
	c.Media = nil
	if f := Check(c, values("Ana", "7")); f == nil || f.Code != schemas.CodePersonal {
		t.Errorf("without a file: %v, want code %d", f, schemas.CodePersonal)
	}
}

// TestNoValueLeavesTheLinkOfATemplate: a suffix that is nothing but a value stands behind the template's link all the same.
func TestNoValueLeavesTheLinkOfATemplate(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{"77": true, "a/b?c=1": true, "..77": true, "../x": false, "a/%2e%2E/x": false} {
		c := &schemas.Content{Variables: []string{"p"}, Template: &schemas.Template{Name: "a", Language: "es", Buttons: []*schemas.TemplateButton{
			{Kind: schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_URL_SUFFIX, Value: "{{p}}"},
		}}}
		f := Check(c, &schemas.Personal{Variables: []uint32{0}, Values: []string{value}})
		if (f == nil) != good {
			t.Errorf("%s: %v", value, f)
		}
	}
}
