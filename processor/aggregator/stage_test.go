package aggregator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/logtest"
	"altavoz/schemas"
	"altavoz/stream"
)

// Somebody waits for an express task: its end is shown at once, though its status was written a moment ago.
func TestEndIsShownAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(3))
		p.feedAll()
		settle(2 * time.Millisecond)
		if s := w.status(task1); s.GetVersion() != 1 || s.GetPlan().GetTotal() != 3 || s.GetFinishedMs() != 0 {
			t.Fatalf("after the plan: %v, want Version 1, FinishedMs 0", s)
		}
		w.result(dispatched(3), outcome(0, schemas.StateSent, "", ""), outcome(1, schemas.Failed(131026), "573001234567", ""))
		p.feedAll()
		settle(2 * time.Millisecond)
		if s := w.status(task1); s.GetVersion() != 1 {
			t.Fatalf("a busy task's status was written too early: %v, want Version 1", s)
		}
		w.result(outcome(2, schemas.StateSent, "", ""))
		p.feedAll()
		settle(3 * time.Millisecond)
		s := w.status(task1)
		if s.GetFinishedMs() == 0 || len(s.GetErrors()) != 1 || s.GetCursor() != 3 {
			t.Fatalf("3 ms after its last outcome: %v, want FinishedMs other than 0, Cursor 3", s)
		}
		w.checkView(t, true)
		if n := p.metric("altavoz_tasks_finished_total"); n != 1 {
			t.Fatalf("%v tasks finished, want 1", n)
		}
	})
}

// Under load a task's status is written about seven times a second, not once a result; less often if less changes.
func TestStatusesAreSpacedUnderLoad(t *testing.T) {
	for _, tt := range []struct {
		everyMs, atOnce uint32
		least, most     int
	}{{10, 1, 3, 5}, {1, 1, 6, 8}, {1, 3, 18, 22}} {
		t.Run(fmt.Sprintf("%d every %d ms", tt.atOnce, tt.everyMs), func(t *testing.T) { statusesAreSpaced(t, tt.everyMs, tt.atOnce, tt.least, tt.most) })
	}
}

func statusesAreSpaced(t *testing.T, everyMs, atOnce uint32, least, most int) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(9000), dispatched(9000))
		n := 3000 / everyMs * atOnce
		for i := range n {
			w.result(outcome(i, schemas.StateSent, "", ""))
			if i%atOnce == 0 {
				p.feedAll()
				settle(time.Duration(everyMs) * time.Millisecond)
			}
		}
		p.feedAll()
		settle(time.Second)
		if n := w.size(statuses0); n < least || n > most {
			t.Fatalf("%d statuses for 3 s of a busy task, want at least %d, at most %d", n, least, most)
		}
		if n := w.size(marks0); n > 3 {
			t.Fatalf("%d marks for 3 s of one part, want at most 3", n)
		}
		if s := w.status(task1); s.GetCounts()[0].GetCount() != n {
			t.Fatalf("status %v", s)
		}
	})
}

// The fanout waits for the first recipients of a broadcast before it dispatches the others: their status does not wait for more to change.
func TestFanoutLearnsSoonThatNothingIsInFlight(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(9000), dispatched(50))
		p.feedAll()
		settle(20 * time.Millisecond) // a status is written, and the next one is not due
		for i := range uint32(50) {
			w.result(outcome(i, schemas.StateSent, "", ""))
		}
		p.feedAll()
		settle(20 * time.Millisecond)
		counts := w.status(task1).GetCounts()
		if len(counts) != 1 || counts[0].GetCount() != 50 {
			t.Errorf("20 ms after the last of 50 that were dispatched the status has %v, want 50 sent", counts)
		}
	})
}

// Receipts of a task that ended hurry nobody: few of them share a status, as those of one that goes on do.
func TestReceiptsOfAnEndedTaskShareStatuses(t *testing.T) {
	bubble(t, func(w *world) {
		const recipients = 300
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(recipients), dispatched(recipients))
		for i := range uint32(recipients) {
			w.result(outcome(i, schemas.StateSent, "", ""))
		}
		p.feedAll()
		settle(2 * time.Second)
		before := w.size(statuses0)
		for i := range uint32(recipients) {
			w.result(outcome(i, schemas.StateDelivered, "", ""))
			p.feedAll()
			settle(10 * time.Millisecond)
		}
		settle(2 * time.Second)
		if n := w.size(statuses0) - before; n < 2 || n > 5 {
			t.Errorf("%d statuses for receipts of 3 s, want at least 2, at most 5", n)
		}
	})
}

// Nothing is committed before the marks and statuses that contain it are acknowledged.
func TestCommitOnlyAfterAcknowledgement(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(10), outcome(0, schemas.StateSent, "", ""))
		p.feedAll()
		settle(3 * time.Second)
		if at := w.position(results0); at != 2 {
			t.Fatalf("committed %d, everything was acknowledged up to 2, want 2", at)
		}
		p.HoldWrites()
		w.result(outcome(1, schemas.StateSent, "", ""))
		p.feedAll()
		settle(time.Minute)
		if at := w.position(results0); at != 2 {
			t.Fatalf("committed %d with nothing acknowledged beyond 2, want 2", at)
		}
		p.ReleaseWrites()
		settle(5 * time.Second)
		if at := w.position(results0); at != 3 {
			t.Fatalf("committed %d, want 3", at)
		}
		commits := p.commits
		settle(time.Minute)
		if p.commits != commits {
			t.Fatalf("%d commits while nothing happened", p.commits-commits)
		}
	})
}

// A refused or failed write is tried again, under a new version, and a refused commit too.
func TestFailedWritesAreWrittenAgain(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		p.OnWrite(func(stream.Record) logtest.Fault { return logtest.Fault{Busy: true} })
		p.OnCommit(func([]stream.Position) logtest.Fault {
			return logtest.Fault{Refuse: func(stream.TopicPartition) error { return logtest.ErrFenced }}
		})
		w.result(planOf(1), outcome(0, schemas.StateSent, "", ""))
		w.append(stream.Record{Topic: schemas.TopicResults, Key: []byte("x"), Value: []byte("no result")})
		p.feedAll()
		settle(10 * time.Second)
		if w.size(statuses0)+w.size(marks0)+w.size(rejects0) != 0 || p.commits != 0 {
			t.Fatal("something was written or committed through a full buffer")
		}
		p.OnWrite(nil)
		settle(10 * time.Second)
		if w.size(rejects0) != 1 || w.position(results0) != stream.NoOffset || p.commits == 0 {
			t.Fatalf("%d rejects, position %d, %d commits; want 1, %v, other than 0", w.size(rejects0), w.position(results0), p.commits, stream.NoOffset)
		}
		p.OnCommit(nil)
		settle(10 * time.Second)
		if at := w.position(results0); at != 3 {
			t.Fatalf("committed %d, want 3", at)
		}
		w.checkView(t, true)
	})
}

func TestResultsThatMeanNothingAreRejected(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		foreign := schemas.EncodeResult(planOf(1))
		foreign.Key = []byte(taskNo(2).String())
		for _, rec := range []stream.Record{
			{Topic: schemas.TopicResults, Key: []byte("x"), Value: []byte("x")},
			foreign,
			schemas.EncodeResult(planOf(schemas.MaxRecipients + 1)),
			schemas.EncodeResult(outcome(0, 0, "", "")),
			schemas.EncodeResult(&schemas.Result{Task: task1.Bytes()}),
			schemas.EncodeResult(&schemas.Result{Task: task1.Bytes(), Event: &schemas.Result_Range{Range: &schemas.OutcomeRange{Mark: 256}}}),
		} {
			w.append(rec)
		}
		// Not rejected, only nobody's: late by weeks, or not ours.
		w.result(ranged(0, 5, schemas.StateCancelled), noted(5, schemas.Phase_PHASE_FAILED, "x"))
		p.feedAll()
		settle(5 * time.Second)
		var reasons []string
		for _, rec := range w.records(rejects0, 0) {
			reasons = append(reasons, rec.Header("reject"))
		}
		if len(reasons) != 6 || !strings.Contains(reasons[1], errForeignKey.Error()) {
			t.Fatalf("rejects:\n%s", strings.Join(reasons, "\n"))
		}
		if w.size(statuses0) != 0 || p.metric("altavoz_results_dropped_total") != 2 || w.position(results0) != 8 {
			t.Fatalf("%d statuses, %v dropped, committed %d; want 0, 2, 8", w.size(statuses0), p.metric("altavoz_results_dropped_total"), w.position(results0))
		}
	})
}

func TestTaskThatFailsAsAWholeFailsEveryRecipient(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(40000), noted(5000, schemas.Phase_PHASE_FAILED, "El video pesa más de 16 MB"))
		p.feedAll()
		settle(10 * time.Millisecond)
		s := w.status(task1)
		if s.GetFinishedMs() == 0 || s.GetCounts()[0].GetCount() != 40000 || len(s.GetErrors()) != 100 || s.GetErrors()[99].GetReason() != "" || s.GetWhy() != "El video pesa más de 16 MB" {
			t.Fatalf("status %v, want FinishedMs other than 0, Why %q", s, "El video pesa más de 16 MB")
		}
		if w.size(marks0) != 3 {
			t.Fatalf("%d parts written at the end, want 3", w.size(marks0))
		}
		w.checkView(t, true)
	})
}

// A finished task is let go of, and comes back for a late receipt.
func TestEvictedTaskComesBackForALateReceipt(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(2), outcome(0, schemas.StateSent, "", ""), outcome(1, schemas.StateUnknown, "573001234567", ""))
		p.feedAll()
		settle(5 * time.Minute)
		if held, bytes := p.metric("altavoz_tasks_held"), p.metric("altavoz_marks_loaded_bytes"); held != 0 || bytes != 0 {
			t.Fatalf("%v tasks and %v bytes held after the end; want 0, 0", held, bytes)
		}
		before := w.status(task1)
		w.result(outcome(1, schemas.StateDelivered, "", ""))
		p.feedAll()
		settle(5 * time.Millisecond)
		after := w.status(task1)
		if after.GetVersion() != before.GetVersion()+1 || after.GetFinishedMs() != before.GetFinishedMs() || len(after.GetErrors()) != 0 {
			t.Fatalf("before %v\nafter %v", before, after)
		}
		// Said again, it changes nothing and writes nothing.
		settle(5 * time.Second)
		n := w.size(statuses0)
		w.result(outcome(1, schemas.StateDelivered, "", ""), outcome(0, schemas.StateSent, "", ""))
		p.feedAll()
		settle(5 * time.Minute)
		if w.size(statuses0) != n || p.metric("altavoz_tasks_finished_total") != 1 || p.metric("altavoz_tasks_open") != 0 {
			t.Fatalf("%d statuses, %d before; %v finished, %v open; want %v, 1, 0", w.size(statuses0), n, p.metric("altavoz_tasks_finished_total"), p.metric("altavoz_tasks_open"), n)
		}
		w.checkView(t, true)
	})
}

// Whoever writes a Plan waits for the Status. So it is written again for a Plan that says nothing new, whatever the task does, and
// says whose the task is: the first one's.
func TestRepeatedPlanHasTheStatusWrittenAgain(t *testing.T) {
	t.Parallel()
	for name, results := range map[string][]*schemas.Result{
		"of a task that goes on":     {planOf(2)},
		"of a task that is finished": {planOf(2), outcome(0, schemas.StateSent, "", ""), outcome(1, schemas.StateSent, "", "")},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				t := w.t
				p := w.start(Config{})
				defer p.leave()
				w.result(results...)
				p.feedAll()
				settle(5 * time.Minute) // it is let go of
				before := w.status(task1)
				for i := range 3 {
					other := planOf(9)
					other.GetPlan().Origin = &schemas.Origin{Offset: 77}
					w.result(other)
					p.feedAll()
					settle(time.Second)
					after := w.status(task1)
					if after.GetVersion() != before.GetVersion()+uint64(i)+1 {
						t.Fatalf("version %d after %d plans, %d before", after.GetVersion(), i+1, before.GetVersion())
					}
					if after.GetPlan().GetTotal() != 2 || after.GetPlan().GetOrigin().GetOffset() == 77 || after.GetFinishedMs() != before.GetFinishedMs() {
						t.Fatalf("before %v\nafter %v", before, after)
					}
				}
				w.checkView(t, true)
			})
		})
	}
}

// The next owner goes on where the last one left, with nothing said twice and nothing backwards.
func TestNextOwnerGoesOnWithoutRepeats(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		w.result(planOf(4), noted(1200, schemas.Phase_PHASE_WAITING, "Token vencido"), outcome(0, schemas.Failed(131026), "573001234567", ""))
		p.feedAll()
		settle(time.Millisecond)
		p.leave()
		if at := w.position(results0); at != 3 {
			t.Fatalf("a graceful stop committed %d of 3, want 3", at)
		}
		writes := w.size(statuses0)
		q := w.start(Config{})
		settle(4 * time.Second)
		if w.size(statuses0) != writes || w.status(task1).GetRate() != 1 {
			t.Fatal("a takeover after a graceful stop wrote something")
		}
		settle(6 * time.Second)
		if w.size(statuses0) != writes+1 || w.status(task1).GetRate() != 0 {
			t.Fatalf("%d statuses after it, the last with a rate of %v; want 0", w.size(statuses0)-writes, w.status(task1).GetRate())
		}
		w.result(noted(1100, schemas.Phase_PHASE_RUNNING, ""), outcome(1, schemas.StateSent, "", ""))
		q.feedAll()
		settle(10 * time.Second)
		if s := w.status(task1); s.GetPhase() != schemas.Phase_PHASE_WAITING {
			t.Fatalf("an older note won after the takeover: %v, want Phase %v", s, schemas.Phase_PHASE_WAITING)
		}
		w.checkView(t, true)
		q.crash()
	})
}

// After a crash the marks may stand further back than the statuses. What was shown must not be taken back meanwhile.
func TestNothingIsShownBackwards(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{MarksEvery: time.Hour})
		w.result(planOf(100))
		for i := range uint32(50) {
			w.result(outcome(i, schemas.StateSent, "", ""))
		}
		p.feedAll()
		settle(time.Second)
		p.crash()
		if w.size(marks0) != 0 || w.status(task1).GetCounts()[0].GetCount() != 50 {
			t.Fatal("this test wants a status ahead of the marks")
		}
		q := w.start(Config{})
		defer q.leave()
		for q.feed(1) > 0 {
			settle(500 * time.Millisecond)
			if n := w.status(task1).GetCounts()[0].GetCount(); n != 50 {
				t.Fatalf("shows %d, had shown 50, want 50", n)
			}
		}
		settle(10 * time.Second)
		w.checkView(t, true)
		if at := w.position(results0); at != 51 {
			t.Fatalf("committed %d, want 51", at)
		}
	})
}

// A process that lost its partition and does not know it writes what it still had. The owner sees it and has the last word.
func TestZombieIsRepaired(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		zombie := w.start(Config{WatchEvery: time.Hour})
		w.result(planOf(10), outcome(0, schemas.StateSent, "", ""))
		zombie.feedAll()
		settle(3 * time.Second)
		zombie.HoldWrites() // frozen with these on its way
		w.result(outcome(1, schemas.StateSent, "", ""))
		zombie.feedAll()
		settle(3 * time.Second)

		owner := w.start(Config{})
		defer owner.leave()
		for i := range uint32(8) {
			w.result(outcome(2+i, schemas.StateSent, "", ""))
		}
		owner.feedAll()
		settle(5 * time.Second)
		done := w.status(task1)
		if done.GetFinishedMs() == 0 {
			t.Fatalf("not finished: %v, want FinishedMs other than 0", done)
		}
		zombie.ReleaseWrites()
		settle(10 * time.Millisecond)
		zombie.Kill()
		last := w.records(marks0, 0)
		var part schemas.StatePage
		if err := schemas.Decode(&last[len(last)-1], &part); err != nil || part.GetMarks()[5] != 0 {
			t.Fatalf("this test wants the zombie's marks on top: %v %v", part.GetMarks(), err)
		}
		settle(10 * time.Second)
		w.Compact(marks0, w.End(marks0))
		w.Compact(statuses0, w.End(statuses0))
		w.checkView(t, true)
		if owner.metric("altavoz_foreign_writes_total") == 0 {
			t.Fatal("the zombie was not counted")
		}
		if at := w.position(results0); at != 11 {
			t.Fatalf("committed %d, want 11", at)
		}
		writes := w.size(marks0) + w.size(statuses0)
		settle(time.Minute)
		if w.size(marks0)+w.size(statuses0) != writes {
			t.Fatal("the owner goes on repairing")
		}
		zombie.end()
	})
}

// Two that both believe to be the owner come to say the same and fall silent.
func TestTwoOwnersConverge(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		a := w.start(Config{})
		w.result(planOf(10), outcome(0, schemas.StateSent, "", ""))
		a.feedAll()
		settle(time.Second)
		b := w.start(Config{})
		w.result(outcome(1, schemas.Failed(131026), "573001234567", "porque sí"), outcome(2, schemas.StateUnknown, "57", ""))
		a.feedAll()
		b.feedAll()
		settle(20 * time.Second)
		writes := w.size(marks0) + w.size(statuses0)
		settle(time.Minute)
		if n := w.size(marks0) + w.size(statuses0); n != writes {
			t.Fatalf("%d writes in a quiet minute", n-writes)
		}
		w.checkView(t, true)
		a.leave()
		b.leave()
	})
}

// Marks go first and the status last, so that a crash in between is found and finished by the next owner.
func TestSimulatedDeletionStartsWithPagesAndEndsWithTheStatus(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{MarksEvery: time.Minute, WatchEvery: time.Hour})
		now := time.Now().UnixMilli()
		for _, r := range []*schemas.Result{planOf(40000), ranged(0, 40000, schemas.StateCancelled), of(taskNo(2), planOf(1))} {
			r.AtMs = now
			w.result(r)
		}
		p.feedAll()
		settle(34 * day)
		if w.status(task1) == nil {
			t.Fatal("forgotten too early")
		}
		marks, stats := w.size(marks0), w.size(statuses0)
		removed := 0
		p.OnWrite(func(stream.Record) logtest.Fault {
			if removed++; removed > 2 {
				return logtest.Fault{Lose: true}
			}
			return logtest.Fault{}
		})
		settle(2 * day)
		if w.size(marks0) != marks+2 || w.size(statuses0) != stats {
			t.Fatalf("%d marks and %d statuses removed, while one of three parts could not be", w.size(marks0)-marks, w.size(statuses0)-stats)
		}
		p.crash()

		q := w.start(Config{})
		defer q.leave()
		settle(2 * time.Minute)
		if w.status(task1) != nil {
			t.Fatal("the next owner did not finish the removal")
		}
		var tombs []stream.Record
		for _, rec := range append(w.records(marks0, int64(marks)), w.records(statuses0, int64(stats))...) {
			if len(rec.Value) != 0 {
				t.Fatalf("something else was written: %s", rec.Key)
			}
			tombs = append(tombs, rec)
		}
		if len(tombs) < 4 {
			t.Fatalf("%d tombstones, want at least 4", len(tombs))
		}
		if w.status(taskNo(2)) == nil {
			t.Fatal("a task that never ended was forgotten")
		}
		// What comes now is for nobody.
		w.result(ranged(0, 1, schemas.StateExpired))
		q.feedAll()
		settle(5 * time.Second)
		if w.status(task1) != nil || q.metric("altavoz_results_dropped_total") != 1 {
			t.Fatal("a forgotten task came back")
		}
	})
}

// What is left of a task that was removed whole is not written again at every takeover.
func TestDeletedTasksStayDeleted(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{Retention: time.Hour})
		w.result(planOf(1), outcome(0, schemas.StateSent, "", ""))
		p.feedAll()
		settle(2 * time.Hour)
		p.leave()
		marks, stats := w.size(marks0), w.size(statuses0)
		if marks != 2 || w.status(task1) != nil {
			t.Fatalf("%d marks, status %v; want 2", marks, w.status(task1))
		}
		q := w.start(Config{Retention: time.Hour})
		settle(2 * time.Hour)
		q.leave()
		if w.size(marks0) != marks || w.size(statuses0) != stats {
			t.Fatal("a removed task was removed again")
		}
	})
}

// A status of a newer program must not be taken for nothing and overwritten.
func TestNewerVersionStopsTheTakeover(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		newer := schemas.EncodeStatus(0, &schemas.Status{Task: task1.Bytes(), Version: 1})
		newer.Headers[0].Value = []byte("3")
		w.append(newer)
		p := w.join(Config{})
		defer p.end()
		if _, err := p.st.OnAssigned(t.Context(), stream.Position{Partition: results0, Offset: stream.NoOffset}); !errors.Is(err, schemas.ErrDecode) {
			t.Fatalf("error %v, want %v", err, schemas.ErrDecode)
		}
	})
}

// Somebody removed the records of a task that is still wanted here, or wrote garbage: the owner writes them again, and
// a takeover passes over what nobody can read.
func TestRecordsRemovedByOthersComeBack(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		w.result(planOf(2), outcome(0, schemas.StateSent, "", ""))
		p.feedAll()
		settle(5 * time.Minute)
		w.append(stream.Record{Topic: schemas.TopicMarks, Key: []byte(schemas.PageKey(task1, 0))})
		w.append(stream.Record{Topic: schemas.TopicStatuses, Key: []byte(task1.String())})
		w.append(stream.Record{Topic: schemas.TopicStatuses, Key: []byte("x"), Value: []byte("x")})
		w.append(stream.Record{Topic: schemas.TopicMarks, Key: []byte("x/y"), Value: []byte("x")})
		settle(10 * time.Second)
		p.leave()
		q := w.start(Config{})
		w.result(outcome(1, schemas.StateSent, "", ""))
		q.feedAll()
		settle(5 * time.Second)
		if s := w.status(task1); s.GetFinishedMs() == 0 || s.GetCounts()[0].GetCount() != 2 {
			t.Fatalf("status %v, want FinishedMs other than 0", s)
		}
		q.leave()
	})
}

// Marks that a zombie left of a forgotten task go at the next takeover.
func TestPagesOfADeletedTaskAreDeletedAtTheTakeover(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		w.append(schemas.EncodePage(0, &schemas.StatePage{Task: task1.Bytes(), Marks: []byte{124}}))
		p := w.start(Config{})
		defer p.leave()
		settle(5 * time.Second)
		recs := w.records(marks0, 0)
		if len(recs) != 2 || len(recs[1].Value) != 0 || p.metric("altavoz_tasks_open") != 0 {
			t.Fatalf("%d records, want 2", len(recs))
		}
	})
}

// Marks whose status was never written are not orphans: the results that made them are still to come.
func TestMarksAheadOfStatus(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		w.append(schemas.EncodePage(0, &schemas.StatePage{Task: task1.Bytes(), Marks: []byte{124, 124}}))
		w.result(planOf(2), outcome(0, schemas.StateSent, "", ""), outcome(1, schemas.StateSent, "", ""))
		p := w.start(Config{})
		defer p.leave()
		p.feedAll()
		settle(5 * time.Second)
		w.checkView(t, true)
	})
}

// Memory for marks is bounded however many tasks are open, and what was unloaded is not missed.
func TestMarksMemoryIsBounded(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		const budget = 100 << 10
		p := w.start(Config{MarksMemory: budget})
		defer p.leave()
		high := 0.0
		for round := range uint32(3) {
			for n := range 20 {
				id := taskNo(n)
				w.result(of(id, planOf(20000)), of(id, outcome(16383-round, schemas.StateSent, "", "")), of(id, outcome(19000+round, schemas.StateUnknown, "57", "")))
				p.feedAll()
				settle(time.Second)
				high = max(high, p.metric("altavoz_marks_loaded_bytes"))
			}
			settle(5 * time.Second)
			if n := p.metric("altavoz_marks_loaded_bytes"); n > budget {
				t.Fatalf("%v bytes held when all is quiet, at most %d", n, budget)
			}
		}
		if high > 2*budget+20000 {
			t.Fatalf("%v bytes held, budget %d; want at most %v", high, budget, 2*budget+20000)
		}
		w.checkView(t, true)
	})
}

// Reading is paused when much waits, and goes on.
func TestReadingIsPaused(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(1))
		fed := int64(0)
		for range 20 { // now and then the partition takes them as fast as they come
			for range maxInbox + 10 {
				w.result(outcome(0, schemas.StateSent, "", ""))
			}
			fed += int64(p.feed(2 * maxInbox))
			settle(5 * time.Second)
			if p.pauses > 0 {
				break
			}
		}
		if p.pauses == 0 || p.Paused(results0) || w.position(results0) != fed {
			t.Fatalf("%d pauses, paused %v, committed %d of %d; want other than 0, %v", p.pauses, p.Paused(results0), w.position(results0), fed, fed)
		}
	})
}

// OnLost returns only when the commit under way is over, and Revoke gives up when its time is.
func TestLostWaitsForCommit(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		hang := make(chan struct{})
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{Hold: hang} })
		w.result(planOf(1))
		p.feedAll()
		settle(3 * time.Second)
		lost := make(chan struct{})
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			p.st.OnRevoked(ctx, []stream.TopicPartition{results0})
			close(lost)
		}()
		settle(5 * time.Second)
		select {
		case <-lost:
			t.Fatal("given up with a commit under way")
		default:
		}
		close(hang)
		synctest.Wait()
		<-lost
		p.end()
	})
}

// Nobody knows whether the commit was made: the group will take the partition away, and the next owner starts from whatever
// was written.
func TestCommitWithoutAnswer(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{Lose: true} })
		w.result(planOf(2), outcome(0, schemas.StateSent, "", ""))
		p.feedAll()
		settle(3 * time.Second)
		p.Rejoin()
		p.st.OnLost(nil)
		p.assign()
		p.OnCommit(nil)
		p.feedAll()
		settle(5 * time.Second)
		if at := w.position(results0); at != 2 {
			t.Fatalf("committed %d, want 2", at)
		}
		w.checkView(t, true)
		p.leave()
	})
}
