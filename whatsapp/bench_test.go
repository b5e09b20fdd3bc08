package whatsapp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/simulator"
)

// BenchmarkSend compares the client with the least that could send the same messages: net/http, a formatted body, and the
// status code. Both talk to the simulator over loopback; the simulator's work is in both.
func BenchmarkSend(b *testing.B) {
	sim := simulator.New(simulator.Config{Numbers: []simulator.Number{{ID: sender, Token: token}}, PlainPhones: true, Records: -1})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, l) }()
	defer func() { stop(); <-served }()
	const workers = 32
	run := func(b *testing.B, send func(n int64) bool) {
		b.Helper()
		var next atomic.Int64
		var wg sync.WaitGroup
		b.ReportAllocs()
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
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
	}
	b.Run("client", func(b *testing.B) {
		c, err := whatsapp.New(whatsapp.Config{
			BaseURL: "http://" + l.Addr().String(), Token: func(string) (schemas.Secret, bool) { return token, true }, MaxConns: workers,
		})
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
		url := "http://" + l.Addr().String() + "/v25.0/" + sender + "/messages"
		run(b, func(n int64) bool {
			body := fmt.Appendf(nil, `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+57300%07d","biz_opaque_callback_data":"bare:%d",`+
				`"type":"interactive","interactive":{"type":"cta_url","body":{"text":"hola"},"action":{"name":"cta_url","parameters":{"display_text":"Ver más","url":"https://example.com"}}}}`, n, n)
			req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
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
