package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"altavoz/whatsapp/simulator/content"
	"altavoz/whatsapp/simulator/faults"
	"altavoz/whatsapp/simulator/h2"
	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/users"
	"altavoz/whatsapp/simulator/webhooks"
)

const (
	businessCountry = "1" // of the number that the simulator pretends to be; see recipientOf

	codeUserID    = 131062 // a message that is not sent to user ids:
	categoryLogin = "authentication"
)

// request is a message that passed validation.
type request struct {
	input    string // as given
	phone    string // wa_id, or the user id
	person   string // the phone of whom it is for, if that is known
	user     bool
	callback string
	used     content.Used
	category string // empty: service
	template bool
	key      uint64 // of the callback data, or of the phone where there is none
}

// messages takes one message. The order of checks is the Cloud API's, as far as it is known.
func (s *Simulator) messages(x *exchange) {
	if e := s.authorize(x); e != nil {
		s.refuse(x, e)
		return
	}
	body, err := readBody(x)
	if err != nil { // too long, or the client has gone: nothing was understood
		s.refuse(x, invalid("The request body could not be read."))
		return
	}
	req, used, e := s.parse(body, x.marketing)
	if e != nil {
		s.refuse(x, e)
		return
	}
	f, c := s.meet(x, req)
	x.wait(f.Latency)
	switch {
	case f.Effect == faults.Refuse:
		e = ofCode(f.Code)
	case !f.Effect.Takes():
		s.mu.Lock()
		if x.refuses(f.Effect) {
			s.ledger.Untouched(req.key)
		} else {
			s.ledger.Dropped(req.key)
		}
		s.mu.Unlock()
		s.instead(x, f)
		return
	default:
		if e = s.checkMedia(x.number, used, f.MediaGone); e == nil {
			e = s.limit(x, req, f)
		}
	}
	if e != nil {
		s.mu.Lock()
		s.ledger.Closed(req.key)
		s.mu.Unlock()
		e.retryAfter = f.RetryAfter
		s.refuse(x, e)
		return
	}
	s.accept(x, req, f, c)
}

// refuses reports whether the client is told, by HTTP/2 itself, that nothing was done.
func (x *exchange) refuses(e faults.Effect) bool {
	_, ok := x.w.(*h2.ResponseWriter)
	return ok && (e == faults.RefuseStream || e == faults.GoAway)
}

// instead gives the client what comes in the place of an answer of the Cloud API.
func (s *Simulator) instead(x *exchange, f faults.Fate) {
	page := f.Effect.Page()
	w, multiplexed := x.w.(*h2.ResponseWriter)
	switch {
	case page != nil:
		s.mu.Lock()
		s.ledger.Foreign()
		s.mu.Unlock()
		if page.Type != "" {
			x.w.Header().Set("Content-Type", page.Type)
		}
		retryAfter(x.w.Header(), f.RetryAfter)
		x.w.WriteHeader(page.Status)
		_, _ = io.WriteString(x.w, page.Body)
	case f.Effect == faults.Stall || f.Effect == faults.StallBefore:
		<-x.r.Context().Done()
		panic(http.ErrAbortHandler)
	case multiplexed && f.Effect == faults.RefuseStream:
		w.RefuseStream()
	case multiplexed && (f.Effect == faults.GoAway || f.Effect == faults.GoAwayAfter):
		w.GoAway(f.Effect == faults.GoAway)
	default:
		panic(http.ErrAbortHandler) // closes the connection, by contract with net/http
	}
}

func readBody(x *exchange) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(x.r.ContentLength, 0), maxBody)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	return b.Bytes(), err
}

// accept writes the message down, then answers.
func (s *Simulator) accept(x *exchange, req request, f faults.Fate, c faults.Call) {
	now := time.Now()
	answered := f.Effect == faults.None
	s.mu.Lock()
	id := s.wamid(req.phone, uint64(s.ledger.Messages()))
	got := ledger.Received{
		Number: x.number, Phone: req.phone, Callback: req.callback, WAMID: id, Time: now, Answered: answered, Text: req.used.Text, Media: req.used.ID,
		Type: req.used.Type, Choices: req.used.Choices, Marketing: x.marketing,
	}
	place := s.ledger.Accepted(req.key, req.callback != "", got)
	s.stateOf(x.number).rate.Add(now)
	s.mu.Unlock()
	if s.hooks != nil {
		m := &webhooks.Message{Number: x.number, Phone: req.phone, User: req.user, WAMID: id, Callback: req.callback, Category: billed(req.category, x.marketing), Place: place}
		x.await(s.plan(m, &got, f.Late, c, now))
	}

	body := acceptance(req, id)
	switch f.Effect { //nolint:exhaustive // the others are not the Cloud API's answer
	case faults.None:
	case faults.Truncate:
		body = body[:len(body)/2]
	default:
		s.instead(x, f)
		return
	}
	gone := x.r.Context().Err() // a client that waits no more; what is written to it may get lost without an error
	if err := s.answer(x.w, http.StatusOK, body); answered && (err != nil || gone != nil) {
		s.mu.Lock()
		s.ledger.Unanswered(req.key, place)
		s.mu.Unlock()
	}
}

// billed is what webhooks have a message of a category as.
func billed(category string, marketing bool) string {
	if marketing {
		return "marketing_lite"
	}
	return category
}

func acceptance(req request, id string) []byte {
	b := make([]byte, 0, 256)
	b = append(b, `{"messaging_product":"whatsapp","contacts":[{"input":`...)
	b = strconv.AppendQuoteToASCII(b, req.input) // phones and user ids: nothing that Go and JSON quote differently
	if req.user {
		b = append(b, `,"user_id":"`...)
	} else {
		b = append(b, `,"wa_id":"`...)
	}
	b = append(b, req.phone...)
	b = append(b, `"}],"messages":[{"id":"`...)
	b = append(b, id...)
	if req.template {
		b = append(b, `","message_status":"accepted`...)
	}
	return append(b, `"}]}`...)
}

// topLevel are the fields that a message may have.
var topLevel = map[string]bool{
	"messaging_product": true, "recipient_type": true, "to": true, "recipient": true, "type": true, "context": true,
	"biz_opaque_callback_data": true, "recipient_identity_key_hash": true, "category": true, "ttl_seconds": true,
	"direct_send_config": true, "text": true, "interactive": true, "template": true,
}

// marketingLevel are those that one to /marketing_messages may have beside them.
var marketingLevel = map[string]bool{"product_policy": true, "message_activity_sharing": true}

// marketingFault returns what is wrong with a message to /marketing_messages as such.
func marketingFault(fields map[string]json.RawMessage, kind string) *apiError {
	if kind != "template" {
		return invalid("Message must be a template message.")
	}
	if fields["product_policy"] != nil {
		if p, e := textField(fields, "product_policy", 64); e != nil || p != "CLOUD_API_FALLBACK" && p != "STRICT" {
			return invalid("Param product_policy must be one of {CLOUD_API_FALLBACK, STRICT} - got %q.", p)
		}
	}
	if v := string(fields["message_activity_sharing"]); v != "" && v != "true" && v != "false" {
		return invalid("Param message_activity_sharing must be a boolean.")
	}
	return nil
}

// parse checks a message, up to what depends on the account's state.
func (s *Simulator) parse(body []byte, marketing bool) (request, content.Used, *apiError) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return request{}, content.Used{}, invalid("The request body must be a JSON object.")
	}
	for name := range fields {
		if !topLevel[name] && (!marketing || !marketingLevel[name]) {
			return request{}, content.Used{}, invalid("Unexpected key %q on param %q.", name, "message")
		}
	}
	product, e := textField(fields, "messaging_product", 64)
	if e != nil {
		return request{}, content.Used{}, e
	}
	if product != "whatsapp" {
		return request{}, content.Used{}, invalid("Param messaging_product must be one of {WHATSAPP} - got %q.", product)
	}
	req, e := s.recipientOf(fields)
	if e != nil {
		return request{}, content.Used{}, e
	}
	if fields["biz_opaque_callback_data"] != nil {
		if req.callback, e = textField(fields, "biz_opaque_callback_data", 512); e != nil {
			return request{}, content.Used{}, e
		}
		req.key = hash(req.callback)
	}
	if req.category, e = s.directSend(fields); e != nil {
		return request{}, content.Used{}, e
	}
	if req.user && req.category == categoryLogin {
		return request{}, content.Used{}, ofCode(codeUserID)
	}
	kind, e := textField(fields, "type", 64)
	if e != nil {
		return request{}, content.Used{}, e
	}
	if marketing {
		if e := marketingFault(fields, kind); e != nil {
			return request{}, content.Used{}, e
		}
	}
	switch kind {
	case "text", "interactive":
		used, f := s.known.Check(kind, fields[kind])
		req.used = used
		return req, used, refusalOf(f)
	case "template":
		sent, r := s.templates.Check(fields[kind])
		if r != nil {
			return request{}, content.Used{}, ofCode(r.Code).withDetails(r.Details)
		}
		if req.user && sent.Category == categoryLogin {
			return request{}, content.Used{}, ofCode(codeUserID)
		}
		if e := s.account.Load().refuses(sent.Category, marketing); e != nil {
			return request{}, content.Used{}, e
		}
		req.used, req.category, req.template = content.Used{Text: sent.Text, Choices: sent.Choices, Type: "template", ID: sent.Media, Path: sent.Path, Kind: sent.Kind}, sent.Category, true
		return req, req.used, nil
	default:
		return request{}, content.Used{}, invalid("Param type must be one of {TEXT, INTERACTIVE, TEMPLATE} - got %q.", kind)
	}
}

// textField reads a required text of the top level.
func textField(fields map[string]json.RawMessage, name string, longest int) (string, *apiError) {
	raw, ok := fields[name]
	if !ok || string(raw) == "null" {
		return "", required(name)
	}
	v, ok := plainText(raw)
	if !ok && json.Unmarshal(raw, &v) != nil {
		return "", invalid("Param %s must be a string.", name)
	}
	if n := content.Length(v); n < 1 || n > longest {
		return "", badValue("%s length invalid. Min length: 1, Max length: %d", name, longest)
	}
	return v, nil
}

// plainText reads a JSON text without escapes, as nearly all are: the decoder would take longer over them than over the rest.
func plainText(raw json.RawMessage) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 || !utf8.Valid(raw) {
		return "", false
	}
	return string(raw[1 : len(raw)-1]), true
}

// recipientOf reads to, or recipient. A phone without "+" is taken as one of the business's own country, as Meta documents; that
// most of them work all the same is nothing to rely on.
func (s *Simulator) recipientOf(fields map[string]json.RawMessage) (request, *apiError) {
	if fields["recipient_type"] != nil {
		if t, e := textField(fields, "recipient_type", 64); e != nil || t != "individual" {
			return request{}, invalid("Param recipient_type must be one of {INDIVIDUAL} - got %q.", t)
		}
	}
	if fields["to"] == nil && fields["recipient"] != nil {
		id, e := textField(fields, "recipient", 160)
		if e != nil {
			return request{}, e
		}
		if !users.Valid(id) {
			return request{}, invalid("Param recipient is not a valid user ID.")
		}
		return request{input: id, phone: id, person: users.Person(id), user: true, key: hash("", id)}, nil
	}
	to, e := textField(fields, "to", 64)
	if e != nil {
		return request{}, e
	}
	digits, plus := strings.CutPrefix(to, "+")
	if !isDigits(digits) {
		digits, plus = strings.CutPrefix(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(to), "+")
	}
	if !plus {
		digits = businessCountry + digits
	}
	if !isDigits(digits) || len(digits) < 8 || len(digits) > 16 || digits[0] == '0' {
		return request{}, badValue("Recipient phone number is not valid: %s", to)
	}
	return request{input: to, phone: digits, person: digits, key: hash("", digits)}, nil
}

// directSend reads category, which makes a message one that needs no open window; empty for service, which is as if none were given.
func (s *Simulator) directSend(fields map[string]json.RawMessage) (string, *apiError) {
	if fields["category"] == nil {
		if fields["ttl_seconds"] != nil || fields["direct_send_config"] != nil {
			return "", invalid("Param ttl_seconds requires category.")
		}
		return "", nil
	}
	c, e := textField(fields, "category", 64)
	if e != nil {
		return "", e
	}
	switch {
	case c == "service":
		return "", nil
	case c != "utility" && c != categoryLogin:
		return "", invalid("Param category must be one of {AUTHENTICATION, SERVICE, UTILITY} - got %q.", c)
	case !s.account.Load().DirectSend:
		return "", invalid("Invalid parameter").withDetails("Parameter Invalid: The 'category' value requires Direct Send, which isn't enabled for this account. Use an approved message template instead.")
	}
	return c, nil
}
