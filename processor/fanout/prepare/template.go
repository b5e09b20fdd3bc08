package prepare

import (
	"context"
	"time"

	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

// maxChecks is how many templates a partition asks for at a time. They have places of their own: Meta may be silent for some seconds, and reads of tasks that
// have no template, or whose template was checked, would wait for it.
const maxChecks = 64

// Templates knows the message templates of the accounts of sender numbers.
type Templates interface {
	// Judge returns what the template of a content is billed as, Meta's word, and why no message that uses it so can be sent; nothing where it can, now or
	// later, or nobody knows whose the number is. An error says that it could not be found out.
	Judge(ctx context.Context, sender string, c *schemas.Content) (category string, why es.Sentence, err error)
}

// checkTemplate holds a task's template to that of its account, once, before anybody is written to, unless whoever accepted the broadcast has: then the
// content says its category. What can't be found out stops nothing: the first recipients tell.
func (p *Preparer) checkTemplate(t *task.Task) bool {
	c := t.Body.GetContent()
	if p.cfg.Templates == nil || t.TemplateChecked || c.GetTemplate() == nil || c.GetTemplate().GetCategory() != "" {
		return true
	}
	t.BecomePreparing()
	p.unchecked = append(p.unchecked, t)
	p.nextChecks()
	return false
}

// nextChecks begins what there is a place for.
func (p *Preparer) nextChecks() {
	for p.checks < maxChecks && len(p.unchecked) > 0 { //mutant:templates-are-asked-for-so-many-at-a-time
		t := p.unchecked[0]
		p.unchecked = p.unchecked[1:]
		switch {
		case t.State() != task.Preparing: // it was closed meanwhile
		case t.Body == nil: // evicted: it comes back
			t.BecomePrepared()
			p.cfg.Owner.Evaluate(t, time.Now())
		default:
			p.check(t)
		}
	}
}

func (p *Preparer) check(t *task.Task) {
	var (
		sender   = t.Sender
		content  = t.Body.GetContent()
		category string
		why      es.Sentence
		unknown  error
	)
	p.checks++
	p.cfg.Engine.Background(func(ctx context.Context) error {
		category, why, unknown = p.cfg.Templates.Judge(ctx, sender, content)
		return nil
	}, never, func(error) {
		p.checks--
		p.nextChecks()
		if !t.BecomePrepared() {
			return
		}
		t.TemplateChecked, t.Category = true, category
		if unknown != nil {
			p.cfg.Logger.Warn("the template of a broadcast was not checked: its first recipients will show whether it fits", "task", t.ID.String(), "error", unknown)
		}
		if !why.None() { //mutant:a-template-that-does-not-fit-ends-its-task
			p.cfg.Owner.Fail(t, schemas.Because(schemas.Reason_REASON_CONTENT, why), time.Now())
			return
		}
		p.cfg.Owner.Evaluate(t, time.Now())
	})
}

// withCategory has a content, which is the task's own copy, say what its template is billed as.
func withCategory(c *schemas.Content, category string) *schemas.Content {
	if category != "" {
		c.Template.Category = category
	}
	return c
}
