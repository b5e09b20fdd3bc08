package bench

import (
	"time"
)

// window is what is measured, from one moment to another.
type window struct {
	d           *deployment
	began       time.Time
	own, broker float64
	compilers   float64
	requests    requests
}

// cost is what a window came to.
type cost struct {
	sends       int
	took        time.Duration
	answered    time.Duration // until the request was answered
	perSecond   float64
	own, broker float64 // CPU seconds
	compilers   float64 // those of the broker's compilers, which broker leaves out: a broker that has run for hours has compiled what it needs
	requests    requests
}

func (d *deployment) window() *window {
	d.b.Helper()
	if d.meter == nil && d.broker != 0 {
		d.meter = d.meterRequests()
	}
	w := &window{d: d, requests: d.meter.read()}
	w.own, w.broker, _ = d.cpu()
	w.compilers = d.compilers()
	w.began = time.Now()
	return w
}

func (w *window) end(sends int) cost {
	w.d.b.Helper()
	c := cost{sends: sends, took: time.Since(w.began)}
	own, broker, _ := w.d.cpu()
	c.compilers = w.d.compilers() - w.compilers
	c.own, c.broker, c.requests = own-w.own, broker-w.broker-c.compilers, w.d.meter.read().since(w.requests)
	c.perSecond = float64(sends) / c.took.Seconds()
	return c
}

// broadcast makes one of measuredNumber, and returns when everybody has been sent to.
func (d *deployment) broadcast(phones int, every time.Duration) cost {
	d.b.Helper()
	w := d.window()
	task := d.queue(measuredNumber, phones, time.Time{})
	s := d.finish(task, every)
	c := w.end(phones)
	d.mu.Lock()
	c.answered = d.answered
	d.mu.Unlock()
	if s.Result.Successful != phones {
		d.b.Fatalf("got %+v, want all %d sent", s, phones)
	}
	if d.broker != 0 {
		d.say("requests a send: %s", c.requests.by(phones))
	}
	return c
}

func (c cost) perThousand() float64 { return (c.own + c.broker) / float64(c.sends) * 1000 }

// ofBroker are the figures that only a real Kafka has.
func (c cost) ofBroker(goal string) []figure {
	if c.requests == nil {
		return nil
	}
	return []figure{
		{"Kafka requests a send", float64(c.requests.sum()) / float64(c.sends), goal},
		{"broker: CPU s/1k", c.broker / float64(c.sends) * 1000, ""},
		{"compilers of the broker: CPU s/1k", c.compilers / float64(c.sends) * 1000, ""},
	}
}
