package templates_test

import (
	"strings"
	"testing"

	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/templates"
)

const (
	fecha  = `{"type":"text","parameter_name":"fecha","text":"lunes"}`
	barrio = `{"type":"text","parameter_name":"barrio","text":"Chapinero"}`
	cut    = `{"name":"aviso_corte","language":{"code":"es_CO"},"components":[` +
		`{"type":"header","parameters":[{"type":"text","parameter_name":"nombre","text":"Ana"}]},` +
		`{"type":"body","parameters":[` + fecha + `,` + barrio + `]},` +
		`{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"7"}]},` +
		`{"type":"button","sub_type":"quick_reply","index":"1","parameters":[{"type":"payload","payload":"SI"}]}]}`
	promo = `{"name":"promo","language":{"code":"es_CO"},"components":[` +
		`{"type":"header","parameters":[{"type":"image","image":{"id":"77"}}]},` +
		`{"type":"body","parameters":[{"type":"text","text":"Ana"},{"type":"text","text":"2x1"}]},` +
		`{"type":"button","sub_type":"copy_code","index":"0","parameters":[{"type":"coupon_code","coupon_code":"ANA7"}]}]}`
)

func TestMessagesByTemplateAreHeldToTheirTemplate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, of, from, to string
		code               int
	}{
		{"good", cut, "", "", 0},
		{"in another order", cut, fecha + "," + barrio, barrio + "," + fecha, 0},
		{"no payload for the quick reply", cut, `,{"type":"button","sub_type":"quick_reply","index":"1","parameters":[{"type":"payload","payload":"SI"}]}`, "", 0},
		{"a file by id", promo, "", "", 0},
		{"a file by link", promo, `"id":"77"`, `"link":"https://example.com/a.png"`, 0},
		{"a number as index", promo, `"index":"0"`, `"index":0`, 0},
		{"no JSON", cut, cut, `[]`, 100},
		{"nothing", cut, cut, `null`, 131008},
		{"unknown field", cut, `"language"`, `"idioma":"es","language"`, 100},
		{"unknown name", cut, "aviso_corte", "aviso_corto", 132001},
		{"unknown language", cut, "es_CO", "es", 132001},
		{"no name of a variable", cut, `"parameter_name":"fecha",`, "", 100},
		{"another name of a variable", cut, `"parameter_name":"fecha"`, `"parameter_name":"dia"`, 132000},
		{"one value too few", cut, "," + barrio, "", 132000},
		{"one value too many", promo, `,{"type":"text","text":"2x1"}`, `,{"type":"text","text":"2x1"},{"type":"text","text":"3x1"}`, 132000},
		{"a name of a number", promo, `{"type":"text","text":"Ana"}`, `{"type":"text","parameter_name":"x","text":"Ana"}`, 132012},
		{"no header", promo, `{"type":"header","parameters":[{"type":"image","image":{"id":"77"}}]},`, "", 132012},
		{"another header", promo, `{"type":"image","image":{"id":"77"}}`, `{"type":"text","text":"x"}`, 132012},
		{"a header too many", promo, "promo", "hello_world", 132001},
		{"an empty value", cut, "Chapinero", "", 131008},
		{"two lines", cut, "Chapinero", `a\nb`, 132018},
		{"five blanks", cut, "Chapinero", "a     b", 132018},
		{"a long body", cut, "Chapinero", strings.Repeat("x", 1020), 132005},
		{"a long header", cut, "Ana", strings.Repeat("x", 60), 132005},
		{"no suffix", cut, `{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"7"}]},`, "", 131008},
		{"a payload as a suffix", cut, `{"type":"text","text":"7"}`, `{"type":"payload","payload":"7"}`, 132018},
		{"a text as a payload", cut, `{"type":"payload","payload":"SI"}`, `{"type":"text","text":"SI"}`, 132018},
		{"a button that is not there", cut, `"index":"1"`, `"index":"2"`, 132018},
		{"the same button twice", cut, `"index":"1"`, `"index":"0"`, 100},
		{"a long code", promo, "ANA7", strings.Repeat("A", 21), 132018},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, r := templates.New().Check([]byte(strings.Replace(tt.of, tt.from, tt.to, 1)))
			switch {
			case r == nil && tt.code != 0:
				t.Errorf("it is taken, want %d", tt.code)
			case r != nil && (r.Code != tt.code || r.Details == ""):
				t.Errorf("refused with %d, %s; want %d", r.Code, r.Details, tt.code)
			}
		})
	}
}

func TestAMessageByTemplateSaysWhatTheRecipientReads(t *testing.T) {
	t.Parallel()
	s := templates.New()
	if got, r := s.Check([]byte(cut)); r != nil || got.Text != "El lunes no habrá agua en Chapinero." || got.Category != "utility" || got.Media != "" ||
		len(got.Choices) != 1 || got.Choices[0] != (ledger.Choice{Kind: ledger.ChoiceQuick, ID: "SI", Title: "Entendido"}) {
		t.Errorf("%+v, %+v", got, r)
	}
	got, r := s.Check([]byte(promo))
	if r != nil || got.Text != "Ana, esta semana 2x1 en toda la tienda." || got.Media != "77" || got.Kind != "image" || got.Category != "marketing" || got.Path == "" {
		t.Errorf("%+v, %+v", got, r)
	}
	for status, code := range map[string]int{"PAUSED": 132015, "DISABLED": 132016, "REJECTED": 132001, "APPROVED": 0} {
		if _, err := s.Set(templates.Template{Name: "promo", Language: "es_CO", Status: status}); err != nil {
			t.Fatal(err)
		}
		if _, r := s.Check([]byte(promo)); (r == nil) != (code == 0) || r != nil && r.Code != code {
			t.Errorf("%s: %+v, want %d", status, r, code)
		}
	}
}
