package normalize

import (
	"errors"
	"slices"
	"time"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/content"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/request"
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

// ContentBytes is how large a message is, without recipients' own files.
func ContentBytes(c *schemas.Content) (n int) {
	m := c.GetMedia()
	for _, text := range []string{
		c.GetBody(), c.GetFooter(), c.GetButtonText(), c.GetButtonUrl(), c.GetHeaderText(), c.GetCategory(),
		m.GetUrl(), m.GetMimeType(), m.GetFilename(), m.GetLink(), m.GetMediaId(),
	} {
		n += len(text)
	}
	for _, name := range c.GetVariables() {
		n += len(name)
	}
	return n + c.GetShape().Bytes() + c.GetTemplate().Bytes()
}

// maxFile is how large what is said of one of recipients' own files may be: a URL, a name. All of them still fit into a record.
const maxFile = 8 << 10

// maxShown is how much of what is no phone is told, in bytes.
const maxShown = 160

// Shown is as much of a text as is told of it.
func Shown(text string) string {
	for len(text) > maxShown {
		text = string([]rune(text)[:len([]rune(text))*maxShown/len(text)])
	}
	return text
}

// Foreign explains that a list or a file is another task's.
var Foreign = schemas.Because(schemas.Reason_REASON_FOREIGN, es.Say(es.NotItsOwn))

func invalid(code es.Code, args ...any) schemas.Explanation {
	return schemas.Because(schemas.Reason_REASON_INVALID, es.Say(code, args...))
}

// RefusedBefore is why a task fails whose record was refused when it was first read.
var RefusedBefore = invalid(es.EventRefused)

// IsRefusal reports whether the record itself is wrong.
func IsRefusal(err error) bool {
	_, ok := errors.AsType[*request.FieldError](err)
	return ok
}

// Explain says of a task that what is wrong with its request ended it.
func Explain(f *request.FieldError) schemas.Explanation {
	reason := schemas.Reason_REASON_INVALID
	if f.Field == "sender" {
		reason = schemas.Reason_REASON_SENDER
	}
	return schemas.Because(reason, f.Says)
}

// Fault returns why a broadcast that was accepted at that time can't be carried out, if so, and whether the record is to blame or our
// configuration: whether its number is known, and how many recipients a broadcast may have.
func Fault(task schemas.TaskID, b *schemas.Broadcast, accepted int64, known bool, most uint32) (why schemas.Explanation, theirs bool) {
	named := len(b.GetSlices().GetOffsetDeltas())
	switch {
	case !schemas.ValidSliceSize(b.GetSliceRecipients()) || !schemas.ValidSliceSize(b.GetRetry().GetSliceRecipients()): //mutant:slices-have-a-known-size
		return invalid(es.ListIncomplete), true
	case b.GetSender() == "":
		return schemas.Because(schemas.Reason_REASON_SENDER, es.Say(es.SenderMissing)), false
	case !known:
		return schemas.Because(schemas.Reason_REASON_SENDER, es.Say(es.SenderUnknown, b.GetSender())), false
	case b.GetTotal() > most:
		return invalid(es.ListTooLong, most), true
	case b.GetContent() == nil:
		return invalid(es.NoMessage), true
	case ContentBytes(b.GetContent()) > MaxContent:
		return invalid(es.MessageTooLong), true
	case b.GetTotal() == 0, b.GetSlices() != nil && len(b.GetPhones()) > 0, b.GetSlices() != nil && schemas.SlicesOf(b.GetTotal(), b.SliceSize()) != named, !places(b), !personals(b):
		return invalid(es.ListIncomplete), true
	case !itsOwn(b, task):
		return Foreign, true
	case !schemas.ValidReference(b.GetReference()):
		return invalid(es.ReferenceForm, schemas.MaxReference), true
	case b.GetCallbackUrl() != "" && request.CallbackFault(b.GetCallbackUrl()) != nil:
		return schemas.Because(schemas.Reason_REASON_INVALID, request.CallbackFault(b.GetCallbackUrl()).Says), true
	case b.GetScheduleMs() > accepted+schemas.TaskLife.Milliseconds():
		return invalid(es.ScheduleTooFar), true
	}
	if _, ok := b.GetWindow().Next(time.UnixMilli(accepted)); !ok {
		return invalid(es.WindowNotValid), true
	}
	return schemas.Explanation{}, false
}

// personals reports whether what recipients have of their own stands beside them, and is no more than a broadcast may carry.
func personals(b *schemas.Broadcast) bool {
	n := len(b.GetPersonal())
	return n == 0 || b.GetSlices() == nil && n == len(b.GetPhones()) && n <= schemas.PersonalSliceRecipients
}

// itsOwn reports whether what a broadcast points at says that it is the task's and its number's.
func itsOwn(b *schemas.Broadcast, task schemas.TaskID) bool {
	refs := []*schemas.BlobRef{b.GetSlices(), b.GetRetry().GetList()}
	for _, m := range b.GetContent().AllFiles() {
		refs = append(refs, m.GetParts())
	}
	return !slices.ContainsFunc(refs, func(ref *schemas.BlobRef) bool { return !blob.Names(ref, task, b.GetSender()) })
}

// places reports whether a broadcast that names the list of another one has places in it, and that list is whole, and no longer than one may be.
func places(b *schemas.Broadcast) bool {
	of, total := b.GetRetry().GetList(), b.GetRetry().GetTotal()
	return total <= schemas.MaxRecipients && (of == nil || b.GetSlices() != nil && schemas.SlicesOf(total, b.GetRetry().SliceSize()) == len(of.GetOffsetDeltas()))
}

// ContentFault holds the content to the rules that a request is held to: nobody can see of a record who wrote it. A task that has begun goes
// on by the rules of its time.
func ContentFault(b *schemas.Broadcast) (why schemas.Explanation, theirs bool) {
	if fault := contentFault(b); fault != nil {
		return Explain(fault), true
	}
	return schemas.Explanation{}, false
}

// contentFault returns the first thing that is wrong with a content; nil: nothing is. Of one that recipients have something for, that is what
// all of them have.
func contentFault(b *schemas.Broadcast) *request.FieldError {
	c := b.GetContent()
	if len(c.GetFiles()) > schemas.MaxFiles || len(c.GetVariables()) > personal.MaxVariables || slices.ContainsFunc(c.GetVariables(), func(name string) bool { return !personal.ValidName(name) }) {
		return request.Fault("", request.CodeValue, es.MessageTooLong)
	}
	if b.IsPersonal() {
		c = personal.Sample(c)
	}
	faults := content.Faults(c, b.GetLiteral())
	for _, m := range b.GetContent().GetFiles() {
		if ContentBytes(&schemas.Content{Media: m}) > maxFile {
			return request.Fault("header_content", request.CodeTooLong, es.MessageTooLong)
		}
		faults = append(faults, content.Faults(&schemas.Content{Body: "x", Header: m.GetKind(), Media: m}, b.GetLiteral())...)
	}
	if len(faults) == 0 {
		return nil
	}
	return faults[0]
}

// Reason is that of a recipient who gets no send: of what is no phone, what is wrong with it.
func Reason(mark schemas.RecipientState, text, region string) string {
	if _, err := schemas.ParsePhone(text, region); mark == schemas.Failed(schemas.CodeInvalidPhone) && err != nil {
		return err.Error()
	}
	return mark.Spanish()
}
