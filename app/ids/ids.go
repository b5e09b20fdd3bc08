// Package ids brings together the secrets that all processes share, with which producer/identity makes ids and proves owners: the
// configured ones, and one that is made once and kept in the topic registry, where only altavoz reads it.
package ids

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/kafka"
	"altavoz/kafka/registry"
	"altavoz/producer/identity"
	"altavoz/schemas"
)

// again is how long a start waits before it asks for the secret again.
const again = time.Second

// Registry is what altavoz remembers in Kafka.
type Registry interface {
	// Remembered reads it up to its end.
	Remembered(ctx context.Context) (*registry.Registry, error)
}

// Publish writes records, each once, and returns when they are acknowledged.
type Publish func(ctx context.Context, recs ...schemas.Record) ([]schemas.Record, error)

// FromKafka is Open with the registry of a Kafka.
func FromKafka(ctx context.Context, from kafka.Config, configured schemas.Secret, publish Publish, log *slog.Logger) (*identity.Ring, error) {
	reader, err := kafka.NewReader(from)
	if err != nil {
		return nil, fmt.Errorf("opening the registry: %w", err)
	}
	defer reader.Close()
	return Open(ctx, configured, reader, publish, log)
}

// Open returns the secrets: the configured ones, the newest first, and behind them the one of the registry, which gave the ids of the
// time before. Where none is configured and the registry has none, one is made. It tries again until ctx ends.
func Open(ctx context.Context, configured schemas.Secret, reg Registry, publish Publish, log *slog.Logger) (*identity.Ring, error) {
	secrets, err := identity.Parse(configured)
	if err != nil {
		return nil, fmt.Errorf("ALTAVOZ_ID_SECRET: %w", err)
	}
	for warned := false; ; warned = true {
		kept, ok, err := keptOrMade(ctx, reg, publish, len(secrets) == 0)
		if err == nil {
			if ok {
				secrets = append(secrets, kept)
			}
			return identity.NewRing(secrets...), nil
		}
		if !warned {
			log.Warn("the secret of ids is not known yet", "error", err)
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return nil, fmt.Errorf("reading the secret of ids: %w", errors.Join(err, context.Cause(ctx)))
		}
	}
}

// keptOrMade returns the secret of the registry. One that is to be made is written first, and then the topic is read again: another
// process may have been faster.
func keptOrMade(ctx context.Context, reg Registry, publish Publish, made bool) (schemas.Secret, bool, error) {
	known, err := reg.Remembered(ctx)
	if err != nil {
		return "", false, fmt.Errorf("reading the registry: %w", err)
	}
	if s, ok := known.Secret(); ok || !made {
		return s, ok, nil
	}
	if _, err := publish(ctx, registry.NewSecret()); err != nil {
		return "", false, fmt.Errorf("writing to the registry: %w", err)
	}
	if known, err = reg.Remembered(ctx); err != nil {
		return "", false, fmt.Errorf("reading the registry: %w", err)
	}
	s, ok := known.Secret()
	if !ok {
		return "", false, errors.New("the registry does not show what was written to it")
	}
	return s, true, nil
}

// Owners returns how the fanout learns whose a broadcast is: its caller's if an ingress signed it, and else upstream's, the owner
// of the topic, whatever it says itself. What claims to have come through an ingress and can't prove it is told of: somebody forges, or processes
// have different secrets.
func Owners(ring *identity.Ring, upstream string, log *slog.Logger, reg prometheus.Registerer) func(*schemas.Broadcast) string {
	unproved := promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "altavoz_broadcasts_unproved_total", Help: "Broadcasts with an owner that the shared secret does not prove: they are the topic's owner's.",
	})
	return func(b *schemas.Broadcast) string {
		owner, ok := ring.Owner(b)
		if ok {
			return owner
		}
		if len(b.GetOwnerMac()) > 0 {
			unproved.Inc()
			log.Error("the owner of a broadcast is not proved: do all processes have the same ALTAVOZ_ID_SECRET?", "task", hex.EncodeToString(b.GetTask()))
		}
		return upstream
	}
}
