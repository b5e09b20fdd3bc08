package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// benchSends is how many phones a run of the bench writes to, and benchWorkers how many calls the bare loop has under way:
// as many as altavoz.
const (
	benchSends   = 40_000
	benchWorkers = defaultMaxInFlight
)

// BenchmarkHouse measures a whole broadcast, from the request to the last outcome, with the processes that people run:
// embedded, and on a real Kafka. Beside it, in the same run and against the same simulator, a loop over net/http that
// does nothing but call. The ratios are what counts: machines differ.
func BenchmarkHouse(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "altavoz")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", bin, "../cmd/altavoz").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	simURL := benchProcess(b, bin, []string{"simulate", "--addr", "127.0.0.1:0", "--plain-phones"}, nil).url(b)
	env := []string{
		"ALTAVOZ_WHATSAPP_BASE_URL=" + simURL, "ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID=1065", "ALTAVOZ_WHATSAPP_ACCESS_TOKEN=token",
		"ALTAVOZ_WHATSAPP_RATE=0", "ALTAVOZ_LOG_LEVEL=info", "ALTAVOZ_LOG_FORMAT=text", "ALTAVOZ_HTTP_ADDR=127.0.0.1:0",
		"ALTAVOZ_EMBEDDED_KAFKA_ADDR=127.0.0.1:0", "ALTAVOZ_DATA_DIR=" + b.TempDir(),
	}
	bare := benchBare(b, simURL)
	b.Run("embedded", func(b *testing.B) {
		p := benchProcess(b, bin, []string{"up"}, env)
		benchRun(b, p, nil, bare)
	})
	b.Run("kafka", func(b *testing.B) {
		brokers, dir := benchKafka(b)
		p := benchProcess(b, bin, []string{"serve"}, append(env, "ALTAVOZ_KAFKA_BROKERS="+brokers))
		pid, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err != nil {
			b.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(pid)))
		if err != nil {
			b.Fatal(err)
		}
		benchRun(b, p, &n, bare)
	})
}

// benchRate is what a run came to.
type benchRate struct{ perSecond, cpuPerThousand float64 }

// benchBare is the yardstick: benchWorkers goroutines that post one message after the other.
func benchBare(b *testing.B, simURL string) benchRate {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchWorkers, MaxConnsPerHost: benchWorkers}}
	defer client.CloseIdleConnections()
	const message = `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+%s","type":"interactive","biz_opaque_callback_data":"bare-%d",` +
		`"interactive":{"type":"cta_url","body":{"text":"hola"},"action":{"name":"cta_url","parameters":{"display_text":"Ver","url":"https://example.com"}}}}`
	began, cpu := time.Now(), cpuSeconds(b, os.Getpid())
	next := make(chan int, benchWorkers)
	var wg sync.WaitGroup
	for range benchWorkers {
		wg.Go(func() {
			for i := range next {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, simURL+"/v25.0/1065/messages",
					strings.NewReader(fmt.Sprintf(message, benchPhone(i), i)))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer token")
				req.Header.Set("Content-Type", "application/json")
				resp, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("the simulator answers %s", resp.Status)
				}
			}
		})
	}
	for i := range benchSends {
		next <- i
	}
	close(next)
	wg.Wait()
	r := rate(began, cpuSeconds(b, os.Getpid())-cpu)
	b.Logf("bare net/http loop: %.0f sends/s, %.3f CPU s per 1,000", r.perSecond, r.cpuPerThousand)
	return r
}

func benchPhone(i int) string { return fmt.Sprintf("57301%07d", i) }

func rate(began time.Time, cpu float64) benchRate {
	return benchRate{benchSends / time.Since(began).Seconds(), cpu / benchSends * 1000}
}

// benchRun sends one broadcast to benchSends phones and waits for its last outcome.
func benchRun(b *testing.B, p *benchedProcess, broker *int, bare benchRate) {
	b.Helper()
	h := &house{api: p.url(b)}
	phones := make([]string, benchSends)
	for i := range phones {
		phones[i] = benchPhone(i)
	}
	body := `{"body_text":"hola","use_queue":true,"phones":` + quoted(phones) + `}`
	for b.Loop() {
		began, cpu := time.Now(), cpuSeconds(b, p.cmd.Process.Pid)
		brokerCPU := 0.0
		if broker != nil {
			brokerCPU = cpuSeconds(b, *broker)
		}
		s := h.finished(b, h.queued(b, body))
		r := rate(began, cpuSeconds(b, p.cmd.Process.Pid)-cpu)
		if s.Result.Successful != benchSends {
			b.Fatalf("%+v", s.Result)
		}
		if broker != nil {
			b.ReportMetric((cpuSeconds(b, *broker)-brokerCPU)/benchSends*1000, "broker-cpu-s/1000")
		}
		b.ReportMetric(r.perSecond, "sends/s")
		b.ReportMetric(r.perSecond/bare.perSecond, "of-bare-rate")
		b.ReportMetric(r.cpuPerThousand, "cpu-s/1000")
		b.ReportMetric(r.cpuPerThousand/bare.cpuPerThousand, "of-bare-cpu")
	}
}

func benchKafka(b *testing.B) (addr, dir string) {
	b.Helper()
	return startReal(b, "kafka-local")
}

// benchedProcess is a process of its own, whose output tells where it listens.
type benchedProcess struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

func (p *benchedProcess) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func benchProcess(b *testing.B, bin string, args, env []string) *benchedProcess {
	b.Helper()
	p := &benchedProcess{cmd: exec.CommandContext(b.Context(), bin, args...)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		_ = p.cmd.Wait()
	})
	return p
}

// url waits until the process says where it answers, and until it is ready there.
func (p *benchedProcess) url(b *testing.B) string {
	b.Helper()
	for end := time.Now().Add(settleTime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		p.mu.Lock()
		out := p.out.String()
		p.mu.Unlock()
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
	b.Fatalf("%v does not run:\n%s", p.cmd.Args, p.out.String())
	return ""
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

// cpuSeconds is what a process has used so far, in user and kernel.
func cpuSeconds(b *testing.B, pid int) float64 {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skipf("this machine does not tell the time of processes: %v", err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	ticks := 0.0
	for _, f := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return ticks / 100
}
