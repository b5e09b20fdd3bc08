package media

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"

	"altavoz/schemas/es"
	"altavoz/schemas/rules"
)

const maxURL = 2048 // bytes, as far as the Cloud API takes links

// Guard decides where our own fetches may go. The deciding check is made on the address that is being connected to, after the name was
// resolved, so neither a name that changes its address nor a redirect gets around it.
type Guard struct {
	ssrf  *ssrf.Guardian
	hosts map[string]bool // "host:port" that the operator opened, lower case
	nets  []netip.Prefix  // networks that the operator opened, on every port
}

// NewGuard returns a guard that lets through what is public, and what the operator opened: host:port, and networks.
func NewGuard(allow []string) (*Guard, error) {
	g := &Guard{ssrf: ssrf.New(), hosts: map[string]bool{}} // public addresses, ports 80 and 443
	for _, a := range allow {
		if p, err := netip.ParsePrefix(a); err == nil {
			g.nets = append(g.nets, p.Masked())
			continue
		}
		host, port, err := net.SplitHostPort(a)
		if err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("media fetch allow-list: %q is neither host:port nor a network such as 10.1.0.0/16", a)
		}
		g.hosts[net.JoinHostPort(strings.ToLower(host), port)] = true
	}
	return g, nil
}

// Dialer returns the dialer of our fetches; dial, where set, is the network of a simulation.
func (g *Guard) Dialer(dial Dial) Dial {
	open, guarded := (&net.Dialer{Timeout: dialTimeout}).DialContext, (&net.Dialer{Timeout: dialTimeout, Control: g.control}).DialContext
	if dial != nil {
		open = dial
		guarded = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if ap, err := netip.ParseAddrPort(addr); err == nil {
				if err := g.address(ap); err != nil {
					return nil, err
				}
			}
			return dial(ctx, network, addr)
		}
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if g.hosts[strings.ToLower(addr)] {
			return open(ctx, network, addr)
		}
		return guarded(ctx, network, addr)
	}
}

// control is called by net.Dialer for every address, right before connecting to it.
func (g *Guard) control(network, address string, c syscall.RawConn) error {
	if ap, err := netip.ParseAddrPort(address); err == nil && g.opened(ap.Addr()) { //mutant:private-address-is-not-connected-to
		return nil
	}
	return g.ssrf.Safe(network, address, c)
}

func (g *Guard) address(ap netip.AddrPort) error {
	if g.opened(ap.Addr()) {
		return nil
	}
	return g.ssrf.SafeAddrPort(ap)
}

func (g *Guard) opened(a netip.Addr) bool {
	for _, p := range g.nets {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// allowed reports whether the operator opened the URL's host by name or number.
func (g *Guard) allowed(u *url.URL) bool {
	if g.hosts[strings.ToLower(net.JoinHostPort(u.Hostname(), portOf(u)))] {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && g.opened(a)
}

// Reachable reports whether the URL's port is one that we connect to: 80 and 443, and what the operator opened.
func (g *Guard) Reachable(u *url.URL) bool {
	port := portOf(u)
	return port == "80" || port == "443" || g.allowed(u)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	default:
		return "443"
	}
}

// CheckURL refuses what is no use to anybody outside: neither we nor Meta should be given a name of the operator's own network. Its
// errors are *schemas.ContentError.
func (g *Guard) CheckURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return nil, badURL(es.LinkUnreadable)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, badURL(es.LinkNotHTTPS)
	case len(text) > maxURL:
		return nil, badURL(es.LinkTooLong, maxURL)
	case u.User != nil:
		return nil, badURL(es.LinkUser)
	case g.allowed(u):
		return u, nil
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if g.ssrf.SafeAddr(a) != nil {
			return nil, badURL(es.LinkPrivateNetwork)
		}
		return u, nil
	}
	if !named(u.Hostname()) {
		return nil, badURL(es.LinkPrivateNetwork)
	}
	return u, nil
}

// passable reports whether a URL may be given to Meta as a link: its host is a name that strangers can look up, and none that the operator
// opened to us because it is private. An address in digits says nothing of whose it is when Meta gets there.
func (g *Guard) passable(u *url.URL) bool { return named(u.Hostname()) && !g.allowed(u) }

// named reports whether a host is a name that strangers can look up. So are those that nobody has (RFC 6761): nothing of ours is told with them.
func named(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return rules.Named(host) || strings.HasSuffix(name, ".invalid") || strings.HasSuffix(name, ".test")
}

// fetchable says whether we fetch the URL ourselves: over TLS, or from a host that the operator opened.
func (g *Guard) fetchable(u *url.URL) error {
	if u.Scheme == "https" || g.allowed(u) {
		return nil
	}
	if !g.passable(u) { // nobody else will fetch it
		return badURL(es.LinkNotHTTPS)
	}
	return fmt.Errorf("%w: only https is fetched", errUnreachable)
}
