package group

import (
	"context"
	"errors"
	"time"

	"altavoz/kafka/registry"
	"altavoz/stream"
)

// registerCommits writes to the registry in which partitions the group has committed, unless the registry has it. It is written after the commit,
// never before: then a group that is registered and has no offset has lost it.
func (s *session) registerCommits(ctx context.Context) {
	g := s.group
	ctx, cancel := context.WithTimeoutCause(ctx, commitTimeout, errors.New("the registry does not answer"))
	defer cancel()
	if err := g.commits.Write(g.stageName(), time.Now(), func(recs ...stream.Record) error { return registry.Write(ctx, g.cfg, s.cl, recs...) }); err != nil {
		g.log.Warn("registering where the group has committed; it is retried", "error", err)
	}
}
