package aggregator

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/schemas"
)

// What receipts do to a task, from the first one, which comes before the sender's own word, to one that comes when the
// task is forgotten.
func TestSimulatedReceiptsCountFromTheFirstUntilTheTaskIsDeleted(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{Retention: day})
		defer p.leave()
		w.result(of(taskNo(9), received(1500, 0, uint32(schemas.StateRead), 1, uint32(schemas.StateRead)))) // a task of nobody's
		w.result(planOf(5), dispatched(5))
		w.result(received(1900, 0, uint32(schemas.StateDelivered))) // before the sender's own result
		for i := range uint32(4) {
			w.result(outcome(i, schemas.StateSent, "", ""))
		}
		w.result(outcome(4, schemas.StateUnknown, "573000000004", ""))
		p.feedAll()
		settle(time.Second)
		if s := w.status(taskNo(9)); s != nil {
			t.Fatalf("receipts made a task: %v", s)
		}
		first := w.status(task1)
		w.result(received(9000, 1, uint32(schemas.StateConfirmed), 2, uint32(schemas.Undelivered(131049)), 3, uint32(schemas.StateRead),
			4, uint32(schemas.Undelivered(131047))))
		p.feedAll()
		settle(time.Second)
		s := w.status(task1)
		if s.GetVersion() <= first.GetVersion() || s.GetFinishedMs() != first.GetFinishedMs() || s.GetFinishedMs() == 0 {
			t.Fatalf("before %v\nafter %v", first, s)
		}
		want := []*schemas.ErrorLine{
			{Index: 2, Phone: "573001234567", Mark: uint32(schemas.Undelivered(131049))},
			{Index: 4, Phone: "573001234567", Mark: uint32(schemas.Undelivered(131047))},
		}
		if diff := cmp.Diff(want, s.GetErrors(), protocmp.Transform()); diff != "" {
			t.Fatalf("lines (-want +got):\n%s", diff)
		}
		if n := p.metric("altavoz_unknown_settled_total"); n != 1 {
			t.Fatalf("%v settled, want 1", n)
		}
		for label, want := range map[string]float64{"sent": 5, "delivered": 2, "read": 1, "undelivered": 2, "unknown": 1, "failed": 0} {
			if n := p.labelled("altavoz_recipients_total", "outcome", label); n != want {
				t.Errorf("%v came to %s, want %v", n, label, want)
			}
		}
		if k, u := p.labelled("altavoz_receipts_folded_total", "task", "known"), p.labelled("altavoz_receipts_folded_total", "task", "unknown"); k != 5 || u != 2 {
			t.Errorf("%v receipts of known tasks and %v of unknown ones; want 5, 2", k, u)
		}

		settle(5 * time.Minute) // the task is cold now
		if held := p.metric("altavoz_tasks_held"); held != 0 {
			t.Fatalf("%v tasks are held, want 0", held)
		}
		w.result(received(400_000, 2, uint32(schemas.StateDelivered)))
		p.feedAll()
		settle(time.Second)
		if again := w.status(task1); again.GetVersion() <= s.GetVersion() || again.GetFinishedMs() != s.GetFinishedMs() || len(again.GetErrors()) != 1 {
			t.Fatalf("corrected when cold: %v", again)
		}
		settle(5 * time.Second)
		w.checkView(t, true)

		settle(day + time.Hour)
		if w.status(task1) != nil {
			t.Fatal("not forgotten")
		}
		w.result(received(9_000_000, 0, uint32(schemas.StateRead)))
		p.feedAll()
		settle(time.Minute)
		if w.status(task1) != nil || p.labelled("altavoz_receipts_folded_total", "task", "unknown") != 3 {
			t.Fatal("a receipt brought a forgotten task back")
		}
	})
}

// A receipt that says what no receipt can say is not ours.
func TestReceiptsAreChecked(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		defer p.leave()
		w.result(planOf(2), received(1500, 0, uint32(schemas.StateRead), 1, uint32(schemas.Failed(131049))), received(1500, 0, 256),
			received(1500, 7, uint32(schemas.StateRead)), received(1500))
		p.feedAll()
		settle(5 * time.Second)
		if n := w.size(rejects0); n != 2 {
			t.Fatalf("%d rejects, want 2", n)
		}
		if s := w.status(task1); len(s.GetCounts()) != 0 || p.metric("altavoz_results_dropped_total") != 1 {
			t.Fatalf("status %v", s)
		}
	})
}

// A thousand tasks that ended long ago get receipts: of each only the part in question comes to memory, no more of all than
// the budget, and a minute later nothing is held.
func TestSimulatedReceiptsOfFinishedTasksTakeLittle(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		const tasks, total, budget = 1000, 3 * schemas.PageRecipients, 4 << 20
		p := w.start(Config{MarksMemory: budget})
		defer p.leave()
		for n := range tasks {
			w.result(of(taskNo(n), planOf(total)), of(taskNo(n), ranged(0, total, schemas.StateSent)))
			if n%50 == 49 {
				p.feedAll()
				settle(3 * time.Second)
			}
		}
		settle(5 * time.Minute)
		if held, bytes := p.metric("altavoz_tasks_held"), p.metric("altavoz_marks_loaded_bytes"); held != 0 || bytes != 0 {
			t.Fatalf("%v tasks and %v bytes held at rest; want 0, 0", held, bytes)
		}
		reads, high := p.reads, 0.0
		for n := range tasks {
			w.result(of(taskNo(n), received(9000, 17000, uint32(schemas.StateDelivered))))
			if n%50 == 49 {
				p.feedAll()
				settle(100 * time.Millisecond)
				high = max(high, p.metric("altavoz_marks_loaded_bytes"))
			}
		}
		settle(10 * time.Second)
		if n := p.reads - reads; n > 2*tasks+100 { // a status and a part, and what looks after the partition
			t.Errorf("%d reads for %d receipts; want at most %v", n, tasks, 2*tasks+100)
		}
		if high > 2*budget {
			t.Errorf("%v bytes of marks in memory, want at most %v", high, 2*budget)
		}
		t.Logf("%v bytes of marks at the height, %v tasks held", high, p.metric("altavoz_tasks_held"))
		settle(2 * time.Minute)
		if held, bytes := p.metric("altavoz_tasks_held"), p.metric("altavoz_marks_loaded_bytes"); held != 0 || bytes != 0 {
			t.Errorf("%v tasks and %v bytes held at rest; want 0, 0", held, bytes)
		}
		for n := range tasks {
			s := w.status(taskNo(n))
			if len(s.GetCounts()) != 2 || s.GetCounts()[1].GetMark() != uint32(schemas.StateDelivered) || s.GetCounts()[1].GetCount() != 1 {
				t.Fatalf("status %v", s)
			}
		}
	})
}

// What the fanout says of controls is shown, and a task that it stopped has its words.
func TestControlsAreShown(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		w.result(planOf(3), outcome(0, schemas.StateSent, "", ""))
		steer := func(at int64, phase schemas.Phase, why string, controls int64, pipe, speed uint32) {
			r := noted(at, phase, why)
			r.GetNote().Controls, r.GetNote().Pipe, r.GetNote().Speed = controls, pipe, speed
			w.result(r)
		}
		steer(3000, schemas.Phase_PHASE_PAUSED, "Pausado", 8, 2, 5)
		p.feedAll()
		settle(time.Second)
		if s := w.status(task1); s.GetControls() != 8 || s.GetPipe() != 2 || s.GetSpeed() != 5 || s.GetPhase() != schemas.Phase_PHASE_PAUSED {
			t.Fatalf("paused: %v, want Controls 8, Pipe 2, Speed 5, Phase %v", s, schemas.Phase_PHASE_PAUSED)
		}
		p.crash()
		p = w.start(Config{})
		defer p.leave()
		steer(3500, schemas.Phase_PHASE_RUNNING, "", 6, 9, 9) // of before, by somebody who does not know it yet
		w.result(noted(4000, schemas.Phase_PHASE_STOPPED, "(131047) Todos lo rechazan"), ranged(1, 3, schemas.StateCancelled))
		p.feedAll()
		settle(time.Second)
		s := w.status(task1)
		if s.GetControls() != 8 || s.GetPipe() != 2 || s.GetSpeed() != 5 || s.GetPhase() != schemas.Phase_PHASE_STOPPED || s.GetFinishedMs() == 0 {
			t.Fatalf("stopped: %v, want Controls 8, Pipe 2, Speed 5, Phase %v, FinishedMs other than 0", s, schemas.Phase_PHASE_STOPPED)
		}
		if l := s.GetErrors(); len(l) != 2 || l[1].GetReason() != "" || s.GetWhy() != "(131047) Todos lo rechazan" {
			t.Fatalf("lines %v, want 2 of them", l)
		}
		settle(5 * time.Second)
		w.checkView(t, true)
	})
}
