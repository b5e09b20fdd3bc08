package whatsapp

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/schemas"
	"altavoz/whatsapp/marketing"
)

// The calls that are timed, beside sends, which go by their path.
const (
	callMedia = "media"
	callProbe = "probe" // read-only, while sends get no answer
)

// verdictNames names the verdicts for people and metrics.
var verdictNames = map[schemas.Verdict]string{
	schemas.VerdictSent: "sent", schemas.VerdictFailed: "failed", schemas.VerdictContent: "content",
	schemas.VerdictUnsent: "unsent", schemas.VerdictLost: "lost", schemas.VerdictTransient: "transient",
	schemas.VerdictThrottled: "throttled", schemas.VerdictPair: "pair", schemas.VerdictAccount: "account",
	schemas.VerdictMedia: "media", schemas.VerdictTemplate: "template",
}

const codeLabelOther = "other"

type clientMetrics struct {
	seconds     map[string]prometheus.Observer
	replies     map[schemas.Verdict]prometheus.Counter
	errors      map[int]prometheus.Counter
	errorsOther prometheus.Counter
	uploads     map[uploadResult]prometheus.Counter
	uploadBytes prometheus.Counter
}

func newClientMetrics(reg prometheus.Registerer) *clientMetrics {
	f := promauto.With(reg)
	seconds := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "altavoz_api_request_seconds", Help: "Time of one call to the Cloud API, waiting for a connection included.",
		Buckets: []float64{.005, .01, .025, .05, .1, .2, .4, .8, 1.6, 3.2, 6.4, 10, 30},
	}, []string{"call"})
	replies := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_api_replies_total", Help: "Attempts to send, by what the answer meant.",
	}, []string{"verdict"})
	codes := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_api_errors_total", Help: "Error codes of the Cloud API; other for those not in the table.",
	}, []string{"code"})
	uploads := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_media_uploads_total", Help: "Files uploaded to the Cloud API, by result.",
	}, []string{"result"})
	m := &clientMetrics{
		seconds: map[string]prometheus.Observer{
			marketing.Messages: seconds.WithLabelValues(marketing.Messages), marketing.Marketing: seconds.WithLabelValues(marketing.Marketing),
			callMedia: seconds.WithLabelValues(callMedia), callProbe: seconds.WithLabelValues(callProbe),
		},
		replies:     make(map[schemas.Verdict]prometheus.Counter, len(verdictNames)),
		errors:      make(map[int]prometheus.Counter, len(verdicts)),
		errorsOther: codes.WithLabelValues(codeLabelOther),
		uploads: map[uploadResult]prometheus.Counter{
			uploadDone: uploads.WithLabelValues(string(uploadDone)), uploadRefused: uploads.WithLabelValues(string(uploadRefused)),
			uploadFailed: uploads.WithLabelValues(string(uploadFailed)),
		},
		uploadBytes: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_media_upload_bytes_total", Help: "Bytes of files uploaded to the Cloud API.",
		}),
	}
	for v, name := range verdictNames {
		m.replies[v] = replies.WithLabelValues(name)
	}
	for code := range verdicts {
		m.errors[code] = codes.WithLabelValues(strconv.Itoa(code))
	}
	return m
}

// answered counts one call. An error without a code, such as a lost answer, counts in replies alone.
func (m *clientMetrics) answered(call string, r schemas.Reply, took time.Duration) {
	m.seconds[call].Observe(took.Seconds())
	if call == marketing.Messages || call == marketing.Marketing {
		m.replies[r.Verdict].Inc()
	}
	if r.Code > 0 {
		if c, ok := m.errors[r.Code]; ok {
			c.Inc()
		} else {
			m.errorsOther.Inc()
		}
	}
}

type uploadResult string

const (
	uploadDone    uploadResult = "done"
	uploadRefused uploadResult = "refused" // the file can't be used
	uploadFailed  uploadResult = "failed"  // it may work another time
)

// webhookMetrics is what comes in by webhook, repeats included.
type webhookMetrics struct {
	updates [kinds]prometheus.Counter
}

func newWebhookMetrics(reg prometheus.Registerer) *webhookMetrics {
	updates := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_webhook_updates_total",
		Help: "Updates read in webhooks, repeats included: receipts by what they say; foreign: of messages that others sent; other: of other fields.",
	}, []string{"kind"})
	m := &webhookMetrics{}
	for k, name := range kindNames {
		m.updates[k] = updates.WithLabelValues(name)
	}
	return m
}

func (m *webhookMetrics) heard(n *news) {
	for k, seen := range n.seen {
		m.updates[k].Add(float64(seen))
	}
}
