package sender

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/internal/logtest"
	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/stream"
)

// TestSimulatedCrashesAndFaultsDecideEverySendAsTheAPIDid lets processes crash, freeze, be expelled, lose commits, answers and results, and hand partitions over at
// random moments, while the Cloud API refuses, throttles and loses answers. The world checks each call (see check); in the
// end every send is decided, and what is said of it is what the Cloud API did.
func TestSimulatedCrashesAndFaultsDecideEverySendAsTheAPIDid(t *testing.T) {
	t.Parallel()
	testio.Seeds(t, 12, func(t *testing.T, seed uint64) { simulate(t, seed, nil) })
}

// TestSimulatedHistoriesFindMutants: the checks are not blind. A ledger that answers before it has committed, and a log that
// acknowledges what it has not written, are found within a few histories.
func TestSimulatedHistoriesFindMutants(t *testing.T) {
	t.Parallel()
	for name, mutate := range map[string]func(*logtest.Fault){
		"calls do not wait for the commit":  func(f *logtest.Fault) { f.Early = true },
		"done does not wait for the result": func(f *logtest.Fault) { f.Forgotten = true },
	} {
		found := false
		for seed := uint64(1); seed <= 10 && !found; seed++ {
			found = len(simulate(t, seed, mutate)) > 0
		}
		if !found {
			t.Errorf("nobody noticed: %s", name)
		}
	}
}

type sim struct {
	*world
	rng        *rand.Rand
	mutate     func(*logtest.Fault) // of every exchange
	partitions []stream.TopicPartition
	moving     sync.WaitGroup
	ends       time.Time
	calm       atomic.Bool // no more faults

	inMove map[stream.TopicPartition]bool // under mu
	took   map[who]int                    // calls that the Cloud API accepted
	lost   map[who]int                    // calls whose answer was lost
	refuse map[who]int                    // calls refused for good
	ids    []who
	late   map[who]bool // may expire
}

func simulate(t *testing.T, seed uint64, mutate func(*logtest.Fault)) (broken []string) {
	t.Helper()
	inBubble(t, func(w *world) {
		w.mutant = mutate != nil
		s := &sim{
			world: w, rng: rand.New(rand.NewPCG(seed, 1)), mutate: mutate, inMove: map[stream.TopicPartition]bool{},
			took: map[who]int{}, lost: map[who]int{}, refuse: map[who]int{}, late: map[who]bool{},
			ends: time.Now().Add(90 * time.Second),
		}
		for i := range int32(2) {
			s.partitions = append(s.partitions, stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: i})
		}
		for i := range int32(4) {
			s.partitions = append(s.partitions, stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: i})
		}
		s.api()
		for range 3 {
			s.spawn()
		}
		for _, partition := range s.partitions {
			s.assign(partition)
		}
		done := make(chan struct{})
		go func() { s.load(rand.New(rand.NewPCG(seed, 2))); close(done) }()
		for time.Now().Before(s.ends) {
			time.Sleep(time.Duration(s.rng.IntN(3000)) * time.Millisecond)
			s.fault()
		}
		<-done
		s.heal()
		s.judge()
		broken = w.broken
	})
	return broken
}

// api answers at random, and remembers what it did.
func (s *sim) api() {
	rng := rand.New(rand.NewPCG(s.rng.Uint64(), 3))
	s.latency = func(*apiCall) time.Duration {
		if rng.IntN(20) == 0 {
			return time.Duration(rng.IntN(9000)) * time.Millisecond
		}
		return time.Duration(rng.IntN(300)) * time.Millisecond
	}
	s.answer = func(c *apiCall) schemas.Reply {
		n := rng.IntN(100)
		if s.calm.Load() {
			n = 99
		}
		switch {
		case n < 4:
			s.lost[c.who]++
			return schemas.Reply{Verdict: schemas.VerdictLost}
		case n < 7:
			s.refuse[c.who]++
			return schemas.Reply{Verdict: schemas.VerdictFailed, Code: 131026}
		case n < 10:
			return schemas.Reply{Verdict: schemas.VerdictUnsent}
		case n < 14:
			return schemas.Reply{Verdict: schemas.VerdictTransient, Code: 131000}
		case n < 15:
			return schemas.Reply{Verdict: schemas.VerdictThrottled}
		case n < 16:
			return schemas.Reply{Verdict: schemas.VerdictPair}
		case n < 17 && c.sender == "3":
			return schemas.Reply{Verdict: schemas.VerdictAccount, Code: 190}
		}
		s.took[c.who]++
		return schemas.Reply{Verdict: schemas.VerdictSent, WAMID: fmt.Sprint(len(s.calls))}
	}
}

// load produces sends, and repeats of some, as fanouts that take over do.
func (s *sim) load(rng *rand.Rand) {
	tasks := make([]schemas.TaskID, 12)
	for i := range tasks {
		tasks[i] = schemas.NewTaskID()
	}
	s.lock(func() {
		s.contents = map[schemas.TaskID]*schemas.Content{}
		for k := range tasks {
			if k%3 == 1 {
				s.contents[tasks[k]] = shared()
			}
		}
	})
	type produced struct {
		partition stream.TopicPartition
		id        who
		opts      []sendOpt
	}
	var recent []produced
	for index := uint32(0); time.Now().Before(s.ends); index++ {
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
		for range rng.IntN(4) + 1 {
			index++
			k := rng.IntN(len(tasks))
			partition := s.partitions[rng.IntN(2)]
			if k > 3 {
				partition = s.partitions[2+rng.IntN(4)]
			}
			id := who{tasks[k], index}
			opts := []sendOpt{by([]string{testNumber, "2", "3"}[k%3]), to("57300" + fmt.Sprintf("%07d", rng.IntN(300)))}
			if k%4 == 3 {
				opts = append(opts, again)
			}
			if k%3 == 1 {
				opts = append(opts, personally(index))
			}
			if k%5 == 4 {
				opts = append(opts, in(everyOtherMinute()))
			}
			if rng.IntN(20) == 0 {
				opts = append(opts, until(time.Now().Add(time.Duration(rng.IntN(5000))*time.Millisecond)))
				s.lock(func() { s.late[id] = true })
			}
			s.lock(func() { s.ids = append(s.ids, id) })
			s.produce(partition, id.task, id.index, opts...)
			recent = append(recent, produced{partition, id, opts})
		}
		if rng.IntN(10) == 0 {
			s.Skip(s.partitions[rng.IntN(6)], rng.IntN(5))
		}
		if rng.IntN(8) == 0 {
			for _, r := range recent[max(0, len(recent)-30):] {
				s.produce(r.partition, r.id.task, r.id.index, r.opts...)
			}
		}
	}
}

// everyOtherMinute is shut in the second minute of the simulation, while faults go on, and in others of the first ten.
func everyOtherMinute() *schemas.Window {
	w := &schemas.Window{Timezone: "UTC", Hours: []*schemas.Hours{{Days: 127, From: 70, To: 24 * 60}}}
	for m := uint32(60); m < 70; m += 2 {
		w.Hours = append(w.Hours, &schemas.Hours{Days: 127, From: m, To: m + 1})
	}
	return w
}

// spawn starts a process with faults of its own.
func (s *sim) spawn() {
	rng := rand.New(rand.NewPCG(s.rng.Uint64(), 4))
	p := s.start(nil, inFlight(16), rate([]float64{0, 50}[s.rng.IntN(2)]), partitions(2, 4))
	mutate := func(f *logtest.Fault) {
		if s.mutate != nil {
			s.mutate(f)
		}
	}
	ms := func(n int) time.Duration { return time.Duration(rng.IntN(n)+1) * time.Millisecond }
	p.OnCommit(func([]stream.Position) (f logtest.Fault) {
		defer mutate(&f)
		switch n := rng.IntN(200); {
		case s.calm.Load():
		case n == 0:
			f.Lose = true
		case n == 1:
			f.LoseAnswer = true
		case n < 6:
			f.Refuse = func(partition stream.TopicPartition) error {
				if partition.Partition%2 == 0 {
					return errors.New("rebalance in progress")
				}
				return nil
			}
		case n < 20:
			f.Before, f.After = ms(500), ms(500)
		default:
			f.Before, f.After = ms(3), ms(3)
		}
		return f
	})
	p.OnWrite(func(stream.Record) (f logtest.Fault) {
		defer mutate(&f)
		switch n := rng.IntN(50); {
		case s.calm.Load():
		case n == 0:
			f.Busy = true
		case n == 1:
			f.Lose, f.Before = true, ms(1000)
		case n == 2:
			f.LoseAnswer, f.After = true, ms(1000)
		case n < 10:
			f.Before, f.After = ms(2000), ms(500)
		}
		return f
	})
}

// alive returns the processes that can be given partitions.
func (s *sim) alive() (out []*process) {
	for _, p := range s.processes {
		if p.Active() {
			out = append(out, p)
		}
	}
	return out
}

// Assign gives a partition to one of those that are alive.
func (s *sim) assign(partition stream.TopicPartition) {
	for len(s.alive()) == 0 {
		s.spawn()
	}
	live := s.alive()
	live[s.rng.IntN(len(live))].Assign(partition)
}

// held returns the partitions that the broker believes a process owns, less those that are on their way.
func (s *sim) held(p *process) (out []stream.TopicPartition) {
	s.lock(func() {
		for _, partition := range s.partitions {
			if s.Owners[partition] == p.Member && !s.inMove[partition] {
				out = append(out, partition)
			}
		}
	})
	return out
}

// generation lets all members that take part join the next generation: commits under way become stale.
func (s *sim) generation() {
	for _, p := range s.alive() {
		s.lock(p.Next)
	}
}

func (s *sim) fault() {
	s.react()
	live := s.alive()
	if len(live) == 0 {
		s.spawn()
		return
	}
	p := live[s.rng.IntN(len(live))]
	switch s.rng.IntN(6) {
	case 0: // Kill -9; the group notices within 10 s
		partitions := s.held(p)
		p.Kill()
		if len(live) < 3 {
			s.spawn()
		}
		s.after(time.Duration(s.rng.IntN(10_000))*time.Millisecond, partitions)
	case 1, 2: // hand over
		partitions := s.held(p)
		if len(partitions) == 0 {
			return
		}
		partitions = partitions[:1+s.rng.IntN(len(partitions))]
		s.hold(partitions)
		s.moving.Go(func() {
			p.Revoke(partitions...)
			s.lock(func() { s.gone(partitions) })
		})
	case 3: // frozen, longer than its session
		partitions := s.held(p)
		p.Freeze()
		session := time.Duration(s.rng.IntN(10_000)) * time.Millisecond
		s.moving.Go(func() {
			time.Sleep(session)
			p.Expel()
			s.lock(func() { s.gone(partitions) })
			time.Sleep(20 * time.Second)
			p.Thaw()
		})
		s.hold(partitions)
	case 4: // expelled without a word, and running on
		partitions := s.held(p)
		p.Expel()
		s.lock(func() { s.gone(partitions) })
	case 5: // everybody rejoins, nothing moves
		s.generation()
	}
}

// hold keeps partitions from being taken away twice.
func (s *sim) hold(partitions []stream.TopicPartition) {
	s.lock(func() {
		for _, partition := range partitions {
			s.inMove[partition] = true
		}
	})
}

// gone says that partitions have no owner. Under mu.
func (s *sim) gone(partitions []stream.TopicPartition) {
	for _, partition := range partitions {
		s.Owners[partition] = nil
		s.inMove[partition] = false
	}
}

func (s *sim) after(d time.Duration, partitions []stream.TopicPartition) {
	s.hold(partitions)
	s.moving.Go(func() {
		time.Sleep(d)
		s.lock(func() { s.gone(partitions) })
	})
}

// react does the group's part: those who don't know what they committed, and some of those who were expelled, come back as
// new members; partitions without an owner get one.
func (s *sim) react() {
	for _, p := range slices.Clone(s.processes) {
		dropping, expelled := p.Outside()
		if !dropping && (!expelled || !s.calm.Load() && s.rng.IntN(3) != 0) {
			continue
		}
		partitions := s.held(p)
		p.Rejoin()
		s.lock(func() { s.gone(partitions) })
	}
	var orphans []stream.TopicPartition
	s.lock(func() {
		for _, partition := range s.partitions {
			if s.Owners[partition] == nil && !s.inMove[partition] {
				orphans = append(orphans, partition)
			}
		}
	})
	if len(orphans) > 0 {
		s.generation()
	}
	for _, partition := range orphans {
		s.assign(partition)
	}
}

// heal ends all faults and waits until everything is done.
func (s *sim) heal() {
	s.calm.Store(true)
	s.moving.Wait()
	deadline := time.Now().Add(20 * time.Minute)
	for {
		s.react()
		time.Sleep(time.Second)
		synctest.Wait()
		finished := true
		s.lock(func() {
			for _, partition := range s.partitions {
				finished = finished && s.allDone(partition)
			}
		})
		if finished {
			break
		}
		if time.Now().After(deadline) {
			s.lock(func() { s.fail("not everything is done: %v", s.Positions) })
			return
		}
	}
	s.rest(time.Minute) // zombies' results
}

// judge compares what was said of every send with what happened.
func (s *sim) judge() {
	s.lock(func() {
		said := make(map[who][]schemas.RecipientState)
		for _, r := range s.results {
			if o := r.GetOutcome(); o != nil {
				id := who{schemas.TaskID(r.GetTask()), o.GetIndex()}
				said[id] = append(said[id], schemas.RecipientState(o.GetMark()))
			}
		}
		unknown := 0
		for _, id := range s.ids {
			marks := said[id]
			if len(marks) == 0 {
				s.fail("nothing is said of %d (%d calls)", id.index, s.attempts[id])
				continue
			}
			kinds := make(map[schemas.OutcomeClass]bool)
			for _, m := range marks {
				kinds[m.Outcome()] = true
			}
			end := slices.Max(marks).Outcome()
			// A process that does not know that it was replaced may still say unknown or expired; both give way in the fold.
			delete(kinds, schemas.OutcomeUnknown)
			delete(kinds, schemas.OutcomeExpired)
			if len(kinds) > 1 && !s.resend[id] {
				s.fail("%d is said to be %v", id.index, slices.Collect(maps.Keys(kinds)))
			}
			switch end { //nolint:exhaustive // the others are wrong
			case schemas.OutcomeSent:
				if s.took[id] == 0 {
					s.fail("%d is said to be sent, and was not", id.index)
				}
			case schemas.OutcomeFailed:
				if s.took[id] > 0 && !s.resend[id] {
					s.fail("%d is said to be failed, and was sent", id.index)
				}
			case schemas.OutcomeExpired:
				if (s.took[id]+s.lost[id] > 0 && !s.resend[id]) || !s.late[id] {
					s.fail("%d is said to be expired, after %d calls", id.index, s.attempts[id])
				}
			case schemas.OutcomeUnknown:
				unknown++
			default:
				s.fail("%d ends as %s", id.index, end)
			}
			if s.took[id]+s.lost[id] > 1 && !s.resend[id] {
				s.fail("%d reached its phone %d times", id.index, s.took[id])
			}
		}
		if testing.Verbose() && !s.mutant {
			s.t.Logf("%d sends, %d calls, %d unknown, %d commits, %d processes", len(s.ids), len(s.calls), unknown, len(s.commits), len(s.processes))
		}
	})
}
