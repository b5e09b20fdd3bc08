//go:build unix

package whatsapp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/whatsapp"
)

// BenchmarkSend measures what a call costs the client: the server is a process of its own, does the least that answers, and is not counted.
// Beside it the least that net/http can do: a formatted body, and the status code.
func BenchmarkSend(b *testing.B) {
	const workers = 32
	url := benchServer(b)
	run := func(b *testing.B, send func(n int64) bool) {
		b.Helper()
		var next atomic.Int64
		var wg sync.WaitGroup
		b.ReportAllocs()
		before := cpuTime(b)
		b.ResetTimer()
		for range workers {
			wg.Go(func() {
				for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
					if !send(n) {
						b.Error("not sent")
						return
					}
				}
			})
		}
		wg.Wait()
		b.ReportMetric((cpuTime(b)-before).Seconds()*1000/float64(b.N), "cpu-s/1k")
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
	}
	b.Run("client", func(b *testing.B) {
		c, err := whatsapp.New(whatsapp.Config{BaseURL: url, Token: func(string) (schemas.Secret, bool) { return token, true }, MaxConns: workers})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		m, err := c.Prepare(content())
		if err != nil {
			b.Fatal(err)
		}
		run(b, func(n int64) bool {
			return c.Send(b.Context(), sender, m, schemas.Phone(fmt.Sprintf("57300%07d", n)), fmt.Sprintf("av1:%d", n)).Verdict == schemas.VerdictSent
		})
	})
	b.Run("bare", func(b *testing.B) {
		tr := &http.Transport{MaxIdleConnsPerHost: workers}
		defer tr.CloseIdleConnections()
		hc := &http.Client{Transport: tr, Timeout: 10 * time.Second}
		run(b, func(n int64) bool {
			body := fmt.Appendf(nil, `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+57300%07d","biz_opaque_callback_data":"bare:%d",`+
				`"type":"interactive","interactive":{"type":"cta_url","body":{"text":"hola"},"action":{"name":"cta_url","parameters":{"display_text":"Ver más","url":"https://example.com"}}}}`, n, n)
			req, err := http.NewRequest(http.MethodPost, url+"/v25.0/"+sender+"/messages", bytes.NewReader(body))
			if err != nil {
				return false
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			resp, err := hc.Do(req)
			if err != nil {
				return false
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	})
}

// cpuTime is what this process has used, the kernel's part included.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const envBenchServer = "ALTAVOZ_TEST_BENCH_SERVER"

// benchServer starts the server, which ends with its standard input.
func benchServer(b *testing.B) (url string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestBenchServer$")
	cmd.Env = append(os.Environ(), envBenchServer+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(addr)
}

// TestBenchServer is no test but the server of the benchmarks: it accepts every message.
func TestBenchServer(t *testing.T) {
	if os.Getenv(envBenchServer) == "" {
		t.Skip("a process of the benchmarks")
	}
	const accepted = `{"messaging_product":"whatsapp","contacts":[{"input":"+573001234567","wa_id":"573001234567"}],` +
		`"messages":[{"id":"wamid.HBgMNTczMDAxMjM0NTY3FQIAERgSQTEyMzQ1Njc4OTBBQkNERUYwAA=="}]}`
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 29 Nov 2026 09:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", len(accepted), accepted)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(l.Addr())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerAll(c, answer)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// answerAll answers each request of a connection, which is no larger than the buffer.
func answerAll(c net.Conn, answer []byte) {
	defer c.Close()
	buf, n := make([]byte, 64<<10), 0
	for {
		read, err := c.Read(buf[n:])
		if err != nil {
			return
		}
		n += read
		head, _, whole := bytes.Cut(buf[:n], []byte("\r\n\r\n"))
		_, length, _ := bytes.Cut(head, []byte("Content-Length: "))
		length, _, _ = bytes.Cut(length, []byte("\r\n"))
		if size, err := strconv.Atoi(string(length)); !whole || err != nil || n < len(head)+4+size {
			continue
		}
		n = 0
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}
