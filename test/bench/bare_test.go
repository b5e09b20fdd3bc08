package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	bareMessage = `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+%s","type":"interactive","biz_opaque_callback_data":"bare-%d",` +
		`"interactive":{"type":"cta_url","body":{"text":"hola"},"action":{"name":"cta_url","parameters":{"display_text":"Ver","url":"https://example.com"}}}}`
	barePath = "/v25.0/1065/messages"
	bareAuth = "Bearer token"
	bareJSON = "application/json"
	// bareTimeout is how long a call of the loop over fasthttp may take; the other one's ends with the bench.
	bareTimeout = 30 * time.Second
)

// barePost is what the bare loops do: one message to one phone, without altavoz.
func barePost(ctx context.Context, client *http.Client, simURL, phone string, n int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, simURL+barePath, strings.NewReader(fmt.Sprintf(bareMessage, phone, n)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", bareAuth)
	req.Header.Set("Content-Type", bareJSON)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the simulator answers %s", resp.Status)
	}
	return nil
}

// speed is how fast sends went, and what they cost.
type speed struct {
	perSecond   float64
	perThousand float64 // CPU seconds
}

func speedOf(sends int, began time.Time, cpu float64) speed {
	return speed{float64(sends) / time.Since(began).Seconds(), cpu / float64(sends) * 1000}
}

// and is what this half of the sends and another one came to. Halves before and after what they are compared with even out a machine that gets faster or slower.
func (s speed) and(other speed) speed {
	return speed{2 / (1/s.perSecond + 1/other.perSecond), (s.perThousand + other.perThousand) / 2}
}

// overNetHTTP is the yardstick: workers goroutines that post one message after the other.
func (d *deployment) overNetHTTP(sends, workers int) speed {
	d.b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, MaxConnsPerHost: workers}}
	defer client.CloseIdleConnections()
	return d.bareLoop("net/http", sends, workers, func(phone string, n int) error { return barePost(d.ctx, client, d.sim, phone, n) })
}

// overFastHTTP is the same over another client, which allocates next to nothing.
func (d *deployment) overFastHTTP(sends, workers int) speed {
	d.b.Helper()
	client := &fasthttp.HostClient{Addr: strings.TrimPrefix(d.sim, "http://"), MaxConns: workers}
	defer client.CloseIdleConnections()
	return d.bareLoop("fasthttp", sends, workers, func(phone string, n int) error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.Header.SetMethod(http.MethodPost)
		req.SetRequestURI(d.sim + barePath)
		req.Header.Set("Authorization", bareAuth)
		req.Header.SetContentType(bareJSON)
		req.SetBody(fmt.Appendf(req.Body(), bareMessage, phone, n))
		if err := client.DoTimeout(req, resp, bareTimeout); err != nil {
			return err
		}
		if resp.StatusCode() != http.StatusOK {
			return fmt.Errorf("the simulator answers %d", resp.StatusCode())
		}
		return nil
	})
}

// bareLoop posts to so many new phones, and keeps nothing.
func (d *deployment) bareLoop(name string, sends, workers int, post func(phone string, n int) error) speed {
	d.b.Helper()
	began, cpu := time.Now(), cpuSeconds(d.b, os.Getpid())
	next := make(chan int, workers)
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var err error // after one, it takes what is left and does nothing with it
			for i := range next {
				if err == nil {
					err = post(benchPhone(i), int(d.bare.Add(1)))
				}
			}
			errs <- err
		})
	}
	first := int(d.phones.Add(int64(sends))) - sends
	for i := range sends {
		next <- first + i
	}
	close(next)
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			d.b.Fatalf("the loop over %s: %v", name, err)
		}
	}
	return speedOf(sends, began, cpuSeconds(d.b, os.Getpid())-cpu)
}

// bareThree is what a direct broadcast is compared with: three calls at once.
func (d *deployment) bareThree() error {
	errs := make(chan error, fairPhones)
	for range fairPhones {
		go func() {
			errs <- barePost(d.ctx, d.client, d.sim, benchPhone(int(d.phones.Add(1))-1), int(d.bare.Add(1)))
		}()
	}
	var err error
	for range fairPhones {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		return fmt.Errorf("bare: %w", err)
	}
	return nil
}
