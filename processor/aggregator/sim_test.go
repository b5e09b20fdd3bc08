package aggregator

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/logtest"
	"altavoz/internal/testio"
	"altavoz/processor/aggregator/outbox"
	"altavoz/schemas"
	"altavoz/stream"
)

// TestSimulatedCrashesAndWriteFaultsLeaveTheFoldOfTheWholeLog lets processes crash, freeze, leave and come back at random moments while tasks go on, writes fail or
// arrive late, and the log cleaner runs. In the end the topics must show exactly what a fold of the whole log of results
// shows.
func TestSimulatedCrashesAndWriteFaultsLeaveTheFoldOfTheWholeLog(t *testing.T) {
	t.Parallel()
	testio.Seeds(t, 60, simulate)
}

type sim struct {
	*world
	rng     *rand.Rand
	cfg     Config
	owner   *process
	zombies []*process
	tasks   []simTask
	faults  atomic.Int64
}

type simTask struct {
	id     schemas.TaskID
	total  uint32
	opened bool
	asks   bool // for what becomes of its recipients
}

func (t *simTask) plan() *schemas.Result {
	r := of(t.id, planOf(t.total))
	if t.asks {
		asking(r)
	}
	return r
}

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("see it again with SIM_SEED=%d go test -run TestSimulatedCrashesAndWriteFaultsLeaveTheFoldOfTheWholeLog", seed)
		}
	}()
	inBubble(t, func(w *world) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := &sim{world: w, rng: rng, cfg: Config{MarksMemory: int64(1+rng.IntN(200)) << 10}}
		for n := range 1 + rng.IntN(6) {
			total := []uint32{1, 3, 100, 1000, schemas.PageRecipients + 10}[rng.IntN(5)]
			s.tasks = append(s.tasks, simTask{id: taskNo(n), total: total, asks: rng.IntN(2) == 0})
		}
		s.owner = w.start(s.cfg)
		for range 60 + rng.IntN(100) {
			s.step()
		}
		s.end()
	})
}

// step is one thing that happens.
func (s *sim) step() {
	switch n := s.rng.IntN(100); {
	case n < 45:
		s.results()
	case n < 70:
		s.owner.feed(1 + s.rng.IntN(50))
		for _, z := range s.zombies { // it may still get some, too
			if s.rng.IntN(3) == 0 {
				z.feed(1 + s.rng.IntN(20))
			}
		}
	case n < 85:
		settle(time.Duration(s.rng.IntN(3000)) * time.Millisecond)
	case n < 88: // kill -9: what was under way is lost, or partly there
		if s.rng.IntN(2) == 0 {
			settle(time.Duration(s.rng.IntN(4)) * 500 * time.Microsecond)
		}
		s.owner.crash()
		s.owner = s.start(s.cfg)
	case n < 90: // deploy
		s.owner.leave()
		s.owner = s.start(s.cfg)
	case n < 93: // frozen, taken for dead, and alive again: what it had under way arrives later
		s.owner.HoldWrites()
		settle(time.Duration(s.rng.IntN(2000)) * time.Millisecond)
		s.zombies, s.disordered = append(s.zombies, s.owner), true
		s.owner = s.start(s.cfg)
	case n < 95:
		s.thaw()
	case n < 97: // the broker refuses some writes for a while
		s.owner.OnWrite(func(stream.Record) logtest.Fault {
			if s.faults.Add(1)%3 == 0 {
				return logtest.Fault{Lose: true}
			}
			return logtest.Fault{}
		})
	case n < 98:
		s.owner.OnWrite(nil)
	default:
		s.clean()
	}
}

// thaw lets one zombie write what it held back, within the delivery time-out, and ends it.
func (s *sim) thaw() {
	if len(s.zombies) == 0 {
		return
	}
	z := s.zombies[0]
	s.zombies = s.zombies[1:]
	z.ReleaseWrites()
	settle(time.Duration(s.rng.IntN(8000)) * time.Millisecond)
	z.crash()
	settle(5 * time.Second) // no new takeover before the owner has looked: min.compaction.lag is far longer
}

// clean compacts what is older than the lag allows: here, all that was there before a quiet moment in which the owner
// caught up and repaired what zombies had written. (The lag, ten minutes, must be longer than that takes.)
func (s *sim) clean() {
	if len(s.zombies) > 0 {
		return
	}
	s.owner.OnWrite(nil)
	s.owner.feedAll()
	settle(10 * time.Second)
	s.Compact(marks0, s.End(marks0))
	s.Compact(statuses0, s.End(statuses0))
}

// results appends some results, with repeats and out of order, some of them for tasks that were not opened yet.
func (s *sim) results() {
	for range 1 + s.rng.IntN(30) {
		t := &s.tasks[s.rng.IntN(len(s.tasks))]
		if !t.opened && (t.asks || s.rng.IntN(3) > 0) { // whoever asks does so first
			t.opened = true
			s.result(t.plan(), of(t.id, dispatched(t.total)))
		}
		i := s.rng.Uint32N(t.total + 1) // now and then one that is not there
		n := s.rng.IntN(40)
		if !t.opened { // a range, a note or a receipt is never the first thing that is said of a task
			n = 40
		}
		switch n {
		case 0:
			s.result(t.plan())
		case 1:
			s.result(of(t.id, ranged(i, min(t.total, i+s.rng.Uint32N(2000)), schemas.StateCancelled)))
		case 2:
			s.result(of(t.id, noted(s.rng.Int64N(50), schemas.Phase_PHASE_WAITING, "espera")))
		case 3:
			s.result(of(t.id, ranged(0, t.total, schemas.StateExpired)))
		case 4:
			if s.rng.IntN(10) == 0 {
				s.result(of(t.id, noted(s.rng.Int64N(50), []schemas.Phase{2, 5, 6}[s.rng.IntN(3)], "falla")))
			}
		case 5, 6:
			r := noted(s.rng.Int64N(50), []schemas.Phase{3, 4}[s.rng.IntN(2)], "pausa")
			r.GetNote().Controls, r.GetNote().Pipe, r.GetNote().Speed = 1+s.rng.Int64N(20), s.rng.Uint32N(100), s.rng.Uint32N(3)
			s.result(of(t.id, r))
		case 7, 8, 9, 10, 11, 12, 13, 14, 15, 16:
			r := received(2500)
			for range s.rng.IntN(50) {
				mark := receiptStates[s.rng.IntN(len(receiptStates))]
				o := &schemas.Outcome{Index: s.rng.Uint32N(t.total + 1), Mark: uint32(mark), Phone: "573001234567"}
				if mark >= schemas.StateDelivered && s.rng.IntN(2) == 0 {
					o.Price = []uint32{33, 113, 117}[s.rng.IntN(3)]
				}
				r.GetReceipts().Outcomes = append(r.GetReceipts().Outcomes, o)
			}
			s.result(of(t.id, r))
		default:
			s.result(of(t.id, outcome(i, someStates[s.rng.IntN(len(someStates))], "573001234567", "")))
		}
	}
}

func (s *sim) end() {
	for _, t := range s.tasks {
		s.result(t.plan())
	}
	for len(s.zombies) > 0 {
		s.thaw()
	}
	s.owner.OnWrite(nil)
	for s.owner.feed(200) > 0 {
		settle(100 * time.Millisecond)
	}
	settle(20 * time.Second)
	if at, size := s.position(results0), int64(s.size(results0)); at != size {
		s.t.Errorf("committed %d of %d when all is quiet", at, size)
	}
	s.checkView(s.t, false)
	settle(2 * time.Minute)
	for _, t := range s.tasks {
		st := s.status(t.id)
		if outbox.Uncorrected(st) {
			s.t.Errorf("task %s has other numbers than those that were told: %v", t.id, st)
		}
		if all := st.GetEvents(); len(all) > 0 && !slices.Contains(s.told(t.id), string(eventOf(st, all[len(all)-1]).Value)) {
			s.t.Errorf("task %s has an event that was not told: %v", t.id, all[len(all)-1])
		}
		if r := st.GetRate(); r != 0 {
			s.t.Errorf("task %s rests and shows %v a second", t.id, r)
		}
	}
	s.Compact(marks0, s.End(marks0))
	s.Compact(statuses0, s.End(statuses0))
	s.checkView(s.t, false)

	// The next one finds it all, and has nothing to add.
	s.owner.crash()
	marks, stats := s.size(marks0), s.size(statuses0)
	s.owner = s.start(s.cfg)
	settle(20 * time.Second)
	if s.size(marks0) != marks || s.size(statuses0) != stats {
		s.t.Errorf("a takeover of quiet topics wrote %d marks and %d statuses", s.size(marks0)-marks, s.size(statuses0)-stats)
	}
	s.owner.leave()
	synctest.Wait()
}
