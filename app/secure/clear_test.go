package secure

import (
	"os"
	"path/filepath"
	"strings"
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
		warning, err := c.judge()
		got := ok
		if err != nil {
			got = refused
		} else if warning != "" {
			got = warned
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s: %q, %v", name, got, c.want, warning, err)
		}
	}
}

func TestThreatS15FilesWithSecretsAreNotEverybodys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{0o600: "", 0o640: "", 0o660: "", 0o604: "may read", 0o644: "may read", 0o602: "may write", 0o666: "may write"} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		warning, err := ClearFile("ALTAVOZ_API_KEYS_FILE", path)
		got := warning
		if err != nil {
			got = err.Error()
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) || (err != nil) != (want == "may write") {
			t.Errorf("%#o: %q, %v", mode, warning, err)
		}
	}
	for _, none := range []string{path + "-nowhere", os.DevNull, t.TempDir()} {
		if warning, err := ClearFile("X", none); warning != "" || err != nil {
			t.Errorf("%s: %q, %v", none, warning, err)
		}
	}
}

// Shared folders of a desktop show every file as 0777. Where a container gets one read-only, as it gets secrets, it starts with a warning.
func TestThreatS15FilesThatAreMountedReadOnlyAreAWarning(t *testing.T) {
	t.Parallel()
	for mode, want := range map[os.FileMode]string{0o777: "mounted read-only", 0o666: "mounted read-only", 0o444: "may read", 0o400: ""} {
		warning, err := judgeMode("ALTAVOZ_API_KEYS_FILE", "/run/secrets/api_keys", mode, func() bool { return true })
		if err != nil || (warning == "") != (want == "") || !strings.Contains(warning, want) {
			t.Errorf("%#o: %q, %v", mode, warning, err)
		}
	}
	if mountedReadOnly(filepath.Join(t.TempDir(), "nothing")) {
		t.Error("what is not there is mounted read-only")
	}
}
