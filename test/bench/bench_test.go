package bench

import (
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/test/harness"
)

// benchSends is how many phones a run of the bench writes to.
const benchSends = 40_000

// benchWorkers is how many calls the bare loop has in flight: as many as altavoz.
func benchWorkers() int { return app.Default().WhatsApp.MaxInFlight }

// BenchmarkBroadcast measures a whole broadcast, from the request to the last outcome, with the processes that people run:
// embedded, and on a real Kafka. Beside it, in the same run and against the same simulator, a loop over net/http that
// does nothing but call. The ratios are what counts: machines differ.
func BenchmarkBroadcast(b *testing.B) {
	bin := benchBinary(b)
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
		brokers, dir := harness.StartReal(b, "kafka-local")
		p := benchProcess(b, bin, []string{"serve"}, append(env, "ALTAVOZ_KAFKA_BROKERS="+brokers))
		broker := serverPID(b, dir)
		benchRun(b, p, &broker, bare)
	})
}

// benchRate is what a run came to.
type benchRate struct{ perSecond, cpuPerThousand float64 }

// benchBare is the yardstick: benchWorkers goroutines that post one message after the other.
func benchBare(b *testing.B, simURL string) benchRate {
	b.Helper()
	workers := benchWorkers()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, MaxConnsPerHost: workers}}
	defer client.CloseIdleConnections()
	began, cpu := time.Now(), cpuSeconds(b, os.Getpid())
	next := make(chan int, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				if err := barePost(b.Context(), client, simURL, benchPhone(i), i); err != nil {
					b.Error(err)
					return
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

func rate(began time.Time, cpu float64) benchRate {
	return benchRate{benchSends / time.Since(began).Seconds(), cpu / benchSends * 1000}
}

// benchRun sends one broadcast to benchSends phones and waits for its last outcome.
func benchRun(b *testing.B, p *benchedProcess, broker *int, bare benchRate) {
	b.Helper()
	h := &harness.API{URL: p.url(b)}
	phones := make([]string, benchSends)
	for i := range phones {
		phones[i] = benchPhone(i)
	}
	body := `{"body_text":"hola","use_queue":true,"phones":` + harness.Quoted(phones) + `}`
	for b.Loop() {
		began, cpu := time.Now(), cpuSeconds(b, p.cmd.Process.Pid)
		brokerCPU := 0.0
		if broker != nil {
			brokerCPU = cpuSeconds(b, *broker)
		}
		s := h.Finished(b, h.Queued(b, body))
		r := rate(began, cpuSeconds(b, p.cmd.Process.Pid)-cpu)
		if s.Result.Successful != benchSends {
			b.Fatalf("got %+v, want all %d sent", s.Result, benchSends)
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
