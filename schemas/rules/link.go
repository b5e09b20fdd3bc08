package rules

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// blankName is a placeholder with blanks around its name.
var blankName = regexp.MustCompile(`\{\{[ \t\x{a0}]*([\pL\pM\pN_]+)[ \t\x{a0}]*\}\}`)

// TightLink is a clean link that may have placeholders.
func TightLink(text string) string {
	if strings.Contains(text, "{{") {
		text = blankName.ReplaceAllString(text, "{{$1}}")
	}
	return CleanLink(text)
}

// LinkFault is what is wrong with a link.
type LinkFault uint8

// The faults.
const (
	LinkGood LinkFault = iota
	LinkBroken
	LinkUser    // a name or password before the host: browsers warn of it, and it is a secret in everybody's hands
	LinkPrivate // a host that only its own network reaches
)

// CleanLink takes off what copying leaves around a link, and writes blanks within it as links have them, and a host with letters beyond
// ASCII, or emoji, in punycode: so it is dialled, and nobody documents that WhatsApp takes another writing.
func CleanLink(text string) string {
	text = strings.TrimFunc(text, func(r rune) bool { return Blank(string(r)) })
	text = strings.ReplaceAll(text, " ", "%20")
	scheme, rest, ok := strings.Cut(text, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, err := url.PathUnescape(rest[:end])
	if !ok || err != nil || ascii(host) {
		return text
	}
	user := strings.LastIndexByte(host, '@') + 1
	name, port, numbered := strings.Cut(host[user:], ":")
	if name, err = idna.Lookup.ToASCII(name); err != nil {
		return text // Link says what is wrong with it
	}
	if numbered {
		name += ":" + port
	}
	return scheme + "://" + host[:user] + name + rest[end:]
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

// Link looks at a clean link. Public: its host has to be one that a stranger's phone can reach.
func Link(text string, public bool) LinkFault {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", strings.ContainsAny(text, " \t\r\n"), !portable(u.Port()), public && !hostable(u.Hostname()):
		return LinkBroken
	case u.User != nil:
		return LinkUser
	case public && !reachable(u.Hostname()):
		return LinkPrivate
	}
	return LinkGood
}

// LinkPlaceholder is Placeholder for links, in which braces may be written as %7B.
func LinkPlaceholder(text string) (found string, sure bool) {
	plain, err := url.PathUnescape(text)
	if err != nil { // of a %%name%%
		plain = text
	}
	if found, sure = Placeholder(plain); sure {
		return found, true
	}
	return linkDoubtful.FindString(plain), false
}

// linkDoubtful leaves out %...%, which in a link is an escape.
var linkDoubtful = regexp.MustCompile(`\{[\pL_][\pL\d_. -]{0,60}\}|\{\d{0,2}\}|\[\[?[\pL_][^\[\]\n]{0,100}\]\]?|<[\pL_][\pL\d_. -]{0,60}>|/:[\pL_]+`)

// private are the endings of names that exist in one network only, or nowhere.
var private = []string{
	"localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa", "invalid", "onion", "test", "alt", "arpa", "svc", "cluster", "intra",
	"nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me",
} // the last five: names for the addresses of one's own machine and network

// reserved are the networks that no stranger reaches, besides those that netip knows.
var reserved = func() (out []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// Named reports whether a host is a name that strangers can look up: no address in any writing, and no name of one network only.
func Named(host string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(host, "."))
	return err != nil && reachable(host)
}

func reachable(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		return public(ip.Unmap().WithZone(""))
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == host: // one label: a name of the own network, or an address as one number
		return false
	case last == "" || strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x"): // 127.1, 0x7f.0.0.1 and other writings of addresses
		return false
	}
	return !slices.ContainsFunc(private, func(ending string) bool { return host == ending || strings.HasSuffix(host, "."+ending) })
}

// portable reports whether a port, if there is one, exists.
func portable(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// What a name may have at most (RFC 1035), in characters.
const maxHost, maxHostLabel = 254, 63

// hostable reports whether a host is written as a name or an address is: letters of any script, digits, dashes; a top-level domain has no
// digits, but in punycode, and no single letter.
func hostable(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(host) > maxHost || utf8.RuneCountInString(label) > maxHostLabel || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && !unicode.In(r, unicode.L, unicode.M, unicode.N) || strings.ContainsRune(unseen, r)
		}) {
			return false
		}
	}
	last := strings.ToLower(labels[len(labels)-1])
	return len(labels) == 1 || strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "xn--") || strings.HasPrefix(last, "0x") ||
		utf8.RuneCountInString(last) > 1 && !strings.ContainsAny(last, "0123456789_")
}

func public(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}
