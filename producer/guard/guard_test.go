package guard

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func request(remote string, forwarded ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

func TestThreatS01TheClientsAddressComesFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	trusted, err := ParseTrusted([]string{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"203.0.113.5:1234", nil, "203.0.113.5"},
		{"203.0.113.5:1234", []string{"198.51.100.9"}, "203.0.113.5"}, // no proxy of ours
		{"10.1.2.3:1234", nil, "10.1.2.3"},
		{"10.1.2.3:1234", []string{"198.51.100.9"}, "198.51.100.9"},
		{"10.1.2.3:1234", []string{"1.1.1.1, 198.51.100.9"}, "198.51.100.9"}, // the first one is the client's word
		{"10.1.2.3:1234", []string{"1.1.1.1", "198.51.100.9, 192.0.2.1"}, "198.51.100.9"},
		{"10.1.2.3:1234", []string{"198.51.100.9:4711"}, "198.51.100.9"},
		{"10.1.2.3:1234", []string{"[2001:4860::1]:4711"}, "2001:4860::1"},
		{"10.1.2.3:1234", []string{"198.51.100.9, unknown"}, "10.1.2.3"},
		{"10.1.2.3:1234", []string{"10.9.9.9, 10.8.8.8"}, "10.9.9.9"},
		{"[::ffff:10.1.2.3]:1234", []string{"::ffff:198.51.100.9"}, "198.51.100.9"},
		{"[2001:db8::5%eth0]:1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"@", []string{"198.51.100.9"}, "invalid IP"},
	} {
		t.Run(c.remote, func(t *testing.T) {
			if got := Client(request(c.remote, c.forwarded...), trusted); got.String() != c.want {
				t.Errorf("forwarded for %q: %s, not %s", c.forwarded, got, c.want)
			}
		})
	}
	if _, err := ParseTrusted([]string{"10.0.0.0/8", "proxy"}); err == nil || !strings.Contains(err.Error(), "proxy") {
		t.Errorf("a name is taken for a network: %v, want an error", err)
	}
}

func newAttempts(log *strings.Builder) *Attempts {
	return New(Config{Logger: slog.New(slog.NewTextHandler(log, nil)), Registerer: prometheus.NewRegistry()})
}

func TestThreatS01TheEleventhWrongKeyOfAMinuteWaits(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	a, now := newAttempts(&log), time.Unix(1_800_000_000, 0)
	for i := range MostWrong {
		if wait := a.Wrong(request("203.0.113.5:1"), now.Add(time.Duration(i)*time.Second)); wait != 0 {
			t.Fatalf("wrong key %d waits %v; want 0", i+1, wait)
		}
	}
	if wait := a.Wrong(request("203.0.113.5:2"), now.Add(20*time.Second)); wait != 40*time.Second {
		t.Errorf("the next one waits %v, not the rest of the minute", wait)
	}
	if wait := a.Wrong(request("203.0.113.6:1"), now.Add(20*time.Second)); wait != 0 {
		t.Errorf("another address waits %v, want 0", wait)
	}
	if wait := a.Wrong(request("203.0.113.5:3"), now.Add(time.Minute)); wait != 0 {
		t.Errorf("after a minute it waits %v, want 0", wait)
	}
	if lines := strings.Count(log.String(), "level=WARN"); lines < 2 || lines > 4 {
		t.Errorf("%d lines in the log, one in 10 s is enough:\n%s", lines, log.String())
	}
}

// The rest of an IPv6 address is its network's to choose: a /64 is one client.
func TestThreatS01AnIPv6NetworkIsOneAddress(t *testing.T) {
	t.Parallel()
	a, now := newAttempts(new(strings.Builder)), time.Unix(1_800_000_000, 0)
	for i := range MostWrong {
		a.Wrong(request(fmt.Sprintf("[2001:db8:1:2::%x]:1", i)), now)
	}
	if a.Wrong(request("[2001:db8:1:2:ffff::1]:1"), now) == 0 || a.Wrong(request("[2001:db8:1:3::1]:1"), now) != 0 {
		t.Error("addresses of one network count as several, or those of two as one")
	}
}

func TestThreatS01TheTableOfAddressesIsBounded(t *testing.T) {
	t.Parallel()
	a, now := newAttempts(new(strings.Builder)), time.Unix(1_800_000_000, 0)
	for i := range 3 * maxAddresses {
		a.count(network(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), now.Add(time.Duration(i)*time.Millisecond))
	}
	if len(a.byNet) != maxAddresses || a.order.Len() != maxAddresses {
		t.Errorf("%d and %d addresses are remembered, not %d", len(a.byNet), a.order.Len(), maxAddresses)
	}
	a.count(network(netip.AddrFrom4([4]byte{192, 0, 2, 1})), now.Add(time.Hour))
	if len(a.byNet) != 1 || a.order.Len() != 1 {
		t.Errorf("after an hour %d and %d are remembered; want 1, 1", len(a.byNet), a.order.Len())
	}
}
