package media

import (
	"errors"
	"testing"

	"code.dny.dev/ssrf"
)

// TestThreatS07GuardOfConnections: the addresses at the moment of connecting, which is where a name that changed its mind ends up.
func TestThreatS07GuardOfConnections(t *testing.T) {
	t.Parallel()
	g, err := NewGuard([]string{"10.1.0.0/16", "fd12::/16", "CDN.local:9000"})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]error{ // nil: may be connected to
		"93.184.216.34:443":               nil,
		"93.184.216.34:80":                nil,
		"[2606:2800:220:1::]:443":         nil,
		"10.1.2.3:9000":                   nil, // opened, on every port
		"[::ffff:10.1.2.3]:443":           nil,
		"[fd12::1]:8080":                  nil,
		"93.184.216.34:22":                ssrf.ErrProhibitedPort,
		"93.184.216.34:6379":              ssrf.ErrProhibitedPort,
		"127.0.0.1:443":                   ssrf.ErrProhibitedIP,
		"0.0.0.0:443":                     ssrf.ErrProhibitedIP,
		"10.2.0.1:443":                    ssrf.ErrProhibitedIP,
		"172.16.0.1:443":                  ssrf.ErrProhibitedIP,
		"192.168.1.1:443":                 ssrf.ErrProhibitedIP,
		"169.254.169.254:80":              ssrf.ErrProhibitedIP,
		"100.64.0.1:443":                  ssrf.ErrProhibitedIP,
		"224.0.0.1:443":                   ssrf.ErrProhibitedIP,
		"255.255.255.255:443":             ssrf.ErrProhibitedIP,
		"[::1]:443":                       ssrf.ErrProhibitedIP,
		"[::ffff:127.0.0.1]:443":          ssrf.ErrProhibitedIP,
		"[fd00:ec2::254]:80":              ssrf.ErrProhibitedIP,
		"[fe80::1]:443":                   ssrf.ErrProhibitedIP,
		"[64:ff9b::7f00:1]:443":           ssrf.ErrProhibitedIP,
		"[2002:7f00:1::]:443":             ssrf.ErrProhibitedIP,
		"cdn.local:9000":                  ssrf.ErrInvalidHostPort, // names don't come here
		"93.184.216.34:443 93.184.216.34": ssrf.ErrInvalidHostPort,
	}
	for addr, want := range tests {
		if err := g.control("tcp4", addr, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", addr, err, want)
		}
	}
	if err := g.control("udp4", "93.184.216.34:443", nil); !errors.Is(err, ssrf.ErrProhibitedNetwork) {
		t.Errorf("udp: %v, want %v", err, ssrf.ErrProhibitedNetwork)
	}
	for u, ok := range map[string]bool{"http://cdn.local:9000/a": true, "http://CDN.LOCAL:9000/a": true, "http://cdn.local/a": false, "http://10.1.9.9:81/a": true, "http://10.2.9.9/a": false} {
		if _, err := g.CheckURL(u); (err == nil) != ok {
			t.Errorf("%s: %v, want accepted: %t", u, err, ok)
		}
	}
}
