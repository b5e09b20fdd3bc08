package fanout

import (
	"encoding/json"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/schemas"
	"altavoz/stream"
)

// unnamed is a record of an upstream system that names no number, and the id of its task. It lies on the partition of number 300.
func (w *world) unnamed(asJSON bool, task *schemas.TaskID, phones []string) (id schemas.TaskID) {
	b := event("", phones...)
	if b.Task = nil; task != nil {
		b.Task, b.Chosen = task.Bytes(), true
	}
	rec := schemas.EncodeBroadcast(b)
	if asJSON {
		body := map[string]any{"phones": phones, "body_text": "hola"}
		if task != nil {
			body["task_id"] = task.String()
		}
		text, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		rec = stream.Record{Topic: schemas.TopicBroadcasts, Value: text}
	}
	rec.Partition = partitionOf("300").Partition
	at := w.Append(rec)
	if task != nil {
		return *task
	}
	return schemas.TaskIDFromOrigin(string(schemas.TopicBroadcasts), &schemas.Origin{Partition: at.Partition, Offset: at.Offset})
}

// copied waits until a number has a copy, and returns that before the record it was made of is committed.
func (w *world) copied(number string) {
	w.t.Helper()
	w.until("it is copied for "+number, time.Second, func() bool {
		for _, rec := range w.Log(partitionOf(number)).Records {
			var b schemas.Broadcast
			if schemas.Decode(rec, &b) == nil && b.GetSender() == number && b.GetOrigin() != nil {
				return true
			}
		}
		return false
	})
}

// sentBy returns how many recipients of a task have a send of each number. A takeover repeats what was leased, and senders know the repeat.
func (w *world) sentBy(id schemas.TaskID) map[string]int {
	by := make(map[string]int)
	for _, made := range w.sends(id) {
		numbers := make(map[string]bool)
		for _, one := range made {
			numbers[one.GetSender()] = true
		}
		for n := range numbers {
			by[n]++
		}
	}
	return by
}

// A record that names no number is copied for the default one. If another is the default when the record is read again, or the copy is written
// again, then one of the two copies is the task, whatever the first has come to, and nobody gets its message from both numbers.
func TestRecordCopiedForTwoDefaultNumbersReachesNobodyTwice(t *testing.T) {
	chosen := schemas.TaskIDFromKey("upstream", "1")
	for what, put := range map[string]func(w *world) schemas.TaskID{
		"JSON":                     func(w *world) schemas.TaskID { return w.unnamed(true, nil, phonesFrom(0, 150)) },
		"JSON with an id":          func(w *world) schemas.TaskID { return w.unnamed(true, &chosen, phonesFrom(0, 150)) },
		"an event":                 func(w *world) schemas.TaskID { return w.unnamed(false, nil, phonesFrom(0, 150)) },
		"an event with an id":      func(w *world) schemas.TaskID { return w.unnamed(false, &chosen, phonesFrom(0, 150)) },
		"an event to three":        func(w *world) schemas.TaskID { return w.unnamed(false, nil, phonesFrom(0, 3)) },
		"an event to a large list": func(w *world) schemas.TaskID { return w.unnamed(false, nil, phonesFrom(0, 1200)) },
	} {
		for when, ends := range map[string]func(w *world, p *process){
			"its copy is written":       func(_ *world, p *process) { p.kill() },
			"its copy is on its way":    func(_ *world, p *process) { passes(300 * time.Millisecond); p.kill() },
			"its copy has no Status":    func(w *world, p *process) { w.lock(func() { w.stopAggregator = true }); p.kill() },
			"its number is gone then":   func(w *world, p *process) { w.lock(func() { delete(w.numbers, "100") }); p.kill() },
			"its copy is written again": func(_ *world, p *process) { p.OnWrite(nil) },
		} {
			t.Run(what+", "+when, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world) {
					id := put(w)
					p := w.start()
					if when == "its copy is written again" {
						p.OnWrite(func(rec stream.Record) logtest.Fault {
							return logtest.Fault{LoseAnswer: rec.Topic == schemas.TopicBroadcasts}
						})
					}
					p.assignAll()
					w.copied("100")
					w.lock(func() { w.byDefault = "300" })
					if ends(w, p); p.Dead() {
						w.run()
					}
					w.copied("300")
					passes(10 * time.Second)
					w.startAggregator()
					w.finished(id)
					passes(time.Minute)
					opened := w.status(id).GetPlan()
					by := w.sentBy(id)
					if _, ours := w.numbers[opened.GetSender()]; !ours { // it fails, with those that were sent to before
						by[opened.GetSender()] = int(opened.GetTotal())
					}
					if len(by) != 1 || by[opened.GetSender()] != int(opened.GetTotal()) {
						t.Errorf("of %d of %s: %v, %v", opened.GetTotal(), opened.GetSender(), by, w.counts(id))
					}
					w.rejects()
				})
			})
		}
	}
}

// What was copied, and is refused when it is read again, as by rules that are new, does not end the task of its copy.
func TestRecordThatIsRefusedWhenReadAgainLeavesTheTaskToItsCopy(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		id := w.unnamed(false, nil, phonesFrom(0, 900))
		p := w.run()
		w.copied("100")
		passes(300 * time.Millisecond)
		p.kill()
		w.lock(func() { w.byDefault = "" }) // a number is missing now
		w.run()
		w.until("it is refused", 10*time.Second, func() bool { return w.Log(stream.TopicPartition{Topic: schemas.TopicRejects}).End() > 0 })
		w.finished(id)
		passes(time.Minute)
		if by, st := w.sentBy(id), w.status(id); by["100"] != 900 || st.GetPhase() == schemas.Phase_PHASE_FAILED {
			t.Errorf("%v, %v", by, st)
		}
	})
}

// What was refused has a task that fails. It fails also where its process ends before that is published and the record would be accepted when it is
// read again, as with a default number that there was not: the Status names the record, so a copy of it would never be the task.
func TestRecordThatWasRefusedFailsThoughItWouldBeAcceptedWhenReadAgain(t *testing.T) {
	chosen := schemas.TaskIDFromKey("upstream", "1")
	for what, put := range map[string]func(w *world) schemas.TaskID{
		"JSON with an id":     func(w *world) schemas.TaskID { return w.unnamed(true, &chosen, phonesFrom(0, 900)) },
		"an event":            func(w *world) schemas.TaskID { return w.unnamed(false, nil, phonesFrom(0, 900)) },
		"an event with an id": func(w *world) schemas.TaskID { return w.unnamed(false, &chosen, phonesFrom(0, 900)) },
	} {
		for where, number := range map[string]string{"another partition": "100", "the same partition": "300"} {
			for when, committed := range map[string]bool{"before the copy is read": false, "once the record is committed": true} {
				t.Run(what+", for "+where+", seen "+when, func(t *testing.T) {
					bubble(t, func(t *testing.T, w *world) {
						w.byDefault, w.stopAggregator = "", true
						id := put(w)
						p := w.run()
						w.until("its TaskOpened is written", time.Minute, func() bool { return len(w.backlog) > 0 })
						p.kill()
						w.lock(func() { w.byDefault = number })
						if committed {
							p = w.run()
							w.copied(number)
							passes(10 * time.Second)
							p.kill()
						}
						w.startAggregator()
						passes(time.Second)
						w.run()
						w.finished(id)
						passes(time.Minute)
						if st := w.status(id); st.GetPhase() != schemas.Phase_PHASE_FAILED || len(w.sends(id)) != 0 {
							t.Errorf("got phase %v and %d sends, want a task that failed and no send", st.GetPhase(), len(w.sends(id)))
						}
						if codes := w.rejected(); len(codes) == 0 || codes[0] != codeInvalid {
							t.Errorf("got rejects %v, want the record as %s", codes, codeInvalid)
						}
					})
				})
			}
		}
	}
}

// A record of an upstream system's own topic that is relayed for two default numbers, as a request with a key that two ingresses took, has one id
// and two broadcasts, which are nobody's copies.
func TestBroadcastsOfOneIdForTwoNumbersAreOneTask(t *testing.T) {
	for name, stop := range map[string]bool{"at once": false, "while the aggregator stands still": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.stopAggregator = stop
				id := schemas.TaskIDFromKey("relay", "1")
				for _, sender := range []string{"100", "300"} {
					b := with(event(sender, phonesFrom(0, 900)...), id)
					b.Owner, b.OwnerMac = "crm", []byte(madeUp)
					w.Append(schemas.EncodeBroadcast(b))
				}
				w.run()
				passes(10 * time.Second)
				w.startAggregator()
				w.finished(id)
				passes(time.Minute)
				if by := w.sentBy(id); len(by) != 1 || by[w.status(id).GetPlan().GetSender()] != 900 || len(w.rejected()) > 0 {
					t.Errorf("%v, rejects %v", by, w.rejected())
				}
			})
		})
	}
}

// A pause reaches the copy that is the task, whichever it is, and the rest is sent once it is resumed.
func TestPauseReachesTheCopyThatIsTheTask(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		id := w.unnamed(false, nil, phonesFrom(0, 900))
		w.lock(func() { w.stopAggregator = true })
		p := w.run()
		w.copied("100")
		p.kill()
		w.lock(func() { w.byDefault = "300" })
		w.run()
		w.copied("300")
		w.pause(id)
		passes(10 * time.Second)
		w.startAggregator()
		passes(time.Minute)
		if n := len(w.sends(id)); n != 0 {
			t.Errorf("%d sends of a task that is paused", n)
		}
		w.resume(id)
		w.finished(id)
		if by := w.sentBy(id); len(by) != 1 || by[w.status(id).GetPlan().GetSender()] != 900 {
			t.Errorf("%v", by)
		}
	})
}
