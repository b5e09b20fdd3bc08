package retry

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// outcomes are those that can be asked for: of any other one the message has arrived, or may still.
var outcomes = []schemas.OutcomeClass{
	schemas.OutcomeExpired, schemas.OutcomeCancelled, schemas.OutcomeUnknown, schemas.OutcomeFailed, schemas.OutcomeUndelivered,
}

// Asked is who is to be retried, by their states.
type Asked struct{ states [256]bool }

// Read reads the body {"outcomes": [...], "codes": [...]}: who has any of the outcomes, with any of the codes. Without both, and of an empty
// body, it is who has not got the message and may get it if it is sent again. What is wrong is a *request.FieldError.
func Read(body []byte) (*Asked, error) {
	a, members := new(Asked), map[string]jsontext.Value{}
	if strings.TrimSpace(string(body)) != "" {
		if err := json.Unmarshal(body, &members); err != nil || members == nil {
			return nil, request.Fault("", request.CodeJSON, es.RetryForm)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name != "outcomes" && name != "codes" {
			f := request.Fault(name, request.CodeUnknown, es.FieldUnknown, name)
			f.Hint = es.Say(es.FieldsAre, "outcomes, codes")
			return nil, f
		}
	}
	var asked []schemas.OutcomeClass
	if !list(members["outcomes"], &asked) || slices.ContainsFunc(asked, func(o schemas.OutcomeClass) bool { return !slices.Contains(outcomes, o) }) {
		return nil, request.Fault("outcomes", request.CodeValue, es.RetryOutcomes, names())
	}
	var codes []int
	if !list(members["codes"], &codes) || slices.ContainsFunc(codes, func(c int) bool { return !schemas.HasRow(c) }) {
		return nil, request.Fault("codes", request.CodeValue, es.RetryCodes)
	}
	for i := range a.states {
		state := schemas.RecipientState(i)
		code, coded := state.Code()
		switch {
		case coded && code == schemas.CodeInvalidPhone: // what is no phone never becomes one
		case len(asked) == 0 && len(codes) == 0:
			a.states[i] = state.Retryable()
		default:
			a.states[i] = slices.Contains(outcomes, state.Outcome()) && (len(asked) == 0 || slices.Contains(asked, state.Outcome())) &&
				(len(codes) == 0 || coded && slices.Contains(codes, code))
		}
	}
	return a, nil
}

// list reads a member that is a list, and reports whether it is one, or absent, or null.
func list[T any](text jsontext.Value, into *[]T) bool {
	return text == nil || json.Unmarshal(text, into) == nil
}

func names() string {
	all := make([]string, len(outcomes))
	for i, o := range outcomes {
		all[i] = string(o)
	}
	return strings.Join(all, ", ")
}

// marks are the states as schemas.Retry has them.
func (a *Asked) marks() []byte {
	out := make([]byte, schemas.MarkBytes)
	for i, wanted := range a.states {
		if wanted {
			out[i/8] |= 1 << (i % 8)
		}
	}
	return out
}

// of reports whether those with the state are asked for.
func (a *Asked) of(s schemas.RecipientState) bool { return a.states[s] }
