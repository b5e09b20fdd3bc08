// Package ids brings together the secrets that all processes share, with which producer/identity makes ids and proves owners: the
// configured ones, and one that is made once and kept in the topic registry, where only altavoz reads it.
package ids

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/registry"
	"altavoz/producer/identity"
	"altavoz/schemas"
	"altavoz/stream"
)

// again is how long a start waits before it asks for the secret again.
const again = time.Second

// rollout is how long after the first secret an ingress of before owners may still accept: 60 processes that are replaced one after the
// other, each in a minute (25 s until it has stopped, 35 s until the next one is ready).
const rollout = 60 * time.Minute

// Read reads the registry up to its end.
type Read func(ctx context.Context) (*registry.Registry, error)

// Publish writes records, each once, and returns when they are acknowledged.
type Publish func(ctx context.Context, recs ...stream.Record) ([]stream.Record, error)

// FromKafka is Open with the registry of a Kafka.
func FromKafka(ctx context.Context, from kafka.Config, configured schemas.Secret, publish Publish, log *slog.Logger) (*identity.Ring, error) {
	reader, err := records.NewReader(from)
	if err != nil {
		return nil, fmt.Errorf("opening the registry: %w", err)
	}
	defer reader.Close()
	read := func(ctx context.Context) (*registry.Registry, error) { return registry.Read(ctx, reader) }
	return Open(ctx, configured, read, publish, log)
}

// errSecrets is why a process does not start: others make ids with a secret that it has not got, so that a key would be two messages.
var errSecrets = errors.New("the secret of ids is another one here")

// Open returns the secrets, the one that makes ids first: what was used here first stays. The one that was made once and is kept in
// the registry makes ids for as long as it is there, with configured ones behind it; where a secret was configured before any was made, the
// configured ones make them, the newest first. So no two processes that run at once make ids that the other does not know. It tries again
// until ctx ends, or others have secrets that this process has not got.
func Open(ctx context.Context, configured schemas.Secret, read Read, publish Publish, log *slog.Logger) (*identity.Ring, error) {
	secrets, err := identity.Parse(configured)
	if err != nil {
		return nil, fmt.Errorf("ALTAVOZ_ID_SECRET: %w", err)
	}
	for warned := false; ; warned = true {
		ring, err := agree(ctx, read, publish, secrets, log)
		if err == nil || errors.Is(err, errSecrets) {
			return ring, err
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

// agree holds the configured secrets against what the registry knows. What is to be said there is written first, and then the topic is read
// again: another process may have been faster.
func agree(ctx context.Context, read Read, publish Publish, secrets []schemas.Secret, log *slog.Logger) (*identity.Ring, error) {
	known, err := read(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the registry: %w", err)
	}
	if news := missing(known, secrets); len(news) > 0 {
		if err := strange(known, secrets); err != nil {
			return nil, err
		}
		if _, err := publish(ctx, news...); err != nil {
			return nil, fmt.Errorf("writing to the registry: %w", err)
		}
		if known, err = read(ctx); err != nil {
			return nil, fmt.Errorf("reading the registry: %w", err)
		}
	}
	if err := strange(known, secrets); err != nil {
		return nil, err
	}
	made, ok := known.Secret()
	_, first := known.Configured()
	switch {
	case !ok && !first:
		return nil, errors.New("the registry does not show what was written to it")
	case ok && first:
		secrets = append(secrets, made)
	case ok:
		if len(secrets) > 0 {
			log.Warn("ids are made with the secret of the registry, which was there before ALTAVOZ_ID_SECRET; that one is only held against proofs")
		}
		secrets = append([]schemas.Secret{made}, secrets...)
	}
	ring := identity.NewRing(secrets...)
	ring.Began = known.Since()
	return ring, nil
}

// missing returns what the registry does not say yet: a secret where there is none at all, or the configured ones that it does not know.
func missing(known *registry.Registry, secrets []schemas.Secret) (recs []stream.Record) {
	_, made := known.Secret()
	names, first := known.Configured()
	if made && !first {
		return nil
	}
	for _, s := range secrets {
		if name := identity.Fingerprint(s); !slices.Contains(names, name) {
			recs = append(recs, registry.NewConfigured(name))
		}
	}
	if len(secrets) == 0 && !first {
		recs = append(recs, registry.NewSecret())
	}
	return recs
}

// strange refuses a process that has none of the secrets that make ids here.
func strange(known *registry.Registry, secrets []schemas.Secret) error {
	names, first := known.Configured()
	if !first || slices.ContainsFunc(secrets, func(s schemas.Secret) bool { return slices.Contains(names, identity.Fingerprint(s)) }) { //mutant:secrets-that-others-have-are-asked-for
		return nil
	}
	if len(secrets) == 0 {
		return fmt.Errorf("%w: others have ALTAVOZ_ID_SECRET, and this process has none: give it the same", errSecrets)
	}
	return fmt.Errorf("%w: ALTAVOZ_ID_SECRET holds none that was used here before: put the earlier one behind the new one", errSecrets)
}

// unsigned reports whether a broadcast looks like one of an ingress of before owners, by what only an ingress fills in: the library that
// upstreams publish with leaves accepted_ms out. What a fanout put in order was an upstream's: an ingress writes nothing that needs it.
func unsigned(b *schemas.Broadcast) bool {
	return b.GetOrigin() == nil && b.GetOwner() == "" && len(b.GetOwnerMac()) == 0 && len(b.GetTask()) > 0 && b.GetAcceptedMs() > 0 && len(b.GetRequestSha256()) > 0
}

// Owners returns how the fanout learns whose a broadcast is: its caller's if an ingress signed it, and else upstream's, the owner
// of the topic, whatever it says itself; it asks with the time of the record. What claims to have come through an ingress and can't prove it is told of: somebody forges, or processes
// have different secrets.
func Owners(ring *identity.Ring, upstream string, log *slog.Logger, reg prometheus.Registerer) func(*schemas.Broadcast, time.Time) string {
	unproved := promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "altavoz_broadcasts_unproved_total", Help: "Broadcasts with an owner that the shared secret does not prove: they are the topic's owner's.",
	})
	return func(b *schemas.Broadcast, at time.Time) string {
		owner, ok := ring.Owner(b)
		if ok {
			return owner
		}
		// A writer may date a record back, so a record is not believed once the tasks of that time are over.
		if replaced := ring.Began.Add(rollout); unsigned(b) && at.Before(replaced) && time.Now().Before(replaced.Add(schemas.TaskLife)) {
			return "" // until all processes were replaced, one of before owners accepts
		}
		if len(b.GetOwnerMac()) > 0 {
			unproved.Inc()
			log.Error("the owner of a broadcast is not proved: do all processes have the same ALTAVOZ_ID_SECRET?", "task", hex.EncodeToString(b.GetTask()))
		}
		return upstream
	}
}

// Proof returns how the fanout learns whether an ingress made the id of a broadcast, and whether an ingress, or the relay, signed the broadcast.
func Proof(ring *identity.Ring) func(*schemas.Broadcast) (made, signed bool) {
	return func(b *schemas.Broadcast) (made, signed bool) {
		_, signed = ring.Owner(b)
		id, err := schemas.TaskIDFromBytes(b.GetTask())
		return err == nil && ring.Made(id), signed
	}
}
