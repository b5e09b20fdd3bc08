package tasks

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// TestCauseInWords: what keeps a number is said where it is shown, with Meta's code in words where they are known.
func TestCauseInWords(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, time.March, 1, 3, 12, 0, 0, time.UTC).UnixMilli()
	for want, c := range map[string]*schemas.Cause{
		"": nil,
		"El número 1 espera desde 2026-03-01T03:12:00Z: (190) Token vencido o inválido: expired; se prueba cada 30 s": {
			Reason: schemas.Reason_REASON_ACCOUNT, SinceMs: since, Number: "1", Code: 190, Detail: "expired", EverySeconds: 30,
		},
		"El número 1 espera desde 2026-03-01T03:12:00Z: (131042) Problema con el método de pago de la cuenta; se prueba cada 30 s": {
			Reason: schemas.Reason_REASON_ACCOUNT, SinceMs: since, Number: "1", Code: 131042, EverySeconds: 30,
		},
		"El número 1 va más lento desde 2026-03-01T03:12:00Z: (130429) Límite de mensajes por segundo": {
			Reason: schemas.Reason_REASON_THROTTLED, SinceMs: since, Number: "1", Code: 130429,
		},
		"El número 1 sigue enviando, pero está en riesgo desde 2026-03-01T03:12:00Z: WhatsApp advierte: phone_number_quality_update FLAGGED": {
			Reason: schemas.Reason_REASON_AT_RISK, SinceMs: since, Number: "1", Detail: "phone_number_quality_update FLAGGED",
		},
		"A quien falta se le escribió hace poco desde el número 1: WhatsApp admite un mensaje cada 6 s por destinatario": {
			Reason: schemas.Reason_REASON_PAIR, SinceMs: since, Number: "1", EverySeconds: 6,
		},
		"El archivo se sube de nuevo al número 1 desde 2026-03-01T03:12:00Z: su servidor, o WhatsApp, tarda en contestar": {
			Reason: schemas.Reason_REASON_MEDIA, SinceMs: since, Number: "1",
		},
		"El número 1 espera desde 2026-03-01T03:12:00Z: WhatsApp no contesta: HTTP 502; se prueba cada 15 s": {
			Reason: schemas.Reason_REASON_OUTAGE, SinceMs: since, Number: "1", Detail: "HTTP 502", EverySeconds: 15,
		},
		"El número 1 espera desde 2026-03-01T03:12:00Z: revise la configuración: en la dirección de WhatsApp contesta otro servidor, como un portal cautivo, " +
			"un cortafuegos o una dirección equivocada: HTTP 200; se prueba cada 15 s": {
			Reason: schemas.Reason_REASON_CONFIGURATION, SinceMs: since, Number: "1", Detail: "HTTP 200", EverySeconds: 15,
		},
	} {
		t.Run(want, func(t *testing.T) {
			s := &schemas.Status{Phase: schemas.Phase_PHASE_WAITING, Plan: &schemas.TaskOpened{Total: 3}, Cursor: 1, Cause: c}
			now := time.UnixMilli(since)
			if state, why := StateOf(s, now), WhyOf(s, now, es.Spanish); why != want || state != Started {
				t.Errorf("%v %q, want %q", state, why, want)
			}
		})
	}
}
