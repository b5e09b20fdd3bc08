package sender

import (
	"fmt"
	"time"

	"altavoz/schemas"
)

// why says, to the people who wait for the number's tasks, what keeps them; nothing if nothing does.
func (n *number) why(now time.Time) string {
	for f, other := range [faultKinds]string{"WhatsApp no acepta envíos suyos", "WhatsApp no contesta"} {
		since, open := n.breakers[f].Open()
		if n.breakers[f].Foreign() {
			other = "Revise la configuración: en la dirección de WhatsApp contesta otro servidor"
		} else if faults(f) == faultOutage && now.Sub(since) < noteAfter {
			open = false // a moment explains nothing
		}
		if open {
			return fmt.Sprintf("El número %s espera desde %s: %s; se prueba cada %d s", n.label(), since.UTC().Format(time.RFC3339),
				reasonOf(&n.said[f], other), int(n.breakers[f].Every().Seconds()))
		}
	}
	if since, slowed := n.pacer.Slowed(); slowed && now.Sub(since) >= noteAfter {
		return fmt.Sprintf("El número %s va más lento desde %s: %s", n.label(), since.UTC().Format(time.RFC3339), n.slow)
	}
	return ""
}

// label is what people call it.
func (n *number) label() string {
	if n.Name == "" {
		return n.id
	}
	return n.Name + " (" + n.id + ")"
}

// noteAll tells the tasks of a number that they wait, or that they don't any more.
func (st *Stage) noteAll(n *number, now time.Time) {
	why := n.why(now)
	for t := range n.tasks {
		st.noteTask(t, why, now)
	}
}

// noteTask tells a task why its number keeps it waiting, at most once a minute; or, if that does not, that its window does,
// once, because nothing about that changes until it opens.
func (st *Stage) noteTask(t *task, why string, now time.Time) {
	shut := t.waits(now)
	switch {
	case why != "":
		if t.sends > 0 && (t.noted.IsZero() || now.Sub(t.noted) >= noteEvery) {
			t.noted, t.told = now, ""
			st.note(t, schemas.Phase_PHASE_WAITING, why, now)
		}
	case shut != "":
		if shut != t.told {
			t.noted, t.told = now, shut
			st.note(t, schemas.Phase_PHASE_WAITING, shut, now)
		}
	case !t.noted.IsZero():
		st.takeBack(t, now)
	}
}

// takeBack says that a task goes on which was said to wait, also when its last send here is gone: others may go on with it.
func (st *Stage) takeBack(t *task, now time.Time) {
	t.noted, t.told, t.said = time.Time{}, "", now
	st.note(t, schemas.Phase_PHASE_RUNNING, "", now)
	if t.sends == 0 {
		delete(t.number.tasks, t)
	}
}

// goesOn takes back what an earlier owner of the partition may have said of the task: a send that had waited long enough
// for it to be told went out here.
func (st *Stage) goesOn(e *send, now time.Time) {
	if t := e.task; t.noted.IsZero() && !e.at.IsZero() && e.on.since.Sub(e.at) >= noteAfter && t.said.Before(e.on.since) {
		t.said = now
		st.note(t, schemas.Phase_PHASE_RUNNING, "", now)
	}
}

// reasonOf is what the code of an answer means, or the other words if no table has it, and Meta's details.
func reasonOf(r *schemas.Reply, other string) string {
	if known, ok := waits[r.Code]; ok {
		other = known
	}
	words := other
	if r.Code != 0 {
		words = fmt.Sprintf("(%d) %s", r.Code, other)
	}
	if reason, _ := schemas.Failed(r.Code).Reason(); reason.Code == r.Code && r.Code != schemas.CodeOther {
		words = fmt.Sprintf("(%d) %s", r.Code, reason.Spanish)
	}
	if r.Detail != "" {
		words += ": " + r.Detail
	}
	return words
}

// waits are the words for codes that end no send, and so have no row among the outcomes.
var waits = map[int]string{
	3: "Falta un permiso", 10: "Falta un permiso", 104: "Falta el token", 190: "Token vencido o inválido",
	4: "Límite de llamadas de la aplicación", 80007: "Límite de llamadas de la cuenta", 80008: "Límite de llamadas de la cuenta",
	130429: "Límite de mensajes por segundo", 131057: "Cuenta en mantenimiento",
}
