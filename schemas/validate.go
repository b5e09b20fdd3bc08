package schemas

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// Lengths of what a recipient reads, in characters, as the Cloud API has them. It does not say what a character is, so
// the larger count is taken: UTF-16 units.
const (
	MaxBodyText   = 1024
	MaxHeaderText = 60
	MaxButtonText = 20
	MaxFooterText = 60
	MaxURL        = 2000
	maxSender     = 64

	DefaultButtonText = "Ver más"
	DefaultButtonURL  = "https://example.com"
)

// validate holds the members to the rules, in one order whatever order they came in.
func (r *requestReader) validate() error {
	if r.req.Total == 0 && !r.isBad("phones") {
		return &FieldError{Field: "phones", Code: CodeRequired, Spanish: PhonesMissing}
	}
	if r.texts["body_text"] == "" && !r.isBad("body_text") {
		return &FieldError{Field: "body_text", Code: CodeRequired, Spanish: BodyMissing}
	}
	c := r.req.Content
	c.Body = r.text("body_text", MaxBodyText)
	c.Footer = r.text("footer_text", MaxFooterText)
	c.ButtonText = r.text("button_text", MaxButtonText)
	if c.ButtonText == "" {
		c.ButtonText = DefaultButtonText
	}
	if c.ButtonUrl = r.texts["button_url"]; c.ButtonUrl == "" {
		c.ButtonUrl = DefaultButtonURL
	}
	r.checkURL("button_url", c.ButtonUrl, "una URL completa que empiece por http:// o https://")
	if err := r.header(); err != nil {
		return err
	}
	c.Category = r.oneOf("category", "", "utility", "authentication", "service")
	if r.oneOf("on_unknown", "report", "report", "resend") == "resend" {
		r.req.OnUnknown = OnUnknown_ON_UNKNOWN_RESEND
	}
	r.req.Sender = r.text("sender", maxSender)
	r.times()
	r.opens()
	if text := r.texts["task_id"]; text != "" {
		if id, err := ParseTaskID(text); err != nil || id == (TaskID{}) {
			r.refuse("task_id", CodeValue, "El campo 'task_id' debe ser un UUID")
		} else {
			r.req.TaskID = &id
		}
	}
	for _, field := range slices.Concat([]string{"phones"}, textFields, []string{"use_queue", "speed", "window"}) {
		if e := r.bad[field]; e != nil {
			return e
		}
	}
	return nil
}

func (r *requestReader) text(field string, limit int) string {
	text := r.texts[field]
	if n := characters(text); n > limit {
		r.refuse(field, CodeTooLong, fmt.Sprintf("El campo '%s' admite como máximo %d caracteres y tiene %d", field, limit, n))
	}
	return text
}

func characters(text string) int {
	n := 0
	for _, c := range text {
		n += utf16.RuneLen(c)
	}
	return n
}

// oneOf returns the member if it is one of the values, and otherwise the value for absent.
func (r *requestReader) oneOf(field, absent string, values ...string) string {
	text := r.texts[field]
	if text == "" {
		return absent
	}
	if slices.Contains(values, text) {
		return text
	}
	r.refuse(field, CodeValue, fmt.Sprintf("El campo '%s' debe ser uno de: %s", field, strings.Join(values, ", ")))
	return absent
}

// checkURL wants an absolute link that a phone can open.
func (r *requestReader) checkURL(field, text, what string) {
	if n := characters(text); n > MaxURL {
		r.refuse(field, CodeTooLong, fmt.Sprintf("El campo '%s' admite como máximo %d caracteres y tiene %d", field, MaxURL, n))
		return
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || strings.ContainsAny(text, " \t\r\n") {
		r.refuse(field, CodeURL, "El campo '"+field+"' debe ser "+what)
	}
}

// header reads header_type and header_content, which need each other. Its error is the sink's.
func (r *requestReader) header() error {
	c, content, streamed := r.req.Content, r.texts["header_content"], r.file
	kind := r.oneOf("header_type", "", "text", "image", "video", "document")
	switch {
	case r.isBad("header_type") || r.isBad("header_content"):
		return nil
	case kind == "" && content == "" && streamed == nil:
		return nil
	case kind == "":
		r.refuse("header_type", CodeRequired, "Se requiere el campo 'header_type' cuando hay 'header_content'")
		return nil
	case content == "" && streamed == nil:
		r.refuse("header_content", CodeRequired, "Se requiere el campo 'header_content' cuando hay 'header_type'")
		return nil
	}
	c.Header = HeaderKind(HeaderKind_value["HEADER_KIND_"+strings.ToUpper(kind)])
	if c.Header == HeaderKind_HEADER_KIND_TEXT {
		if c.HeaderText = r.text("header_content", MaxHeaderText); streamed != nil {
			r.refuse("header_content", CodeTooLong, fmt.Sprintf("El campo 'header_content' admite como máximo %d caracteres en un encabezado de texto", MaxHeaderText))
		}
		return nil
	}
	if streamed == nil && len(content) >= len(dataScheme) && strings.EqualFold(content[:len(dataScheme)], dataScheme) {
		streamed = newDataURI(r.part)
		if err := streamed.Text([]byte(content)); err != nil {
			return err
		}
		if err := streamed.End(); err != nil {
			return err
		}
	}
	if streamed == nil {
		c.Media = &MediaRef{Url: content}
		r.checkURL("header_content", content, "una URL http:// o https://, o un archivo data:<tipo>;base64,...")
		return nil
	}
	media, fault := streamed.media(c.Header)
	if c.Media = media; fault != nil {
		r.bad["header_content"] = fault
	}
	return nil
}

// times reads schedule_at and expire_at.
func (r *requestReader) times() {
	r.req.ScheduleMs, r.req.ExpireMs = r.instant("schedule_at"), r.instant("expire_at")
	now := r.lim.Now.UnixMilli()
	switch {
	case r.req.ScheduleMs != 0 && r.req.ExpireMs != 0 && r.req.ExpireMs <= r.req.ScheduleMs:
		r.refuse("expire_at", CodeTime, "El campo 'expire_at' debe ser posterior a 'schedule_at'")
	case r.lim.Now.IsZero():
	case r.req.ScheduleMs > now+TaskLife.Milliseconds():
		r.refuse("schedule_at", CodeTime, fmt.Sprintf("El campo 'schedule_at' admite como máximo %d días desde ahora", TaskLife/day))
	case r.req.ExpireMs != 0 && r.req.ExpireMs <= now:
		r.refuse("expire_at", CodeTime, "El campo 'expire_at' ya pasó")
	}
}

// opens refuses a window in which nobody would be sent to: it does not open between the beginning and the end.
func (r *requestReader) opens() {
	if r.lim.Now.IsZero() || r.req.Window == nil || r.isBad("schedule_at") || r.isBad("expire_at") {
		return
	}
	from, end := r.lim.Now, r.lim.Now.Add(TaskLife)
	if at := time.UnixMilli(r.req.ScheduleMs); at.After(from) {
		from = at
	}
	if at := time.UnixMilli(r.req.ExpireMs); r.req.ExpireMs != 0 && at.Before(end) {
		end = at
	}
	if at, ok := r.req.Window.Next(from); !ok || !at.Before(end) {
		r.refuse("window", CodeTime, "El campo 'window' no abre en el tiempo que tiene el envío, hasta "+end.UTC().Format(time.RFC3339))
	}
}

func (r *requestReader) instant(field string) int64 {
	text := r.texts[field]
	if text == "" {
		return 0
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.UnixMilli() <= 0 {
		r.refuse(field, CodeTime, "El campo '"+field+"' debe ser una fecha RFC 3339, como 2026-01-31T09:00:00-05:00")
		return 0
	}
	return t.UnixMilli()
}
