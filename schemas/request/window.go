package request

import (
	"bytes"
	"errors"
	"strings"
	"time"

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

// Direct reports whether somebody waits for the broadcast's end: not if asked otherwise, nor if it can't come soon.
func (r *Request) Direct(now time.Time) bool {
	return !r.UseQueue && r.Total <= schemas.InlineRecipients && !r.Begins(now).After(now)
}

// Begins is when the first send may start: at once, at its schedule, or when its window opens then.
func (r *Request) Begins(now time.Time) time.Time {
	if scheduled := time.UnixMilli(r.ScheduleMs); scheduled.After(now) {
		now = scheduled
	}
	if opens, ok := r.Window.Next(now); ok {
		return opens
	}
	return now.Add(schemas.TaskLife) // never: such a request was refused, or is as good as over
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
