package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// missing is the exit code by which the scripts in deploy say that something is not installed.
const missing = 3

// script is one of those in deploy that start real servers, from the folder of a package below test.
func script(name string) string { return "../../deploy/" + name + "/run" }

// StartReal runs one of the scripts in deploy that start a real server, and returns its address and its folder. Without what it
// needs the test is skipped, except in CI. More are arguments of the script.
func StartReal(t testing.TB, name string, more ...string) (addr, dir string) {
	t.Helper()
	dir = t.TempDir()
	args := append([]string{"start", "--dir", dir, "--owner", fmt.Sprint(os.Getpid())}, more...)
	cmd := exec.CommandContext(t.Context(), script(name), args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == missing && os.Getenv("CI") != "true" {
		t.Skipf("#### SKIPPING: %s", stderr.String())
	}
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 2 || fields[0] != "ready" {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, stderr.String())
	}
	t.Cleanup(func() {
		stop := exec.CommandContext(context.WithoutCancel(t.Context()), script(name), "stop", "--dir", dir)
		if out, err := stop.CombinedOutput(); err != nil {
			t.Errorf("stopping %s: %v\n%s", name, err, out)
		}
	})
	return fields[1], dir
}

// RunReal runs the script of a real server that was started in dir: stop, kill9, start.
func RunReal(t testing.TB, name, dir string, args ...string) {
	t.Helper()
	if err := TryReal(t, name, dir, args...); err != nil {
		t.Fatal(err)
	}
}

// TryReal is the same, for a goroutine that is not the test's.
func TryReal(t testing.TB, name, dir string, args ...string) error {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), script(name), append(args, "--dir", dir)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}
