//go:build linux

package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"altavoz/test/witness"
)

// event is one fault that happened.
type event struct {
	kind     string
	began    time.Time
	over     time.Time // when the fault was over
	underWay int       // calls to the API that it hit, or could hit
}

// fault is one kind of them. find waits for a victim, and for calls to be under way; where it finds none it returns nil.
// What it returns injects the fault, ends it, and says how many calls were in flight.
type fault struct {
	kind string
	find func(ctx context.Context, r *rand.Rand) (inject func() (underWay int))
}

// lane is faults of which one comes after the other; lanes run side by side, so that faults meet.
type lane struct {
	from, to time.Duration // between two of them
	side     bool          // the next one does not wait until this one is over
	rare     bool          // only a long run meets all of them
	faults   []fault
}

// faultRun is all that happens in a run.
type faultRun struct {
	h    *deployment
	load *load

	mu      sync.Mutex
	events  []event
	kinds   []string // all that there are
	rare    map[string]bool
	busy    map[*process]bool
	rules   map[string]string // of the API, by what they are for
	callers int               // kills and stops of processes that call the API
	harm    []witness.Fault   // the same, and faults of the broker
	away    int               // faults of broker and Redis that go on
	back    time.Time         // when the last one was over
}

func newFaultRun(h *deployment, l *load) *faultRun {
	return &faultRun{h: h, load: l, busy: map[*process]bool{}, rare: map[string]bool{}, rules: map[string]string{"usual": usualLatency}}
}

// between returns a random duration.
func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)+1))
}

// missing returns the kinds of faults that did not come yet while calls were under way.
func (s *faultRun) missing() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	reached := make(map[string]bool)
	for _, e := range s.events {
		reached[e.kind] = reached[e.kind] || e.underWay > 0
	}
	return slices.DeleteFunc(slices.Clone(s.kinds), func(kind string) bool { return reached[kind] || s.rare[kind] })
}

// run lets all lanes inject faults until ctx ends, and ends the faults.
func (s *faultRun) run(ctx context.Context, seed uint64, lanes []lane) {
	var wg sync.WaitGroup
	s.mu.Lock()
	for _, ln := range lanes {
		for _, f := range ln.faults {
			s.kinds = append(s.kinds, f.kind)
			s.rare[f.kind] = ln.rare
		}
	}
	s.mu.Unlock()
	for i, ln := range lanes {
		r := rand.New(rand.NewPCG(seed, uint64(100+i)))
		wg.Go(func() { s.lane(ctx, r, ln, &wg) })
	}
	wg.Wait()
	s.rule("fault", "")
}

// lane deals its faults: all of them in an order of the seed, then all of them again.
func (s *faultRun) lane(ctx context.Context, r *rand.Rand, ln lane, wg *sync.WaitGroup) {
	for {
		for _, i := range r.Perm(len(ln.faults)) {
			if !pause(ctx, between(r, ln.from, ln.to)) {
				return
			}
			f := ln.faults[i]
			inject := f.find(ctx, rand.New(rand.NewPCG(r.Uint64(), r.Uint64())))
			switch {
			case inject == nil:
			case ln.side:
				wg.Go(func() { s.happen(f.kind, inject) })
			default:
				s.happen(f.kind, inject)
			}
		}
	}
}

func (s *faultRun) happen(kind string, inject func() int) {
	e := event{kind: kind, began: time.Now()}
	e.underWay = inject()
	if e.over = time.Now(); e.underWay == notMet {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// claim takes a process that no other fault has.
func (s *faultRun) claim(role string, r *rand.Rand) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.h.ofRole(role)
	for _, i := range r.Perm(len(all)) {
		if p := all[i]; !s.busy[p] && p.running() {
			s.busy[p] = true
			return p
		}
	}
	return nil
}

func (s *faultRun) release(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, p)
}

// callsAPI reports whether processes of the role send messages.
func callsAPI(role string) bool { return role == "sender" || role == "up" || role == "all" }

const (
	// patience is how long a fault waits for its victim, and for calls to be under way: as long as the longest silence.
	patience = 30 * time.Second
	// restartAfter is how long the dead stay dead: some come back at once, others when they have been taken over.
	restartAfter = 9 * time.Second
)

// moment waits until calls are under way: those of the process, where it calls the API itself.
func (s *faultRun) moment(ctx context.Context, p *process) int {
	name := ""
	if p != nil && callsAPI(p.role) {
		name = p.name
	}
	n := 0
	await(ctx, patience, func() bool {
		n = s.h.gate.underWay(name)
		return n > 0
	})
	return n
}

// onProcess is a fault of a process of the role.
func (s *faultRun) onProcess(kind, role string, inject func(ctx context.Context, r *rand.Rand, p *process)) fault {
	return fault{kind + " " + role, func(ctx context.Context, r *rand.Rand) func() int {
		var p *process
		if !await(ctx, patience, func() bool { p = s.claim(role, r); return p != nil }) {
			return nil
		}
		n := s.moment(ctx, p)
		return func() int {
			defer s.release(p)
			inject(ctx, r, p)
			return n
		}
	}}
}

// cutOff is a fault of every process that calls the API, where the broker is away: none of them can write down how its calls
// ended, and a commit without an answer makes it begin anew.
func (s *faultRun) cutOff(kind string, v *server) (over func(felt time.Duration)) {
	if v != s.h.kafka {
		return func(time.Duration) {}
	}
	callers := 0
	for _, p := range s.h.all() {
		if p.running() && callsAPI(p.role) {
			callers++
		}
	}
	return s.harms(kind, "", callers)
}

func (s *faultRun) kill(role string, longest time.Duration) fault {
	return s.onProcess("SIGKILL", role, func(ctx context.Context, r *rand.Rand, p *process) {
		over := s.hurting("SIGKILL", p)
		p.kill()
		over(wireTime)
		if r.IntN(3) > 0 {
			pause(ctx, between(r, 0, longest))
		}
		s.restart(p)
	})
}

func (s *faultRun) freeze(role string, longest time.Duration) fault {
	return s.onProcess("SIGSTOP", role, func(ctx context.Context, r *rand.Rand, p *process) {
		over := s.hurting("SIGSTOP", p)
		p.signal(syscall.SIGSTOP)
		pause(ctx, between(r, time.Second, longest))
		p.signal(syscall.SIGCONT)
		over(faultReach)
	})
}

func (s *faultRun) terminate(role string) fault {
	return s.onProcess("SIGTERM", role, func(ctx context.Context, r *rand.Rand, p *process) {
		s.terminated(p)
		pause(ctx, between(r, 0, 2*time.Second))
		s.restart(p)
	})
}

// terminated ends a process as an operator would. It must say that all went well, unless the broker was away: what could not
// be written then is told by the exit code.
func (s *faultRun) terminated(p *process) {
	over := s.hurting("SIGTERM", p)
	err := p.terminate()
	over(wireTime)
	s.mu.Lock()
	excused := errors.Is(err, errUnclean) && (s.away > 0 || time.Since(s.back) < stopTime)
	s.mu.Unlock()
	if err != nil && !excused {
		s.h.fail("%v", err)
	}
}

func (s *faultRun) restart(p *process) {
	if err := p.start(); err != nil {
		s.h.fail("%v", err)
	}
}

// maxExtras is how many processes are added in a run at the most, one after the other; the machine has to bear them.
const maxExtras = 1

// more starts a process with every role and without an identity. After a while it is terminated or killed.
func (s *faultRun) more(longest time.Duration) fault {
	return fault{"one more process", func(ctx context.Context, r *rand.Rand) func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.h.extras >= maxExtras {
			return nil
		}
		s.h.extras++
		return func() int { return s.another(ctx, r, longest) }
	}}
}

func (s *faultRun) another(ctx context.Context, r *rand.Rand, longest time.Duration) int {
	n := s.moment(ctx, nil)
	var p *process
	if gone := s.h.ofRole("all"); len(gone) > 0 {
		p = gone[0]
		s.restart(p)
	} else {
		p = s.h.serve(spec{"all-0", "all", false})
	}
	pause(ctx, between(r, longest/2, longest))
	if r.IntN(2) == 0 {
		over := s.hurting("SIGKILL", p)
		p.kill()
		over(wireTime)
	} else {
		s.terminated(p)
	}
	s.mu.Lock()
	s.h.extras--
	s.mu.Unlock()
	return n
}

// onServer is a fault of the broker or of Redis.
func (s *faultRun) onServer(kind string, inject func(ctx context.Context, r *rand.Rand) error) fault {
	return fault{kind, func(ctx context.Context, r *rand.Rand) func() int {
		n := s.moment(ctx, nil)
		return func() int {
			s.serverAway(1)
			if err := inject(ctx, r); err != nil {
				s.h.fail("%s: %v", kind, err)
			}
			s.serverAway(-1)
			return n
		}
	}}
}

func (s *faultRun) serverAway(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away += by
	s.back = time.Now()
}

func (s *faultRun) killServer(kind string, v *server, longest time.Duration) fault {
	return s.onServer(kind, func(ctx context.Context, r *rand.Rand) error {
		over := s.cutOff(kind, v)
		defer func() { over(faultReach) }()
		done := context.WithoutCancel(ctx)
		if err := v.kill(done); err != nil {
			return err
		}
		pause(ctx, between(r, 0, longest))
		return v.start(done)
	})
}

func (s *faultRun) freezeServer(kind string, v *server, longest time.Duration) fault {
	return s.onServer(kind, func(ctx context.Context, r *rand.Rand) error {
		over := s.cutOff(kind, v)
		defer func() { over(faultReach) }()
		v.signal(syscall.SIGSTOP)
		pause(ctx, between(r, time.Second, longest))
		v.signal(syscall.SIGCONT)
		return nil
	})
}

// rule puts faults of the API in force, in place of those that were for the same.
func (s *faultRun) rule(what, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules[what] = text
	var all []string
	for _, r := range s.rules {
		all = append(all, r)
	}
	if err := s.h.gate.sim.SetFaults(strings.Join(all, "\n")); err != nil {
		s.h.t.Errorf("faults: %v", err)
	}
}

// api is a fault of the Cloud API, for some seconds. What it hit is what the ledger counts meanwhile.
func (s *faultRun) api(kind, words string, hits func() int) fault {
	return fault{"API " + kind, func(ctx context.Context, r *rand.Rand) func() int {
		s.moment(ctx, nil)
		return func() int {
			before := hits()
			s.rule("fault", words)
			pause(ctx, between(r, 1500*time.Millisecond, 3500*time.Millisecond))
			await(ctx, patience, func() bool { return hits() > before })
			s.rule("fault", "")
			return hits() - before
		}
	}}
}

// apiFaults are the ways in which the Cloud API misbehaves.
func (s *faultRun) apiFaults() []fault {
	sim := s.h.gate.sim
	refused := func(codes ...string) func() int {
		return func() int {
			n := 0
			for _, c := range codes {
				n += sim.Summary().Refused[c]
			}
			return n
		}
	}
	unanswered := func() int { return sim.Summary().Unanswered }
	accepted := func() int { return sim.Summary().Accepted }
	return []fault{
		s.api("slow", "latency=300ms..3s", func() int { return s.h.gate.begun() }),
		s.api("5xx", "131000=10% 131016=10%", refused("131000", "131016")),
		s.api("page", "html=3% html_after=3% unavailable_after=3%", func() int { return sim.Summary().Foreign }),
		s.api("429", "130429=15% retry_after=1s", refused("130429")),
		s.api("reset before", "drop_before=8%", func() int { return sim.Summary().Dropped }),
		s.api("reset after", "drop_after=8%", unanswered),
		s.api("truncated", "truncate=8%", unanswered),
		s.api("no answer", "stall=5%", unanswered),
		s.api("fails later", "late_131026=20% late_131047=10%", func() int { return sim.Summary().Webhooks.Failed }),
		s.api("webhooks twice", "webhook_dup=50%", func() int { return sim.Summary().Webhooks.Duplicates }),
		s.api("webhooks late", "webhook_delay=2s..15s webhook_shuffle", accepted),
		s.api("webhooks early", "webhook_early=50%", accepted),
	}
}

// embeddedLanes are the faults of an `altavoz up`.
func (s *faultRun) embeddedLanes() []lane {
	return []lane{
		{from: 2 * time.Second, to: 6 * time.Second, faults: []fault{s.kill("up", 2*time.Second), s.freeze("up", 15*time.Second), s.kill("up", time.Second), s.terminate("up")}},
		{from: 500 * time.Millisecond, to: 1500 * time.Millisecond, faults: s.apiFaults()},
	}
}

// realLanes are the faults of processes on a real Kafka and Redis.
func (s *faultRun) realLanes() []lane {
	var procs []fault
	for _, role := range []string{"producer", "fanout", "sender", "aggregator"} {
		procs = append(procs, s.kill(role, restartAfter), s.freeze(role, 15*time.Second), s.terminate(role))
	}
	procs = append(procs, s.kill("sender", restartAfter), s.freeze("sender", 15*time.Second), s.more(15*time.Second))
	k, red := s.h.kafka, s.h.redis
	servers := []fault{
		s.killServer("SIGKILL broker", k, 4*time.Second),
		s.freezeServer("SIGSTOP broker", k, 8*time.Second),
		s.onServer("FLUSHALL Redis", func(context.Context, *rand.Rand) error { return red.flush() }),
		s.killServer("SIGKILL Redis", red, 3*time.Second),
		s.freezeServer("SIGSTOP Redis", red, 8*time.Second),
	}
	return []lane{
		{from: time.Second, to: 4 * time.Second, side: true, faults: procs},
		{from: 2 * time.Second, to: 5 * time.Second, faults: servers},
		{from: 5 * time.Second, to: 10 * time.Second, rare: true, faults: s.aimedStops()},
		{from: 500 * time.Millisecond, to: 1500 * time.Millisecond, faults: s.apiFaults()},
	}
}
