package app

import (
	"context"
	"errors"

	"altavoz/app/readiness"
	"altavoz/schemas"
	"altavoz/stream"
)

// probeKey is the key of the record by which a process finds out whether Kafka takes records. It lies in blobs, which is read by
// reference only, and nothing refers to it.
const probeKey = "probe"

// report makes the checks of /readyz. What is open is not written to any more once the process runs.
func (a *App) report() *readiness.Report {
	p := readiness.Process{Started: a.running.Load(), Producer: a.cfg.Process.Roles.Has(RoleProducer), Kafka: a.health}
	if p.Started && a.clients.ingress != nil {
		p.Tasks = a.clients.ingress.Ready
	}
	if p.Started && a.clients.redis != nil {
		p.Redis = a.clients.redis.Up
	}
	if p.Started && a.budget != nil {
		p.Full = a.budget.Full
	}
	return p.Report()
}

// ready returns nil once the process does its work.
func (a *App) ready() error {
	if r := a.report(); !r.Ready() {
		return errors.New(r.Hint)
	}
	return nil
}

// probeWrites finds out when Kafka takes records again.
func (a *App) probeWrites(ctx context.Context) {
	a.watch(context.WithoutCancel(ctx), "probe of writes", func(ctx context.Context) {
		readiness.Probe(ctx, func() bool { return !a.health.Failing().IsZero() }, func() { //nolint:contextcheck // what is taken is written
			rec := stream.Record{Topic: schemas.TopicBlobs, Partition: stream.NoPartition, Key: []byte(probeKey)}
			a.clients.express.Append(rec, func(stream.Record, error) {}) // health is told by the publisher
		})
	})
}
