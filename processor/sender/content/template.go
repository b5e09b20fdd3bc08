package content

import (
	"errors"
	"fmt"

	"altavoz/schemas"
	"altavoz/schemas/personal"
)

// Template is the message of a task whose recipients have something of their own, up to that. It may be used by several at a time.
type Template struct {
	content  *schemas.Content
	renderer Renderer
}

// errNoTemplate is the error of a send that has something of its own, in a task whose other sends say that nobody has.
var errNoTemplate = fmt.Errorf("%w: the task's sends do not agree whether recipients have something of their own", schemas.ErrContent)

// For returns the message of one recipient of a task: p is what it has of its own, nil if the task's recipients have nothing. An error means
// that it can't be sent: a *personal.FaultError, or the renderer's.
func For(m schemas.Message, p *schemas.Personal) (schemas.Message, error) {
	t, ok := m.(*Template)
	switch {
	case ok:
		return t.render(p)
	case p != nil: //mutant:own-values-are-never-left-out
		return nil, errNoTemplate
	}
	return m, nil
}

// Refusal is the reply to a call that is not made, since For has no message for its recipient.
func Refusal(err error) schemas.Reply {
	r := schemas.Reply{Verdict: schemas.VerdictContent, Code: schemas.CodePersonal}
	fault, refused := new(personal.FaultError), new(schemas.ContentError)
	switch {
	case errors.As(err, &fault):
		r.Code, r.Detail = fault.Code, fault.Error()
	case errors.As(err, &refused):
		r.Detail = refused.Why.Spanish()
	}
	return r
}

func (t *Template) render(p *schemas.Personal) (schemas.Message, error) {
	c, err := personal.Of(t.content, p) //mutant:each-send-has-its-own-text
	if err != nil {
		return nil, fmt.Errorf("making a recipient's message: %w", err)
	}
	m, err := t.renderer.Prepare(c)
	if err != nil {
		return nil, fmt.Errorf("rendering a recipient's message: %w", err)
	}
	return m, nil
}
