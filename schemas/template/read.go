package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fields are what a definition is read of, for the parameter fields of Meta's answer: without them it has neither reason nor quality.
const Fields = "id,name,language,status,category,components,parameter_format,rejected_reason,quality_score"

// The limits of what is read: more than Meta allows a template, or returns in a page.
const (
	maxButtons = 100
	maxOthers  = 20
	maxPage    = 1000
)

var errNoPage = errors.New("no list of templates")

type wireButton struct {
	Kind string `json:"type"`
	Text string `json:"text"`
	URL  string `json:"url"`
}

type wireComponent struct {
	Kind    string       `json:"type"`
	Format  string       `json:"format"`
	Text    string       `json:"text"`
	Buttons []wireButton `json:"buttons"`
}

type wire struct {
	ID         jsontext.Value  `json:"id"`
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Status     string          `json:"status"`
	Category   string          `json:"category"`
	Reason     string          `json:"rejected_reason"`
	Format     string          `json:"parameter_format"`
	Quality    jsontext.Value  `json:"quality_score"`
	Components []wireComponent `json:"components"`
}

// ReadPage reads a page of Meta's list of an account's templates. next is the cursor behind it, "" for the last one.
func ReadPage(body []byte) (all []Definition, next string, err error) {
	var page struct {
		Data   *[]wire `json:"data"`
		Paging struct {
			Cursors struct {
				After string `json:"after"`
			} `json:"cursors"`
			Next string `json:"next"`
		} `json:"paging"`
	}
	if err := unmarshal(body, &page); err != nil {
		return nil, "", fmt.Errorf("reading a list of templates: %w", err)
	}
	if page.Data == nil || len(*page.Data) > maxPage {
		return nil, "", errNoPage
	}
	for i := range *page.Data {
		all = append(all, (*page.Data)[i].definition())
	}
	if page.Paging.Next != "" { // Meta has a cursor on the last page too
		next = page.Paging.Cursors.After
	}
	return all, next, nil
}

func unmarshal(body []byte, v any) error {
	return json.Unmarshal(body, v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) //nolint:wrapcheck // its callers do
}

func (w *wire) definition() Definition {
	d := Definition{
		ID: textOf(w.ID), Name: w.Name, Language: Language(w.Language), Status: w.Status, Category: w.Category, Quality: quality(w.Quality),
		Named: strings.EqualFold(w.Format, "NAMED"),
	}
	if w.Reason != "NONE" {
		d.Reason = w.Reason
	}
	for _, c := range w.Components {
		switch kind := strings.ToUpper(c.Kind); kind {
		case "HEADER":
			d.Header = Header{Kind: strings.ToLower(c.Format)}
			if d.Header.Kind == KindText {
				d.Header.Text = c.Text
			}
		case "BODY":
			d.Body = c.Text
		case "FOOTER":
			d.Footer = c.Text
		case "BUTTONS":
			for _, b := range c.Buttons[:min(len(c.Buttons), maxButtons)] {
				d.Buttons = append(d.Buttons, Button{Kind: strings.ToLower(b.Kind), Text: b.Text, URL: b.URL})
			}
		default:
			if len(d.Others) < maxOthers {
				d.Others = append(d.Others, kind)
			}
		}
	}
	return d
}

// textOf reads an id, which is a string in answers and a number in webhooks.
func textOf(v jsontext.Value) string { return strings.Trim(string(v), `"`) }

// quality reads {"score":"GREEN","date":1}, or the score by itself.
func quality(v jsontext.Value) string {
	var of struct {
		Score string `json:"score"`
	}
	switch {
	case len(v) == 0:
		return ""
	case v.Kind() == '{' && unmarshal(v, &of) == nil:
		return of.Score
	case v.Kind() == '"':
		return textOf(v)
	}
	return ""
}

// Language returns a language as sends have it: webhooks write es-CO for es_CO.
func Language(text string) string { return strings.ReplaceAll(text, "-", "_") }
