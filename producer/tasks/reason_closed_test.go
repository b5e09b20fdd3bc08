package tasks

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// TestEveryReasonIsSaidInBothLanguages: the enum is closed, and each of its reasons has words, whatever else the cause says; of one that
// only a newer version knows nothing is said.
func TestEveryReasonIsSaidInBothLanguages(t *testing.T) {
	t.Parallel()
	for n, name := range schemas.Reason_name {
		for _, c := range []*schemas.Cause{
			{Reason: schemas.Reason(n)},
			{Reason: schemas.Reason(n), Number: "1", Code: 131047, Detail: "x", SinceMs: 1, EverySeconds: 30, UntilMs: 1, Timezone: "America/Bogota"},
			{Reason: schemas.Reason(n), Code: 9_999_999, Timezone: "Nowhere/Land", UntilMs: 1},
			{Reason: schemas.Reason(n), Sentence: "of_a_newer_version", Args: []string{"x"}},
		} {
			spanish, english := causeIn(c, es.Spanish), causeIn(c, es.English)
			if none := schemas.Reason(n) == schemas.Reason_REASON_NONE; (spanish == "") != none || (english == "") != none || !none && spanish == english {
				t.Errorf("%s: %q and %q", name, spanish, english)
			}
		}
	}
	if words := causeIn(&schemas.Cause{Reason: 9999}, es.Spanish); words != "" {
		t.Errorf("a newer reason: %q, want %q", words, "")
	}
}

// TestWordsOfEarlierVersionsAreShown: in Spanish as they are; in English what they mean, where that is known.
func TestWordsOfEarlierVersionsAreShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		phase            schemas.Phase
		why              string
		spanish, english string
	}{
		{schemas.Phase_PHASE_PAUSED, "En pausa por solicitud", "En pausa por solicitud", "Paused on request"},
		{
			schemas.Phase_PHASE_WAITING, "Fuera del horario de envío; abre 2026-03-02 07:00 (America/Bogota)", "Fuera del horario de envío; abre 2026-03-02 07:00 (America/Bogota)",
			"Outside its sending hours; they begin 2026-03-02 07:00 (America/Bogota)",
		},
		{schemas.Phase_PHASE_FAILED, "El número emisor 9 no está configurado", "El número emisor 9 no está configurado", "Sender number 9 is not configured"},
		{schemas.Phase_PHASE_FAILED, "La imagen no existe (404)", "La imagen no existe (404)", "La imagen no existe (404)"},
	} {
		t.Run(c.english, func(t *testing.T) {
			s := &schemas.Status{Phase: c.phase, Why: c.why, Plan: &schemas.TaskOpened{Total: 3}, Cursor: 1}
			now := time.UnixMilli(1)
			if spanish, english := WhyOf(s, now, es.Spanish), WhyOf(s, now, es.English); spanish != c.spanish || english != c.english {
				t.Errorf("%q: %q and %q, want %q and %q", c.why, spanish, english, c.spanish, c.english)
			}
		})
	}
}

// TestALineThatSaysNothingForItselfIsWhatEndedItsTask: a task that failed, or was stopped, is why its recipients got nothing.
func TestALineThatSaysNothingForItselfIsWhatEndedItsTask(t *testing.T) {
	t.Parallel()
	failed, cancelled := uint32(schemas.Failed(schemas.CodeContent)), uint32(schemas.StateCancelled)
	s := &schemas.Status{
		Plan: &schemas.TaskOpened{Total: 2}, FinishedMs: 1, Phase: schemas.Phase_PHASE_FAILED,
		Cause: schemas.Because(schemas.Reason_REASON_SENDER, es.Say(es.SenderUnknown, "9")).Cause(),
	}
	for _, c := range []struct {
		line *schemas.ErrorLine
		want string
	}{
		{&schemas.ErrorLine{Phone: "1", Mark: failed}, "Error para 1: El número emisor 9 no está configurado"},
		{&schemas.ErrorLine{Mark: failed}, "Error para el destinatario 1: El número emisor 9 no está configurado"},
		{&schemas.ErrorLine{Phone: "1", Mark: cancelled}, "Error para 1: Cancelado antes de enviarse"},
		{&schemas.ErrorLine{Phone: "1", Mark: failed, Reason: "x"}, "Error para 1: x"},
	} {
		t.Run(c.want, func(t *testing.T) {
			s.Errors = []*schemas.ErrorLine{c.line}
			if got := ResultOf(s).Errors[0]; got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	s.Phase, s.Cause = schemas.Phase_PHASE_STOPPED, &schemas.Cause{Reason: schemas.Reason_REASON_REFUSED, Code: 131009}
	s.Errors = []*schemas.ErrorLine{{Phone: "1", Mark: cancelled}}
	if got := ResultOf(s).Errors[0]; got != "Error para 1: (131009) Valor de parámetro inválido" {
		t.Errorf("got %q, want the code and sentence of the line", got)
	}
}
