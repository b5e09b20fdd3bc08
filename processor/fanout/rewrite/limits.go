package rewrite

import (
	"time"

	"altavoz/schemas"
)

// clockSkew is how far in the future a broadcast may claim to have been accepted.
const clockSkew = time.Minute

// AcceptedAt is when a broadcast was accepted, as far as that can be believed: a task's life is measured from it.
func AcceptedAt(ms int64, written, now time.Time) int64 {
	if ms <= 0 {
		ms = written.UnixMilli()
	}
	if ms <= 0 || ms > now.Add(clockSkew).UnixMilli() {
		ms = now.UnixMilli()
	}
	return ms
}

// MaxContent is how large a message may be that did not come through the ingress, in bytes: several times what WhatsApp
// takes, which it says itself, and small enough for every record that carries it.
const MaxContent = 64 << 10

// ContentBytes is how large a message is.
func ContentBytes(c *schemas.Content) (n int) {
	m := c.GetMedia()
	for _, text := range []string{
		c.GetBody(), c.GetFooter(), c.GetButtonText(), c.GetButtonUrl(), c.GetHeaderText(), c.GetCategory(),
		m.GetUrl(), m.GetMimeType(), m.GetFilename(), m.GetLink(), m.GetMediaId(),
	} {
		n += len(text)
	}
	return n
}

// maxShown is how much of what is no phone is told, in bytes.
const maxShown = 160

// Shown is as much of a text as is told of it.
func Shown(text string) string {
	for len(text) > maxShown {
		text = string([]rune(text)[:len([]rune(text))*maxShown/len(text)])
	}
	return text
}

// ContentFault holds the content to the rules that a request is held to: nobody can see of a record who wrote it. A task that has begun goes
// on by the rules of its time.
func ContentFault(b *schemas.Broadcast) (why string, invalid bool) {
	if faults := b.GetContent().Faults(b.GetLiteral()); len(faults) > 0 {
		return faults[0].Spanish, true
	}
	return "", false
}

// Reason is that of a recipient who gets no send: of what is no phone, what is wrong with it.
func Reason(mark schemas.Mark, text, region string) string {
	if _, err := schemas.ParsePhone(text, region); mark == schemas.Failed(schemas.CodeInvalidPhone) && err != nil {
		return err.Error()
	}
	return mark.Spanish()
}
