// Package secure makes what connections to Kafka and Redis are encrypted with, and what shows there who we are.
package secure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"altavoz/schemas"
)

// Error is what is wrong with the settings of a connection.
type Error struct {
	error
	hint string
}

// Hint returns what to do about it, for a person.
func (e Error) Hint() string { return e.hint }

func (e Error) Unwrap() error { return e.error }

func hinted(err error, hint string) error { return Error{err, hint} }

// TLS returns the settings of a connection to a server of ours, nil for one without TLS. name is what its variables
// begin with.
func TLS(on bool, name, caFile, certFile, keyFile string) (*tls.Config, error) {
	if !on {
		if caFile != "" || certFile != "" || keyFile != "" {
			return nil, hinted(fmt.Errorf("%s has certificates and no TLS", name), "set "+name+"_TLS=true")
		}
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("%s_CA_FILE: %w", name, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s_CA_FILE: no certificate in %s", name, caFile)
		}
	}
	if (certFile == "") != (keyFile == "") {
		return nil, fmt.Errorf("%s_CERT_FILE and %s_KEY_FILE need each other", name, name)
	}
	if certFile != "" {
		load := func() (*tls.Certificate, error) { // with each handshake: certificates are renewed
			pair, err := tls.LoadX509KeyPair(certFile, keyFile)
			if err != nil {
				return nil, fmt.Errorf("%s_CERT_FILE: %w", name, err)
			}
			return &pair, nil
		}
		if _, err := load(); err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return cfg, nil
}

// SASL returns how we say to the brokers who we are, nil where they don't ask. secret is what is configured; each connection shows what now gives.
func SASL(mechanism, user string, secret schemas.Secret, now func() schemas.Secret) (sasl.Mechanism, error) {
	if mechanism == "" {
		if user != "" || secret != "" {
			return nil, hinted(errors.New("there is a SASL user or password and no ALTAVOZ_KAFKA_SASL_MECHANISM"), "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
		}
		return nil, nil
	}
	if user == "" || secret == "" {
		return nil, errors.New("ALTAVOZ_KAFKA_SASL_MECHANISM needs ALTAVOZ_KAFKA_SASL_USER and ALTAVOZ_KAFKA_SASL_PASSWORD")
	}
	shown := func(context.Context) (scram.Auth, error) { return scram.Auth{User: user, Pass: now().Reveal()}, nil }
	switch mechanism {
	case "PLAIN":
		return plain.Plain(func(context.Context) (plain.Auth, error) { return plain.Auth{User: user, Pass: now().Reveal()}, nil }), nil
	case "SCRAM-SHA-256":
		return scram.Sha256(shown), nil
	case "SCRAM-SHA-512":
		return scram.Sha512(shown), nil
	}
	return nil, hinted(fmt.Errorf("ALTAVOZ_KAFKA_SASL_MECHANISM=%s is not known", mechanism), "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
}
