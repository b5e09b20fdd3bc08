//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// missing is the exit code by which the scripts in deploy say that something is not installed.
const missing = 3

// server is a real Kafka or Redis that one of the scripts in deploy runs.
type server struct {
	script string // of deploy
	dir    string
	addr   string
	args   []string // of every start
}

// startServer starts one, and stops it when the test ends. Without what it needs the test is skipped, except in CI.
func startServer(t *testing.T, script, dir string, args ...string) *server {
	t.Helper()
	s := &server{script: script, dir: dir, args: append([]string{"--owner", strconv.Itoa(os.Getpid())}, args...)}
	out, err := s.run(t.Context(), "start", s.args...)
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == missing && os.Getenv("CI") != "true" {
		t.Skipf("#### SKIPPING: %s", out)
	}
	fields := strings.Fields(out)
	if err != nil || len(fields) < 2 || fields[0] != "ready" {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	s.addr = fields[1]
	t.Cleanup(func() {
		s.signal(syscall.SIGCONT)
		if out, err := s.run(context.WithoutCancel(t.Context()), "kill9"); err != nil {
			t.Errorf("stopping %s: %v\n%s", script, err, out)
		}
	})
	return s
}

func (s *server) run(ctx context.Context, verb string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "../../deploy/"+s.script+"/run", append([]string{verb, "--dir", s.dir}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out) + stderr.String(), fmt.Errorf("%s %s: %w", s.script, verb, err)
	}
	return string(out), nil
}

// kill ends it as a power switch would; start continues on the same data.
func (s *server) kill(ctx context.Context) error {
	_, err := s.run(ctx, "kill9")
	return err
}

// start starts it again, where it was. A machine that is busy with everything else gets a second try.
func (s *server) start(ctx context.Context) error {
	var err error
	for range 3 {
		var out string
		if out, err = s.run(ctx, "start", s.args...); err == nil {
			return nil
		}
		err = fmt.Errorf("%w: %s", err, out)
		_ = s.kill(ctx)
	}
	return err
}

func (s *server) signal(sig syscall.Signal) {
	b, err := os.ReadFile(filepath.Join(s.dir, "pid"))
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && pid > 1 {
		_ = syscall.Kill(pid, sig)
	}
}

// flush makes a Redis forget everything.
func (s *server) flush() error {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("FLUSHALL\r\n")); err != nil {
		return err
	}
	answer := make([]byte, 16)
	n, err := conn.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "+OK") {
		return fmt.Errorf("FLUSHALL: %q, %w", answer[:n], err)
	}
	return nil
}
