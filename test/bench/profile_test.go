package bench

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/test/harness"
)

const (
	// profileFolder is where profiles are left, from this folder.
	profileFolder = "../../.cache/profiles"
	// profileTop is how many functions are printed.
	profileTop = 30
	// profileFlow is how many sends the simulator has accepted of a load when the profile begins, and how long that may take.
	profileFlow     = 50
	profileFlowTime = time.Minute
	// profileMost is how long a profile may take, in seconds: the process ends one after two minutes.
	profileMost = 110
)

// BenchmarkProfile takes a CPU profile of one process, PROFILE_ROLE, under the load of a row, BENCH_ROW, and prints its top.
func BenchmarkProfile(b *testing.B) {
	role, span := cmp.Or(os.Getenv("PROFILE_ROLE"), "sender"), time.Duration(setting(b, "BENCH_SECONDS", 20))*time.Second
	name := cmp.Or(os.Getenv("BENCH_ROW"), map[string]string{"producer": "small", "up": "embedded"}[role], "kafka")
	chosen := selected(b, name)
	i := slices.Index(fourProcesses(), role)
	if i < 0 && role != "up" || len(chosen) != 1 || span > profileMost*time.Second {
		b.Fatalf("ROLE=%s ROW=%s SECONDS=%.0f: a profile is of up, %s, under the load of one row, for %d seconds at most", role, name, span.Seconds(), strings.Join(fourProcesses(), ", "), profileMost)
	}
	s := chosen[0].setup
	s.embedded, s.roles = role == "up", nil
	if !s.embedded {
		s.roles = fourProcesses()
	}
	s.env = append(s.env, "ALTAVOZ_ADMIN_ADDR=127.0.0.1:0", "ALTAVOZ_PPROF=true")
	most := profileFlowTime + 4*span + fairExtra
	d := deploy(b, harness.Binary(b, "BENCH_BINARY"), s, most)
	d.finish(d.queue(warmNumber, warmSends, time.Time{}), followEvery)
	file := filepath.Join(profileFolder, role+"-"+name+".pprof")
	done := make(chan error, 1)
	flow := d.ledger().Accepted + profileFlow
	if chosen[0].load == nil {
		flow = 0
	}
	go func() { done <- d.profile(d.processes[max(i, 0)], span, flow, file) }()
	if chosen[0].load != nil {
		chosen[0].load(d, settings{phones: setting(b, "BENCH_PHONES", 0)}, time.Now().Add(2*span+fairWarm))
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	top := exec.CommandContext(d.ctx, "go", "tool", "pprof", "-top", fmt.Sprintf("-nodecount=%d", profileTop), file)
	out, err := top.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "flat%") {
		b.Fatalf("%v: %v\n%s", top.Args, err, out)
	}
	fmt.Fprintf(os.Stdout, "\nThe profile of %s under the load of %s is .cache/profiles/%s (go tool pprof -http=: FILE)\n%s\n", role, name, filepath.Base(file), out)
}

// profile waits until the simulator has accepted so many sends, and keeps the profile of a process.
func (d *deployment) profile(p *benchedProcess, span time.Duration, flow int, file string) error {
	for end := time.Now().Add(profileFlowTime); ; time.Sleep(followEvery) {
		l, err := d.summary()
		if err != nil {
			return err
		}
		if l.Accepted >= flow {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("the load does not go: after %s there are %d sends, not %d", profileFlowTime, l.Accepted, flow)
		}
	}
	code, profile, err := d.do(http.MethodGet, fmt.Sprintf("%s/debug/pprof/profile?seconds=%.0f", p.admin(), span.Seconds()), "")
	if err == nil && (code != http.StatusOK || !bytes.HasPrefix(profile, []byte{0x1f, 0x8b})) {
		err = fmt.Errorf("no profile: %d %.200q", code, profile)
	}
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, profile, 0o600))
}
