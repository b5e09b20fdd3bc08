package request

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/hours"
)

// maxWindow is the most bytes of a window in JSON: hours.MaxSpans of every day are half of it.
const maxWindow = 8 << 10

// WindowFault says what is wrong with a window: err is of schemas.Window's Check or UnmarshalJSON. It returns nil for nil.
func WindowFault(err error) *FieldError {
	fault := func(code, spanish string) *FieldError {
		return &FieldError{Field: "window", Code: code, Spanish: "El campo 'window' " + spanish}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, hours.ErrZone):
		return fault(CodeValue, "debe decir en 'timezone' el nombre IANA de una zona horaria, como America/Bogota")
	case errors.Is(err, hours.ErrSpans):
		return fault(CodeTooMany, fmt.Sprintf("debe tener en 'hours' entre 1 y %d horarios", hours.MaxSpans))
	case errors.Is(err, hours.ErrDays):
		return fault(CodeValue, "debe tener en 'days' una lista de días (mon, tue, wed, thu, fri, sat, sun) o de tramos como mon-fri")
	case errors.Is(err, hours.ErrTimes):
		return fault(CodeTime, "debe decir en 'from' y 'to' horas HH:MM del mismo día, de 00:00 a 24:00, y 'from' antes que 'to'")
	case errors.Is(err, hours.ErrHolidays):
		return fault(CodeValue, "sólo conoce en 'holidays' los festivos de CO")
	}
	code := CodeWrongType
	if errors.Is(err, schemas.ErrPreset) {
		code = CodeValue
	}
	return fault(code, `debe ser el nombre de un horario, "`+schemas.PresetLey2300+`", o un objeto como `+
		`{"timezone":"America/Bogota","hours":[{"days":["mon-fri"],"from":"07:00","to":"19:00"}],"holidays":"CO"}`)
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
	if fault := WindowFault(err); fault != nil {
		r.refuse(fault.Field, fault.Code, fault.Spanish)
	}
	return nil
}
