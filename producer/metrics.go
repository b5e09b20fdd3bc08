package producer

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/producer/slots"
)

// The routes, as metrics and logs name them.
const (
	routeSend    = "send"
	routeStatus  = "status"
	routeTasks   = "tasks"
	routeTask    = "task"
	routePause   = "pause"
	routeResume  = "resume"
	routeCancel  = "cancel"
	routeEvents  = "events"
	routeList    = "recipients"
	routeWebhook = "webhook"
	routeHealth  = "health"
	routeReady   = "ready"
	routeOpenAPI = "openapi"
	routeOther   = "other"
)

type ingressMetrics struct {
	requests   *prometheus.CounterVec // by route and status: handlers give a closed set of both
	seconds    map[string]prometheus.Observer
	rejected   *prometheus.CounterVec // by code: constants of this package and of schemas
	accepted   prometheus.Counter
	recipients prometheus.Counter
	webhooks   map[webhookResult]prometheus.Counter
}

func newIngressMetrics(in *Ingress, reg prometheus.Registerer) *ingressMetrics {
	f := promauto.With(reg)
	seconds := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "altavoz_http_request_seconds", Help: "Time of one HTTP request; those that send wait for a direct broadcast.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60},
	}, []string{"route"})
	accepted := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_broadcasts_accepted_total", Help: "Broadcasts that are whole in Kafka.",
	}, []string{"door"})
	m := &ingressMetrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "altavoz_http_requests_total", Help: "HTTP requests answered.",
		}, []string{"route", "status"}),
		seconds:  make(map[string]prometheus.Observer),
		webhooks: make(map[webhookResult]prometheus.Counter),
		rejected: f.NewCounterVec(prometheus.CounterOpts{
			Name: "altavoz_http_rejected_total", Help: "HTTP requests refused, by reason.",
		}, []string{"code"}),
		accepted: accepted.WithLabelValues("http"),
		recipients: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_broadcasts_recipients_total", Help: "Recipients of the broadcasts accepted, invalid and repeated ones included.",
		}),
	}
	for _, route := range []string{
		routeSend, routeStatus, routeTasks, routeTask, routePause, routeResume, routeCancel, routeEvents, routeList, routeWebhook, routeHealth, routeReady, routeOpenAPI, routeOther,
	} {
		m.seconds[route] = seconds.WithLabelValues(route)
	}
	webhooks := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_webhooks_total", Help: "Webhooks answered, by what became of them.",
	}, []string{"result"})
	for _, result := range webhookResults {
		m.webhooks[result] = webhooks.WithLabelValues(string(result))
	}
	for name, s := range map[string]slots.Slots{
		"big": in.bodies.Big, "any": in.bodies.Any, "answer": in.waiting, "webhook": in.webhooks.Any, "big_webhook": in.webhooks.Big,
		"list": in.listing, "feed": in.feeds, "export": in.exports,
	} {
		f.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "altavoz_http_slots_in_use",
			Help:        "Requests that hold a slot: big bodies, bodies of any size, answers waited for, lists being made, open feeds, recipients being read; webhooks have their own.",
			ConstLabels: prometheus.Labels{"slot": name},
		}, func() float64 { return float64(len(s)) })
	}
	return m
}

func (m *ingressMetrics) answered(route string, a answer, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(a.status)).Inc()
	m.seconds[route].Observe(took.Seconds())
	if a.code != "" {
		m.rejected.WithLabelValues(a.code).Inc()
	}
}
