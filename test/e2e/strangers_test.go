package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"altavoz/app"
	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/test/harness"
)

// requestAs makes a request under a host name, with headers, and returns the code and the body.
func requestAs(t *testing.T, method, url, host, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return new(harness.API).Do(t, req)
}

// A page that had its name pointed at this machine is of one origin with what answers there. Without keys it gets nothing; neither
// does one of another origin.
func TestThreatS19PagesGetNothingWithoutKeys(t *testing.T) {
	t.Parallel()
	a := harness.Start(t, harness.Config(t))
	const body = `{"phones":["573991234567"],"body_text":"Hola","use_queue":true}`
	for _, path := range []string{request.PathTasks, request.PathSend, request.PathStatus + "x", request.PathTasks + "/x/events", "/api/webhooks/whatsapp", "/healthz", "/readyz", "/metrics", "/openapi.json", "/nothing"} {
		for _, host := range []string{"evil.example", "evil.example:8080", "127.0.0.1.evil.example", "192.168.1.7:8080"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				code, got := requestAs(t, method, a.URL()+path, host, body, "Origin", "http://"+host, "Sec-Fetch-Site", "same-origin")
				if code != http.StatusMisdirectedRequest || !strings.Contains(got, `"error":"`) || !strings.Contains(got, `"code":"misdirected"`) {
					t.Errorf("%s %s for %s: %d %s; want %v, %q in it, %q in it", method, path, host, code, got, http.StatusMisdirectedRequest, `"error":"`, `"code":"misdirected"`)
				}
			}
		}
	}
	for _, host := range []string{"localhost", "localhost:1", "127.0.0.1:8080", "[::1]:8080"} {
		for _, path := range []string{request.PathTasks, "/healthz", "/readyz", "/metrics", "/openapi.json"} {
			if code, got := requestAs(t, http.MethodGet, a.URL()+path, host, ""); code != http.StatusOK {
				t.Errorf("%s for %s: %d %.100s; want %v", path, host, code, got, http.StatusOK)
			}
		}
		for _, site := range []string{"cross-site", "same-site"} {
			if code, got := requestAs(t, http.MethodPost, a.URL()+request.PathSend, host, body, "Origin", "http://evil.example", "Sec-Fetch-Site", site, "Content-Type", "text/plain"); code != http.StatusForbidden {
				t.Errorf("a page of another origin sends: %d %s; want %v", code, got, http.StatusForbidden)
			}
		}
		if code, got := requestAs(t, http.MethodPost, a.URL()+request.PathSend, host, body, "Origin", "http://evil.example"); code != http.StatusForbidden {
			t.Errorf("a page in an old browser sends: %d %s; want %v", code, got, http.StatusForbidden)
		}
	}
}

// The simulator of the same process takes nothing from pages either.
func TestThreatS19TheSimulatorTakesNothingFromPages(t *testing.T) {
	t.Parallel()
	a := harness.Start(t, harness.Config(t))
	for _, path := range []string{"/_simulator/summary", "/_simulator/faults", "/" + harness.Number + "/messages"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if code, got := requestAs(t, method, a.SimulatorURL()+path, "evil.example", "{}"); code != http.StatusMisdirectedRequest {
				t.Errorf("%s %s under a page's name: %d %s; want %v", method, path, code, got, http.StatusMisdirectedRequest)
			}
			if code, got := requestAs(t, method, a.SimulatorURL()+path, "localhost", "{}", "Origin", "http://evil.example"); code != http.StatusForbidden {
				t.Errorf("%s %s from a page: %d %s; want %v", method, path, code, got, http.StatusForbidden)
			}
		}
	}
	if code, got := requestAs(t, http.MethodGet, a.SimulatorURL()+"/_simulator/summary", "localhost", ""); code != http.StatusOK {
		t.Errorf("from this machine: %d %s; want %v", code, got, http.StatusOK)
	}
}

const (
	operatorKey = "operator-0123456789"
	wrongKey    = "nobody-0123456789"
)

// With keys any name is served, a proxy's too; the metrics beside the API want one, also from this machine: a proxy that adds no header
// looks like it.
func TestThreatS23MetricsWantAKeyAlsoOnLoopback(t *testing.T) {
	t.Parallel()
	bearer := func(key string) []string { return []string{"Authorization", "Bearer " + key} }
	for name, addr := range map[string]string{"loopback": "127.0.0.1:0", "everywhere": "0.0.0.0:0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := harness.Config(t)
			cfg.HTTP.Addr, cfg.HTTP.APIKeys = addr, "crm:"+operatorKey
			a := harness.Start(t, cfg)
			metrics := a.URL() + "/metrics"
			for _, c := range []struct {
				host    string
				headers []string
				want    int
			}{
				{"localhost", nil, http.StatusUnauthorized},
				{"127.0.0.1", nil, http.StatusUnauthorized},
				{"localhost", []string{"X-Forwarded-For", "203.0.113.5"}, http.StatusUnauthorized},
				{"altavoz.example", nil, http.StatusUnauthorized},
				{"altavoz.example", bearer(operatorKey), http.StatusOK},
				{"localhost", []string{"X-API-Key", operatorKey}, http.StatusOK},
				{"localhost", bearer(wrongKey), http.StatusUnauthorized},
			} {
				t.Run(c.host, func(t *testing.T) {
					if code, got := requestAs(t, http.MethodGet, metrics, c.host, "", c.headers...); code != c.want {
						t.Errorf("%v: %d %.100s, not %d", c.headers, code, got, c.want)
					}
				})
			}
			if code, _ := requestAs(t, http.MethodGet, a.URL()+"/healthz", "altavoz.example", ""); code != http.StatusOK {
				t.Errorf("a health check by another name: %d, want %v", code, http.StatusOK)
			}
			for range 20 {
				requestAs(t, http.MethodGet, metrics, "altavoz.example", "", bearer(wrongKey)...)
			}
			if code, _ := requestAs(t, http.MethodGet, metrics, "altavoz.example", "", bearer(wrongKey)...); code != http.StatusTooManyRequests {
				t.Errorf("many wrong keys: %d, want %v", code, http.StatusTooManyRequests)
			}
			if code, _ := requestAs(t, http.MethodGet, a.URL()+request.PathTasks, "altavoz.example", "", bearer(wrongKey)...); code != http.StatusTooManyRequests {
				t.Errorf("wrong keys for the metrics do not count at the API: %d, want %v", code, http.StatusTooManyRequests)
			}
			code, got := requestAs(t, http.MethodGet, metrics, "altavoz.example", "", bearer(operatorKey)...)
			if code != http.StatusOK || !strings.Contains(got, `altavoz_http_wrong_keys_total{answer="limited"}`) || !strings.Contains(got, `altavoz_http_open_connections{server="api"}`) {
				t.Errorf("a valid key after them: %d, want %v", code, http.StatusOK)
			}
		})
	}
}

// A process without the API has no keys to ask for. Where others reach it, metrics have an address of their own, or none.
func TestThreatS23MetricsOfAWorkerAreNotForEverybody(t *testing.T) {
	t.Parallel()
	cfg := harness.Config(t)
	cfg.HTTP.Addr, cfg.HTTP.AdminAddr, cfg.Process.Roles = "0.0.0.0:0", "", app.Roles{app.RoleAggregator}
	a := harness.Start(t, cfg)
	for path, want := range map[string]int{"/metrics": http.StatusUnauthorized, "/healthz": http.StatusOK, "/readyz": http.StatusOK} {
		if code, got := requestAs(t, http.MethodGet, a.URL()+path, "10.0.0.7:8080", ""); code != want {
			t.Errorf("%s: %d %.100s, not %d", path, code, got, want)
		}
	}
}

// An address for operators on loopback is not for pages either.
func TestThreatS23AdminAddressOnLoopbackIsNotForPages(t *testing.T) {
	t.Parallel()
	cfg := harness.Config(t)
	cfg.HTTP.AdminAddr, cfg.HTTP.APIKeys, cfg.Process.Roles = "127.0.0.1:0", "crm:"+operatorKey, app.Roles{app.RoleAggregator}
	var at harness.Listeners
	harness.StartOn(t, cfg, app.Network{Listen: at.Listen})
	admin := at.URL(1) + "/metrics"
	for host, want := range map[string]int{"evil.example": http.StatusMisdirectedRequest, "localhost:9100": http.StatusOK} {
		if code, got := requestAs(t, http.MethodGet, admin, host, ""); code != want {
			t.Errorf("%s: %d %.100s, not %d", host, code, got, want)
		}
	}
}

// Profiles tell how the process works inside: they are off unless asked for, and never beside the API.
func TestThreatS23ProfilesAreOffAndNeverBesideTheAPI(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		t.Run(fmt.Sprint(on), func(t *testing.T) {
			t.Parallel()
			cfg := harness.Config(t)
			cfg.HTTP.AdminAddr, cfg.HTTP.Pprof = "127.0.0.1:0", on
			var at harness.Listeners
			api := harness.StartOn(t, cfg, app.Network{Listen: at.Listen}).URL()
			there := http.StatusNotFound
			if on {
				there = http.StatusOK
			}
			for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=1"} {
				for url, want := range map[string]int{api + path: http.StatusNotFound, at.URL(1) + path: there} {
					if code, got := requestAs(t, http.MethodGet, url, "localhost", ""); code != want {
						t.Errorf("%s: %d %.100q, not %d", url, code, got, want)
					}
				}
			}
			if code, _ := requestAs(t, http.MethodGet, at.URL(1)+"/debug/pprof/", "evil.example", ""); code != http.StatusMisdirectedRequest {
				t.Errorf("a page reads the profiles: %d", code)
			}
			if code, got := requestAs(t, http.MethodGet, at.URL(1)+"/debug/pprof/cmdline", "localhost", ""); code != http.StatusNotFound {
				t.Errorf("the command line: %d %.100q", code, got)
			}
		})
	}
}

// What anybody could guess opens nothing that others reach.
func TestThreatS01WeakKeysAreRefusedOffLoopback(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keys        schemas.Secret
		off, inside string // what is said; "": it starts
	}{
		{"crm:" + operatorKey, "", ""},
		{"crm:short", "it has 5 bytes, and needs 16", ""},
		{"demo-key-change-me", "it is an example", ""},
		{"crm:" + operatorKey + ",tienda:" + operatorKey, "twice", "twice"},
		{"crm:" + operatorKey + ",crm:" + operatorKey, "twice", "twice"},
	} {
		for addr, want := range map[string]string{"0.0.0.0:8080": tt.off, "127.0.0.1:8080": tt.inside} {
			cfg := app.Default()
			cfg.HTTP.Addr, cfg.HTTP.APIKeys = addr, tt.keys
			_, err := app.New(cfg, app.Options{})
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s on %s: %v, which does not say %q", tt.keys.Reveal(), addr, err, want)
			}
		}
	}
	cfg := app.Default()
	cfg.HTTP.TrustedProxies = []string{"caddy"}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "ALTAVOZ_TRUSTED_PROXIES") {
		t.Errorf("a proxy that is no address: %v, want an error", err)
	}
}

// A configured proxy is believed about who tries keys, so that one client's attempts are not its neighbours'.
func TestThreatS01WrongKeysBehindAProxyAreTheirClients(t *testing.T) {
	t.Parallel()
	cfg := harness.Config(t)
	cfg.HTTP.APIKeys, cfg.HTTP.TrustedProxies = "crm:"+operatorKey, []string{"127.0.0.0/8"}
	a := harness.Start(t, cfg)
	try := func(client, key string) int {
		code, _ := requestAs(t, http.MethodGet, a.URL()+request.PathTasks, "altavoz.example", "", "X-API-Key", key, "X-Forwarded-For", client)
		return code
	}
	began := time.Now()
	for range 10 {
		if code := try("203.0.113.5", wrongKey); code != http.StatusUnauthorized {
			t.Fatalf("got %v, want %v", code, http.StatusUnauthorized)
		}
	}
	if code := try("203.0.113.5", wrongKey); code != http.StatusTooManyRequests && time.Since(began) < time.Minute {
		t.Errorf("the eleventh: %d", code)
	}
	if code := try("198.51.100.9", wrongKey); code != http.StatusUnauthorized {
		t.Errorf("another client: %d, want %v", code, http.StatusUnauthorized)
	}
	if code := try("203.0.113.5", operatorKey); code != http.StatusOK {
		t.Errorf("a valid key from there: %d, want %v", code, http.StatusOK)
	}
}

// A log of either kind has a line a record, and nothing in it that hides or turns others, wherever it stands.
func TestThreatS17TheLogHidesNothing(t *testing.T) {
	t.Parallel()
	const evil = "a\u202ekcab\u2066\u009b31m\x1b[2J\x7f\r\nforged=1\u2028end"
	for _, format := range []string{"json", "text"} {
		var log testio.Buffer
		l := app.NewLogger(app.ProcessConfig{LogFormat: format}, &log, false)
		l.With("with", evil).WithGroup("group").Warn(evil, "text", evil, "error", fmt.Errorf("wrapped: %w", errors.New(evil)), "any", []string{evil}, evil, 1) //nolint:sloglint // a key of somebody else is what is tried
		text := log.String()
		for _, r := range strings.TrimSuffix(text, "\n") {
			if unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) || r == '\u2028' {
				t.Errorf("%s: %U in %q", format, r, text)
			}
		}
		if strings.Count(text, "\n") != 1 || !strings.Contains(text, "u202ekcab") {
			t.Errorf("%s: %q; want %q in it", format, text, "u202ekcab")
		}
	}
}
