package group

import (
	"context"
	"errors"
	"time"

	"altavoz/kafka/registry"
	"altavoz/stream"
)

// registerCommits remembers in which partitions the group has committed, where the registry does not have it. That is so after the commit
// and never before: a group that is remembered and has no offset has lost it.
func (s *session) registerCommits(ctx context.Context) {
	g := s.group
	ctx, cancel := context.WithTimeoutCause(ctx, commitTimeout, errors.New("the registry does not answer"))
	defer cancel()
	if err := g.commits.Write(g.stageName(), time.Now(), func(recs ...stream.Record) error { return registry.Write(ctx, g.cfg, s.cl, recs...) }); err != nil {
		g.log.Warn("what the group has begun could not be remembered; that is tried again", "error", err)
	}
}
