package sender

import (
	"fmt"
	"time"

	"altavoz/schemas"
)

// why says, to the people who wait for the number's tasks, what keeps them; nothing if nothing does.
func (n *number) why(now time.Time) string {
	if n.stopped != nil {
		return n.stopped.why
	}
	if since, slowed := n.pacer.slowed(); slowed && now.Sub(since) >= noteAfter {
		return fmt.Sprintf("Más lento desde %s: %s", since.UTC().Format(time.RFC3339), n.slow)
	}
	return ""
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
		if t.noted.IsZero() || now.Sub(t.noted) >= noteEvery {
			t.noted, t.told = now, ""
			st.note(t, schemas.Phase_PHASE_WAITING, why, now)
		}
	case shut != "":
		if shut != t.told {
			t.noted, t.told = now, shut
			st.note(t, schemas.Phase_PHASE_WAITING, shut, now)
		}
	case !t.noted.IsZero():
		t.noted, t.told, t.said = time.Time{}, "", true
		st.note(t, schemas.Phase_PHASE_RUNNING, "", now)
	}
}

// goesOn takes back what an earlier owner of the partition may have said of the task: a send that had waited long enough
// for it to be told went out here.
func (st *Stage) goesOn(e *send, now time.Time) {
	if t := e.task; !t.said && t.noted.IsZero() && !e.at.IsZero() && e.on.since.Sub(e.at) >= noteAfter {
		t.said = true
		st.note(t, schemas.Phase_PHASE_RUNNING, "", now)
	}
}

// waitingWhy says why a number can't send.
func waitingWhy(since time.Time, r *schemas.Reply) string {
	return fmt.Sprintf("En espera desde %s: %s; se prueba cada %d s", since.UTC().Format(time.RFC3339),
		reasonOf(r, "WhatsApp no acepta envíos del número emisor"), int(probeEvery.Seconds()))
}

// slowWhy says why a number sends more slowly than it might.
func slowWhy(r *schemas.Reply) string {
	return reasonOf(r, "WhatsApp pide ir más despacio con el número emisor")
}

// reasonOf is what the code of an answer means, or the other words if it is not in the table, and Meta's details.
func reasonOf(r *schemas.Reply, other string) string {
	words := fmt.Sprintf("(%d) %s", r.Code, other)
	if reason, _ := schemas.Failed(r.Code).Reason(); reason.Code == r.Code && r.Code != schemas.CodeOther {
		words = fmt.Sprintf("(%d) %s", r.Code, reason.Spanish)
	}
	if r.Detail != "" {
		words += ": " + r.Detail
	}
	return words
}
