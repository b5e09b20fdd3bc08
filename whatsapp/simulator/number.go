package simulator

import (
	"net/http"
	"strings"
	"time"

	"altavoz/whatsapp/simulator/faults"
)

// usualFields are what a number tells where nobody asks for fields.
var usualFields = []string{"verified_name", "code_verification_status", "display_phone_number", "quality_rating", "platform_type", "throughput"}

// numberFields are what a number tells of itself, as Meta's reference names it.
func numberFields(id string) map[string]any {
	return map[string]any{
		"id": id, "verified_name": "Simulator", "display_phone_number": "+1 555 010 0100", "code_verification_status": "VERIFIED", "quality_rating": "GREEN",
		"platform_type": "CLOUD_API", "status": "CONNECTED", "account_mode": "SANDBOX", "throughput": map[string]string{"level": "STANDARD"},
		"whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED",
		"health_status": map[string]any{
			"can_send_message": "AVAILABLE",
			"entities":         []map[string]string{{"entity_type": "PHONE_NUMBER", "id": id, "can_send_message": "AVAILABLE"}},
		},
	}
}

// isNumber reports whether an id is a number's and not a file's. Where every id of digits is a number, it is one that was called before, or
// that is asked for fields, as no file is.
func (s *Simulator) isNumber(id string, fields bool) bool {
	if len(s.tokens) > 0 {
		_, ok := s.tokens[id]
		return ok
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.media[id] == nil && (s.numbers[id] != nil || (fields && isDigits(id)))
}

// reads lets a call meet the faults that reads only; false: it is answered.
func (s *Simulator) reads(x *exchange) bool {
	if e := s.authorize(x); e != nil {
		s.refuse(x, e)
		return false
	}
	s.mu.Lock()
	s.traces++
	s.ledger.Read()
	c := s.call(x.number, s.traces)
	c.Read = true
	s.mu.Unlock()
	f := s.rules.Load().Fate(c, time.Now())
	x.wait(f.Latency)
	switch f.Effect { //nolint:exhaustive // the others are not the Cloud API's answer
	case faults.None:
	case faults.Refuse:
		e := ofCode(f.Code)
		e.retryAfter = f.RetryAfter
		s.refuse(x, e)
		return false
	case faults.Truncate:
		_ = s.answer(x.w, http.StatusOK, []byte(`{"id":"`))
		return false
	default:
		s.instead(x, f)
		return false
	}
	return true
}

// listTemplates answers GET /{account}/message_templates.
func (s *Simulator) listTemplates(x *exchange) {
	if !s.reads(x) {
		return
	}
	body, err := s.templates.List(x.r.URL)
	if err != nil {
		s.refuse(x, invalid("%s", err.Error()))
		return
	}
	_ = s.answer(x.w, http.StatusOK, body) // a client that has gone can't be told
}

// describeNumber answers GET /{phone_number_id}?fields=... It sends nothing, so what is asked is only whether the API, the token and the
// number work.
func (s *Simulator) describeNumber(x *exchange) {
	if !s.reads(x) {
		return
	}
	fields := usualFields
	if asked := x.r.URL.Query().Get("fields"); asked != "" {
		fields = strings.Split(asked, ",")
	}
	all := numberFields(x.number)
	out := map[string]any{"id": x.number} // always there
	for _, name := range fields {
		value, ok := all[strings.TrimSpace(name)]
		if !ok {
			s.refuse(x, invalid("Tried accessing nonexisting field (%s) on node type (WhatsAppBusinessPhoneNumber)", name))
			return
		}
		out[strings.TrimSpace(name)] = value
	}
	s.answerJSON(x.w, out)
}
