package content

import (
	"time"

	"altavoz/schemas"
	"altavoz/schemas/personal"
	"altavoz/schemas/standing"
)

// Message is the message of a task.
type Message struct {
	task   schemas.TaskID
	sender string
	ref    *schemas.BlobRef
	source *schemas.Content // until it is rendered; kept if it has a file, whose media id may have to be renewed
	// template is what it uses, where that is known; nil: nothing.
	template *schemas.Template
	own      bool // its recipients have something of their own: it is rendered as a *Template

	prompted bool            // once it is rendered: whether it reaches only who wrote
	answers  bool            // once it is rendered: whether all may answer with a tap
	rendered schemas.Message // nil: not there yet
	version  int
	failed   string // why it can't be sent

	stale      bool           // Meta does not know a media id any more
	staleFile  uint32         // which: that of a recipient's own file, from 1; 0: of the file that all have
	staleSince time.Time      // of a stale one
	renewedAt  map[uint32]int // of files that were renewed: the version that had them first
	loading    bool
	tries      int // that failed
}

// New returns a message that is not rendered. Own: its recipients have something of their own.
func New(task schemas.TaskID, sender string, ref *schemas.BlobRef, c *schemas.Content, own bool) Message {
	return Message{task: task, sender: sender, ref: ref, source: c, own: own}
}

// Rendered is the message and its version; nil if it is not there.
func (m *Message) Rendered() (schemas.Message, int) { return m.rendered, m.version }

// Answerable reports whether a recipient may answer it with a tap; p is what it has of its own. Of one that was never rendered it is not known.
func (m *Message) Answerable(p *schemas.Personal) bool {
	return m.answers || p.GetOwn().GetShape() != nil //mutant:own-buttons-are-answered
}

// Unprompted reports whether it may reach who did not write: it has a template, or goes by Direct Send.
func (m *Message) Unprompted() bool { return !m.prompted }

// Template names the template that it uses; "": none, or it is not there yet.
func (m *Message) Template() string { return standing.TemplateKey(m.template) }

// Uses is that template.
func (m *Message) Uses() *schemas.Template { return m.template }

// Verdict is what an answer to a call with the message means: of one that uses no template nobody tells when its pause is over.
func (m *Message) Verdict(v schemas.Verdict) schemas.Verdict {
	if v == schemas.VerdictTemplate && m.template == nil { //mutant:a-pause-without-a-template-is-waited-for-by-nobody
		return schemas.VerdictContent
	}
	return v
}

// Failed is why the message can't be sent; empty if nothing is known against it.
func (m *Message) Failed() string { return m.failed }

// Fail sets why it can't be sent.
func (m *Message) Fail(why string) { m.failed = why }

// file returns one of a content's files, and the header that it is for.
func file(c *schemas.Content, number uint32) (schemas.HeaderKind, *schemas.MediaRef) {
	if number > 0 {
		m := c.GetFiles()[number-1]
		return m.GetKind(), m
	}
	return c.GetHeader(), c.GetMedia()
}

// HasFile reports whether it has a file whose media id can be renewed.
func (m *Message) HasFile() bool { return len(m.source.AllFiles()) > 0 }

// Expire drops a version of which Meta does not know a media id: that which p, what a recipient has of its own, names, or that of all. If it was
// renewed since, or is being, nothing changes. It reports whether that is so; if not, another file is renewed now.
func (m *Message) Expire(version int, p *schemas.Personal, now time.Time) bool {
	number := personal.FileOf(p)
	if number > uint32(len(m.source.GetFiles())) { // none: no message was made with it
		number = 0
	}
	if m.stale {
		return m.staleFile == number
	}
	if m.rendered != nil && m.renewedAt[number] <= version {
		m.rendered, m.stale, m.staleFile, m.staleSince = nil, true, number, now
	}
	return true
}

// Renewing reports since when its file is renewed.
func (m *Message) Renewing() (since time.Time, yes bool) { return m.staleSince, m.stale }
