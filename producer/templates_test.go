package producer_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/producer"
	"altavoz/producer/templates"
	"altavoz/schemas"
	"altavoz/schemas/template"
	"altavoz/stream"
)

// catalogue is the templates of an account, and what keeps them from being read.
type catalogue struct {
	err      error
	problems []template.Problem
	takes    time.Duration
}

func (c *catalogue) Page(context.Context, string, template.Query) (*template.Page, error) {
	return &template.Page{Next: "QVFIUj", Templates: []template.Definition{{
		ID: "1387372356726001", Name: "aviso_corte", Language: "es_CO", Status: "APPROVED", Category: "UTILITY", Quality: "GREEN", Named: true,
		Header: template.Header{Kind: "text", Text: "Hola {{nombre}}"}, Body: "El {{fecha}} no habrá agua en {{barrio}}.", Footer: "Responde BAJA para salir",
		Buttons: []template.Button{{Kind: "url", Text: "Ver detalles", URL: "https://example.com/cortes/{{1}}"}},
	}}}, c.err
}

func (c *catalogue) Check(context.Context, string, *template.Use) (string, []template.Problem, error) {
	time.Sleep(c.takes)
	return "", c.problems, c.err
}

// TestBroadcastIsAcceptedThoughMetaIsSilent: the time that its question takes is not that which Kafka has.
func TestBroadcastIsAcceptedThoughMetaIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		h.templates.takes, h.templates.err = 4*time.Second, template.ErrUnanswered
		h.log.after = func(rec stream.Record) {
			if s := statusOf(t, rec); s != nil {
				time.AfterFunc(2*time.Second, func() { h.put(s) })
			}
		}
		code, body, _ := h.post(`{"phones":["573991234567"],"template":{"name":"aviso_corte","language":"es_CO"},"use_queue":true,"task_id":"` + schemas.NewTaskID().String() + `"}`)
		if code != http.StatusAccepted || !strings.Contains(body, "warnings") {
			t.Errorf("%d %s, want it accepted with a warning", code, body)
		}
	})
}

func TestTemplatesOfAnAccountAreListed(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	code, body, _ := h.do(http.MethodGet, templates.Path, nil)
	golden(t, "templates", code, body)
	h.templates.err = template.ErrNoAccount
	code, body, _ = h.do(http.MethodGet, templates.Path, nil)
	golden(t, "templates_unconfigured", code, body)
	h.templates.err = &template.RefusedError{Code: 10, Detail: "Permission denied"}
	code, body, _ = h.do(http.MethodGet, templates.Path, nil)
	golden(t, "templates_refused", code, body)
	if code, _, _ = h.do(http.MethodPost, templates.Path, nil); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
}
