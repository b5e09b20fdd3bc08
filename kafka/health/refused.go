package health

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/schemas/refused"
)

// logAgainAfter is how long the same refusal is not logged again: connections are tried every second.
const logAgainAfter = time.Minute

// refusals counts why brokers and this process do not accept each other, and says so.
type refusals struct {
	log    *slog.Logger
	counts map[refused.Reason]prometheus.Counter

	mu     sync.Mutex
	logged map[refused.Reason]time.Time
	last   string // why the last connection failed; "" where it did not, or for another cause
}

func newRefusals(reg prometheus.Registerer, log *slog.Logger) *refusals {
	counts := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_kafka_refusals_total", Help: "Connections and requests that Kafka or this process refused, by what is wrong: passwords, TLS, rights.",
	}, []string{"reason"})
	r := &refusals{log: log, counts: make(map[refused.Reason]prometheus.Counter), logged: make(map[refused.Reason]time.Time)}
	for _, reason := range refused.Reasons() {
		r.counts[reason] = counts.WithLabelValues(string(reason))
	}
	return r
}

// Explain says why Kafka refused, "" where it did not.
func Explain(err error) (refused.Reason, string) {
	switch {
	case err == nil:
		return refused.None, ""
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return refused.Credentials, "Kafka refused the user or the password: see ALTAVOZ_KAFKA_SASL_USER, _PASSWORD and _MECHANISM"
	case errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return refused.Mechanism, "Kafka does not take ALTAVOZ_KAFKA_SASL_MECHANISM at this address"
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return refused.Rights, "this user of Kafka may not do that: `altavoz topics acls` prints what each role needs"
	}
	if _, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); ok || errors.Is(err, errClosed) {
		return refused.Unsecured, "Kafka closed the connection before its first answer: does it want ALTAVOZ_KAFKA_TLS, or another ALTAVOZ_KAFKA_SASL_MECHANISM, _USER or _PASSWORD?"
	}
	return refused.OverTLS(err, "the broker", "ALTAVOZ_KAFKA")
}

// OnBrokerConnect is kgo.HookBrokerConnect's: a connection was made, with its handshake, or was not.
func (h *Health) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if h == nil {
		return
	}
	if errors.Is(err, io.EOF) { // some brokers say no more than that; one that stops does so too, and says it once
		err = errors.Join(err, errClosed)
	}
	h.refusals.note(err, true)
}

// errClosed is the error of a connection that the broker closed while it was asked who we are.
var errClosed = errors.New("closed before the first answer")

// ObserveError takes in what an attempt to work with Kafka came to, where no connection tells.
func (h *Health) ObserveError(err error) {
	if h != nil {
		h.refusals.note(err, false)
	}
}

// note counts a refusal and logs it, once a minute.
func (r *refusals) note(err error, connecting bool) {
	reason, words := Explain(err)
	r.mu.Lock()
	if connecting {
		r.last = words
	}
	say := reason != refused.None && time.Since(r.logged[reason]) >= logAgainAfter
	if say {
		r.logged[reason] = time.Now()
	}
	r.mu.Unlock()
	if reason == refused.None {
		return
	}
	r.counts[reason].Inc()
	if say {
		r.log.Error("kafka refuses this process", "reason", string(reason), "what", words, "error", err)
	}
}

// Refused returns why Kafka refused the last connection, "" where it did not.
func (h *Health) Refused() string {
	h.refusals.mu.Lock()
	defer h.refusals.mu.Unlock()
	return h.refusals.last
}
