//go:build linux

package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is one altavoz that can die and be started again under its identity.
type process struct {
	name   string
	role   string // what faults call it
	args   []string
	env    []string
	addr   string // of its HTTP side
	dir    string
	binary string
	broken func(string) // told when it ends although nobody ended it

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	meant  bool // its end was wanted
	starts int
	up     bool // runs and is not stopped: requests may go there
}

// start starts it; it must not run.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(filepath.Join(p.dir, p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(p.binary, p.args...)
	cmd.Env = append([]string{"HOME=" + p.dir, "PATH=" + os.Getenv("PATH"), "ALTAVOZ_HTTP_ADDR=" + p.addr, "ALTAVOZ_LOG_FORMAT=json"}, p.env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, exited := make(chan error), make(chan struct{})
	go func() {
		// The kernel sends Pdeathsig when the thread that started the child ends, so this one waits with it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait()
		p.ended(cmd)
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	p.cmd, p.exited, p.meant, p.up = cmd, exited, false, true
	p.starts++
	return nil
}

func (p *process) ended(cmd *exec.Cmd) {
	p.mu.Lock()
	meant := p.meant
	p.up = false
	p.mu.Unlock()
	if !meant && p.broken != nil {
		p.broken(fmt.Sprintf("%s ended by itself: %v", p.name, cmd.ProcessState))
	}
}

// signal sends it a signal; one that ends it is wanted.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	switch sig { //nolint:exhaustive // those that chaos sends
	case syscall.SIGKILL, syscall.SIGTERM:
		p.meant, p.up = true, false
	case syscall.SIGSTOP:
		p.up = false
	case syscall.SIGCONT:
		p.up = !p.meant
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, sig)
}

// wait waits until it has ended, and reports false if it does not in time.
func (p *process) wait(patience time.Duration) bool {
	p.mu.Lock()
	exited := p.exited
	p.mu.Unlock()
	if exited == nil {
		return true
	}
	select {
	case <-exited:
		return true
	case <-time.After(patience):
		return false
	}
}

// kill ends it as a power switch would.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	p.wait(10 * time.Second)
}

// stopTime is more than a process may take to drain and stop; see app.StopTimeout.
const stopTime = 45 * time.Second

// errUnclean is the error of a process that says it could not stop as it should.
var errUnclean = errors.New("something could not be written any more")

// terminate ends it as an operator would.
func (p *process) terminate() error {
	p.signal(syscall.SIGTERM)
	if !p.wait(stopTime) {
		p.kill()
		return fmt.Errorf("%s did not stop within %s of SIGTERM", p.name, stopTime)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with code %d after SIGTERM: %w", p.name, code, errUnclean)
	}
	return nil
}

func (p *process) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up
}

func (p *process) url() string { return "http://" + p.addr }

// ready reports whether it says that it is.
func (p *process) ready() bool {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	resp, err := client.Get(p.url() + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// tail returns the last lines of its log that are warnings or worse.
func (p *process) tail(lines int) string {
	b, err := os.ReadFile(filepath.Join(p.dir, p.name+".log"))
	if err != nil {
		return err.Error()
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, `"level":"INFO"`) {
			out = append(out, p.name+": "+line)
		}
	}
	return strings.Join(out[max(0, len(out)-lines):], "")
}

// freeAddr returns a loopback address that nobody listens on, below the range from which the kernel takes ports for
// outgoing connections: a process must find its own again after a restart.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no free port found")
	return ""
}
