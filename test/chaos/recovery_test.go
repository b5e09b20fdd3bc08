//go:build linux

package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"altavoz/schemas"
)

const (
	// What recovery shall take, and how much more than that a machine may need that is busy with everything else before the
	// test fails: it prints what it saw.
	restartGoal  = 2 * time.Second
	takeoverGoal = 12 * time.Second
	answerGoal   = 6 * time.Second
	noisy        = 4
	oneSecond    = numberRate // recipients of one number

	killsATakeover = 4 // a takeover lasts as long as many restarts

	shortKills, longOutage, shortOutage = 2, 60 * time.Second, 8 * time.Second
)

// kills is how often each role is killed: RECOVERY_KILLS, or a few in `make test`; whole says that nobody is in a hurry.
func kills() (n int, whole bool) {
	if n, err := strconv.Atoi(os.Getenv("RECOVERY_KILLS")); err == nil && n > 0 {
		return n, true
	}
	return shortKills, false
}

// recovery is a deployment at rest with one fault at a time.
type recovery struct {
	*load
	t *testing.T
}

func newRecovery(t *testing.T, h *deployment) *recovery {
	t.Helper()
	h.awaitReady(t.Context(), startTime)
	l, err := newLoad(h, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	r := &recovery{l, t}
	for _, n := range numbers { // until every number has been sent from once
		r.queue(1, n)
	}
	r.rest()
	return r
}

// queue has a broadcast accepted.
func (r *recovery) queue(phones int, number string) {
	r.t.Helper()
	before := len(r.h.list())
	r.send(r.t.Context(), r.plain(phones, number))
	if len(r.h.list()) != before+1 {
		r.t.Fatalf("a broadcast was not accepted: %s", r.h.failures())
	}
}

// fresh has a broadcast accepted that has no key: one with a key starts when its status shows that it came first.
func (r *recovery) fresh(phones int, number string) schemas.TaskID {
	r.t.Helper()
	d := r.plain(phones, number)
	d.keyed = false
	id, _ := r.once(r.t.Context(), d, schemas.TaskID{})
	if id == (schemas.TaskID{}) {
		r.t.Fatalf("a broadcast was not accepted: %s", r.h.failures())
	}
	r.accepted(&task{id: id, via: d.via, phones: phones})
	return id
}

// plain is a queued broadcast that may be asked for again.
func (r *recovery) plain(phones int, number string) *draft {
	d := &draft{via: "queued", phones: phones, keyed: true}
	list := make([]string, phones)
	for i := range list {
		list[i] = fmt.Sprintf("57300%07d", r.phone)
		r.phone++
	}
	d.body = map[string]any{"phones": list, "body_text": "hola", "sender": number, "use_queue": true}
	return d
}

// rest waits until every task is at its end.
func (r *recovery) rest() {
	r.t.Helper()
	var open []string
	if !await(r.t.Context(), settleTime, func() bool { open = r.look(r.t.Context()); return len(open) == 0 }) {
		r.t.Fatalf("not at their end after %s:\n%s", settleTime, indented(open[:min(3, len(open))]))
	}
}

// until waits for cond.
func (r *recovery) until(what string, cond func() bool) {
	r.t.Helper()
	if !await(r.t.Context(), time.Minute, cond) {
		r.t.Fatalf("%s: not within a minute", what)
	}
}

// checked prints the longest of some times, and fails where it is far beyond the goal.
func (r *recovery) checked(what string, goal time.Duration, all []time.Duration) {
	r.t.Helper()
	slices.Sort(all)
	longest, median := all[len(all)-1], all[len(all)/2]
	r.t.Logf("RECOVERY %s: longest of %d %.2f s, median %.2f s (goal %s)", what, len(all), longest.Seconds(), median.Seconds(), goal)
	if longest > noisy*goal {
		r.t.Errorf("%s took %s, far beyond %s", what, longest, goal)
	}
}

// sound compares the witnesses: no fault may have lost a message.
func (r *recovery) sound(t *testing.T) {
	t.Helper()
	v, err := r.judge(t.Context(), time.Minute, nil)
	switch {
	case err != nil:
		t.Errorf("the recount: %v", err)
	case v.Lost+v.Doubled+v.Mistaken+v.Disagree > 0 || len(v.evidence) > 0:
		t.Errorf("%+v\n%s", *v, indented(v.evidence))
	default:
		t.Logf("%d tasks, %d recipients: lost 0, doubled 0, unknown %d", v.Tasks, v.Recipients, v.Unknown)
	}
	for _, what := range r.h.failures() {
		t.Error(what)
	}
}

// TestEndToEndRecovery measures how soon processes on a real Kafka work again.
func TestEndToEndRecovery(t *testing.T) {
	beside(t)
	h := newDeployment(t, "recovery", 1)
	h.real([]spec{{"producer-0", "producer", true}, {"fanout-0", "fanout", true}, {"sender-0", "sender", true}, {"aggregator-0", "aggregator", true}})
	r := newRecovery(t, h)
	n, whole := kills()
	for _, role := range []string{"producer", "fanout", "sender", "aggregator"} {
		t.Run("Restart/"+role, func(t *testing.T) {
			var all []time.Duration
			for range n {
				all = append(all, (&recovery{r.load, t}).restarted(role))
			}
			(&recovery{r.load, t}).checked("restart of the "+role+" with its identity", restartGoal, all)
		})
	}
	t.Run("Broker/killed", func(t *testing.T) {
		(&recovery{r.load, t}).outage(func(ctx context.Context) error { return h.kafka.kill(ctx) }, 3*time.Second,
			func(ctx context.Context) error { return h.kafka.start(ctx) })
	})
	t.Run("Broker/stopped", func(t *testing.T) {
		long := shortOutage
		if whole {
			long = longOutage
		}
		(&recovery{r.load, t}).outage(func(context.Context) error { h.kafka.signal(syscall.SIGSTOP); return nil }, long,
			func(context.Context) error { h.kafka.signal(syscall.SIGCONT); return nil })
	})
	for _, role := range []string{"fanout", "sender", "aggregator"} {
		t.Run("Takeover/"+role, func(t *testing.T) {
			other := h.serve(spec{role + "-1", role, false})
			var all []time.Duration
			for range max(1, n/killsATakeover) {
				all = append(all, (&recovery{r.load, t}).takenOver(role))
			}
			(&recovery{r.load, t}).checked("takeover from a killed "+role, takeoverGoal, all)
			if err := other.terminate(); err != nil {
				t.Error(err)
			}
			r.rest()
		})
	}
	r.sound(t)
}

// restarted kills the one process of a role and starts it again, and returns how long it took to work.
func (r *recovery) restarted(role string) time.Duration {
	r.t.Helper()
	p := r.h.ofRole(role)[0]
	r.rest()
	var began time.Time
	start := func() {
		began = time.Now()
		if err := p.start(); err != nil {
			r.t.Fatal(err)
		}
	}
	calls := r.h.gate.begun()
	switch role {
	case "producer":
		p.kill()
		start()
		r.until("an answer", func() bool {
			id, _ := r.once(r.t.Context(), r.plain(1, numbers[0]), schemas.NewTaskID())
			return id != schemas.TaskID{}
		})
	case "fanout":
		p.kill()
		r.queue(3, numbers[0])
		start()
		r.until("a call", func() bool { return r.h.gate.begun() > calls })
	case "sender":
		r.queue(300, numbers[0])
		r.until("calls", func() bool { return r.h.gate.underWay(p.name) > 3 })
		p.kill()
		calls = r.h.gate.begun()
		start()
		r.until("a call", func() bool { return r.h.gate.begun() > calls })
	case "aggregator":
		p.kill()
		id := r.fresh(3, numbers[0])
		r.until("calls", func() bool { return r.h.gate.begun() >= calls+3 && r.h.gate.underWay("") == 0 })
		start()
		r.until("the end of a task", func() bool { s, ok := r.statusOf(r.t.Context(), id); return ok && ended(s) })
	}
	return time.Since(began)
}

// takenOver kills a process for good, and returns when another one has done its work.
func (r *recovery) takenOver(role string) time.Duration {
	r.t.Helper()
	first, second := r.h.ofRole(role)[0], r.h.ofRole(role)[1]
	r.shared(role)
	r.rest()
	if role == "sender" {
		for _, n := range numbers {
			r.queue(oneSecond, n)
		}
		r.until("calls of both", func() bool { return r.h.gate.underWay(first.name) > 0 && r.h.gate.underWay(second.name) > 0 })
	}
	first.kill()
	began := time.Now()
	if role != "sender" {
		for range 3 {
			for _, n := range numbers {
				r.queue(1, n)
			}
		}
	}
	r.rest()
	took := time.Since(began)
	if err := first.start(); err != nil {
		r.t.Fatal(err)
	}
	return took
}

// shared waits until two processes share the partitions of a role.
func (r *recovery) shared(role string) {
	r.t.Helper()
	group := prefix + role
	r.until("two members with partitions of the "+role, func() bool {
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		groups, err := kadm.NewClient(r.kafka).DescribeGroups(ctx, group)
		g := groups[group]
		if err != nil || g.State != "Stable" || len(g.Members) != 2 {
			return false
		}
		for _, m := range g.Members {
			if c, ok := m.Assigned.AsConsumer(); !ok || len(c.Topics) == 0 {
				return false
			}
		}
		return true
	})
}

// outage takes the broker away for a while. Meanwhile every request is answered soon, and after it nothing is missing.
func (r *recovery) outage(away func(context.Context) error, long time.Duration, back func(context.Context) error) {
	r.t.Helper()
	r.rest()
	for _, n := range numbers {
		r.queue(200, n)
	}
	r.until("calls", func() bool { return r.h.gate.underWay("") > 5 })
	ctx := context.WithoutCancel(r.t.Context())
	if err := away(ctx); err != nil {
		r.t.Fatal(err)
	}
	end := time.Now().Add(long)
	answers := r.answers(func() bool { return time.Now().Before(end) })
	if err := back(ctx); err != nil {
		r.t.Fatal(err)
	}
	began := time.Now()
	r.queue(1, numbers[0])
	accepted := time.Since(began)
	r.rest()
	r.t.Logf("RECOVERY broker away for %s: accepts %.1f s after it is back, all is decided %.1f s after", long, accepted.Seconds(), time.Since(began).Seconds())
	r.checked("an answer while the broker is away", answerGoal, answers)
	r.sound(r.t)
}

// answers asks while the broker is away, and returns how long each answer took. No answer at all is an error.
func (r *recovery) answers(away func() bool) []time.Duration {
	r.t.Helper()
	var all []time.Duration
	for len(all) == 0 || away() {
		began := time.Now()
		d, key, refused := r.plain(1, numbers[0]), schemas.NewTaskID(), r.refused.Load()
		id, _ := r.once(r.t.Context(), d, key)
		all = append(all, time.Since(began))
		switch {
		case id != (schemas.TaskID{}): // it is back, or never was away for this one
			r.accepted(&task{id: id, via: d.via, phones: d.phones})
		case r.refused.Load() == refused:
			r.t.Error("a request got no answer while the broker was away")
		}
		if !pause(r.t.Context(), 200*time.Millisecond) {
			break
		}
	}
	return all
}

// TestEndToEndRecoveryDisk fills the disk under Kafka, embedded and real, and frees it again.
func TestEndToEndRecoveryDisk(t *testing.T) {
	beside(t)
	t.Run("embedded", func(t *testing.T) {
		h := newDeployment(t, "disk-embedded", 1)
		disk := smallDisk(t, filepath.Join(h.dir, "data"))
		h.embedded(disk)
		r := newRecovery(t, h)
		r.fullDisk(disk, func() {})
	})
	t.Run("kafka", func(t *testing.T) {
		h := newDeployment(t, "disk-kafka", 1)
		disk := smallDisk(t, filepath.Join(h.dir, "kafka"))
		h.real(realSpecs)
		r := newRecovery(t, h)
		// A broker that can't write ends. Whatever runs it starts it again, as it would after any other death.
		r.fullDisk(disk, func() {
			_ = h.kafka.kill(context.WithoutCancel(t.Context()))
			if err := h.kafka.start(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
		})
	})
}

const diskBytes = 192 << 20

// smallDisk mounts a file system that is soon full.
func smallDisk(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskBytes)); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mounting a small disk: %v", err)
		}
		t.Skipf("#### SKIPPING: a small disk can't be mounted: %v (root can)", err)
	}
	t.Cleanup(func() {
		const lazily = 2 // MNT_DETACH
		if err := syscall.Unmount(dir, lazily); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (r *recovery) fullDisk(disk string, revive func()) {
	r.t.Helper()
	for _, n := range numbers {
		r.queue(200, n)
	}
	r.until("calls", func() bool { return r.h.gate.underWay("") > 5 })
	filler := filepath.Join(disk, "filler")
	fill(r.t, filler)
	end := time.Now().Add(8 * time.Second)
	answers := r.answers(func() bool { return time.Now().Before(end) })
	fill(r.t, filler) // what was deleted meanwhile
	if err := os.Remove(filler); err != nil {
		r.t.Fatal(err)
	}
	revive()
	began := time.Now()
	r.queue(1, numbers[0])
	accepted := time.Since(began)
	r.rest()
	r.t.Logf("RECOVERY disk full: %d requests refused; accepts %.1f s after it is freed, all is decided %.1f s after", r.refused.Load(), accepted.Seconds(), time.Since(began).Seconds())
	r.checked("an answer while the disk is full", answerGoal, answers)
	r.sound(r.t)
}

// fill writes until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}
