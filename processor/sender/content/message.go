package content

import (
	"time"

	"altavoz/schemas"
)

// Message is the message of a task.
type Message struct {
	task   schemas.TaskID
	sender string
	ref    *schemas.BlobRef
	source *schemas.Content // until it is rendered; kept if it has a file, whose media id may have to be renewed
	own    bool             // its recipients have something of their own: it is rendered as a *Template

	rendered schemas.Message // nil: not there yet
	version  int
	failed   string // why it can't be sent

	stale      bool      // Meta does not know the media id any more
	staleSince time.Time // of a stale one
	loading    bool
	tries      int // that failed
}

// New returns a message that is not rendered. Own: its recipients have something of their own.
func New(task schemas.TaskID, sender string, ref *schemas.BlobRef, c *schemas.Content, own bool) Message {
	return Message{task: task, sender: sender, ref: ref, source: c, own: own}
}

// Rendered is the message and its version; nil if it is not there.
func (m *Message) Rendered() (schemas.Message, int) { return m.rendered, m.version }

// Failed is why the message can't be sent; empty if nothing is known against it.
func (m *Message) Failed() string { return m.failed }

// Fail sets why it can't be sent.
func (m *Message) Fail(why string) { m.failed = why }

// HasFile reports whether it has a file whose media id can be renewed.
func (m *Message) HasFile() bool { return m.source.GetMedia() != nil }

// Expire drops a version whose media id Meta does not know. If there is a newer one, or one is being made, nothing changes.
func (m *Message) Expire(version int, now time.Time) {
	if m.version == version && m.rendered != nil {
		m.rendered, m.stale, m.staleSince = nil, true, now
	}
}

// Renewing reports since when its file is renewed.
func (m *Message) Renewing() (since time.Time, yes bool) { return m.staleSince, m.stale }
