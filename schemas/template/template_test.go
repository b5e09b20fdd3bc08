package template_test

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/schemas/template"
)

//go:embed testdata/page.json
var page []byte

func read(t testing.TB) []template.Definition {
	t.Helper()
	all, next, err := template.ReadPage(page)
	if err != nil || next != "MjQZD" || len(all) != 4 {
		t.Fatal(len(all), next, err)
	}
	return all
}

func TestDefinitionsAreReadOfMetasAnswer(t *testing.T) {
	t.Parallel()
	all := read(t)
	want := template.Definition{
		ID: "1387372356726668", Name: "aviso_corte", Language: "es_CO", Status: "APPROVED", Category: "UTILITY", Quality: "GREEN", Named: true,
		Header: template.Header{Kind: "text", Text: "Hola {{nombre}}"}, Body: "El {{fecha}} no habrá agua en {{barrio}}. Más: {{fecha}}.", Footer: "Responde BAJA para salir",
		Buttons: []template.Button{{"url", "Ver", "https://example.com/corte/{{1}}"}, {"quick_reply", "Entendido", ""}, {"phone_number", "Llamar", ""}, {"copy_code", "", ""}},
	}
	if diff := cmp.Diff(want, all[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if all[2].Reason != "INVALID_FORMAT" || all[1].Quality != "RED" || all[1].Named || !slices.Equal(all[3].Others, []string{"CAROUSEL"}) {
		t.Errorf("got %+v", all[1:])
	}
	if diff := cmp.Diff([]template.Variable{{"header", "nombre"}, {"body", "fecha"}, {"body", "barrio"}, {"buttons[0]", "1"}, {"buttons[3]", "1"}}, all[0].Variables()); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	for _, text := range []string{``, `{}`, `{"data":7}`, `[]`, `{"error":{"code":190}}`, `{"data":[` + strings.Repeat(`{},`, 1000) + `{}]}`} {
		if _, _, err := template.ReadPage([]byte(text)); err == nil {
			t.Errorf("%.20s was read", text)
		}
	}
	if _, next, err := template.ReadPage([]byte(`{"data":[],"paging":{"cursors":{"after":"x"}}}`)); next != "" || err != nil {
		t.Errorf("the last page has the next one %q, %v", next, err)
	}
}

// aviso is a use of the first template that fits.
func aviso() *template.Use {
	return &template.Use{
		Name: "aviso_corte", Language: "es_CO", Header: "text", HeaderValue: &template.Value{Name: "nombre", Text: "Ana"},
		Body:    []template.Value{{Name: "barrio", Text: "Laureles"}, {Name: "fecha", Text: "5 de mayo"}},
		Buttons: []template.ButtonValue{{Index: 0, Kind: "url", Text: "7"}, {Index: 3, Kind: "copy_code", Text: "ABC"}},
	}
}

func TestWhatDoesNotFitIsNamed(t *testing.T) {
	t.Parallel()
	all := read(t)
	image := func() *template.Use {
		return &template.Use{Name: "promo", Language: "es", Header: "image", Body: []template.Value{{Text: "a"}, {Text: "b"}}}
	}
	for name, c := range map[string]struct {
		of   int
		base func() *template.Use
		with func(*template.Use)
		want string // "" : it fits
	}{
		"fits": {0, aviso, func(*template.Use) {}, ""},
		"a quick reply's value": {0, aviso, func(u *template.Use) {
			u.Buttons = append(u.Buttons, template.ButtonValue{Index: 1, Kind: "quick_reply", Text: "x"})
		}, ""},
		"a quick reply's value of lines, which nobody sees": {0, aviso, func(u *template.Use) {
			u.Buttons = append(u.Buttons, template.ButtonValue{Index: 1, Kind: "quick_reply", Text: "{\n\t\"a\": 1}"})
		}, ""},
		"no header":              {0, aviso, func(u *template.Use) { u.Header, u.HeaderValue = "", nil }, "header required"},
		"a header without value": {0, aviso, func(u *template.Use) { u.HeaderValue = nil }, "header required"},
		"an image instead":       {0, aviso, func(u *template.Use) { u.Header = "image" }, "header.type invalid_value"},
		"an empty header":        {0, aviso, func(u *template.Use) { u.HeaderValue.Text = " " }, "header.content required"},
		"a long header":          {0, aviso, func(u *template.Use) { u.HeaderValue.Text = strings.Repeat("a", 56) }, "header.content too_long"},
		"a header without name":  {0, aviso, func(u *template.Use) { u.HeaderValue.Name = "" }, "header.name required"},
		"another header's name":  {0, aviso, func(u *template.Use) { u.HeaderValue.Name = "x" }, "header.name invalid_value"},
		"an open header": {0, aviso, func(u *template.Use) {
			u.HeaderValue = &template.Value{Name: "nombre", Text: strings.Repeat("{{a}}", 20), Open: true}
		}, ""},
		"a lacking value":      {0, aviso, func(u *template.Use) { u.Body = u.Body[:1] }, "body required"},
		"a value without name": {0, aviso, func(u *template.Use) { u.Body[1].Name = "" }, "body[1] required, body required"},
		"a foreign name":       {0, aviso, func(u *template.Use) { u.Body = append(u.Body, template.Value{Name: "ciudad", Text: "x"}) }, "body.ciudad invalid_value"},
		"a name twice":         {0, aviso, func(u *template.Use) { u.Body = append(u.Body, u.Body[0]) }, "body.barrio too_many"},
		"a line break":         {0, aviso, func(u *template.Use) { u.Body[0].Text = "a\nb" }, "body.barrio invalid_value"},
		"a tab":                {0, aviso, func(u *template.Use) { u.Body[1].Text = "a\tb" }, "body.fecha invalid_value"},
		"four spaces":          {0, aviso, func(u *template.Use) { u.Body[0].Text = "a    b" }, ""},
		"five spaces":          {0, aviso, func(u *template.Use) { u.Body[0].Text = "a     b" }, "body.barrio invalid_value"},
		"an open line break":   {0, aviso, func(u *template.Use) { u.Body[0] = template.Value{Name: "barrio", Text: "{{a}}\n", Open: true} }, "body.barrio invalid_value"},
		"a long body":          {0, aviso, func(u *template.Use) { u.Body[0].Text = strings.Repeat("a", 1000) }, "body too_long"},
		"no suffix":            {0, aviso, func(u *template.Use) { u.Buttons = u.Buttons[1:] }, "buttons required"},
		"no code":              {0, aviso, func(u *template.Use) { u.Buttons = u.Buttons[:1] }, "buttons required"},
		"a button twice":       {0, aviso, func(u *template.Use) { u.Buttons = append(u.Buttons, u.Buttons[0]) }, "buttons[2] too_many"},
		"no such button": {0, aviso, func(u *template.Use) {
			u.Buttons = append(u.Buttons, template.ButtonValue{Index: 4, Kind: "url", Text: "x"})
		}, "buttons[2] invalid_value"},
		"another kind of button": {0, aviso, func(u *template.Use) { u.Buttons[0].Kind = "quick_reply" }, "buttons[0] invalid_value"},
		"a long link":            {0, aviso, func(u *template.Use) { u.Buttons[0].Text = strings.Repeat("a", 2000) }, "buttons[0] too_long"},
		"an empty suffix":        {0, aviso, func(u *template.Use) { u.Buttons[0].Text = "" }, "buttons[0] required"},
		"paused":                 {1, image, func(*template.Use) {}, "name template_unusable"},
		"paused, and a value":    {1, image, func(u *template.Use) { u.Body = u.Body[:1] }, "name template_unusable, body required"},
		"paused, and too many":   {1, image, func(u *template.Use) { u.Body = append(u.Body, u.Body...) }, "name template_unusable, body too_many"},
		"paused, and named":      {1, image, func(u *template.Use) { u.Body[1].Name = "x" }, "name template_unusable, body.x invalid_value"},
		"a header too many":      {3, image, func(u *template.Use) { u.Body = nil }, "name template_unusable, header too_many"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := c.base()
			c.with(u)
			var got []string
			for _, p := range template.Check(&all[c.of], u) {
				got = append(got, p.Field+" "+p.Code)
				if p.Says.Spanish() == "" || strings.HasSuffix(string(p.Says.Code), "_hint") || !p.Hint.None() && p.Hint.Spanish() == "" {
					t.Errorf("no words for %+v", p)
				}
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

// TestValuesOfRecipientsAreOpen: whatever a variable is called that recipients may have.
func TestValuesOfRecipientsAreOpen(t *testing.T) {
	t.Parallel()
	c := &schemas.Content{Template: &schemas.Template{Name: "x", Language: "es", Body: []*schemas.TemplateValue{{Text: "{{nombre}}"}, {Text: "en {{año_2}}"}, {Text: "Ana"}}}}
	for variables, want := range map[int][]bool{0: {false, false, false}, 2: {true, true, false}} {
		c.Variables = []string{"nombre", "año_2"}[:variables]
		for i, v := range template.UseOf(c).Body {
			if v.Open != want[i] {
				t.Errorf("%d variables: %q is open: %v", variables, v.Text, v.Open)
			}
		}
	}
}

func TestTemplateIsFoundByNameAndLanguage(t *testing.T) {
	t.Parallel()
	all := read(t)
	if d, p := template.Find(all, "promo", "en_US"); p != nil || d.ID != "3" {
		t.Error(d, p)
	}
	if d, p := template.Find(all, "promo", "pt_BR"); d != nil || p.Field != "language" || p.Hint.Spanish() != "existe en: en_US, es" {
		t.Error(d, p)
	}
	if d, p := template.Find(all, "prom", "es"); d != nil || p.Field != "name" {
		t.Error(d, p)
	}
	if got := template.Language("en-US"); got != "en_US" {
		t.Errorf("got %s", got)
	}
}

func TestPreviewIsWhatARecipientSees(t *testing.T) {
	t.Parallel()
	all := read(t)
	want := "Hola Ana\nEl 5 de mayo no habrá agua en Laureles. Más: 5 de mayo.\nResponde BAJA para salir\n[Ver] https://example.com/corte/7\n[Entendido]\n[Llamar]\n[]"
	if got := all[0].Preview(aviso()); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := all[1].Preview(&template.Use{Body: []template.Value{{Text: "{{2}}"}, {Text: "dos"}}}); got != "[image]\ndos para {{2}}" {
		t.Errorf("got %s", got)
	}
	if got := all[0].Preview(&template.Use{}); !strings.Contains(got, "Hola {{nombre}}\nEl {{fecha}}") {
		t.Errorf("got %s", got)
	}
}

// A template with any variables takes a value for each, and its text has none left; with one value less it does not fit.
func TestEachVariableWantsItsValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := template.Definition{Name: "x", Status: "APPROVED", Named: rapid.Bool().Draw(t, "named")}
		u := template.Use{}
		n := rapid.IntRange(1, 12).Draw(t, "variables")
		order := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
		})).Draw(t, "order")
		want := make([]string, n)
		for _, i := range order {
			name := fmt.Sprint(i + 1)
			if d.Named {
				name = "v" + name
			}
			d.Body += "{{" + name + "}};"
		}
		for i := range n {
			value := rapid.StringMatching(`[a-zñ{}]{1,8}`).Draw(t, "value")
			v := template.Value{Text: value}
			if d.Named {
				v.Name = fmt.Sprintf("v%d", i+1)
			}
			u.Body = append(u.Body, v)
			want[i] = value
		}
		if got := template.Check(&d, &u); len(got) > 0 {
			t.Fatalf("%s with %v: %v", d.Body, u.Body, got)
		}
		line := ""
		for _, i := range order {
			line += want[i] + ";"
		}
		if got := d.Preview(&u); got != line {
			t.Fatalf("got %s, want %s", got, line)
		}
		drop := rapid.IntRange(0, n-1).Draw(t, "drop")
		u.Body = slices.Delete(u.Body, drop, drop+1)
		if got := template.Check(&d, &u); len(got) == 0 || got[0].Code != "required" {
			t.Fatalf("without one: %v", got)
		}
	})
}

func FuzzReadPage(f *testing.F) {
	f.Add(page)
	f.Add([]byte(`{"data":[{"id":7,"components":[{"type":"BODY","text":"{{1}}{{ 2 }}{{99999999999999999999}}"},{"type":"BUTTONS","buttons":[{"type":"OTP"}]}],"quality_score":"RED"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, _, err := template.ReadPage(body)
		if err != nil {
			return
		}
		for i := range all {
			d := &all[i]
			use := &template.Use{Header: d.Header.Kind, HeaderValue: &template.Value{Text: "x"}, Buttons: []template.ButtonValue{{Index: len(d.Buttons) - 1, Text: "x"}}}
			for range d.Variables() {
				use.Body = append(use.Body, template.Value{Text: "x"})
			}
			template.Check(d, use)
			d.Preview(use)
		}
	})
}
