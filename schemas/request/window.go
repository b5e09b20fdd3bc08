package request

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/hours"
)

// maxWindow is the most bytes of a window in JSON: hours.MaxSpans of every day are half of it.
const maxWindow = 8 << 10

// WindowFault says what is wrong with a window: err is of schemas.Window's Check or UnmarshalJSON. It returns nil for nil.
func WindowFault(err error) *FieldError {
	fault := func(code string, says es.Code, args ...any) *FieldError { return Fault("window", code, says, args...) }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, hours.ErrZone):
		return fault(CodeValue, es.WindowZone)
	case errors.Is(err, hours.ErrSpans):
		return fault(CodeTooMany, es.WindowSpans, hours.MaxSpans)
	case errors.Is(err, hours.ErrDays):
		return fault(CodeValue, es.WindowDays)
	case errors.Is(err, hours.ErrTimes):
		return fault(CodeTime, es.WindowTimes)
	case errors.Is(err, hours.ErrHolidays):
		return fault(CodeValue, es.WindowHolidays)
	case errors.Is(err, schemas.ErrPreset):
		return fault(CodeValue, es.WindowForm, schemas.PresetLey2300)
	}
	return fault(CodeWrongType, es.WindowForm, schemas.PresetLey2300)
}

// window reads when sends may start.
func (r *reader) window() error {
	var text bytes.Buffer
	enc := jsontext.NewEncoder(&text)
	err := r.tokens(func(tok jsontext.Token) error {
		if text.Len() > maxWindow { // it is read to its end and refused
			return nil
		}
		return enc.WriteToken(tok)
	})
	if value := strings.TrimSpace(text.String()); err != nil || value == "null" || value == `""` {
		return err
	}
	r.req.Window = &schemas.Window{}
	err = hours.ErrForm
	if text.Len() <= maxWindow {
		err = r.req.Window.UnmarshalJSON(bytes.TrimSpace(text.Bytes()))
	}
	if fault := WindowFault(err); fault != nil && !r.isBad(fault.Field) {
		r.bad[fault.Field] = fault
	}
	return nil
}
