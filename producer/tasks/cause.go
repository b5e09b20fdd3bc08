package tasks

import (
	"cmp"
	"fmt"
	"time"

	"altavoz/schemas"
)

// causeWords are the words for a cause whose code no table has.
var causeWords = map[schemas.WaitReason]string{
	schemas.WaitReason_WAIT_REASON_ACCOUNT:   "WhatsApp no acepta envíos suyos",
	schemas.WaitReason_WAIT_REASON_THROTTLED: "WhatsApp pide ir más despacio",
	schemas.WaitReason_WAIT_REASON_PAIR:      "",
	schemas.WaitReason_WAIT_REASON_MEDIA:     "",
	schemas.WaitReason_WAIT_REASON_OUTAGE:    "WhatsApp no contesta",
	schemas.WaitReason_WAIT_REASON_AT_RISK:   "WhatsApp advierte",
	schemas.WaitReason_WAIT_REASON_CONFIGURATION: "revise la configuración: en la dirección de WhatsApp contesta otro servidor, como un portal cautivo, un cortafuegos o " +
		"una dirección equivocada",
}

// waitCodes are the words for codes that end no send, and so have no row among the outcomes.
var waitCodes = map[int]string{
	3: "Falta un permiso", 10: "Falta un permiso", 104: "Falta el token", 190: "Token vencido o inválido",
	4: "Límite de llamadas de la aplicación", 80007: "Límite de llamadas de la cuenta", 80008: "Límite de llamadas de la cuenta",
	130429: "Límite de mensajes por segundo", 131057: "Cuenta en mantenimiento",
}

// whyOf says, to the people who wait for a task, why it waits; nothing if nothing is said.
func whyOf(s *schemas.Status) string { return cmp.Or(s.GetWhy(), wordsOf(s.GetCause())) }

func wordsOf(c *schemas.Cause) string {
	words, known := causeWords[c.GetReason()]
	if !known {
		return ""
	}
	code := int(c.GetCode())
	if said, ok := waitCodes[code]; ok {
		words = said
	}
	if reason, _ := schemas.Failed(code).Reason(); reason.Code == code && code != schemas.CodeOther {
		words = reason.Spanish
	}
	if code != 0 {
		words = fmt.Sprintf("(%d) %s", code, words)
	}
	if d := c.GetDetail(); d != "" {
		words += ": " + d
	}
	since := time.UnixMilli(c.GetSinceMs()).UTC().Format(time.RFC3339)
	switch c.GetReason() {
	case schemas.WaitReason_WAIT_REASON_PAIR:
		return fmt.Sprintf("A quien falta se le escribió hace poco desde el número %s: WhatsApp admite un mensaje cada %d s por destinatario", c.GetNumber(), c.GetEverySeconds())
	case schemas.WaitReason_WAIT_REASON_MEDIA:
		return fmt.Sprintf("El archivo se sube de nuevo al número %s desde %s: su servidor, o WhatsApp, tarda en contestar", c.GetNumber(), since)
	case schemas.WaitReason_WAIT_REASON_THROTTLED:
		return fmt.Sprintf("El número %s va más lento desde %s: %s", c.GetNumber(), since, words)
	case schemas.WaitReason_WAIT_REASON_AT_RISK:
		return fmt.Sprintf("El número %s sigue enviando, pero está en riesgo desde %s: %s", c.GetNumber(), since, words)
	case schemas.WaitReason_WAIT_REASON_NONE, schemas.WaitReason_WAIT_REASON_ACCOUNT, schemas.WaitReason_WAIT_REASON_OUTAGE, schemas.WaitReason_WAIT_REASON_CONFIGURATION:
	}
	return fmt.Sprintf("El número %s espera desde %s: %s; se prueba cada %d s", c.GetNumber(), since, words, c.GetEverySeconds())
}
