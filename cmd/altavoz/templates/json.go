package templates

import (
	"encoding/json"
	"io"

	"altavoz/client"
	"altavoz/schemas/es"
	"altavoz/schemas/template"
)

// problem is why a preview would be refused.
type problem struct {
	Field string `json:"field"`
	Code  string `json:"code"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

func jsonPreview(out io.Writer, t *client.Template, u *template.Use, problems []template.Problem) error {
	all := make([]problem, 0, len(problems))
	for _, p := range problems {
		all = append(all, problem{p.Field, p.Code, p.Says.In(es.English), p.Hint.In(es.English)})
	}
	b, err := json.Marshal(struct {
		Name     string    `json:"name"`
		Language string    `json:"language"`
		Text     string    `json:"text"`
		Problems []problem `json:"problems"`
	}{t.Name, t.Language, t.Preview(u), all})
	if err != nil {
		return err
	}
	line(out, "%s", b)
	if len(problems) > 0 {
		return errUnfit
	}
	return nil
}
