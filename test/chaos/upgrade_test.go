//go:build linux

package chaos

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/test/harness"
)

const (
	// betweenRoles is how long broadcasts go on before the next role is replaced, and mixed how long an old process stays among
	// new ones: longer than the waits between two tries of a partition that is held, at first.
	betweenRoles = 5 * time.Second
	mixed        = 20 * time.Second
	// underWay is how many calls must have been made before anything is replaced, and how many more at every step.
	underWay = 100
)

// upgradeOrder is the order in which deploy/README.md has roles replaced: who reads before who writes. A downgrade goes the other way.
var upgradeOrder = []string{"aggregator", "sender", "fanout", "producer"}

// upgrade is a deployment whose processes are replaced by those of another version while broadcasts are under way.
type upgrade struct {
	t        *testing.T
	h        *deployment
	l        *load
	s        *faultRun
	old, new string // binaries
	kill     bool   // SIGKILL instead of SIGTERM
}

// TestUpgrade replaces the processes of an earlier version (UPGRADE_FROM, a commit of this repository) by those of this one, and the other
// way round, on a real Kafka and Redis: `make upgrade`. Everybody is decided, and nobody is called twice.
func TestUpgrade(t *testing.T) {
	from := os.Getenv("UPGRADE_FROM")
	if from == "" {
		t.Skip("UPGRADE_FROM is not set; make upgrade sets it")
	}
	old, now := buildCommit(t, from), harness.Binary(t, "CHAOS_BINARY")
	for _, c := range []struct {
		name  string
		first string
		kill  bool
		steps func(*upgrade)
	}{
		{"up, by SIGTERM", old, false, (*upgrade).everything},
		{"up, by SIGKILL", old, true, (*upgrade).everything},
		{"down and up again, one of each role, by SIGTERM", now, false, (*upgrade).oneOfEach},
		{"down and up again, one of each role, by SIGKILL", now, true, (*upgrade).oneOfEach},
		{"down, all at once, and up again", now, false, (*upgrade).downAndUp},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := &upgrade{t: t, old: old, new: now, kill: c.kill}
			u.run(c.first, c.steps)
		})
	}
}

// buildCommit builds the altavoz of a commit of this repository, in a copy of its own.
func buildCommit(t *testing.T, commit string) string {
	t.Helper()
	dir := t.TempDir()
	top, err := exec.CommandContext(t.Context(), "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Fatalf("where the repository is: %v", err)
	}
	out := filepath.Join(dir, "altavoz")
	for _, line := range []string{
		fmt.Sprintf("git -C %q archive %q | tar -x -C %q", strings.TrimSpace(string(top)), commit, dir),
		fmt.Sprintf("cd %q && go build -o %q ./cmd/altavoz", dir, out),
	} {
		if text, err := exec.CommandContext(t.Context(), "bash", "-o", "pipefail", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", commit, err, text)
		}
	}
	return out
}

// run is one history: load, steps, then peace, and a look at who got what.
func (u *upgrade) run(first string, steps func(*upgrade)) {
	u.t.Helper()
	u.h = newDeployment(u.t, "kafka", 1)
	u.h.binary = first
	settings, err := exec.CommandContext(u.t.Context(), u.old, "config", "--help").CombinedOutput()
	if err != nil {
		u.t.Fatalf("which settings the earlier version has: %v: %s", err, settings)
	}
	if !bytes.Contains(settings, []byte(upstreamSetting)) {
		u.h.upstream = schemas.TopicBroadcasts
	}
	u.h.real(realSpecs)
	u.h.awaitReady(u.t.Context(), startTime)
	if u.l, err = newLoad(u.h, uint64(time.Now().UnixNano())); err != nil {
		u.t.Fatal(err)
	}
	defer u.l.close()
	u.s = newFaultRun(u.h, u.l)
	began := time.Now()
	loading, enough := context.WithCancel(u.t.Context())
	loaded := make(chan struct{})
	go func() { defer close(loaded); u.l.run(loading) }()
	defer func() { enough(); <-loaded }()
	u.goesOn("before anything is replaced")
	steps(u)
	u.goesOn("after everything was replaced")
	enough()
	<-loaded
	r := &report{Setting: u.h.setting, Began: began.UTC().Format(time.RFC3339), Seconds: time.Since(began).Seconds()}
	r.Settling = settle(u.t, u.h, u.l).Seconds()
	e, err := u.s.evidence(u.t.Context())
	if err != nil {
		u.t.Fatalf("what explains who is unknown: %v", err)
	}
	v, err := u.l.judge(u.t.Context(), time.Minute, e)
	if err != nil {
		u.t.Fatalf("the recount: %v", err)
	}
	r.verdict = *v
	u.s.close(r)
	u.t.Log("JSON " + r.line())
	u.h.complain(u.t, r, false)
}

// goesOn waits until calls are made again.
func (u *upgrade) goesOn(when string) {
	u.t.Helper()
	from := u.h.gate.begun()
	if !await(u.t.Context(), startTime, func() bool { return u.h.gate.begun() > from+underWay }) {
		u.t.Fatalf("nothing is sent %s: %s\n%s", when, u.h.failures(), u.logs())
	}
}

// logs is the last lines of every process.
func (u *upgrade) logs() string {
	var b strings.Builder
	for _, p := range u.h.all() {
		b.WriteString(p.tail(3))
	}
	return b.String()
}

// said counts the lines of its log that hold a text.
func (p *process) said(text string) (n int) {
	b, err := os.ReadFile(filepath.Join(p.dir, p.name+".log"))
	if err != nil {
		return 0
	}
	return strings.Count(string(b), text)
}

// everything replaces all processes, role by role.
func (u *upgrade) everything() {
	for _, role := range upgradeOrder {
		u.replace(u.new, u.h.ofRole(role)...)
		u.goesOn("after the role " + role + " was replaced")
		pause(u.t.Context(), betweenRoles)
	}
}

// downAndUp replaces all processes, role by role, the other way round, and back. In between nothing can be sent: nobody reads the ledgers.
func (u *upgrade) downAndUp() {
	for i := range upgradeOrder {
		u.replace(u.old, u.h.ofRole(upgradeOrder[len(upgradeOrder)-1-i])...)
	}
	u.together(u.h.all()...)
	for _, role := range upgradeOrder {
		u.replace(u.new, u.h.ofRole(role)...)
	}
}

// oneOfEach replaces one process of each stage by an old one, lets both versions be at work together, and replaces it again.
func (u *upgrade) oneOfEach() {
	for _, role := range []string{"fanout", "sender", "aggregator"} {
		p := u.h.ofRole(role)[1]
		u.replace(u.old, p)
		u.together(p)
		u.replace(u.new, p)
		u.goesOn("after " + p.name + " was replaced by the new version again")
		for _, p := range u.h.ofRole(role) {
			u.t.Logf("%s took over %d partitions whose log and position do not agree", p.name, p.said("log and offset do not agree"))
		}
	}
}

// together lets old processes be at work for a while, and says what became of it. Those of a role whose ledger they cannot read say so.
func (u *upgrade) together(ps ...*process) {
	u.t.Helper()
	from := u.h.gate.begun()
	pause(u.t.Context(), mixed)
	u.t.Logf("%d calls of all processes in %s with %d old ones", u.h.gate.begun()-from, mixed, len(ps))
	for _, p := range ps {
		n := p.said("not a ledger")
		u.t.Logf("%s could not read a ledger %d times", p.name, n)
		if reads := p.role != "fanout" && p.role != "sender"; reads != (n == 0) {
			u.t.Errorf("%s, of the older version, could not read a ledger %d times", p.name, n)
		}
	}
}

// replace stops processes and starts them again as another version, all of them at once.
func (u *upgrade) replace(binary string, ps ...*process) {
	u.t.Helper()
	for _, p := range ps {
		over := u.s.hurting("replaced", p)
		if u.kill {
			p.signal(syscall.SIGKILL)
			p.wait(stopTime)
		} else if err := p.terminate(); err != nil {
			u.t.Errorf("stopping %s: %v", p.name, err)
		}
		over(wireTime)
	}
	for _, p := range ps {
		p.binary = binary
		if err := p.start(); err != nil {
			u.t.Fatal(err)
		}
	}
	for _, p := range ps {
		if binary == u.new && !await(u.t.Context(), startTime, p.ready) {
			u.t.Fatalf("%s is not ready after it was replaced\n%s", p.name, p.tail(5))
		}
	}
}
