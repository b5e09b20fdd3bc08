package producer_test

import (
	"net/http"
	"strings"
	"testing"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// TestAcceptLanguageChoosesTheWordsOfWhatIsNoError: error, message and errors keep the contract's Spanish, whatever the caller reads.
func TestAcceptLanguageChoosesTheWordsOfWhatIsNoError(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	path := h.known("language", func(s *schemas.Status) {
		s.Phase, s.Cause = schemas.Phase_PHASE_PAUSED, &schemas.Cause{Reason: schemas.Reason_REASON_PAUSED}
		s.Errors = []*schemas.ErrorLine{{Index: 8, Phone: "573001234567", Mark: uint32(schemas.Failed(131026))}}
	})
	status := request.PathStatus + strings.TrimPrefix(path, request.PathTasks+"/")
	const (
		refused      = `(131026) No se puede entregar: el número no usa WhatsApp o no puede recibirlo`
		undelivered  = `(131026) undeliverable: not on WhatsApp or unable to receive it`
		missing      = `"error":"Se requiere el campo 'phones' con un array de números telefónicos"`
		hintSpanish  = `use un array, un número por elemento`
		hintEnglish  = `use an array, one number an element`
		doubtful     = `{"phones":["573001234567"],"body_text":"Hola {nombre}","use_queue":true}`
		doubtSpanish = `"warnings":["El campo 'body_text' tiene {nombre}`
		doubtEnglish = `"warnings":["The field 'body_text' has {nombre}`
		unknownField = `"error":"Campo desconocido 'x'"`
	)
	for _, c := range []struct {
		name, method, path, body, language string
		has, hasNot                        []string
		etag                               string
	}{
		{"detail", http.MethodGet, path, "", "", []string{`"why":"En pausa por solicitud"`, `"reason":"` + refused, `Error para 573001234567: ` + refused}, nil, `W/"7"`},
		{"detail in English", http.MethodGet, path, "", "en-US,en;q=0.9", []string{`"why":"Paused on request"`, `"reason":"` + undelivered, `Error para 573001234567: ` + refused}, []string{"En pausa"}, `W/"7-en"`},
		{"detail, Spanish first", http.MethodGet, path, "", "es-CO, en;q=0.5", []string{`"why":"En pausa por solicitud"`}, nil, `W/"7"`},
		{"status in English", http.MethodGet, status, "", "en", []string{`"why":"Paused on request"`, `Error para 573001234567: ` + refused}, nil, ""},
		{"list in English", http.MethodGet, request.PathTasks, "", "en", []string{`"why":"Paused on request"`}, nil, ""},
		{"hint", http.MethodPost, request.PathSend, `{"phones":"573001234567","body_text":"b"}`, "", []string{missing, hintSpanish}, nil, ""},
		{"hint in English", http.MethodPost, request.PathSend, `{"phones":"573001234567","body_text":"b"}`, "en", []string{missing, hintEnglish}, []string{hintSpanish}, ""},
		{"unknown field in English", http.MethodPost, request.PathSend, `{"phones":["573001234567"],"body_text":"b","x":1}`, "en", []string{unknownField, `"hint":"the fields are: `}, nil, ""},
		{"warning", http.MethodPost, request.PathSend, doubtful, "", []string{doubtSpanish}, nil, ""},
		{"warning in English", http.MethodPost, request.PathSend, doubtful, "en", []string{doubtEnglish, `"message":"Mensaje broadcast enviado a cola"`}, []string{doubtSpanish}, ""},
		{"warning of a list", http.MethodGet, request.PathTasks + "?b=1&a=1", "", "", []string{`"warnings":["Parámetro desconocido 'a': se ignora","Parámetro desconocido 'b'`}, nil, ""},
		{"warning of a list in English", http.MethodGet, request.PathTasks + "?b=1&a=1", "", "en", []string{`"warnings":["Unknown parameter 'a': it is ignored","Unknown parameter 'b'`}, nil, ""},
		{"no such address in English", http.MethodGet, "/x", "", "en", []string{`"error":"No existe esa dirección"`}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"Content-Type", "application/json"}
			if strings.Contains(c.path, "?") { // else it is refused
				headers = append(headers, "Prefer", "handling=lenient")
			}
			if c.language != "" {
				headers = append(headers, "Accept-Language", c.language)
			}
			_, got, header := h.do(c.method, c.path, strings.NewReader(c.body), headers...)
			for _, want := range c.has {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in %s; want %q in it", want, got, want)
				}
			}
			for _, not := range c.hasNot {
				if strings.Contains(got, not) {
					t.Errorf("%s in %s; want no %q in it", not, got, not)
				}
			}
			if header.Get("Vary") != "Accept-Language" || c.etag != "" && header.Get("ETag") != c.etag {
				t.Errorf("Vary %q, ETag %q; want %q", header.Get("Vary"), header.Get("ETag"), "Accept-Language")
			}
		})
	}
	for tag, want := range map[string]int{`W/"7-en"`: http.StatusNotModified, `W/"7"`: http.StatusOK} {
		if code, _, _ := h.do(http.MethodGet, path, nil, "Accept-Language", "en", "If-None-Match", tag); code != want {
			t.Errorf("in English, with %s: %d, want %d", tag, code, want)
		}
	}
}
