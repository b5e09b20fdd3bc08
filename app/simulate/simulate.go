// Package simulate runs the simulator of the Cloud API alone.
package simulate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"altavoz/app/embedded"
	"altavoz/schemas"
	"altavoz/whatsapp/signature"
	"altavoz/whatsapp/simulator"
)

// Config says what a simulator alone should do.
type Config struct {
	Addr        string
	Faults      []string
	Seed        uint64
	PlainPhones bool
	AnyEndings  bool
	Token       schemas.Secret // the only one that it takes; empty: any
	Number      string         // the only number that it has; empty: any
	WebhookURL  string         // where it says what became of messages; empty: nowhere
	AppSecret   schemas.Secret // what signs that
	CertFile    string         // with KeyFile, in PEM: it speaks HTTPS and HTTP/2
	KeyFile     string
}

// Run serves the Cloud API simulator until ctx ends. It calls ready with its URL once it answers.
func Run(ctx context.Context, c Config, log *slog.Logger, ready func(url string)) error {
	cfg := simulator.Config{
		Seed: c.Seed, PlainPhones: c.PlainPhones, AnyEndings: c.AnyEndings, Logger: log, Webhooks: simulator.Webhooks{URL: c.WebhookURL, Secret: signature.Secrets(c.AppSecret)[0].Reveal()},
	}
	if (c.Number == "") != (c.Token == "") {
		return errors.New("a number and its token need each other")
	}
	if c.Number != "" {
		cfg.Numbers = []simulator.Number{{ID: c.Number, Token: c.Token.Reveal()}}
	}
	if c.CertFile != "" || c.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return fmt.Errorf("reading the certificate: %w", err)
		}
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	api, err := embedded.StartSimulator(ctx, c.Addr, cfg, strings.Join(c.Faults, "\n"), net.Listen)
	if err != nil {
		return err //nolint:wrapcheck // says all
	}
	ready(api.URL())
	<-ctx.Done()
	return api.Stop() //nolint:wrapcheck // says all
}
