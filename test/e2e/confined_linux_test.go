package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"altavoz/test/harness"
)

// confine starts a command as the image does it: as the user 65532 of no group, without capabilities or a way to new ones, on a tree that is
// read-only but for $1, where its data and temporary files are.
const confine = `
set -e
work=$1; shift
mount --make-rprivate /
mount -t tmpfs -o mode=0700,uid=65532,gid=65532 tmpfs "$work"
for at in $(cut -d' ' -f5 /proc/self/mountinfo); do
	case $at in "$work"|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) ;; *) mount -o remount,bind,ro "$at" ;; esac
done
mount -o remount,bind,ro /
cd "$work"
exec setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"`

func confined(t *testing.T, work string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(context.WithoutCancel(t.Context()), "unshare", append([]string{"--mount", "sh", "-c", confine, "confine", work}, args...)...)
}

// unconfined returns what a process may do that one in the image may not.
func unconfined(t *testing.T, pid int) (out []string) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	is := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		is[name] = strings.Join(strings.Fields(value), " ")
	}
	const none = "0000000000000000"
	for name, want := range map[string]string{
		"Uid": "65532 65532 65532 65532", "Gid": "65532 65532 65532 65532", "Groups": "", "NoNewPrivs": "1",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
	} {
		if is[name] != want {
			out = append(out, fmt.Sprintf("%s is %q, want %q", name, is[name], want))
		}
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[4] == "/" && !strings.HasPrefix(f[5], "ro") {
			out = append(out, "the root file system is writable: "+f[5])
		}
	}
	return out
}

// TestEndToEndThreatS24ConfinedProcessDoesItsWork: with no more rights than deploy/Dockerfile and docker-compose.yml leave it, the binary starts, sends a
// file and stops in good order. A right that it needed more would show here, and one that it was left with too.
func TestEndToEndThreatS24ConfinedProcessDoesItsWork(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "unshare", "--mount", "setpriv", "--reuid", "65532", "--clear-groups", "true").Run(); err != nil {
		t.Skipf("#### SKIPPING: no mount namespace of one's own, or no setpriv: %v", err)
	}
	dir, err := os.MkdirTemp("", "altavoz-confined") //nolint:usetesting // other users can't reach t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bin, work := filepath.Join(dir, "altavoz"), filepath.Join(dir, "work")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(work, 0o755)); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", bin, "altavoz/cmd/altavoz")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for path := filepath.Dir(bin); path != "/"; path = filepath.Dir(path) { // another user must reach it
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o001 == 0 {
			t.Skipf("#### SKIPPING: other users can't reach %s", path)
		}
	}
	outside := filepath.Join(filepath.Dir(bin), "outside")
	if text, err := confined(t, work, "sh", "-c", "echo x >inside && ! (echo x >"+outside+") 2>/dev/null && ! (echo x >/tmp/altavoz-outside) 2>/dev/null && ! unshare --mount true 2>/dev/null").CombinedOutput(); err != nil {
		t.Fatalf("it is not confined: %v\n%s", err, text)
	}
	if found := unconfined(t, os.Getpid()); len(found) < 5 { // what looks has to see it
		t.Fatalf("this test is said to be confined but for %q, want at least length 5", found)
	}

	api := freeAddress(t)
	cmd := confined(t, work, bin, "up")
	cmd.Env = []string{
		"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "TMPDIR=" + work, "ALTAVOZ_HTTP_ADDR=" + api, "ALTAVOZ_DATA_DIR=" + filepath.Join(work, "data"), "ALTAVOZ_EMBEDDED_KAFKA_ADDR=" + freeAddress(t),
		"ALTAVOZ_SIMULATOR_ADDR=" + freeAddress(t),
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Log(said.String())
		}
	})
	h := &harness.API{URL: "http://" + api}
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get(h.URL + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatal("it does not get ready")
		}
	}
	for _, found := range unconfined(t, cmd.Process.Pid) {
		t.Error(found)
	}
	code, got := h.Post(t, `{"phones":["573007770001"],"body_text":"b","header_type":"image","header_content":"data:image/png;base64,`+harness.OnePixel+`"}`)
	if code != http.StatusOK || !strings.Contains(got, `"successful":1`) {
		t.Errorf("%d %s; want %v, %q in it", code, got, http.StatusOK, `"successful":1`)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err = <-ended
	if stopped = true; err != nil {
		t.Errorf("it ends with %v", err)
	}
}
