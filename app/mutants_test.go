package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// mutant is a safeguard that is taken out of the code, and the named test that must miss it.
type mutant struct {
	name string
	file string // from the root of the module
	from string // stands there once
	to   string
	test string // of the package of the file
}

// mutantTime is what building and running one mutated package may take; the tests themselves need seconds.
const mutantTime = 2 * time.Minute

// mutants are the safeguards behind "never lost, never twice" (DESIGN.md): the lease, what a revoked partition may not do
// any more, what the next owner reads, what it remembers, the maximum, and the watch over what others write. Each of them
// could be lost by one careless line.
func mutants() []mutant {
	return []mutant{
		// The lease: no call, and no send, before a commit has said that it is started.
		{
			"calls do not wait for their commit", "processor/sender/pump.go",
			"refused, err := st.write(c)",
			"var refused map[schemas.Slot]error\nvar err error\nst.running.Go(func() { _, _ = st.write(c) })",
			"TestNoCallBeforeCommit",
		},
		{
			"calls are made though their commit was refused", "processor/sender/pump.go",
			"case refused[a.slot] != nil && !a.draining:", "case false:",
			"TestRefusedCommit",
		},
		{
			"the ledger does not say what is started", "processor/sender/pump.go",
			"e.on.ledger.start(e.cell)", "",
			"TestCrashPoints",
		},
		{
			"a result counts before it is acknowledged", "processor/sender/outbox.go",
			"st.outbox = append(st.outbox, p)\n}\n\n// note", "st.outbox = append(st.outbox, p)\np.send = nil\nst.finish(e)\n}\n\n// note",
			"TestCrashPoints",
		},
		{
			"a commit carries the generation of the moment of sending", "kafka/commit.go",
			"req.Group, req.MemberID, req.Generation = g.name, f.Member, f.Generation",
			"req.Group = g.name\nreq.MemberID, req.Generation = s.cl.GroupMetadata()",
			"TestCommitRefusals",
		},
		{
			"a turn is written though its lease was refused", "processor/fanout/park.go",
			"case a.Refused != nil:", "case false:",
			"TestRefusedCommitProducesNothing",
		},
		{
			"a lease never ends", "processor/fanout/slot.go",
			"w.lease && time.Since(s.proven) > leaseFresh", "false",
			"TestStaleLeaseIsNotProduced",
		},

		// Controls: a pause and a cancel hold, whoever owns the task, and no more leaves than was said.
		{
			"what may still leave is said without turns that are leased", "processor/fanout/steer.go",
			"uint32(t.InPipe())", "t.cursor-min(t.cursor, t.Decided)",
			"TestCancelWhileATurnIsUnderWay",
		},
		{
			"the rest is cancelled while a turn is under way", "processor/fanout/steer.go",
			"|| t.turn != nil || t.lease > 0 {", "|| t.lease > 0 {",
			"TestCancelWhileATurnIsUnderWay",
		},
		{
			"a takeover does not wait for the controls", "processor/fanout/stage.go",
			"if err := st.ports.Controls.Sync(ctx); err != nil {", "if err := error(nil); err != nil {",
			"TestNoTurnBeforeTheControlsHaveCaughtUp",
		},
		{
			"an owner that was replaced speaks of controls", "processor/fanout/steer.go",
			"proof = s.asks + 1", "proof = 0",
			"TestReplacedOwnerSaysNothingOfControls",
		},
		{
			"the rest is cancelled before that was said", "processor/fanout/steer.go",
			"!t.told ||", "",
			"TestRestIsCancelledOnceThatWasSaid",
		},
		{
			"a turn is taken before the task was looked at at its time", "processor/fanout/turns/queue.go",
			"due := !e.lookAt.IsZero() && !e.lookAt.After(now)", "due := false",
			"TestNobodyTakesATurnBeforeBeingLookedAt",
		},
		{
			"the others do not wait for the first recipients", "processor/fanout/turns.go",
			"min(t.most(), t.slice.first+uint32(len(t.slice.phones))-t.cursor)", "t.slice.first+uint32(len(t.slice.phones))-t.cursor",
			"TestFirstRecipientsStopTheOthers",
		},
		{
			"a member whose join is broken off stays in the group", "kafka/group.go",
			"if broken && s.member() != left {", "if broken && s.member() != left && false {",
			"TestJoinThatIsBrokenOffLeaves",
		},

		// A partition that is given up: nothing of it is called, committed or counted as done any more.
		{
			"a partition that was lost is still called", "processor/sender/pump.go",
			"case !a.live:\n\t\t\tst.unadmit(e)", "case false:\n\t\t\tst.unadmit(e)",
			"TestLostDuringCommit",
		},
		{
			"a partition that was lost is still committed", "processor/sender/pump.go",
			"if !a.live {\n\t\t\tcontinue\n\t\t}", "",
			"TestLostIsNotCommitted",
		},
		{
			"a partition that is being given up is still called", "processor/sender/pump.go",
			"case a.draining:", "case false:",
			"TestRevokeDuringCommit",
		},
		{
			"giving up does not wait for the commit under way", "processor/sender/stage.go",
			"if committing != nil {\n\t\t<-committing\n\t}", "_ = committing",
			"TestLostDuringCommit",
		},
		{
			"a lost partition of broadcasts or results is still committed", "processor/slots/slots.go",
			"delete(set.positions, k)", "",
			"TestLostIsNotCommitted",
		},
		{
			"giving up broadcasts or results does not wait for the commit under way", "processor/slots/slots.go",
			"if committing != nil {\n\t\t<-committing\n\t}", "_ = committing",
			"TestLostIsNotCommitted",
		},
		{
			"a position is committed of a partition that came back", "processor/slots/slots.go",
			"if set.live[pos.Slot] == s {", "if true {",
			"TestLostIsNotCommitted",
		},

		// Windows and deadlines.
		{
			"a send is started while its window is shut", "processor/sender/pump.go",
			"if opens := e.task.shut(now); !opens.IsZero() {", "if opens := e.task.shut(now); false {",
			"TestNothingStartsOutsideItsWindow",
		},
		{
			"a send is called though its window shut, or its time was over, while its start was committed", "processor/sender/pump.go",
			"case e.late(now):", "case false:",
			"TestCommitOutlastsTheWindow",
		},

		// What the last owner said.
		{
			"a takeover does not read the sender's ledger", "processor/sender/stage.go",
			"decodeRuns(pos.Metadata)", `decodeRuns("")`,
			"TestTakeover",
		},
		{
			"a takeover does not read the fanout's ledger", "processor/fanout/stage.go",
			"ledger.Decode(max(0, pos.Offset), pos.Metadata)", `ledger.Decode(max(0, pos.Offset), "")`,
			"TestTakeoverRepeatsOnlyThePending",
		},

		// What was seen: a fanout that takes over repeats sends of its last turns.
		{
			"repeats are not noticed", "processor/sender/assignment.go",
			"fresh := in.send == nil || a.seen.add(in.task, in.send.GetIndex())", "fresh := true",
			"TestRewind",
		},
		{
			"what lies below the watermark is not remembered", "processor/sender/assignment.go",
			"a.seen.add(in.task, in.send.GetIndex())\n\t\t}\n\t\treturn", "}\n\t\treturn",
			"TestRewind",
		},

		// The fold.
		{
			"the last outcome wins instead of the greatest", "processor/aggregator/fold.go",
			"if to > from {", "if to != from {",
			"TestFoldDoesNotDependOnOrder",
		},
		{
			"marks of another process take the place of ours", "processor/aggregator/marks.go",
			"case o > m:", "case o != m:",
			"TestZombieIsRepaired",
		},
		{
			"positions are committed before the marks are acknowledged", "processor/aggregator/write.go",
			"if s.cp == nil || s.cp.waiting > 0 {", "if s.cp == nil {",
			"TestCommitOnlyAfterAcknowledgement",
		},
		{
			"nobody looks after what others write", "processor/aggregator/tail.go",
			"if !o.forget(rec.Offset) {", "if o.forget(rec.Offset); false {",
			"TestZombieIsRepaired",
		},
	}
}

// TestMutants takes one safeguard after the other out of the code and runs the test that is named for it: a test that
// stays green does not test what it says. The changed files lie beside the tree (go test -overlay), so nothing in the
// programs knows of this.
func TestMutants(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds each room once a mutant")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	all := mutants()
	t.Run("as it is", func(t *testing.T) { unmutated(t, root, all) })
	if t.Failed() {
		return
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.check(t, root)
		})
	}
}

// unmutated runs all the tests at once with nothing changed.
func unmutated(t *testing.T, root string, all []mutant) {
	t.Helper()
	var tests, rooms []string
	for _, m := range all {
		tests, rooms = append(tests, m.test), append(rooms, m.room())
	}
	slices.Sort(tests)
	slices.Sort(rooms)
	tests, rooms = slices.Compact(tests), slices.Compact(rooms)
	out, err := goTest(t, root, strings.Join(tests, "|"), rooms...)
	if err != nil {
		t.Fatalf("red without any mutant: %v\n%s", err, out)
	}
	for _, name := range tests {
		if !strings.Contains(out, "--- PASS: "+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
}

func (m mutant) room() string { return "./" + filepath.ToSlash(filepath.Dir(m.file)) }

// check expects the mutant's test to be red: not that it does not build, and not that it never ends.
func (m mutant) check(t *testing.T, root string) {
	path := filepath.Join(root, filepath.FromSlash(m.file))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.from); n != 1 {
		t.Fatalf("%s has the text to be changed %d times: the mutant has to follow the code", m.file, n)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, filepath.Base(path)), filepath.Join(dir, "overlay.json")
	paths, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{changed: []byte(strings.Replace(string(text), m.from, m.to, 1)), overlay: paths} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := goTest(t, root, m.test, "-overlay", overlay, m.room())
	switch {
	case err == nil:
		t.Errorf("%s is green: it does not notice", m.test)
	case !strings.Contains(out, "--- FAIL: "+m.test+" "):
		t.Errorf("%s did not fail, something else did: %v\n%s", m.test, err, out)
	case regexp.MustCompile(`(?m)^panic: `).MatchString(out) && !strings.Contains(out, leftBubble):
		t.Errorf("%s did not get to its end:\n%s", m.test, out)
	default:
		t.Logf("%s: %s", m.test, complaint(out))
	}
}

// leftBubble is how a test ends that has failed for good in fake time: what it had started is still there.
const leftBubble = "main bubble goroutine has exited but blocked goroutines remain"

// complaint is the first thing that a red test says.
func complaint(out string) string {
	if at := regexp.MustCompile(`(?m)^\s+\w+_test\.go:\d+: .*$`).FindString(out); at != "" {
		return strings.TrimSpace(at)
	}
	return "red"
}

func goTest(t *testing.T, root, tests string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), mutantTime)
	defer cancel()
	args = append([]string{"test", "-v", "-count=1", "-vet=off", "-timeout", (mutantTime / 2).String(), "-run", "^(" + tests + ")$"}, args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return string(out), err
}
