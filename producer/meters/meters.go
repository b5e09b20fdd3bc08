// Package meters counts what the ingress answers.
package meters

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/producer/slots"
)

// Metrics counts requests and what became of them.
type Metrics struct {
	requests   *prometheus.CounterVec // by route and status: handlers give a closed set of both
	seconds    map[string]prometheus.Observer
	rejected   *prometheus.CounterVec // by code: a closed set of constants
	accepted   prometheus.Counter
	recipients prometheus.Counter
	webhooks   map[string]prometheus.Counter
}

// New registers them: the routes that there are, what may become of a webhook, and the slots that requests hold.
func New(reg prometheus.Registerer, routes, webhookResults []string, held map[string]slots.Slots) *Metrics {
	f := promauto.With(reg)
	seconds := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "altavoz_http_request_seconds", Help: "Time of one HTTP request; those that send wait for a direct broadcast.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60},
	}, []string{"route"})
	accepted := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_broadcasts_accepted_total", Help: "Broadcasts that are whole in Kafka.",
	}, []string{"door"})
	m := &Metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "altavoz_http_requests_total", Help: "HTTP requests answered.",
		}, []string{"route", "status"}),
		seconds:  make(map[string]prometheus.Observer),
		webhooks: make(map[string]prometheus.Counter),
		rejected: f.NewCounterVec(prometheus.CounterOpts{
			Name: "altavoz_http_rejected_total", Help: "HTTP requests refused, by reason.",
		}, []string{"code"}),
		accepted: accepted.WithLabelValues("http"),
		recipients: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_broadcasts_recipients_total", Help: "Recipients of the broadcasts accepted, invalid and repeated ones included.",
		}),
	}
	for _, route := range routes {
		m.seconds[route] = seconds.WithLabelValues(route)
	}
	webhooks := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_webhooks_total", Help: "Webhooks answered, by what became of them.",
	}, []string{"result"})
	for _, result := range webhookResults {
		m.webhooks[result] = webhooks.WithLabelValues(result)
	}
	for name, s := range held {
		f.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "altavoz_http_slots_in_use",
			Help:        "Requests that hold a slot: big bodies, bodies of any size, answers waited for, lists being made, open feeds, recipients and what a person got being read; webhooks have their own.",
			ConstLabels: prometheus.Labels{"slot": name},
		}, func() float64 { return float64(len(s)) })
	}
	return m
}

// Answered counts an answer; code is that of a refusal.
func (m *Metrics) Answered(route string, status int, code string, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds[route].Observe(took.Seconds())
	if code != "" {
		m.rejected.WithLabelValues(code).Inc()
	}
}

// Accepted counts a broadcast that is whole in Kafka.
func (m *Metrics) Accepted(recipients uint32) {
	m.accepted.Inc()
	m.recipients.Add(float64(recipients))
}

// Webhook counts one by what became of it.
func (m *Metrics) Webhook(result string) { m.webhooks[result].Inc() }
