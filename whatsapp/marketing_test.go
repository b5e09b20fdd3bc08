package whatsapp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/marketing"
	"altavoz/whatsapp/simulator"
)

// promo is by the simulator's template of marketing, whose account has it as a category.
func promo(category string) *schemas.Content {
	return &schemas.Content{
		Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{Link: "https://example.com/a.png"},
		Template: &schemas.Template{
			Name: "promo", Language: "es_CO", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Body: []*schemas.TemplateValue{{Text: "Ana"}, {Text: "2x1"}}, Category: category,
			Buttons: []*schemas.TemplateButton{{Kind: schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_COPY_CODE, Value: "ANA7"}},
		},
	}
}

func utility(category string) *schemas.Content {
	return &schemas.Content{Template: &schemas.Template{Name: "hello_world", Language: "en_US", Category: category}}
}

// TestOnlyMarketingTemplatesGoToTheMarketingAPI, and only from a number that is set up so; whatever is not known to be one goes over /messages.
func TestOnlyMarketingTemplatesGoToTheMarketingAPI(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content *schemas.Content
		setting marketing.Setting
		path    string
		members string // of the body
	}{
		"a template of marketing":         {promo("MARKETING"), marketing.Setting{Path: marketing.Marketing}, marketing.Marketing, `"biz_opaque_callback_data":"x","type"`},
		"with all members":                {promo("MARKETING"), marketing.Setting{Path: marketing.Marketing, Policy: "STRICT", Sharing: "false"}, marketing.Marketing, `,"product_policy":"STRICT","message_activity_sharing":false,"type"`},
		"from another number":             {promo("MARKETING"), marketing.Setting{Path: marketing.Messages}, marketing.Messages, `"biz_opaque_callback_data":"x","type"`},
		"from a number without a setting": {promo("MARKETING"), marketing.Setting{}, marketing.Messages, ""},
		"of a category nobody knows":      {promo(""), marketing.Setting{Path: marketing.Marketing, Policy: "STRICT"}, marketing.Messages, `"biz_opaque_callback_data":"x","type"`},
		"a template of utility":           {utility("UTILITY"), marketing.Setting{Path: marketing.Marketing, Policy: "STRICT"}, marketing.Messages, `"biz_opaque_callback_data":"x","type"`},
		"a free-form message":             {content(), marketing.Setting{Path: marketing.Marketing, Policy: "STRICT"}, marketing.Messages, `"biz_opaque_callback_data":"x","type"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			of := func(string) marketing.Setting { return c.setting }
			h := setup(t, simulator.Config{}, func(cfg *whatsapp.Config) { cfg.Marketing = of })
			m, err := h.Prepare(c.content)
			if err != nil {
				t.Fatal(err)
			}
			if r := h.Send(t.Context(), sender, m, phone, "x"); r.Verdict != schemas.VerdictSent {
				t.Fatalf("%+v", r)
			}
			if got := h.sim.Ledger("573001234567"); len(got) != 1 || got[0].Marketing != (c.path == marketing.Marketing) {
				t.Errorf("%+v, want it over %s", got, c.path)
			}
			path, body, err := whatsapp.Renderer(of)(sender, c.content, phone, "x")
			if err != nil || path != c.path || !strings.Contains(string(body), c.members) || c.path == marketing.Messages && strings.Contains(string(body), "product_policy") {
				t.Errorf("shown as %s %s, %v", path, body, err)
			}
		})
	}
}

// TestAChangedSettingIsUsedAtOnce, as a renewed token is.
func TestAChangedSettingIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	var now marketing.Setting
	h := setup(t, simulator.Config{PlainPhones: true}, func(cfg *whatsapp.Config) { cfg.Marketing = func(string) marketing.Setting { return now } })
	m, err := h.Prepare(promo("MARKETING"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{marketing.Messages, marketing.Marketing, marketing.Messages} {
		now = marketing.Setting{Path: path}
		if r := h.Send(t.Context(), sender, m, phone, path); r.Verdict != schemas.VerdictSent {
			t.Fatalf("%+v", r)
		}
		if got := h.sim.Ledger("573001234567"); got[len(got)-1].Marketing != (path == marketing.Marketing) {
			t.Errorf("%+v, want it over %s", got, path)
		}
	}
}

// TestWhatTheMarketingAPIRefusesIsWaitedForOrEndsTheTask, never the number: its other messages go on.
func TestWhatTheMarketingAPIRefusesIsWaitedForOrEndsTheTask(t *testing.T) {
	t.Parallel()
	for control, want := range map[string]schemas.Reply{
		`{"marketing_syncing":true}`: {Verdict: schemas.VerdictTemplate, Code: 134101},
		`{"marketing_terms":false}`:  {Verdict: schemas.VerdictContent, Code: 131055},
		`{}`:                         {Verdict: schemas.VerdictContent, Code: 134100}, // the template is another one than its account said
	} {
		t.Run(control, func(t *testing.T) {
			t.Parallel()
			h := setup(t, simulator.Config{}, func(cfg *whatsapp.Config) {
				cfg.Marketing = func(string) marketing.Setting { return marketing.Setting{Path: marketing.Marketing} }
			})
			post(t, h.sim, "account", control)
			c := promo("MARKETING")
			if want.Code == 134100 {
				c = utility("MARKETING")
			}
			m, err := h.Prepare(c)
			if err != nil {
				t.Fatal(err)
			}
			if r := h.Send(t.Context(), sender, m, phone, "x"); r.Verdict != want.Verdict || r.Code != want.Code {
				t.Errorf("%+v, want %+v", r, want)
			}
		})
	}
	h := setup(t, simulator.Config{})
	post(t, h.sim, "account", `{"marketing_on_messages":false}`)
	m, err := h.Prepare(promo("MARKETING"))
	if err != nil {
		t.Fatal(err)
	}
	if r := h.Send(t.Context(), sender, m, phone, "x"); r.Verdict != schemas.VerdictContent || r.Code != 131063 {
		t.Errorf("%+v, want it refused with 131063", r)
	}
	for _, code := range []int{131055, 131063, 134100, 134102} {
		if !whatsapp.Predicts(code) {
			t.Errorf("%d of one predicts nothing of the others", code)
		}
	}
}

// post changes something of a simulator.
func post(t *testing.T, sim *simulator.Simulator, what, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/_simulator/"+what, strings.NewReader(body))
	if sim.Handler().ServeHTTP(w, r); w.Code >= http.StatusBadRequest {
		t.Fatal(w.Code, w.Body)
	}
}
