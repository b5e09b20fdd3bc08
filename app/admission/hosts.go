package admission

import (
	"net"
	"net/netip"
	"strings"
)

// Without keys, only this machine reaches a service. But a web page in a browser on this machine does, too: under a name of its own,
// which its DNS server points at 127.0.0.1 later on, so that page and service are one origin to the browser (DNS rebinding). The name
// stands in the header Host.

// Loopback reports whether only this machine can reach an address.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Local reports whether a Host header names this machine, with any port: localhost, a loopback address, or the host of the address
// that is listened on. An address can't be pointed elsewhere, and localhost is resolved by the browser itself.
func Local(host, listening string) bool {
	name := withoutPort(host)
	if own := withoutPort(listening); own != "" && strings.EqualFold(name, own) {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && ip.IsLoopback()
}

// withoutPort returns the host of host:port, host, [host]:port or [host], "" where it is none of them.
func withoutPort(s string) string {
	if name, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(name, "]") {
		return strings.TrimSuffix(name, "]")
	}
	if !strings.Contains(s, ":") {
		return s
	}
	name, _, err := net.SplitHostPort(s)
	if err != nil {
		return ""
	}
	return name
}
