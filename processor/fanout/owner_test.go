package fanout

import (
	"slices"
	"testing"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/schemas"
)

// Every send says under which ownership it was written and whom that replaced. It speaks of all tasks only once everything that
// those had leased is repeated.
func TestSendsSayWhoseTheyAreAndWhomThatReplaced(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		id := w.submit(w.sliced(event("100", phonesFrom(0, 10_000)...)))
		var owners []int64 // the newest first
		for quantum := range ledger.MaxOwners + 2 {
			before := len(w.sent)
			p := w.run()
			w.until("it goes on", patient, func() bool { return len(w.sent) > before+bulkQuantum+400 })
			w.lock(func() { w.stuck = schemas.TopicSendsBulk })
			passes(time.Second) // the next quantum is leased, and can't be written
			p.kill()
			w.lock(func() { w.stuck = "" })
			passes(10 * time.Second)

			mine, repeats, others := int64(0), 0, 0
			for index, made := range w.sends(id) {
				for _, e := range made {
					switch g := e.GetGeneration(); {
					case g == 0 || mine != 0 && g != mine && !slices.Contains(owners, g):
						t.Fatalf("recipient %d is owner %d's, beside %d and %v", index, g, mine, owners)
					case slices.Contains(owners, g):
						continue
					default:
						mine = g
					}
					if !slices.Equal(e.GetReplaced(), owners[:min(len(owners), ledger.MaxOwners)]) {
						t.Fatalf("recipient %d names %v, not %v", index, e.GetReplaced(), owners)
					}
					if e.GetRepeatedAll() {
						others++
					} else {
						repeats++
					}
				}
			}
			if others == 0 || (repeats > 0) != (quantum > 0) {
				t.Errorf("owner %d made %d repeats and %d other sends, want others, and repeats of all but the first", quantum, repeats, others)
			}
			owners = append([]int64{mine}, owners...)
		}
		w.run()
		w.finished(id)
	})
}

// An owner that was replaced and does not know it ends nothing: the time of its task runs out, its last quantum is written, and
// it says neither that the rest is expired nor that all is dispatched.
func TestReplacedOwnerEndsNothing(t *testing.T) {
	for name, change := range map[string]func(*world, *schemas.Broadcast){
		"the time runs out": func(_ *world, b *schemas.Broadcast) {
			b.ScheduleMs = time.Now().Add(time.Hour).UnixMilli() // so that no quantum of it is under way
			b.ExpireMs = time.Now().Add(20 * time.Second).UnixMilli()
		},
		"the last quantum is written": func(*world, *schemas.Broadcast) {},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				zombie := w.run()
				b := event("100", phonesFrom(0, 40)...)
				change(w, b)
				w.lock(func() {
					if b.GetExpireMs() == 0 {
						w.stuck = schemas.TopicSendsExpress
					}
				})
				id := w.submit(w.sliced(b))
				passes(4 * time.Second)
				zombie.Expel()
				w.lock(func() { w.stuck = "" })
				before := len(w.events(id))
				passes(time.Hour)
				for _, r := range w.events(id)[before:] {
					if r.GetRange() != nil || r.GetDispatched() != nil || r.GetNote() != nil {
						t.Errorf("a replaced owner says %v", r)
					}
				}
				zombie.kill()
				w.run()
				w.finished(id)
			})
		})
	}
}
