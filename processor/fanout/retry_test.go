package fanout

import (
	"slices"
	"testing"
	"time"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/places"
)

// retried makes a broadcast a retry of an earlier one, in whose list its phones stand with another one before each.
func (w *world) retried(b *schemas.Broadcast) *schemas.Broadcast {
	phones := b.GetPhones()
	first, mine, task := blob.NewList(), blob.NewList(), schemas.TaskID(b.GetTask())
	var all []string
	var picked []uint32
	for i, p := range phones {
		all = append(all, "573009999999", p)
		picked = append(picked, uint32(2*i+1))
	}
	if err := first.Add(w.slices(first.Key, all)...); err != nil {
		w.failf("%v", err)
	}
	for some := range slices.Chunk(picked, schemas.SliceRecipients) {
		rec := schemas.EncodePlaces(mine.Key, places.Pack(some))
		rec.Partition = 1
		if err := mine.Add(w.Append(rec)); err != nil {
			w.failf("%v", err)
		}
	}
	b.Phones, b.Slices = nil, mine.Ref(task, b.GetSender())
	b.Retry = &schemas.Retry{
		Of: schemas.NewTaskID().Bytes(), Number: 1, Marks: make([]byte, schemas.MarkBytes), Total: uint32(len(all)), AcceptedMs: b.GetAcceptedMs(),
		List: first.Ref(task, b.GetSender()),
	}
	b.RequestSha256 = b.GetRetry().Digest()
	return b
}

// A retry has places in the list of its first task: it goes to who stands there and to nobody else, also where a process died half way.
func TestRetryGoesToWhoStandsAtItsPlaces(t *testing.T) {
	for name, n := range map[string]int{"one slice": 30, "many": 6200} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.run()
				phones := phonesFrom(0, n)
				b := w.retried(event("100", phones...))
				id := w.upstream(b)
				if n > 1000 {
					w.underWay(id, 2500)
					p.kill()
					passes(10 * time.Second)
					w.run()
				}
				w.finished(id)
				sends := w.sends(id)
				for i, phone := range phones {
					if made := sends[uint32(i)]; len(made) == 0 || slices.ContainsFunc(made, func(s *schemas.Send) bool { return s.GetPhone() != phone }) {
						t.Fatalf("recipient %d: %v, want %s", i, made, phone)
					}
				}
				if len(sends) != n {
					t.Errorf("%d were sent to, want %d", len(sends), n)
				}
				if opened := w.view[id].GetPlan(); string(opened.GetRetryOf()) != string(b.GetRetry().GetOf()) {
					t.Errorf("its TaskOpened says that it retries %x, want %x", opened.GetRetryOf(), b.GetRetry().GetOf())
				}
				w.rejects()
			})
		})
	}
}

// Nobody but an ingress makes a retry of a list: it has looked whose that is, and who was called.
func TestRetryThatNoIngressMadeIsRejected(t *testing.T) {
	for name, change := range map[string]func(*schemas.Broadcast){
		"not signed":                 func(b *schemas.Broadcast) { b.OwnerMac = nil },
		"of another task":            func(b *schemas.Broadcast) { b.Retry.Of = schemas.NewTaskID().Bytes() },
		"another retry of that task": func(b *schemas.Broadcast) { b.Retry.Number++ },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.ours = schemas.NewTaskID()
				w.run()
				b := w.retried(event("100", phonesFrom(0, 1500)...))
				b.OwnerMac = []byte(madeUp)
				change(b)
				id := w.upstream(b)
				w.finished(w.submit(event("100", "573001111111")))
				if n := len(w.sends(id)); n > 0 {
					t.Errorf("%d were sent to", n)
				}
				w.rejects(codeForeign)
			})
		})
	}
}

// A retry whose first list is another's, or whose places are none of it, sends nothing.
func TestRetryOfAListThatIsNotItsOwnFails(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world, *schemas.Broadcast)
		why    es.Code
		reject string
	}{
		"a proof that is made up":  {func(_ *world, b *schemas.Broadcast) { b.Retry.List.Proof = make([]byte, 16) }, es.NotItsOwn, codeForeign},
		"the reference of another": {func(_ *world, b *schemas.Broadcast) { b.Retry.List.Task = schemas.NewTaskID().Bytes() }, es.NotItsOwn, codeInvalid},
		"a list that is cut":       {func(_ *world, b *schemas.Broadcast) { b.Retry.Total += 5000 }, es.ListIncomplete, codeInvalid},
		"a list that is none": {func(_ *world, b *schemas.Broadcast) {
			b.Slices, b.Retry.List, b.Retry.Total = nil, nil, schemas.MaxRecipients+1
		}, es.ListIncomplete, codeInvalid},
		"places beyond its list":    {func(_ *world, b *schemas.Broadcast) { b.Retry.Total -= 400 }, es.ListUnreadable, ""},
		"phones of its own instead": {func(_ *world, b *schemas.Broadcast) { b.Slices = nil }, es.ListIncomplete, codeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.run()
				b := w.retried(event("100", phonesFrom(0, 1500)...))
				tt.change(w, b)
				if b.Slices == nil {
					b.Phones, b.Total = []string{"573001111111"}, 1
				}
				id := w.submit(b)
				w.finished(id)
				if why := w.why(id); why != spanish(tt.why) {
					t.Errorf("it ended with %q, want %q", why, spanish(tt.why))
				}
				if n := len(w.sends(id)); n > 1000 {
					t.Errorf("%d were sent to", n)
				}
				if tt.reject != "" {
					w.rejects(tt.reject)
				}
			})
		})
	}
}
