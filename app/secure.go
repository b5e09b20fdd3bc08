package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// tlsConfig returns the settings of a connection to a server of ours, nil for one without TLS. name is what its variables
// begin with.
func tlsConfig(on bool, name, caFile, certFile, keyFile string) (*tls.Config, error) {
	if !on {
		if caFile != "" || certFile != "" || keyFile != "" {
			return nil, withHint(fmt.Errorf("%s has certificates and no TLS", name), "set "+name+"_TLS=true")
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
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("%s_CERT_FILE: %w", name, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// mechanism returns how we say to the brokers who we are, nil where they don't ask.
func (c KafkaConfig) mechanism() (sasl.Mechanism, error) {
	if c.SASLMechanism == "" {
		if c.SASLUser != "" || c.SASLPassword != "" {
			return nil, withHint(errors.New("there is a SASL user or password and no ALTAVOZ_KAFKA_SASL_MECHANISM"), "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
		}
		return nil, nil
	}
	if c.SASLUser == "" || c.SASLPassword == "" {
		return nil, errors.New("ALTAVOZ_KAFKA_SASL_MECHANISM needs ALTAVOZ_KAFKA_SASL_USER and ALTAVOZ_KAFKA_SASL_PASSWORD")
	}
	switch user, password := c.SASLUser, c.SASLPassword.Reveal(); c.SASLMechanism {
	case "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism(), nil
	}
	return nil, withHint(fmt.Errorf("ALTAVOZ_KAFKA_SASL_MECHANISM=%s is not known", c.SASLMechanism), "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
}
