// Package templates keeps the message templates of the simulated account, lists them as the Cloud API does, and says what webhooks tell of their
// changes.
package templates

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxTemplates = 6000 // of a verified business
	maxName      = 512
	maxBytes     = 64 << 10 // of its components
	defaultLimit = 25
	maxLimit     = 1000

	firstID = 1387372356726000
)

// Template is one language of a template.
type Template struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Language   string          `json:"language"` // as es_CO
	Status     string          `json:"status"`
	Category   string          `json:"category"`
	Format     string          `json:"parameter_format"`
	Reason     string          `json:"rejected_reason"`
	Quality    string          `json:"quality_score"` // GREEN, YELLOW, RED or UNKNOWN
	Components json.RawMessage `json:"components"`
}

// The defaults that every account has: one with names and all that a template may have, one with numbers and an image, one with a name and an
// image, and Meta's own.
const defaults = `[
{"name":"aviso_corte","language":"es_CO","status":"APPROVED","category":"UTILITY","parameter_format":"NAMED","components":[
 {"type":"HEADER","format":"TEXT","text":"Hola {{nombre}}"},
 {"type":"BODY","text":"El {{fecha}} no habrá agua en {{barrio}}."},
 {"type":"FOOTER","text":"Responde BAJA para salir"},
 {"type":"BUTTONS","buttons":[{"type":"URL","text":"Ver detalles","url":"https://example.com/cortes/{{1}}"},{"type":"QUICK_REPLY","text":"Entendido"}]}]},
{"name":"promo","language":"es_CO","status":"APPROVED","category":"MARKETING","parameter_format":"POSITIONAL","components":[
 {"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"{{1}}, esta semana {{2}} en toda la tienda."},
 {"type":"BUTTONS","buttons":[{"type":"COPY_CODE","text":"Copiar"}]}]},
{"name":"aviso","language":"es_CO","status":"APPROVED","category":"UTILITY","parameter_format":"NAMED","components":[
 {"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Hola {{nombre}}, tu pedido ya salió."},
 {"type":"BUTTONS","buttons":[{"type":"URL","text":"Ver pedido","url":"https://example.com/pedidos/{{1}}"}]}]},
{"name":"hello_world","language":"en_US","status":"APPROVED","category":"UTILITY","parameter_format":"POSITIONAL","components":[
 {"type":"BODY","text":"Welcome and congratulations!"}]}]`

// statuses are those that a template may have, all of Meta's.
var statuses = []string{
	"APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "PENDING_DELETION", "DELETED", "ARCHIVED", "LIMIT_EXCEEDED",
}

// usual are the fields of an answer that nobody asked for fields.
var usual = []string{"name", "parameter_format", "components", "language", "status", "category"}

// Store is the templates of an account. It is safe for concurrent use.
type Store struct {
	mu   sync.Mutex
	all  []Template
	last uint64
}

// New returns a store of the default templates.
func New() *Store {
	s := &Store{last: firstID}
	var all []Template
	if err := json.Unmarshal([]byte(defaults), &all); err != nil {
		panic(fmt.Sprintf("simulator: %v", err)) // they stand above
	}
	for _, t := range all {
		if _, err := s.Set(t); err != nil {
			panic(fmt.Sprintf("simulator: %v", err))
		}
	}
	return s
}

// Find returns a template; false where there is none.
func (s *Store) Find(name, language string) (Template, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(name, language)
	if i < 0 {
		return Template{}, false
	}
	return s.all[i], true
}

func (s *Store) find(name, language string) int {
	return slices.IndexFunc(s.all, func(t Template) bool { return t.Name == name && t.Language == language })
}

var (
	nameForm     = regexp.MustCompile(`^[a-z0-9_]+$`)
	languageForm = regexp.MustCompile(`^[a-z]{2,3}(_[A-Z]{2,3})?$`)
)

// Set adds a template, or changes the members of one that are not empty. It returns the template as it is then.
func (s *Store) Set(t Template) (Template, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(t.Name, t.Language)
	if i < 0 {
		s.last++
		s.all = append(s.all, Template{ID: strconv.FormatUint(s.last, 10), Name: t.Name, Language: t.Language, Status: "APPROVED", Category: "UTILITY", Format: "POSITIONAL", Reason: "NONE", Quality: "UNKNOWN"})
		i = len(s.all) - 1
	}
	now := s.all[i]
	for into, value := range map[*string]string{&now.Status: t.Status, &now.Category: t.Category, &now.Format: t.Format, &now.Reason: t.Reason, &now.Quality: t.Quality} {
		if value != "" {
			*into = value
		}
	}
	if t.Components != nil {
		now.Components = t.Components
	}
	var err error
	switch {
	case !nameForm.MatchString(t.Name) || len(t.Name) > maxName:
		err = errors.New("name is up to 512 of a-z, 0-9 and _")
	case !languageForm.MatchString(t.Language):
		err = errors.New("language is one as es_CO")
	case !slices.Contains(statuses, now.Status):
		err = fmt.Errorf("status is one of %s", strings.Join(statuses, ", "))
	case len(now.Components) == 0 || len(now.Components) > maxBytes:
		err = errors.New("components are missing, or have more than 64 KiB")
	case len(s.all) > maxTemplates:
		err = errors.New("there are too many templates")
	}
	if err != nil {
		if s.all[i].Components == nil { // it was not there before
			s.all = s.all[:i]
		}
		return Template{}, err
	}
	s.all[i] = now
	return now, nil
}

// Remove removes a template, and reports whether there was one.
func (s *Store) Remove(name, language string) (Template, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(name, language)
	if i < 0 {
		return Template{}, false
	}
	was := s.all[i]
	s.all = slices.Delete(s.all, i, i+1)
	was.Status = "DELETED"
	return was, true
}

// List returns the body of the answer to GET /{account}/message_templates; an error is that of a parameter.
func (s *Store) List(self *url.URL) ([]byte, error) {
	q := self.Query()
	limit := defaultLimit
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, errors.New("Param limit must be a positive integer") //nolint:staticcheck // Meta's words
		}
		limit = min(n, maxLimit)
	}
	fields := usual
	if text := q.Get("fields"); text != "" {
		fields = strings.Split(text, ",")
	}
	after := uint64(0)
	if text := q.Get("after"); text != "" {
		id, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil {
			after, err = strconv.ParseUint(string(id), 10, 64)
		}
		if err != nil {
			return nil, errors.New("Invalid cursors values") //nolint:staticcheck // Meta's words
		}
	}
	rows, last, more, err := s.page(q, fields, after, limit)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"data": rows}
	if len(rows) > 0 {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(last))
		paging := map[string]any{"cursors": map[string]string{"before": "MAZDZD", "after": cursor}}
		if more {
			next := *self
			q.Set("after", cursor)
			next.RawQuery = q.Encode()
			paging["next"] = next.String()
		}
		out["paging"] = paging
	}
	return json.Marshal(out) //nolint:wrapcheck // texts
}

func (s *Store) page(q url.Values, fields []string, after uint64, limit int) (rows []map[string]any, last string, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows = []map[string]any{}
	for _, t := range s.all { // by id
		if id, _ := strconv.ParseUint(t.ID, 10, 64); id <= after || !t.fits(q) {
			continue
		}
		if len(rows) == limit {
			return rows, last, true, nil
		}
		row := map[string]any{"id": t.ID}
		known := t.fields()
		for _, name := range fields {
			value, ok := known[strings.TrimSpace(name)]
			if !ok {
				return nil, "", false, fmt.Errorf("Tried accessing nonexisting field (%s) on node type (WhatsAppMessageTemplate)", name) //nolint:staticcheck // Meta's words
			}
			row[strings.TrimSpace(name)] = value
		}
		rows, last = append(rows, row), t.ID
	}
	return rows, last, false, nil
}

func (t *Template) fields() map[string]any {
	return map[string]any{
		"id": t.ID, "name": t.Name, "language": t.Language, "status": t.Status, "category": t.Category, "parameter_format": t.Format,
		"rejected_reason": t.Reason, "components": t.Components, "quality_score": map[string]any{"score": t.Quality, "date": 1780000000},
	}
}

// fits reports whether it passes the filters. That of the name finds names that it is a part of.
func (t *Template) fits(q url.Values) bool {
	is := func(name, value string) bool {
		asked := q.Get(name)
		return asked == "" || strings.EqualFold(asked, value)
	}
	return strings.Contains(t.Name, q.Get("name")) && is("language", t.Language) && is("status", t.Status) && is("category", t.Category) && is("quality_score", t.Quality)
}

// Webhook returns the webhook of a template's status.
func Webhook(account string, t *Template, at time.Time) []byte {
	id, _ := strconv.ParseUint(t.ID, 10, 64)
	value := map[string]any{
		"event": t.Status, "message_template_id": id, "message_template_name": t.Name,
		"message_template_language": strings.ReplaceAll(t.Language, "_", "-"), "reason": t.Reason,
	}
	if t.Status == "PAUSED" {
		value["other_info"] = map[string]string{"title": "FIRST_PAUSE", "description": "Your template has been paused."}
	}
	b, err := json.Marshal(map[string]any{"object": "whatsapp_business_account", "entry": []any{map[string]any{
		"id": account, "time": at.Unix(), "changes": []any{map[string]any{"field": "message_template_status_update", "value": value}},
	}}})
	if err != nil {
		panic(fmt.Sprintf("simulator: %v", err)) // strings and numbers: can't happen
	}
	return b
}
