package fault

import (
	"errors"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/hours"
)

// Window says what is wrong with a window: err is of schemas.Window's Check or UnmarshalJSON. It returns nil for nil.
func Window(err error) *FieldError {
	wrong := func(code string, says es.Code, args ...any) *FieldError { return New("window", code, says, args...) }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, hours.ErrZone):
		return wrong(CodeValue, es.WindowZone)
	case errors.Is(err, hours.ErrSpans):
		return wrong(CodeTooMany, es.WindowSpans, hours.MaxSpans)
	case errors.Is(err, hours.ErrDays):
		return wrong(CodeValue, es.WindowDays)
	case errors.Is(err, hours.ErrTimes):
		return wrong(CodeTime, es.WindowTimes)
	case errors.Is(err, hours.ErrHolidays):
		return wrong(CodeValue, es.WindowHolidays)
	case errors.Is(err, schemas.ErrPreset):
		return wrong(CodeValue, es.WindowForm, schemas.PresetLey2300)
	}
	return wrong(CodeWrongType, es.WindowForm, schemas.PresetLey2300)
}
