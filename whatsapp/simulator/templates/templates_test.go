package templates_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"altavoz/whatsapp/simulator/templates"
)

// answer is Meta's, as far as it is looked at.
type answer struct {
	Data []struct {
		ID, Name, Language, Status string
		Components                 []struct{ Type, Text string }
		Quality                    struct{ Score string } `json:"quality_score"`
	}
	Paging struct {
		Cursors struct{ Before, After string }
		Next    string
	}
}

func list(t *testing.T, s *templates.Store, query string) (a answer) {
	t.Helper()
	body, err := s.List(&url.URL{Path: "/v25.0/10/message_templates", RawQuery: query})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTemplatesComeInPages(t *testing.T) {
	t.Parallel()
	s := templates.New()
	for n := range 30 {
		if _, err := s.Set(templates.Template{Name: fmt.Sprintf("mas_%d", n), Language: "es", Components: []byte(`[{"type":"BODY","text":"x"}]`)}); err != nil {
			t.Fatal(err)
		}
	}
	seen, query := map[string]bool{}, "limit=7&fields=id,name,quality_score"
	for pages := 1; ; pages++ {
		a := list(t, s, query)
		for _, d := range a.Data {
			if seen[d.Name] || d.Quality.Score != "UNKNOWN" || d.Status != "" {
				t.Errorf("%+v, seen before %v", d, seen[d.Name])
			}
			seen[d.Name] = true
		}
		if a.Paging.Next == "" {
			if pages != 5 || len(seen) != 34 {
				t.Errorf("%d templates in %d pages, want 34 in 5", len(seen), pages)
			}
			break
		}
		next, err := url.Parse(a.Paging.Next)
		if err != nil || next.Query().Get("after") != a.Paging.Cursors.After {
			t.Fatal(a.Paging, err)
		}
		query = next.RawQuery
	}
	for query, want := range map[string]int{
		"name=mas_1": 11, "name=nadie": 0, "status=PAUSED": 0, "status=approved&language=es_CO": 3, "category=MARKETING": 1, "": 25, "limit=2000": 34,
	} {
		if got := len(list(t, s, query).Data); got != want {
			t.Errorf("%s: %d templates, want %d", query, got, want)
		}
	}
	for _, query := range []string{"limit=0", "limit=x", "after=x", "fields=id,color"} {
		if _, err := s.List(&url.URL{RawQuery: query}); err == nil {
			t.Errorf("%s was taken", query)
		}
	}
}

func TestControlChangesATemplateAndTellsIt(t *testing.T) {
	t.Parallel()
	s := templates.New()
	var told []string
	do := func(method, query, body string) int {
		w := httptest.NewRecorder()
		s.Control(w, httptest.NewRequest(method, "/?"+query, strings.NewReader(body)), "10", func(b []byte, _ time.Time) error {
			told = append(told, string(b))
			return nil
		})
		return w.Code
	}
	for _, c := range []struct {
		method, query, body string
		status, told        int
	}{
		{http.MethodPost, "", `{"name":"promo","language":"es_CO","status":"PAUSED"}`, http.StatusNoContent, 1},
		{http.MethodPost, "", `{"name":"promo","language":"es_CO","status":"PAUSED"}`, http.StatusNoContent, 1}, // it is so already
		{http.MethodPost, "", `{"name":"promo","language":"es_CO","status":"LOUD"}`, http.StatusBadRequest, 1},
		{http.MethodPost, "", `{"name":"promo","language":"pt_BR","status":"PAUSED"}`, http.StatusBadRequest, 1}, // a new one needs components
		{http.MethodPost, "", `{"name":"Promo","language":"es"}`, http.StatusBadRequest, 1},
		{http.MethodPost, "", `{`, http.StatusBadRequest, 1},
		{http.MethodDelete, "name=promo&language=es_CO", "", http.StatusNoContent, 2},
		{http.MethodDelete, "name=promo&language=es_CO", "", http.StatusBadRequest, 2},
		{http.MethodGet, "", "", http.StatusOK, 2},
	} {
		if got := do(c.method, c.query, c.body); got != c.status || len(told) != c.told {
			t.Errorf("%s %s%s: %d, told %d times; want %d, %d", c.method, c.query, c.body, got, len(told), c.status, c.told)
		}
	}
	if _, found := s.Find("promo", "es_CO"); found {
		t.Error("it is still there")
	}
	want := `"field":"message_template_status_update","value":{"event":"PAUSED","message_template_id":1387372356726002,"message_template_language":"es-CO","message_template_name":"promo","other_info"`
	if !strings.Contains(told[0], want) || !strings.Contains(told[0], `"id":"10"`) {
		t.Errorf("told %s", told[0])
	}
}
