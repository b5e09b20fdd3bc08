package secure

import (
	"testing"
)

func TestThreatS14ReachOfHosts(t *testing.T) {
	t.Parallel()
	for want, hosts := range map[reach][]string{
		here: {"localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"},
		near: {"kafka", "valkey", "10.1.2.3", "192.168.0.9", "172.31.0.1", "169.254.1.1", "fd00::1", "fe80::1", "100.64.0.1", "kafka.svc", "kafka-0.kafka.default.svc.cluster.local", "broker.internal", "b.corp"},
		far: {
			"kafka.example.com", "93.184.216.34", "2606:2800:220:1::1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "10.1.2.3.nip.io", "localtest.me", "x.onion",
			"graph.facebook.com", "", "0.0.0.0", "172.32.0.1", "100.128.0.1",
		},
	} {
		for _, h := range hosts {
			if got := reachOf(h); got != want {
				t.Errorf("%q is %d, want %d", h, got, want)
			}
		}
	}
}

// TestThreatS14SecretsInTheClear: what anybody on the way could read is refused, what the own network could read is a warning, and what stays on
// this machine or is encrypted is neither.
func TestThreatS14SecretsInTheClear(t *testing.T) {
	t.Parallel()
	api := func(url string) func() (string, error) { return func() (string, error) { return ClearAPI(url) } }
	client := func(url string) func() (string, error) {
		return func() (string, error) { return ClearClient("ALTAVOZ_URL", url, true) }
	}
	kafka := func(tls bool, mechanism string, brokers ...string) func() (string, error) {
		return func() (string, error) { return ClearKafka(brokers, tls, mechanism) }
	}
	redis := func(tls, password bool, addrs ...string) func() (string, error) {
		return func() (string, error) { return ClearRedis(addrs, tls, password) }
	}
	const ok, warned, refused = "ok", "warned", "refused"
	for name, c := range map[string]struct {
		judge func() (string, error)
		want  string
	}{
		"the API over TLS":                          {api("https://graph.facebook.com"), ok},
		"the API on this machine":                   {api("http://127.0.0.1:8088"), ok},
		"the API in the network of containers":      {api("http://simulator:8088"), warned},
		"a gateway in the office":                   {api("http://10.0.0.7:8088"), warned},
		"the API off this machine":                  {api("http://graph.facebook.com"), refused},
		"a gateway in capitals":                     {api("HTTP://gateway.example.com"), refused},
		"an address in an unusual writing":          {api("http://127.1:8088"), refused},
		"a key over TLS":                            {client("https://altavoz.example.com"), ok},
		"a key to this machine":                     {client("http://127.0.0.1:8080"), ok},
		"a key in the own network":                  {client("http://altavoz:8080"), warned},
		"a key off this machine":                    {client("http://altavoz.example.com"), refused},
		"no key":                                    {func() (string, error) { return ClearClient("ALTAVOZ_URL", "http://altavoz.example.com", false) }, ok},
		"Kafka with TLS":                            {kafka(true, "PLAIN", "kafka.example.com:9092"), ok},
		"Kafka on this machine":                     {kafka(false, "PLAIN", "127.0.0.1:9092"), ok},
		"PLAIN in the network of containers":        {kafka(false, "PLAIN", "kafka:9092"), warned},
		"PLAIN off this machine":                    {kafka(false, "PLAIN", "kafka.example.com:9092"), refused},
		"one of two brokers off this machine":       {kafka(false, "PLAIN", "localhost:9092", "kafka.example.com:9092"), refused},
		"SCRAM off this machine":                    {kafka(false, "SCRAM-SHA-512", "kafka.example.com:9092"), warned},
		"Kafka without a password off this machine": {kafka(false, "", "kafka.example.com:9092"), warned},
		"Redis with TLS":                            {redis(true, true, "redis.example.com:6379"), ok},
		"Redis on this machine":                     {redis(false, true, "localhost:6379"), ok},
		"a password in the network of containers":   {redis(false, true, "valkey:6379"), warned},
		"a password off this machine":               {redis(false, true, "redis.example.com:6379"), refused},
		"Redis off this machine":                    {redis(false, false, "redis.example.com:6379"), warned},
		"Redis in the network of containers":        {redis(false, false, "valkey:6379"), ok},
		"no Redis":                                  {redis(false, true), ok},
	} {
		t.Run(name, func(t *testing.T) {
			warning, err := c.judge()
			got := ok
			if err != nil {
				got = refused
			} else if warning != "" {
				got = warned
			}
			if got != c.want {
				t.Errorf("%s, want %s: %q, %v", got, c.want, warning, err)
			}
		})
	}
}
