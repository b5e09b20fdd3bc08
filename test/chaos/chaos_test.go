//go:build linux

package chaos

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

const (
	// shortRun is how long faults happen in the run that is part of `make test`.
	shortRun = 20 * time.Second
	// wholeRun is from how long on a run must have reached every kind of fault.
	wholeRun = 55 * time.Second
	// startTime and settleTime are generous: machines are slow and noisy.
	startTime  = time.Minute
	settleTime = 4 * time.Minute
	// settledPart of the unknown whose message the API accepted are known once its webhooks are through.
	settledPart = 0.999
)

// beside lets the tests of `make test` run beside each other, since mostly they wait. Where somebody wants figures, each has
// the machine for itself.
func beside(t *testing.T) {
	t.Helper()
	if os.Getenv("CHAOS_MINUTES") == "" && os.Getenv("RECOVERY_KILLS") == "" {
		t.Parallel()
	}
}

// TestEndToEndChaosEmbedded injects faults into one `altavoz up`.
func TestEndToEndChaosEmbedded(t *testing.T) {
	beside(t)
	length, seed := parameters(t, "embedded")
	h := newDeployment(t, "embedded", seed)
	h.embedded(h.dir + "/data")
	injectFaults(t, h, seed, length, (*faultRun).embeddedLanes)
}

// TestEndToEndChaosKafka injects faults into processes of all roles, a real Kafka and a real Redis.
func TestEndToEndChaosKafka(t *testing.T) {
	beside(t)
	length, seed := parameters(t, "kafka")
	h := newDeployment(t, "kafka", seed)
	h.proxied(realSpecs)
	injectFaults(t, h, seed, length, (*faultRun).realLanes)
}

// parameters reads what `make chaos` was asked for: CHAOS_MINUTES of faults, in both settings together; CHAOS_SEED; and
// CHAOS_SETTING, embedded or kafka.
func parameters(t *testing.T, setting string) (length time.Duration, seed uint64) {
	t.Helper()
	length, seed = shortRun, rand.Uint64N(1_000_000)
	if n, err := strconv.ParseUint(os.Getenv("CHAOS_SEED"), 10, 64); err == nil {
		seed = n
	}
	settings := 2
	if only := os.Getenv("CHAOS_SETTING"); only != "" {
		settings = 1
		if only != setting {
			t.Skipf("CHAOS_SETTING=%s", only)
		}
	}
	if m, err := strconv.ParseFloat(os.Getenv("CHAOS_MINUTES"), 64); err == nil {
		length = time.Duration(m * float64(time.Minute) / float64(settings))
	}
	t.Logf("%s: %s of faults; again with SETTING=%s SEED=%d", setting, length, setting, seed)
	return length, seed
}

// injectFaults is one run: load, faults, then peace, and a look at who got what.
func injectFaults(t *testing.T, h *deployment, seed uint64, length time.Duration, lanes func(*faultRun) []lane) {
	t.Helper()
	h.awaitReady(t.Context(), startTime)
	l, err := newLoad(h, seed)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	s := newFaultRun(h, l)
	began := time.Now()
	loading, enough := context.WithCancel(t.Context())
	loaded := make(chan struct{})
	go func() { defer close(loaded); l.run(loading) }()
	if !await(t.Context(), startTime, func() bool { return h.gate.begun() > 100 }) {
		enough()
		<-loaded
		t.Fatalf("altavoz does not send: %s", h.failures())
	}
	raging, calm := context.WithCancel(t.Context())
	stormed := time.Now()
	go func() {
		// On a slow machine a whole run goes on until every kind of fault has hit calls.
		await(raging, 2*length, func() bool { return time.Since(stormed) > length && (length < wholeRun || len(s.missing()) == 0) })
		calm()
	}()
	s.run(raging, seed, lanes(s))
	calm()
	enough()
	<-loaded
	r := &report{Setting: h.setting, Seed: seed, Began: began.UTC().Format(time.RFC3339), Seconds: time.Since(stormed).Seconds()}
	r.Settling = settle(t, h, l).Seconds()
	e, err := s.evidence(t.Context())
	if err != nil {
		t.Fatalf("what explains who is unknown: %v", err)
	}
	v, err := l.judge(t.Context(), time.Minute, e)
	if err != nil {
		t.Errorf("the recount: %v", err)
	}
	if v != nil {
		r.verdict = *v
	}
	s.close(r)
	t.Log(r.table())
	t.Log("JSON " + r.line())
	h.complain(t, r, length >= wholeRun)
}

// settle waits, with the faults off, until every task is at its end.
func settle(t *testing.T, h *deployment, l *load) time.Duration {
	t.Helper()
	began := time.Now()
	var open []string
	if !await(t.Context(), settleTime, func() bool {
		open = l.look(t.Context())
		if len(open) > 0 {
			pause(t.Context(), 250*time.Millisecond)
		}
		return len(open) == 0
	}) {
		h.fail("%d tasks are not at their end %s after the last fault:\n%s", len(open), settleTime, indented(open[:min(5, len(open))]))
	}
	took := time.Since(began)
	if !await(t.Context(), settleTime, h.gate.through) {
		h.fail("webhooks are not through %s after the last task: %+v", settleTime, h.gate.sim.Summary().Webhooks)
	}
	return took
}

// close fills in what the run itself knows.
func (s *faultRun) close(r *report) {
	sum := s.h.gate.sim.Summary()
	var accepted []time.Time
	for _, m := range s.h.gate.sim.Ledger("") {
		accepted = append(accepted, m.Time)
	}
	r.Rows = rows(s.kinds, s.events, accepted)
	for i := range r.Rows {
		r.Rows[i].rare = s.rare[r.Rows[i].Fault] && r.Seconds < aimedRun.Seconds()
	}
	r.Calls, r.Refused, r.Webhooks = s.h.gate.begun(), int(s.load.refused.Load()), sum.Webhooks
	r.Bound = s.callers * inFlight
}

// complain makes the test fail for whatever must not be.
func (h *deployment) complain(t *testing.T, r *report, whole bool) {
	t.Helper()
	if r.Lost+r.Doubled+r.Mistaken+r.Disagree+r.Overrun > 0 || len(r.evidence) > 0 {
		t.Errorf("lost %d, doubled %d, mistaken %d, statuses that differ %d, left after a stop %d:\n%s",
			r.Lost, r.Doubled, r.Mistaken, r.Disagree, r.Overrun, indented(r.evidence))
	}
	if float64(r.Settled) < settledPart*float64(r.UnknownAccepted) {
		t.Errorf("receipts settled %d of the %d unknown whose message the API had accepted", r.Settled, r.UnknownAccepted)
	}
	if r.Webhooks.Dropped > 0 {
		t.Errorf("%d receipts were never told, want 0", r.Webhooks.Dropped)
	}
	if r.Unexplained > 0 {
		t.Errorf("%d unknown whom nothing explains: neither the API, nor a fault between start and outcome, want 0", r.Unexplained)
	}
	if r.NeverCalled > r.Bound {
		t.Errorf("%d unknown who were never called, more than the %d that processes can have had in flight when faults met them; want at most %v", r.NeverCalled, r.Bound, r.Bound)
	}
	if most := stillUnknownMost * float64(r.Messages); whole && float64(r.StillUnknown) > most {
		t.Errorf("%d are still unknown after all receipts, more than %.0f", r.StillUnknown, most)
	}
	if r.ResentTooOften > 0 {
		t.Errorf("%d calls too many of those who asked to be called again, want 0", r.ResentTooOften)
	}
	for _, what := range h.failures() {
		t.Error(what)
	}
	for _, w := range r.Rows {
		if w.Counted == 0 && whole && !w.rare {
			t.Errorf("no %s came while calls were under way (%d times at all): the run does not test what it is for", w.Fault, w.Times)
		}
	}
	if r.Messages == 0 {
		t.Error("nothing was sent")
	}
	if whole && (r.Paused == 0 || r.Stopped == 0 || r.Cancelled == 0 || r.Unknown == 0) {
		t.Errorf("%d pauses and %d cancels were in force, %d recipients cancelled, %d unknown: the run does not test what it is for",
			r.Paused, r.Stopped, r.Cancelled, r.Unknown)
	}
}
