package request

import (
	"time"

	"altavoz/schemas"
	"altavoz/schemas/hours"
	"altavoz/schemas/request/fault"
)

// maxWindow is the most bytes of a window in JSON: hours.MaxSpans of every day are half of it.
const maxWindow = 8 << 10

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
	text, err := r.raw(maxWindow)
	if value := string(text); err != nil || value == "null" || value == `""` {
		return err
	}
	r.req.Window = &schemas.Window{}
	err = hours.ErrForm
	if len(text) <= maxWindow {
		err = r.req.Window.UnmarshalJSON(text)
	}
	if f := fault.Window(err); f != nil && !r.isBad(f.Field) {
		r.bad[f.Field] = f
	}
	return nil
}
