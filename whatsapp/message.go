package whatsapp

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/whatsapp/interactive"
	"altavoz/whatsapp/marketing"
	"altavoz/whatsapp/nethttp"
	"altavoz/whatsapp/templated"
)

// message is a task's message up to what differs between its sends: everything behind the recipient and callback data.
type message struct {
	tail      []byte // from the comma to the closing brace; shared by all sends of the task
	marketing bool   // it is by a template of marketing
}

// The JSON of a send is messageHead, recipient, callback data, what only the Marketing Messages API takes, tail:
//
//	{"messaging_product":"whatsapp","recipient_type":"individual","to":"+57...","biz_opaque_callback_data":"...","type":"interactive",...}
const messageHead = `{"messaging_product":"whatsapp","recipient_type":"individual",`

// Prepare renders a content, with its media resolved, for all sends of its task.
func (c *Client) Prepare(content *schemas.Content) (schemas.Message, error) {
	m, err := prepare(content)
	if err != nil {
		return nil, err // and no message, where *message would be one
	}
	return m, nil
}

// Renderer returns what says of a message where Send would send it, behind the number's id, and what the body of the request would be. The content's media
// is resolved.
func Renderer(of func(number string) marketing.Setting) func(number string, content *schemas.Content, to schemas.Phone, callback string) (path string, body []byte, err error) {
	return func(number string, content *schemas.Content, to schemas.Phone, callback string) (string, []byte, error) {
		m, err := prepare(content)
		if err != nil {
			return "", nil, err
		}
		path, members := of(number).PathOf(m.marketing)
		body, err := m.append(nil, to, callback, members)
		return path, body, err
	}
}

func prepare(content *schemas.Content) (*message, error) {
	render := interactive.Render
	if content.GetTemplate() != nil {
		render = templated.Render
	}
	b, err := render(content)
	return &message{tail: b, marketing: marketing.Is(content)}, err //nolint:wrapcheck // says all; a message beside an error is not looked at
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
	path, members := n.setting.PathOf(msg.marketing)
	if x.body, err = msg.append(x.body[:0], to, callback, members); err != nil {
		return schemas.Reply{Verdict: schemas.VerdictFailed, Code: schemas.CodeInvalidPhone, Detail: "recipient is not valid UTF-8"}
	}
	start := time.Now()
	at := n.sends[path]
	a := c.call(ctx, n, nethttp.Request{Method: http.MethodPost, URL: at.url}, at.head, x)
	r := judge(a, start)
	if r.Detail != "" {
		r.Detail = clean(r.Detail, n.token)
	}
	c.metrics.answered(path, r, time.Since(start))
	return r
}

// append writes the JSON of a send.
func (m *message) append(b []byte, to schemas.Phone, callback, members string) ([]byte, error) {
	b, err := appendHead(b, to, callback)
	return append(append(b, members...), m.tail...), err
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
