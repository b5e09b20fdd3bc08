package request

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/content"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/request/attached"
	"altavoz/schemas/rules"
	"altavoz/schemas/shape"
)

// Lengths of what a recipient reads, in characters (rules.Characters).
const (
	MaxBodyText   = rules.MaxBodyText
	MaxHeaderText = rules.MaxHeaderText
	MaxButtonText = rules.MaxButtonText
	MaxFooterText = rules.MaxFooterText
	MaxURL        = rules.MaxURL
	maxSender     = 64

	DefaultButtonText = es.DefaultButton
	DefaultButtonURL  = "https://example.com"
)

// validate holds the members to the rules, in one order whatever order they came in.
func (r *reader) validate() error {
	if r.req.Total == 0 {
		return r.nobody()
	}
	auto := r.oneOf("route", "", "auto") == "auto" || r.isBad("route")
	if r.texts["body_text"] == "" && !r.isBad("body_text") && (r.given == nil || auto) && (r.people == nil || !r.people.anyBody) {
		e := Fault("body_text", CodeRequired, es.BodyMissing)
		e.Hint = r.meant("body_text")
		return e
	}
	if r.unknown != nil {
		return r.unknown
	}
	r.req.Content.Category = r.oneOf("category", "", "utility", "authentication", "service")
	put := r.content
	switch {
	case auto:
		put = r.both
	case r.given != nil:
		put = r.templateContent
	}
	if err := put(); err != nil {
		return err
	}
	if r.oneOf("on_unknown", "report", "report", "resend") == "resend" {
		r.req.OnUnknown = schemas.OnUnknown_ON_UNKNOWN_RESEND
	}
	if r.oneOf("events", "task", "task", "recipients") == "recipients" {
		r.req.Events = schemas.Events_EVENTS_RECIPIENTS
	}
	r.req.Sender = r.text("sender", maxSender)
	if r.req.Reference = r.texts["reference"]; !schemas.ValidReference(r.req.Reference) {
		r.refuse("reference", CodeValue, es.ReferenceForm, schemas.MaxReference)
	}
	if r.req.Callback = rules.CleanLink(r.texts["callback_url"]); r.req.Callback != "" && !r.isBad("callback_url") {
		if f := CallbackFault(r.req.Callback); f != nil {
			r.bad["callback_url"] = f
		}
	}
	r.times()
	r.opens()
	if text := r.texts["task_id"]; text != "" {
		if id, err := schemas.ParseTaskID(text); err != nil || id == (schemas.TaskID{}) {
			r.refuse("task_id", CodeValue, es.TaskIDForm)
		} else {
			r.req.TaskID = &id
		}
	}
	for _, field := range slices.Concat([]string{"recipients", "template"}, textFields, shape.Members(), []string{"use_queue", "literal", "speed", "window", "dry_run"}) {
		if e := r.bad[field]; e != nil {
			return e
		}
	}
	return nil
}

// nobody says that there are no recipients.
func (r *reader) nobody() *FieldError {
	e := Fault("phones", CodeRequired, es.PhonesMissing)
	if r.people != nil || r.lim.Lists == ListMessages {
		e = Fault("recipients", CodeRequired, es.RecipientsMissing)
	}
	if e.Hint = r.listHint; e.Hint.None() {
		e.Hint = r.meant(e.Field)
	}
	return e
}

// CallbackFault returns what is wrong with the form of a callback URL, nil if nothing is. Whether its host may be connected to is not asked.
func CallbackFault(text string) *FieldError {
	if faults := content.LinkFault("callback_url", text, es.FieldURL, false, true); len(faults) > 0 {
		return faults[0]
	}
	return nil
}

func (r *reader) text(field string, limit int) string {
	text := r.texts[field]
	if n := rules.Characters(text); n > limit {
		r.refuse(field, CodeTooLong, es.FieldLong, field, limit, n)
	}
	return text
}

// oneOf returns the member if it is one of the values, and otherwise the value for absent.
func (r *reader) oneOf(field, absent string, values ...string) string {
	text := strings.ToLower(strings.TrimSpace(r.texts[field]))
	if text == "" {
		return absent
	}
	if slices.Contains(values, text) {
		return text
	}
	r.refuse(field, CodeValue, es.FieldOneOf, field, strings.Join(values, ", "))
	return absent
}

// content puts the message together and holds it to the rules that every way in has. Its error is the sink's.
func (r *reader) content() error {
	c := r.req.Content
	c.Body, c.Footer, c.ButtonText, c.ButtonUrl = r.texts["body_text"], r.texts["footer_text"], r.texts["button_text"], rules.CleanLink(r.texts["button_url"])
	if r.people != nil {
		c.ButtonUrl = rules.TightLink(r.texts["button_url"])
	}
	linked := c.GetShape() == nil
	r.oneShape()
	everybody := linked && c.ButtonText != "" && (r.people == nil || r.people.noButton.is)
	if c.ButtonUrl == "" && (everybody || linked && r.people != nil && r.people.linkless.is) {
		r.req.Warnings = append(r.req.Warnings, es.Say(es.ButtonWithoutURL, DefaultButtonURL))
	}
	if linked { //mutant:shape-has-no-link-button
		c.ButtonText, c.ButtonUrl = cmp.Or(c.ButtonText, DefaultButtonText), cmp.Or(c.ButtonUrl, DefaultButtonURL)
	}
	if err := r.header(); err != nil {
		return err
	}
	if r.people != nil {
		r.filled()
		r.shapesApart()
		c = personal.Sample(c)
	}
	for _, f := range content.Faults(c, r.req.Literal) {
		member := shape.Member(f.Field)
		if strings.HasPrefix(member, "template.") {
			member = "template"
		}
		if !r.isBad(member) {
			r.bad[member] = f
		}
	}
	if !r.req.Literal {
		r.req.Warnings = append(r.req.Warnings, content.Doubts(c)...)
	}
	r.req.Warnings = append(r.req.Warnings, content.OptOuts(c)...)
	return nil
}

// headerTypes are the values of header_type.
var headerTypes = []string{"text", "image", "video", "document"}

func kindOf(headerType string) schemas.HeaderKind {
	return schemas.HeaderKind(schemas.HeaderKind_value["HEADER_KIND_"+strings.ToUpper(headerType)])
}

// header reads header_type and header_content, which need each other. Its error is the sink's.
func (r *reader) header() error {
	c, content, streamed := r.req.Content, r.texts["header_content"], r.file
	kind := r.oneOf("header_type", "", headerTypes...)
	switch {
	case r.isBad("header_type") || r.isBad("header_content"):
		return nil
	case kind == "" && content == "" && streamed == nil:
		return nil
	case kind == "":
		r.refuse("header_type", CodeRequired, es.HeaderTypeMissing)
		return nil
	case content == "" && streamed == nil && r.people != nil && !r.people.noHeader.is: // it is that of everybody's own header
		return nil
	case content == "" && streamed == nil:
		r.refuse("header_content", CodeRequired, es.HeaderContentMissing)
		return nil
	}
	c.Header = kindOf(kind)
	if c.Header == schemas.HeaderKind_HEADER_KIND_TEXT {
		if c.HeaderText = content; streamed != nil {
			r.refuse("header_content", CodeTooLong, es.HeaderTextLong, MaxHeaderText)
		}
		return nil
	}
	media, wrong, err := attached.Media(streamed, content, r.part, c.Header, "header_content", r.texts["filename"])
	if c.Media = media; wrong != nil {
		r.bad["header_content"] = wrong
	}
	return err //nolint:wrapcheck // the sink's
}

// times reads schedule_at and expire_at.
func (r *reader) times() {
	r.req.ScheduleMs, r.req.ExpireMs = r.instant("schedule_at"), r.instant("expire_at")
	now := r.lim.Now.UnixMilli()
	switch {
	case r.req.ScheduleMs != 0 && r.req.ExpireMs != 0 && r.req.ExpireMs <= r.req.ScheduleMs:
		r.refuse("expire_at", CodeTime, es.ExpireTooEarly)
	case r.lim.Now.IsZero():
	case r.req.ScheduleMs > now+schemas.TaskLife.Milliseconds():
		r.refuse("schedule_at", CodeTime, es.ScheduleDays, int64(schemas.TaskLife/(24*time.Hour)))
	case r.req.ExpireMs != 0 && r.req.ExpireMs <= now:
		r.refuse("expire_at", CodeTime, es.ExpirePast)
	}
}

// opens refuses a window in which nobody would be sent to: it does not open between the beginning and the end.
func (r *reader) opens() {
	if r.lim.Now.IsZero() || r.req.Window == nil || r.isBad("schedule_at") || r.isBad("expire_at") {
		return
	}
	from, end := r.lim.Now, r.lim.Now.Add(schemas.TaskLife)
	if at := time.UnixMilli(r.req.ScheduleMs); at.After(from) {
		from = at
	}
	if at := time.UnixMilli(r.req.ExpireMs); r.req.ExpireMs != 0 && at.Before(end) {
		end = at
	}
	if at, ok := r.req.Window.Next(from); !ok || !at.Before(end) {
		r.refuse("window", CodeTime, es.WindowNotOpen, end.UTC().Format(time.RFC3339))
	}
}

func (r *reader) instant(field string) int64 {
	text := r.texts[field]
	if text == "" {
		return 0
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.UnixMilli() <= 0 {
		r.refuse(field, CodeTime, es.FieldTime, field)
		return 0
	}
	return t.UnixMilli()
}
