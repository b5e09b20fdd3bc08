// Package refused says in words why a server and a process of ours do not accept each other: what a person must change, not what a library
// calls it. It knows TLS; the clients of Kafka and of Redis add what their servers answer.
package refused

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
)

// Reason is one of a closed set, for metrics.
type Reason string

// The reasons. None: it was something else, as a server that is away.
const (
	None        Reason = ""
	Credentials Reason = "credentials" // the user or the password
	Mechanism   Reason = "mechanism"   // how the password is shown
	Rights      Reason = "rights"      // the user may not do this
	TLS         Reason = "tls"         // a certificate, or TLS itself
	Unsecured   Reason = "unsecured"   // the server closed before a first answer, as those do that want TLS or a password
)

// Reasons are all of them but None.
func Reasons() []Reason { return []Reason{Credentials, Mechanism, Rights, TLS, Unsecured} }

// OverTLS explains what went wrong in a handshake; server names the other side, and settings is what its variables begin with.
func OverTLS(err error, server, settings string) (Reason, string) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return TLS, "the certificate of " + server + " is of an authority that is not trusted here: see " + settings + "_CA_FILE"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return TLS, "the certificate of " + server + " is of another name than that in its address"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return TLS, "the certificate of " + server + " is over, or not valid yet"
		}
		return TLS, "the certificate of " + server + " can't be used"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return TLS, server + " does not speak TLS at this address: see " + settings + "_TLS"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" { // an alert
		return TLS, server + " refused our certificate, or wants one: see " + settings + "_CERT_FILE and " + settings + "_KEY_FILE"
	}
	return None, ""
}
