package whatsapp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/whatsapp/action"
	"altavoz/whatsapp/nethttp"
	"altavoz/whatsapp/templated"
)

// message is a task's message up to what differs between its sends: everything behind the recipient and callback data.
type message struct {
	tail []byte // from the comma to the closing brace; shared by all sends of the task
}

// The JSON of a send is messageHead, recipient, callback data, tail:
//
//	{"messaging_product":"whatsapp","recipient_type":"individual","to":"+57...","biz_opaque_callback_data":"...","type":"interactive",...}
const messageHead = `{"messaging_product":"whatsapp","recipient_type":"individual",`

type (
	wireMessage struct {
		Type        string      `json:"type"`
		Category    string      `json:"category,omitzero"`
		Interactive interactive `json:"interactive"`
	}
	interactive struct {
		Type   string        `json:"type"`
		Header *header       `json:"header,omitzero"`
		Body   text          `json:"body"`
		Footer *text         `json:"footer,omitzero"`
		Action action.Action `json:"action"`
	}
	header struct {
		Type     string `json:"type"`
		Text     string `json:"text,omitzero"`
		Image    *media `json:"image,omitzero"`
		Video    *media `json:"video,omitzero"`
		Document *media `json:"document,omitzero"`
	}
	text struct {
		Text string `json:"text"`
	}
	media struct {
		ID       string `json:"id,omitzero"`
		Link     string `json:"link,omitzero"`
		Filename string `json:"filename,omitzero"` // documents only
	}
)

// Prepare renders a content, with its media resolved, for all sends of its task.
func (c *Client) Prepare(content *schemas.Content) (schemas.Message, error) {
	m, err := prepare(content)
	if err != nil {
		return nil, err // and no message, where *message would be one
	}
	return m, nil
}

// Rendered is the body of the request that Send makes of a content, with its media resolved.
func Rendered(content *schemas.Content, to schemas.Phone, callback string) ([]byte, error) {
	m, err := prepare(content)
	if err != nil {
		return nil, err
	}
	return m.append(nil, to, callback)
}

func prepare(content *schemas.Content) (*message, error) {
	if content.GetTemplate() != nil {
		b, err := templated.Render(content)
		return &message{tail: b}, err //nolint:wrapcheck // says all; a message beside an error is not looked at
	}
	h, err := headerOf(content)
	if err != nil {
		return nil, err
	}
	if content.GetBody() == "" {
		return nil, &schemas.ContentError{Why: es.Say(es.BodyEmpty)}
	}
	w := wireMessage{
		Type:        "interactive",
		Category:    strings.TrimSuffix(content.GetCategory(), "service"),
		Interactive: interactive{Header: h, Body: text{content.GetBody()}},
	}
	w.Interactive.Type, w.Interactive.Action = action.Of(content)
	if content.GetFooter() != "" {
		w.Interactive.Footer = &text{content.GetFooter()}
	}
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("rendering a message: %w", err)
	}
	b[0] = ',' // was the opening brace
	return &message{tail: b}, nil
}

func headerOf(c *schemas.Content) (*header, error) {
	switch c.GetHeader() {
	case schemas.HeaderKind_HEADER_KIND_NONE:
		return nil, nil // a message without header is no error
	case schemas.HeaderKind_HEADER_KIND_TEXT:
		return &header{Type: "text", Text: c.GetHeaderText()}, nil
	case schemas.HeaderKind_HEADER_KIND_IMAGE, schemas.HeaderKind_HEADER_KIND_VIDEO, schemas.HeaderKind_HEADER_KIND_DOCUMENT:
	default:
		return nil, &schemas.ContentError{Why: es.Say(es.HeaderUnknown)}
	}
	ref := c.GetMedia()
	m := &media{ID: ref.GetMediaId()}
	if m.ID == "" {
		m.Link = ref.GetLink()
	}
	if m.ID == "" && m.Link == "" {
		return nil, &schemas.ContentError{Why: es.Say(es.FileMissing)}
	}
	switch c.GetHeader() { //nolint:exhaustive // the others returned above
	case schemas.HeaderKind_HEADER_KIND_IMAGE:
		return &header{Type: "image", Image: m}, nil
	case schemas.HeaderKind_HEADER_KIND_VIDEO:
		return &header{Type: "video", Video: m}, nil
	default:
		m.Filename = ref.GetFilename()
		return &header{Type: "document", Document: m}, nil
	}
}

// Send makes one attempt to send m, which Prepare made, to one recipient. It always comes back with a verdict, within the call
// time-out; ctx ending earlier makes the verdict Unsent or Lost, whichever is true.
func (c *Client) Send(ctx context.Context, sender string, m schemas.Message, to schemas.Phone, callback string) schemas.Reply {
	msg, ok := m.(*message)
	if !ok {
		return schemas.Reply{Verdict: schemas.VerdictContent, Code: schemas.CodeContent, Detail: fmt.Sprintf("a message of type %T", m)}
	}
	n, ok := c.number(sender)
	if !ok {
		return schemas.Reply{Verdict: schemas.VerdictAccount, Detail: es.Say(es.NoTokenHere).Spanish()}
	}
	x, _ := c.exchanges.Get().(*exchange)
	defer c.exchanges.Put(x)
	var err error
	if x.body, err = msg.append(x.body[:0], to, callback); err != nil {
		return schemas.Reply{Verdict: schemas.VerdictFailed, Code: schemas.CodeInvalidPhone, Detail: "recipient is not valid UTF-8"}
	}
	start := time.Now()
	a := c.call(ctx, n, nethttp.Request{Method: http.MethodPost, URL: n.messages}, n.message, x)
	r := judge(a, start)
	if r.Detail != "" {
		r.Detail = clean(r.Detail, n.token)
	}
	c.metrics.answered(callMessages, r, time.Since(start))
	return r
}

// append writes the JSON of a send.
func (m *message) append(b []byte, to schemas.Phone, callback string) ([]byte, error) {
	b, err := appendHead(b, to, callback)
	return append(b, m.tail...), err
}

// appendHead writes the JSON up to the tail. A phone gets its "+": without it Meta puts the country code of the
// business in front. User ids go by another name.
func appendHead(b []byte, to schemas.Phone, callback string) ([]byte, error) {
	b = append(b, messageHead...)
	digits := to.Digits()
	if digits != "" && digits[0] >= '0' && digits[0] <= '9' {
		b = append(b, `"to":`...)
		digits = "+" + digits
	} else {
		b = append(b, `"recipient":`...)
	}
	b, err := jsontext.AppendQuote(b, digits)
	if err != nil {
		return nil, fmt.Errorf("quoting the recipient: %w", err)
	}
	if callback == "" {
		return b, nil
	}
	b = append(b, `,"biz_opaque_callback_data":`...)
	b, err = jsontext.AppendQuote(b, callback)
	if err != nil {
		return nil, fmt.Errorf("quoting the callback data: %w", err)
	}
	return b, nil
}
