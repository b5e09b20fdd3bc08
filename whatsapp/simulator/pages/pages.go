// Package pages keeps web pages out: a browser on this machine reaches what listens here, whoever wrote the page that it shows, and
// nobody is asked for a key that could not be made up. It looks at the name that was asked for, against pages whose own name was
// pointed at this machine (DNS rebinding), and at what a browser says of where a request comes from.
package pages

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// privateSuffixes end names that no public DNS server has, as those within a cluster.
var privateSuffixes = []string{".internal", ".local", ".svc"}

// Refuse serves the requests that are no page's. The server listens on listening; configured is how that was asked for.
func Refuse(listening net.Addr, configured string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !Answers(r.Host, listening.String(), configured):
			w.Header().Set("Connection", "close")
			http.Error(w, "the simulator does not answer to that host name; use localhost or 127.0.0.1", http.StatusMisdirectedRequest)
		case ofPage(r):
			w.Header().Set("Connection", "close")
			http.Error(w, "the simulator takes nothing from web pages", http.StatusForbidden)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// ofPage reports whether a browser made the request, unless a person typed its address there. Programs say neither.
func ofPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	typed := site == "none" && (r.Method == http.MethodGet || r.Method == http.MethodHead)
	return len(r.Header.Values("Origin")) > 0 || site != "" && !typed
}

// Answers reports whether a Host header, with any port, names the server: on loopback this machine, elsewhere also any address and any name
// that no stranger can have, as that of a container. The host of the configured address is one in any case.
func Answers(host, listening, configured string) bool {
	name := strings.ToLower(withoutPort(host))
	if own := strings.ToLower(withoutPort(configured)); name == "" || name == own || name == "localhost" {
		return name != ""
	}
	ip, err := netip.ParseAddr(name)
	if at, parseErr := netip.ParseAddr(withoutPort(listening)); parseErr == nil && at.IsLoopback() {
		return err == nil && ip.IsLoopback()
	}
	if err == nil || !strings.ContainsAny(name, ".:") {
		return true
	}
	return slices.ContainsFunc(privateSuffixes, func(s string) bool { return strings.HasSuffix(name, s) })
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
