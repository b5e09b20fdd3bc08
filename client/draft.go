package client

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
)

// Draft is a broadcast as a Go program writes it. The zero value of a member leaves it out; the rules are those of the
// HTTP request (docs/api.md).
type Draft struct {
	TaskID     string `json:"task_id,omitzero"`   // a UUID, as schemas.NewTaskID makes it: sending the draft again is then harmless
	Sender     string `json:"sender,omitzero"`    // phone_number_id; empty: the service's first
	BodyText   string `json:"body_text,omitzero"` // at most 1,024 characters
	FooterText string `json:"footer_text,omitzero"`
	ButtonText string `json:"button_text,omitzero"` // at most 20 characters
	ButtonURL  string `json:"button_url,omitzero"`
	// What the recipient taps, instead of a link: at most one of the three.
	Buttons         []Button `json:"buttons,omitempty"` // at most 3
	List            *List    `json:"list,omitzero"`
	LocationRequest bool     `json:"location_request,omitzero"`
	// Instead of all of these texts, buttons and lists. It also reaches people who did not write within 24 hours. With Route RouteAuto it stands beside
	// them: who wrote within 24 hours gets the texts, everybody else the template.
	Template *TemplateUse `json:"-"`
	Route    string       `json:"route,omitzero"` // "" or RouteAuto

	Category      string          `json:"category,omitzero"`   // Direct Send: utility, authentication or service
	OnUnknown     string          `json:"on_unknown,omitzero"` // report, or resend
	ScheduleAt    time.Time       `json:"schedule_at,omitzero"`
	ExpireAt      time.Time       `json:"expire_at,omitzero"`
	Speed         uint32          `json:"speed,omitzero"`        // most messages a second; 0: as many as the number may
	UseQueue      bool            `json:"use_queue,omitzero"`    // over HTTP: answer at once
	Window        *schemas.Window `json:"window,omitzero"`       // hours in which sends may start
	Literal       bool            `json:"literal,omitzero"`      // what looks like a placeholder is meant as text
	Reference     string          `json:"reference,omitzero"`    // what you call it, at most 128 bytes: answers and events have it
	CallbackURL   string          `json:"callback_url,omitzero"` // where what happens to it is posted
	Events        string          `json:"events,omitzero"`       // what the topic events has of it: task, or recipients too
	HeaderType    string          `json:"header_type,omitzero"`
	HeaderContent string          `json:"header_content,omitzero"` // a text or a URL; not with File

	File     io.Reader        `json:"-"` // of the header: read once, as it is sent
	FileType string           `json:"-"` // MIME type, where it is known
	FileName string           `json:"-"` // of a document, as recipients see it
	Phones   iter.Seq[string] `json:"-"` // as many as there are: they are not held in memory
	// Recipients, instead of Phones, have values for what stands as {{name}} in the texts, and messages of their own: those only to
	// Client.Bulk and Publish. They are not held in memory either.
	Recipients iter.Seq[Person] `json:"-"`
}

// Person is who gets a message. What is empty is that of the draft.
type Person struct {
	Phone         string            `json:"phone,omitzero"`
	UserID        string            `json:"user_id,omitzero"`    // beside the phone, or instead of it: a business-scoped user id, like CO.1234567890
	Variables     map[string]string `json:"variables,omitempty"` // for {{name}}: letters, digits and _; a value of at most 1,024 characters
	BodyText      string            `json:"body_text,omitzero"`
	HeaderType    string            `json:"header_type,omitzero"`    // empty: the draft's, where there is a HeaderContent
	HeaderContent string            `json:"header_content,omitzero"` // a text, a URL, or a file as data:...;base64,... of at most 64 KB
	FileName      string            `json:"filename,omitzero"`
	ButtonText    string            `json:"button_text,omitzero"`
	ButtonURL     string            `json:"button_url,omitzero"`
	FooterText    string            `json:"footer_text,omitzero"`
	// What it taps of its own: at most one of the three, instead of what all tap.
	Buttons         []Button `json:"buttons,omitempty"`
	List            *List    `json:"list,omitzero"`
	LocationRequest bool     `json:"location_request,omitzero"`
}

// RouteAuto sends each recipient the texts of a draft or its template, decided when the message leaves.
const RouteAuto = "auto"

const draftBuffer = 32 << 10 // bytes

// WriteJSON writes the draft as the body of the HTTP request, in constant memory. An error is that of w, or of File.
func (d *Draft) WriteJSON(w io.Writer) error {
	head, both := *d, d.Route == RouteAuto
	if d.Template != nil && !both {
		head.HeaderType, head.HeaderContent = "", "" // they stand within it
	}
	out := &draftWriter{Writer: bufio.NewWriterSize(w, draftBuffer)}
	err := out.open(&head)
	if err == nil && d.Template != nil {
		err = d.writeTemplate(out, both)
	}
	if err == nil && d.File != nil && (d.Template == nil || both) {
		err = d.writeFile(out, "header_content")
	}
	if err != nil {
		return err
	}
	if d.Recipients != nil {
		err = writeList(out, "recipients", d.Recipients)
	} else {
		phones := d.Phones
		if phones == nil {
			phones = slices.Values[[]string](nil)
		}
		err = writeList(out, "phones", phones)
	}
	if err != nil {
		return err
	}
	out.text(`}`)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing a draft: %w", err)
	}
	return nil
}

// writeList writes the recipients, until one can't be written any more.
func writeList[T any](out *draftWriter, name string, all iter.Seq[T]) error {
	out.member(name)
	out.text(`[`)
	sep := ""
	for one := range all {
		text, err := json.Marshal(one, json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("writing one of a draft's %s: %w", name, err)
		}
		out.text(sep)
		if _, err := out.Write(text); err != nil {
			break // Flush has it
		}
		sep = ","
	}
	out.text(`]`)
	return nil
}

func (d *Draft) writeFile(out *draftWriter, member string) error {
	label := d.FileType
	if d.FileName != "" {
		label += ";name=" + strings.ReplaceAll(url.QueryEscape(d.FileName), "+", "%20")
	}
	out.member(member)
	out.text(`"data:` + label + `;base64,`)
	enc := base64.NewEncoder(base64.StdEncoding, out)
	if _, err := io.Copy(enc, d.File); err != nil {
		return fmt.Errorf("reading the draft's file: %w", err)
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("writing a draft: %w", err)
	}
	out.text(`"`)
	return nil
}

// draftWriter keeps its first error for Flush.
type draftWriter struct {
	*bufio.Writer
	sep string // before the next member
}

func (w *draftWriter) text(s string) { _, _ = w.WriteString(s) }

// open writes an object but for its end, for members that follow.
func (w *draftWriter) open(object any) error {
	text, err := json.Marshal(object, jsontext.AllowDuplicateNames(true))
	if err != nil {
		return fmt.Errorf("writing a draft: %w", err)
	}
	w.text(string(text[:len(text)-1]))
	if w.sep = ","; len(text) == len(`{}`) {
		w.sep = ""
	}
	return nil
}

// member begins a member of the object that is open.
func (w *draftWriter) member(name string) {
	w.text(w.sep + `"` + name + `":`)
	w.sep = ","
}
