package fanout

import (
	"testing"
	"time"

	"altavoz/schemas"
)

// A task that finished so long ago that the view does not have it in memory is known all the same: what repeats it, or
// claims its id for another request, is dispatched to nobody, leaves the ledger, and keeps nobody waiting.
func TestRepeatsOfATaskThatIsReadBackSettleAndLeave(t *testing.T) {
	for name, readable := range map[string]bool{"it is read back": true, "it can't be read any more": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				chosen := func(key, body string) *schemas.Broadcast {
					b := with(event("100", "573001234567"), schemas.TaskIDFromKey("caller", key))
					b.Chosen, b.RequestSha256 = true, []byte(body)
					return b
				}
				w.run()
				var ids []schemas.TaskID
				for _, key := range []string{"a", "b", "c"} {
					ids = append(ids, w.submit(chosen(key, key)))
				}
				w.finished(ids...)
				passes(time.Minute)
				for _, id := range ids {
					w.evict(id, readable)
				}
				const repeats = 1000 // of each, several times what the ledger holds
				for range repeats {
					for _, key := range []string{"a", "b", "c"} {
						w.Append(schemas.EncodeBroadcast(chosen(key, key)))
					}
				}
				w.Append(schemas.EncodeBroadcast(chosen("a", "another")))
				after := w.submit(event("100", "573001234568"))
				w.finished(after)
				passes(time.Minute)
				for _, id := range ids {
					w.eachOnce(id, 1)
				}
				if n := len(w.rejected()); readable != (n == 1) {
					t.Errorf("%d rejects, want one of what is read back", n)
				}
				w.allCommitted("100")
			})
		})
	}
}

// A chosen id is free again once retention has deleted its task, also where that happens between the two looks at it: whoever uses
// it then gets a task of its own, and does not wait for ever.
func TestChosenIDIsReusedAsItsTaskIsRetired(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.run()
		chosen := func(body, phone string) *schemas.Broadcast {
			b := with(event("100", phone), schemas.TaskIDFromKey("caller", "key"))
			b.Chosen, b.RequestSha256 = true, []byte(body)
			return b
		}
		id := w.submit(chosen("a", "573001234567"))
		w.finished(id)
		passes(time.Minute)
		w.retire(id)
		w.submit(chosen("b", "573001234568"))
		w.Append(schemas.EncodeBroadcast(chosen("b", "573001234568"))) // its copy gets nobody anything
		w.finished(id)
		passes(time.Minute)
		if n := len(w.sends(id)[0]); n != 2 {
			t.Errorf("%d sends of two tasks to one phone each, want 2", n)
		}
		w.rejects()
		w.allCommitted("100")
	})
}

// The offsets of the group are gone, and the broadcasts are read again from their start: those that finished are dispatched
// to nobody again, whether the view has them in memory or not.
func TestLogReadAgainDispatchesNothingOfFinishedTasks(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		var ids []schemas.TaskID
		for range 100 {
			ids = append(ids, w.submit(event("100", "573001234567")), w.submit(event("200", "573001234568")))
		}
		w.finished(ids...)
		passes(time.Minute)
		p.kill()
		for _, id := range ids[:150] {
			w.evict(id, true)
		}
		w.lock(func() { clear(w.Positions) })
		w.run()
		after := w.submit(event("100", "573001234569"))
		w.finished(after)
		passes(time.Minute)
		for _, id := range ids {
			w.eachOnce(id, 1)
		}
	})
}

// A claim whose Status is lost on its way is settled by the next one, which its TaskOpened, written again, brings about.
func TestClaimAsksAgainForItsStatus(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.unheard = 1
		b := with(event("100", "573001234567"), schemas.TaskIDFromKey("caller", "key"))
		b.Chosen, b.RequestSha256 = true, []byte("a")
		w.Append(schemas.EncodeBroadcast(b))
		w.run()
		id := schemas.TaskID(b.GetTask())
		w.finished(id)
		w.expect(id, counts{"sent": 1})
	})
}
