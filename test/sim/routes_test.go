package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"altavoz/processor/sender/route"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/stream"
)

// routed makes the record of a broadcast with both messages, each recipient's with a value of its own. Some of the people write: long before, so
// that their windows close at some time while it goes on, just before, or while it goes on.
func (w *world) routed(task *simTask, r *rand.Rand) stream.Record {
	b := &schemas.Broadcast{
		Task: task.id.Bytes(), Chosen: true, Phones: task.phones, Total: uint32(len(task.phones)), AcceptedMs: time.Now().UnixMilli(),
		Content: &schemas.Content{
			Body: "Hola {{nombre}}", ButtonText: "Ver", ButtonUrl: "https://example.com", Variables: []string{"nombre"}, Route: schemas.Route_ROUTE_AUTO,
			Template: &schemas.Template{
				Name: "aviso_corte", Language: "es_CO", Header: schemas.HeaderKind_HEADER_KIND_TEXT, HeaderValue: &schemas.TemplateValue{Name: "nombre", Text: "vecino"},
				Body:    []*schemas.TemplateValue{{Name: "barrio", Text: "{{nombre}}"}, {Name: "fecha", Text: "lunes"}},
				Buttons: []*schemas.TemplateButton{{Kind: schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_URL_SUFFIX, Value: "x"}},
			},
		},
	}
	if task.resend {
		b.OnUnknown = schemas.OnUnknown_ON_UNKNOWN_RESEND
	}
	for _, phone := range task.phones {
		b.Personal = append(b.Personal, &schemas.Personal{Variables: []uint32{0}, Values: []string{"{{nombre}} " + phone}})
		task.texts = append(task.texts, "Hola {{nombre}} "+phone)
		task.templates = append(task.templates, "El lunes no habrá agua en {{nombre}} "+phone+".")
	}
	for range 1 + r.IntN(6) {
		phone := task.phones[r.IntN(len(task.phones))]
		switch ago := upTo(r, 20*time.Second); r.IntN(3) {
		case 0:
			w.writes(phone, ago)
		case 1:
			w.writes(phone, lastinbound.Window-route.Margin-ago)
		default:
			w.late.Go(func() {
				time.Sleep(ago)
				w.writes(phone, 0)
			})
		}
	}
	w.tally.count("routed")
	return schemas.EncodeBroadcast(b)
}

// writes has somebody write to the number; so long ago, by the time that Meta gives.
func (w *world) writes(from string, ago time.Duration) {
	w.says(person{phone: from}, "hola", time.Now().Add(-ago).Unix())
}

// wroteAt notes that somebody wrote, whatever it was: also who opts out has a window.
func (w *world) wroteAt(from string, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wrote == nil {
		w.wrote = make(map[string][]time.Time)
	}
	w.wrote[from] = append(w.wrote[from], time.Unix(at, 0))
}

// inWindow finds who got the interactive message of a broadcast with both although their window was shut.
func (w *world) inWindow(task *simTask, i int, text string, at time.Time) {
	if text != task.texts[i] {
		w.tally.count("by_template")
		return
	}
	w.mu.Lock()
	all := slices.Clone(w.wrote[task.phones[i]])
	w.mu.Unlock()
	for _, wrote := range all {
		if !wrote.After(at) && at.Before(wrote.Add(lastinbound.Window)) {
			w.tally.count("free_form")
			return
		}
	}
	w.errorf("%s/%d got the interactive message at %v, and wrote at %v", task.id, i, at, all)
}

// calls is how often somebody was called, whichever message it was.
func (w *world) calls(task schemas.TaskID, index uint32) (calls, open, accepted int) {
	for _, callback := range []string{schemas.Callback(task, index), schemas.TemplateCallback(task, index)} {
		c, o, a := w.sim.Calls(callback)
		calls, open, accepted = calls+c, open+o, accepted+a
	}
	return calls, open, accepted
}

// withheld is how many answers somebody's calls did not get, whichever message they were.
func (w *world) withheld(task schemas.TaskID, index uint32) int {
	return w.sim.Withheld(schemas.Callback(task, index)) + w.sim.Withheld(schemas.TemplateCallback(task, index))
}

// checkRoute finds who is said to have got another message than they did.
func (w *world) checkRoute(task *simTask, i int, m schemas.RecipientState) {
	if _, _, accepted := w.sim.Calls(schemas.TemplateCallback(task.id, uint32(i))); m.Succeeded() && !task.resend && m.GotTemplate() != (accepted > 0) {
		w.errorf("%s/%d is %s, by template: %v, and %d templates were accepted", task.id, i, m.Label(), m.GotTemplate(), accepted)
	}
}
