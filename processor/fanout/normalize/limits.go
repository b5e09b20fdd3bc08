package normalize

import (
	"fmt"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/blob"
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

// What a person reads of a broadcast that can't be carried out.
const (
	WhyWindow   = "El horario de envío no es válido"
	WhySchedule = "La fecha programada supera el máximo de 13 días"
	WhyList     = "La lista de destinatarios está vacía o incompleta"
	WhyForeign  = "La lista de destinatarios o el archivo es de otro envío"
	whyTooMany  = "La lista de destinatarios supera el máximo de %d"
	WhyContent  = "El envío no tiene mensaje"
	whyLong     = "El mensaje es demasiado largo"
	WhyUnknown  = "El número emisor %s no está configurado"
)

// Fault returns why a broadcast that was accepted at that time can't be carried out, if so, and whether the record is to blame or our
// configuration: whether its number is known, and how many recipients a broadcast may have.
func Fault(task schemas.TaskID, b *schemas.Broadcast, accepted int64, known bool, most uint32) (why string, invalid bool) {
	slices, total := len(b.GetSlices().GetOffsetDeltas()), int(b.GetTotal())
	switch {
	case b.GetSender() == "":
		return WhyNoSender, false
	case !known:
		return fmt.Sprintf(WhyUnknown, b.GetSender()), false
	case b.GetTotal() > most:
		return fmt.Sprintf(whyTooMany, most), true
	case b.GetContent() == nil:
		return WhyContent, true
	case ContentBytes(b.GetContent()) > MaxContent:
		return whyLong, true
	case total == 0, b.GetSlices() != nil && len(b.GetPhones()) > 0, b.GetSlices() != nil && (total+schemas.SliceRecipients-1)/schemas.SliceRecipients != slices:
		return WhyList, true
	case !blob.Names(b.GetSlices(), task, b.GetSender()) || !blob.Names(b.GetContent().GetMedia().GetParts(), task, b.GetSender()):
		return WhyForeign, true
	case b.GetScheduleMs() > accepted+schemas.TaskLife.Milliseconds():
		return WhySchedule, true
	}
	if _, ok := b.GetWindow().Next(time.UnixMilli(accepted)); !ok {
		return WhyWindow, true
	}
	return "", false
}

// ContentFault holds the content to the rules that a request is held to: nobody can see of a record who wrote it. A task that has begun goes
// on by the rules of its time.
func ContentFault(b *schemas.Broadcast) (why string, invalid bool) {
	if faults := request.ContentFaults(b.GetContent(), b.GetLiteral()); len(faults) > 0 {
		return faults[0].Spanish, true
	}
	return "", false
}

// Reason is that of a recipient who gets no send: of what is no phone, what is wrong with it.
func Reason(mark schemas.RecipientState, text, region string) string {
	if _, err := schemas.ParsePhone(text, region); mark == schemas.Failed(schemas.CodeInvalidPhone) && err != nil {
		return err.Error()
	}
	return mark.Spanish()
}
