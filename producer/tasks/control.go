package tasks

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// ReadSpeed reads the body {"speed": N}: most messages a second; 0 or null: as fast as the number goes. What is wrong with
// it is a *request.FieldError.
func ReadSpeed(body []byte) (uint32, error) {
	var members struct {
		Speed jsontext.Value `json:"speed"`
	}
	if err := json.Unmarshal(body, &members); err != nil {
		return 0, request.Fault("", request.CodeJSON, es.SpeedObject)
	}
	refuse := func(code string, says es.Code) (uint32, error) { return 0, request.Fault("speed", code, says) }
	kind := members.Speed.Kind()
	if kind == jsontext.KindNull {
		return 0, nil
	}
	if kind == jsontext.KindInvalid { // it is not there
		return refuse(request.CodeRequired, es.SpeedMissing)
	}
	if kind != jsontext.KindNumber {
		return refuse(request.CodeWrongType, es.SpeedForm)
	}
	n, err := strconv.ParseUint(string(members.Speed), 10, 32)
	if err != nil {
		return refuse(request.CodeValue, es.SpeedRange)
	}
	return uint32(n), nil
}

// Obeyed reports whether a control that was recorded at the offset came to bear: it is in force, and the task takes others still, or
// went on as it was told and is over.
func Obeyed(c *schemas.Control, offset int64, s *schemas.Status, now time.Time) bool {
	if s.GetControls() <= offset {
		return false
	}
	kind := c.GetKind()
	return !Closed(s) || StateOf(s, now) == Success && (kind == schemas.ControlKind_CONTROL_KIND_RESUME || kind == schemas.ControlKind_CONTROL_KIND_SPEED)
}

// Effect says what a control did, in the contract's Spanish. A later one may have come to bear at the same time; then the state says more than the wish.
func Effect(c *schemas.Control, s *schemas.Status) string {
	paused := s.GetPhase() == schemas.Phase_PHASE_PAUSED
	switch kind := c.GetKind(); {
	case kind == schemas.ControlKind_CONTROL_KIND_CANCEL && Closed(s):
		return leaving(s, es.ControlCancelled)
	case Closed(s):
		return es.Say(es.ControlOver).Spanish()
	case kind == schemas.ControlKind_CONTROL_KIND_PAUSE && paused:
		return leaving(s, es.ControlPaused)
	case kind == schemas.ControlKind_CONTROL_KIND_RESUME && !paused:
		return es.Say(es.ControlResumed).Spanish()
	case kind == schemas.ControlKind_CONTROL_KIND_SPEED && c.GetSpeed() == s.GetSpeed() && c.GetSpeed() > 0:
		return es.Say(es.ControlSpeed, c.GetSpeed()).Spanish()
	case kind == schemas.ControlKind_CONTROL_KIND_SPEED && c.GetSpeed() == s.GetSpeed():
		return es.Say(es.ControlFullSpeed).Spanish()
	}
	return es.Say(es.ControlReplaced).Spanish()
}

// leaving is the effect, and how many may still leave.
func leaving(s *schemas.Status, effect es.Code) string {
	words := es.Say(effect).Spanish()
	if n := Leaving(s); n > 0 {
		return es.Say(es.ControlLeaving, words, n).Spanish()
	}
	return words
}
