package fanout

import (
	"testing"
	"time"

	"altavoz/schemas"
)

// The proofs of a test: nobody else can write them.
const madeUp = "of a test"

func move(b *schemas.Broadcast)       { b.OriginMac = []byte(madeUp) }
func moved(b *schemas.Broadcast) bool { return string(b.GetOriginMac()) == madeUp }

func earlierOf(b *schemas.Broadcast) (ids []schemas.TaskID) {
	if string(b.GetOwnerMac()) != madeUp {
		return nil
	}
	for _, id := range b.GetEarlier() {
		ids = append(ids, schemas.TaskID(id))
	}
	return ids
}

// TestThreatS13RecordThatClaimsAnothersOriginIsAConflict: an upstream knows the id of a task that goes on elsewhere, or waits, and where
// its broadcast was first. Its record under that id and place is refused, whatever it says of the request, and the task goes on as it was.
func TestThreatS13RecordThatClaimsAnothersOriginIsAConflict(t *testing.T) {
	for name, claim := range map[string]func(evil, b *schemas.Broadcast){
		"another request": func(evil, _ *schemas.Broadcast) { evil.RequestSha256 = []byte("another") },
		"no request":      func(evil, _ *schemas.Broadcast) { evil.RequestSha256 = nil },
		"a made up proof": func(evil, _ *schemas.Broadcast) { evil.RequestSha256, evil.OriginMac = nil, []byte("x") },
		"another request, as proved as can be": func(evil, b *schemas.Broadcast) {
			move(evil)
			evil.Owner, evil.RequestSha256 = b.GetOwner(), []byte("another")
		},
		"another owner, as proved as can be": func(evil, _ *schemas.Broadcast) {
			move(evil)
			evil.RequestSha256 = []byte("another")
		},
	} {
		for _, sender := range []string{"100", "200"} {
			t.Run(name+", "+sender, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world) {
					b := event("100", phonesFrom(0, 10)...)
					b.Owner, b.ScheduleMs = "tienda", time.Now().Add(time.Hour).UnixMilli()
					w.submit(event("100", "573001111111"))
					id := w.submit(b)
					p := w.run()
					passes(10 * time.Second)
					at := w.copies[id][0]
					p.kill()
					evil := with(event(sender, "573009999999"), id)
					evil.Owner, evil.Origin = "upstream", &schemas.Origin{Partition: at.partition.Partition, Offset: at.offset}
					claim(evil, b)
					w.Append(schemas.EncodeBroadcast(evil))
					w.run()
					passes(time.Hour)
					w.finished(id)
					w.rejects(codeConflict)
					w.eachOnce(id, 10)
					w.sentToNone(id, []string{"573009999999"})
				})
			})
		}
	}
}

// What a fanout of an earlier version moved has no proof: its TaskOpened names where its copy lies, and it goes on there.
func TestBroadcastMovedByAnEarlierVersionGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		b := event("100", phonesFrom(0, 10)...)
		b.Origin = &schemas.Origin{Partition: 1 - partitionOf("100").Partition, Offset: 7}
		rec := w.Append(schemas.EncodeBroadcast(b))
		id := schemas.TaskID(b.GetTask())
		w.Append(schemas.EncodeResult(&schemas.Result{Task: id.Bytes(), AtMs: time.Now().UnixMilli(), Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
			Total: 10, Origin: b.GetOrigin(), RequestSha256: b.GetRequestSha256(), Sender: "100", AcceptedMs: b.GetAcceptedMs(),
			Home: &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset},
		}}}))
		w.run()
		w.finished(id)
		w.eachOnce(id, 10)
		w.rejects()
	})
}

// TestRecordsThatClaimAnOriginAndNoRequestAreConflicts: two records name one new task and a place that neither proves. The first one to be
// opened stands, the other is kept in rejects when the TaskOpened shows, which is after both were taken in.
func TestRecordsThatClaimAnOriginAndNoRequestAreConflicts(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		id := schemas.NewTaskID()
		for i := range 2 {
			b := with(event("100", "57300999999"+string(rune('0'+i))), id)
			b.RequestSha256, b.Origin = nil, &schemas.Origin{Partition: 3, Offset: 70}
			w.Append(schemas.EncodeBroadcast(b))
		}
		w.run()
		passes(time.Minute)
		w.rejects(codeConflict)
		w.eachOnce(id, 1)
	})
}

// TestThreatS13BroadcastUnderAnIdOfAnIngressIsProvedOrRejected: an upstream knows the id of somebody's task before anybody has opened that. Its
// record under it, on another number's partition, was carried out beside the task, whose recipients then had outcomes and no message.
func TestThreatS13BroadcastUnderAnIdOfAnIngressIsProvedOrRejected(t *testing.T) {
	id := schemas.NewTaskID()
	signed := func() *schemas.Broadcast {
		b := with(event("100", phonesFrom(0, 10)...), id)
		b.OwnerMac, b.Owner = []byte(madeUp), "tienda"
		return b
	}
	for name, evil := range map[string]*schemas.Broadcast{
		"unsigned":        with(event("200", "573009999999"), id),
		"a made up proof": with(event("200", "573009999999"), id),
		"not valid":       with(event("200"), id),
		"its own, chosen": with(event("200", "573009999999"), id),
	} {
		switch name {
		case "a made up proof":
			evil.OwnerMac = []byte("x")
		case "its own, chosen": // signed, since a caller of HTTP may choose any id
			evil.OwnerMac, evil.Chosen = []byte(madeUp), true
		}
		evil.RequestSha256 = []byte("another")
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.ours = id
				w.Append(schemas.EncodeBroadcast(evil))
				w.Append(schemas.EncodeBroadcast(evil))
				w.run()
				passes(10 * time.Second)
				if n := len(w.sends(id)); n != 0 {
					t.Errorf("%d sends before the task came", n)
				}
				w.Append(schemas.EncodeBroadcast(signed()))
				w.Append(schemas.EncodeBroadcast(evil))
				w.finished(id)
				passes(time.Minute)
				w.eachOnce(id, 10)
				w.sentToNone(id, []string{"573009999999"})
				w.rejects(codeForeign, codeForeign, codeForeign)
			})
		})
	}
}
