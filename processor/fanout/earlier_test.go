package fanout

import (
	"testing"
	"time"

	"altavoz/schemas"
)

// keyed is a request with a key, under an id, as an ingress signs it that knows others.
func keyed(id schemas.TaskID, earlier ...schemas.TaskID) *schemas.Broadcast {
	b := with(event("100", "573001234567"), id)
	b.Owner, b.OwnerMac, b.Chosen = "tienda", []byte(madeUp), true
	for _, e := range earlier {
		b.Earlier = append(b.Earlier, e.Bytes())
	}
	return b
}

// One key is one message, whichever of its ids came first, whether the first one goes on, is over, or waits, before and after a restart.
func TestKeyUnderTwoIdsIsSentOnce(t *testing.T) {
	older, newer := schemas.TaskIDFromKey("caller", "older"), schemas.TaskIDFromKey("caller", "newer")
	old := func(...schemas.TaskID) *schemas.Broadcast { // as the version before owners wrote it
		b := keyed(older)
		b.Owner, b.OwnerMac = "", nil
		return b
	}
	made := map[string][2]func() *schemas.Broadcast{
		"the older first": {func() *schemas.Broadcast { return old() }, func() *schemas.Broadcast { return keyed(newer, older) }},
		"the newer first": {func() *schemas.Broadcast { return keyed(newer, older) }, func() *schemas.Broadcast { return old() }},
		"both know": {
			func() *schemas.Broadcast { return keyed(older, newer) }, func() *schemas.Broadcast { return keyed(newer, older) },
		},
	}
	for name, pair := range made {
		for when, between := range map[string]func(w *world, first schemas.TaskID){
			"at once":    func(*world, schemas.TaskID) {},
			"it goes on": func(w *world, _ schemas.TaskID) { w.stopSenders = true; w.run(); passes(10 * time.Second) },
			"a restart": func(w *world, _ schemas.TaskID) {
				w.stopSenders = true
				p := w.run()
				passes(10 * time.Second)
				p.kill()
			},
			"it is over":   func(w *world, first schemas.TaskID) { w.run(); w.finished(first) },
			"is read back": func(w *world, first schemas.TaskID) { w.run(); w.finished(first); w.evict(first, true) },
		} {
			if name == "the newer first" && (when == "it is over" || when == "is read back") {
				continue // nobody knows of the older one any more; an ingress of this version looks it up
			}
			t.Run(name+", "+when, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world) {
					first := w.submit(pair[0]())
					between(w, first)
					second := w.submit(pair[1]())
					w.run()
					passes(10 * time.Second)
					w.startSenders()
					w.finished(second)
					passes(time.Minute)
					if a, b := len(w.sends(first)), len(w.sends(second)); a+b != 1 {
						t.Errorf("%d sends of the first and %d of the second: %q, %q", a, b, w.why(first), w.why(second))
					}
					passes(time.Minute)
					w.run()
					passes(time.Minute)
					if n := len(w.sends(first)) + len(w.sends(second)); n != 1 {
						t.Errorf("%d sends after a restart, want 1", n)
					}
				})
			})
		}
	}
}

// An id that somebody else has, or that nobody signed, keeps nobody's request back.
func TestAnothersEarlierIdKeepsNobodyBack(t *testing.T) {
	older, newer := schemas.TaskIDFromKey("caller", "older"), schemas.TaskIDFromKey("caller", "newer")
	for name, pair := range map[string][2]func() *schemas.Broadcast{
		"another's task under it": {func() *schemas.Broadcast {
			b := keyed(older)
			b.Owner = "crm"
			return b
		}, func() *schemas.Broadcast { return keyed(newer, older) }},
		"another request of nobody's": {func() *schemas.Broadcast {
			b := keyed(older)
			b.Owner, b.RequestSha256 = "", []byte("another")
			return b
		}, func() *schemas.Broadcast { return keyed(newer, older) }},
		"an upstream names it": {func() *schemas.Broadcast {
			b := keyed(older, newer)
			b.Owner, b.OwnerMac = "upstream", nil
			return b
		}, func() *schemas.Broadcast { return keyed(newer) }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.run()
				first := w.submit(pair[0]())
				second := w.submit(pair[1]())
				w.finished(first, second)
				if a, b := len(w.sends(first)), len(w.sends(second)); a != 1 || b != 1 {
					t.Errorf("%d sends of the first and %d of the second: %q, %q", a, b, w.why(first), w.why(second))
				}
			})
		})
	}
}
