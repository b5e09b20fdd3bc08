package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/internal/testio"
	"altavoz/test/harness"
)

// What the benches share: processes of their own, as people run them.

// benchPhone is the i-th of as many Colombian mobiles as there are.
func benchPhone(i int) string { return fmt.Sprintf("573%09d", i) }

// benchedProcess is a process of its own, whose output tells where it listens.
type benchedProcess struct {
	testio.Buffer // its output
	cmd           *exec.Cmd
}

func benchProcess(b *testing.B, bin string, args, env []string) *benchedProcess {
	b.Helper()
	p := &benchedProcess{cmd: exec.CommandContext(b.Context(), bin, args...)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) } // when the bench is over, however it ended
	p.cmd.WaitDelay = app.StopTimeout
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := p.cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) || b.Failed() {
			b.Logf("%v: %v\n%s", args, err, p.tail())
		}
	})
	return p
}

// tail is the end of what it said.
func (p *benchedProcess) tail() string {
	const most = 4 << 10 // bytes
	out := p.String()
	return out[max(0, len(out)-most):]
}

// url waits until the process says where it answers, and until it is ready there.
func (p *benchedProcess) url(b *testing.B) string {
	b.Helper()
	for end := time.Now().Add(harness.SettleTime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out := p.String()
		if _, after, ok := strings.Cut(out, `msg="altavoz runs"`); ok {
			if _, addr, ok := strings.Cut(after, " http="); ok && benchReady(b, "http://"+strings.Fields(addr)[0]) {
				return "http://" + strings.Fields(addr)[0]
			}
			continue
		}
		if _, addr, ok := strings.Cut(out, "answers on "); ok {
			return strings.TrimSuffix(strings.Fields(addr)[0], ":")
		}
	}
	b.Fatalf("%v does not run:\n%s", p.cmd.Args, p.String())
	return ""
}

// admin is its address for metrics and profiles, once url has been asked.
func (p *benchedProcess) admin() string {
	_, after, _ := strings.Cut(p.String(), `msg="altavoz runs"`)
	_, addr, _ := strings.Cut(after, " admin=")
	return "http://" + strings.Fields(addr + " none")[0]
}

func benchReady(b *testing.B, url string) bool {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// cpuSeconds is what a process has used so far, in user and kernel. A process that is gone fails the bench.
func cpuSeconds(b *testing.B, pid int) float64 {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if _, self := os.Stat("/proc/self/stat"); self != nil {
		b.Skipf("this machine does not tell the time of processes: %v", self)
	}
	if err != nil {
		b.Fatalf("the process is gone: %v", err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return ticks(b, strings.Fields(after)[11:13]) // utime and stime
}

// compilers is what the threads of the broker's JVM have used that compile, in seconds. They are one or two of each kind, and stay.
func (d *deployment) compilers() (sum float64) {
	d.b.Helper()
	if d.broker == 0 {
		return 0
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", d.broker))
	if err != nil {
		d.b.Fatal(err)
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, named, _ := strings.Cut(string(stat), "(")
		name, after, _ := strings.Cut(named, ") ")
		if strings.HasPrefix(name, "C1 Compiler") || strings.HasPrefix(name, "C2 Compiler") {
			sum += ticks(d.b, strings.Fields(after)[11:13])
		}
	}
	return sum
}

// largest is the most memory that one of altavoz's processes has had, in megabytes.
func (d *deployment) largest() (most float64) {
	d.b.Helper()
	for _, pid := range d.own {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			d.b.Fatal(err)
		}
		_, after, _ := strings.Cut(string(status), "VmHWM:")
		kib, err := strconv.ParseFloat(strings.Fields(after + " none")[0], 64)
		if err != nil {
			d.b.Fatalf("the memory of %d: %v", pid, err)
		}
		most = max(most, kib*1024/1e6)
	}
	return most
}

// machineSeconds is the same of the whole machine, idling and waiting for disks left out.
func machineSeconds(b *testing.B) float64 {
	b.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		b.Skipf("this machine does not tell its time: %v", err)
	}
	fields := strings.Fields(string(stat))
	return ticks(b, append(fields[1:4:4], fields[6:8]...)) // user, nice, system; interrupts
}

// ticks adds up times in hundredths of a second.
func ticks(b *testing.B, fields []string) (sum float64) {
	b.Helper()
	for _, f := range fields {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return sum / 100
}

// serverPID is the process of a real server that keeps its things in dir.
func serverPID(b *testing.B, dir string) int {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		b.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		b.Fatal(err)
	}
	return pid
}
