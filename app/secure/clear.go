package secure

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"altavoz/app/filewatch"
	"altavoz/schemas/rules"
)

// reach is who can read what goes to a host without TLS.
type reach uint8

const (
	here reach = iota // this machine
	near              // its own network: containers of one host, a cluster, an office
	far               // anybody on the way
)

// reachOf returns who is between here and a host. What looks like an address and is none in the usual writing is far: who knows.
func reachOf(host string) reach {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(name); err == nil {
		switch ip = ip.Unmap(); {
		case ip.IsLoopback():
			return here
		case ip.IsPrivate(), ip.IsLinkLocalUnicast(), shared.Contains(ip):
			return near
		default:
			return far
		}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case name == "localhost", strings.HasSuffix(name, ".localhost"):
		return here
	case last == "", strings.Trim(last, "0123456789") == "", strings.HasPrefix(last, "0x"), rules.Named(host), slices.Contains(strangers, last):
		return far
	default:
		return near
	}
}

// shared is the network of carriers and of some clusters (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// strangers are endings of names that rules.Named refuses and that are in other hands all the same.
var strangers = []string{"io", "me", "onion", "alt", "arpa"}

// farthest returns the address that most others can listen to.
func farthest(addrs []string) (addr string, r reach) {
	for _, a := range addrs {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			host = a
		}
		if got := reachOf(host); addr == "" || got > r {
			addr, r = a, got
		}
	}
	return addr, r
}

// Settings are what a process sends secrets to, and the files that it reads them from, by the variables that name those.
type Settings struct {
	API           string
	Brokers       []string
	KafkaTLS      bool
	SASLMechanism string
	Redis         []string
	RedisTLS      bool
	RedisPassword bool
	Files         map[string]string
	Senders       []string // files of ALTAVOZ_SENDERS_FILE
	Keys          []string // files of ALTAVOZ_KEYS_FILE
}

// Exposed returns what others can read of secrets, each to be warned of at the start, and as an error what is refused: docs/operate.md has the
// table.
func Exposed(s Settings) (warnings []string, err error) {
	add := func(warning string, refused error) {
		if warning != "" {
			warnings = append(warnings, warning)
		}
		err = errors.Join(err, refused)
	}
	add(ClearAPI(s.API))
	add(ClearKafka(s.Brokers, s.KafkaTLS, s.SASLMechanism))
	add(ClearRedis(s.Redis, s.RedisTLS, s.RedisPassword))
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		add(filewatch.Judge(name, s.Files[name]))
	}
	for _, path := range s.Senders {
		add(filewatch.Judge("ALTAVOZ_SENDERS_FILE", path))
	}
	for _, path := range s.Keys {
		add(filewatch.Judge("ALTAVOZ_KEYS_FILE", path))
	}
	return warnings, err
}

// ClearAPI judges the Cloud API's URL: with each call goes an access token.
func ClearAPI(base string) (warning string, err error) {
	return clearURL("ALTAVOZ_WHATSAPP_BASE_URL", base, "the access tokens")
}

// ClearClient judges the URL, given by that name, that a command shows an API key to.
func ClearClient(name, base string, key bool) (warning string, err error) {
	if !key {
		return "", nil
	}
	return clearURL(name, base, "the API key")
}

func clearURL(name, base, secrets string) (warning string, err error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" {
		return "", nil //nolint:nilerr // a URL that is none is somebody else's to refuse
	}
	switch reachOf(u.Hostname()) {
	case far:
		return "", hinted(fmt.Errorf("%s=%s has no TLS: %s would be read on the way", name, u.Redacted(), secrets), "use https://")
	case near:
		return fmt.Sprintf("%s=%s has no TLS: %s can be read in this network", name, u.Redacted(), secrets), nil
	case here:
	}
	return "", nil
}

// ClearKafka judges connections to brokers: a password of PLAIN is sent as it is, one of SCRAM can be guessed from what is sent, and
// phones and messages are in every record.
func ClearKafka(brokers []string, tls bool, mechanism string) (warning string, err error) {
	broker, r := farthest(brokers)
	switch {
	case tls || r == here:
		return "", nil
	case mechanism == "PLAIN" && r == far:
		return "", hinted(fmt.Errorf("ALTAVOZ_KAFKA_SASL_MECHANISM=PLAIN sends the password to %s in the clear", broker),
			"set ALTAVOZ_KAFKA_TLS=true; SCRAM-SHA-512 without TLS does not show the password, but all that is sent and received")
	case mechanism == "PLAIN":
		return "ALTAVOZ_KAFKA_SASL_MECHANISM=PLAIN without ALTAVOZ_KAFKA_TLS: the password, phones and messages can be read in this network", nil
	default:
		return "Kafka without ALTAVOZ_KAFKA_TLS: phones and messages can be read and changed on the way to " + broker, nil
	}
}

// ClearRedis judges connections to Redis.
func ClearRedis(addrs []string, tls, password bool) (warning string, err error) {
	addr, r := farthest(addrs)
	switch {
	case tls || r == here:
		return "", nil
	case password && r == far:
		return "", hinted(fmt.Errorf("ALTAVOZ_REDIS_PASSWORD would be sent to %s in the clear", addr), "set ALTAVOZ_REDIS_TLS=true")
	case password:
		return "ALTAVOZ_REDIS_PASSWORD without ALTAVOZ_REDIS_TLS: it can be read in this network", nil
	case r == far:
		return "Redis without ALTAVOZ_REDIS_TLS and without a password: anybody on the way to " + addr + " may use it", nil
	}
	return "", nil
}
