package fanout

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"altavoz/processor/fanout/rewrite"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/schemas/blob"
	"altavoz/stream"
)

// whyMedia is what a person reads while a file takes long, or can't be uploaded for a reason that may pass.
const whyMedia = "Esperando a que se pueda preparar el archivo del encabezado"

// flight is one file on one number on its way to Meta, and the tasks that wait for it.
type flight struct {
	key     string
	sender  string
	kind    schemas.HeaderKind
	media   *schemas.MediaRef
	waiting []*task
	of      *task // whose parts are read
	try     int
	told    bool // it takes long, or failed
}

// resolve makes sure that the task's content can be sent: its file is known to Meta and, for bulk, the content lies in
// blobs.
func (s *slot) resolve(t *task, now time.Time) bool {
	if t.content != nil || t.ref != nil {
		return true
	}
	c := t.body.GetContent()
	if c.GetMedia() == nil {
		return s.resolved(t, c)
	}
	t.busy = true
	s.chill(t) // it may wait for long
	key := mediaKey(t, c)
	f := s.flights[key]
	if f != nil {
		f.waiting = append(f.waiting, t)
		if f.told {
			s.ground(t, now)
		}
		return false
	}
	f = &flight{key: key, sender: t.sender, kind: c.GetHeader(), media: c.GetMedia(), waiting: []*task{t}, of: t}
	s.flights[key] = f
	s.After(mediaSlow, func() {
		if s.flights[key] == f {
			s.delayed(f)
		}
	})
	s.fly(f)
	return false
}

// mediaKey names a file on a number. A file is known by its digest; one that nobody has fetched yet by its address, or as that of its task.
func mediaKey(t *task, c *schemas.Content) string {
	m := c.GetMedia()
	what := cmp.Or(string(m.GetSha256()), m.GetUrl(), m.GetLink(), m.GetMediaId(), t.id.String())
	return t.sender + ":" + c.GetHeader().String() + ":" + what
}

// fly resolves the file elsewhere, once there is room for it.
func (s *slot) fly(f *flight) {
	if s.flown >= maxResolves {
		s.queued = append(s.queued, f)
		return
	}
	s.flown++
	var got *schemas.MediaRef
	s.Background(func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeoutCause(ctx, resolveTimeout, errors.New("resolving a file took too long"))
		defer cancel()
		got, err = s.st.ports.Media.Resolve(ctx, f.sender, f.kind, f.media)
		return err
	}, func(error) bool { return true }, func(err error) {
		s.flown--
		s.landed(f, got, err)
		if len(s.queued) > 0 {
			next := s.queued[0]
			s.queued = s.queued[1:]
			s.fly(next)
		}
	})
}

// landed takes in how one try ended.
func (s *slot) landed(f *flight, got *schemas.MediaRef, err error) {
	now := time.Now()
	f.waiting = slices.DeleteFunc(f.waiting, func(t *task) bool { return t.state != stateOpen })
	if err != nil && !errors.Is(err, schemas.ErrContent) {
		s.st.metrics.media[mediaFailed].Inc()
		s.log.Warn("a file could not be resolved and will be tried again", "try", f.try, "tasks", len(f.waiting), "error", err)
		if len(f.waiting) == 0 {
			delete(s.flights, f.key)
			return
		}
		s.delayed(f)
		f.try++
		s.After(mediaBackOff(f.try), func() { s.fly(f) })
		return
	}
	delete(s.flights, f.key)
	if err != nil {
		s.st.metrics.media[mediaRefused].Inc()
	} else {
		s.st.metrics.media[mediaResolved].Inc()
	}
	for _, t := range f.waiting {
		t.busy = false
		switch {
		case err != nil && t != f.of && f.media.GetParts() != nil: //mutant:anothers-file-ends-the-task-that-names-it
			s.look(t, now)
			continue
		case errors.Is(err, blob.ErrForeign):
			s.disown(t, rewrite.WhyForeign, err)
			continue
		case err != nil:
			s.fail(t, contentWhy(err), now)
			continue
		}
		t.grounded = false
		if t.body != nil { // else it was cooled: it comes back and finds the file known
			s.resolved(t, rewrite.WithFile(t.body.GetContent(), got))
		}
		s.look(t, now)
	}
}

// mediaBackOff is how long a file that could not be resolved is left: longer than a write, since somebody else's server
// is asked.
func mediaBackOff(try int) time.Duration { return 12 * partition.BackOff(try+1) } // 1.2 s to a minute

func contentWhy(err error) string {
	if refused, ok := errors.AsType[*schemas.ContentError](err); ok {
		return refused.Why
	}
	return schemas.Failed(schemas.CodeContent).Spanish()
}

// delayed has it said of all tasks that wait for the file.
func (s *slot) delayed(f *flight) {
	f.told = true
	for _, t := range f.waiting {
		if t.state == stateOpen {
			s.ground(t, time.Now())
		}
	}
}

// ground has it said that the task waits for its file.
func (s *slot) ground(t *task, now time.Time) {
	t.grounded = true
	s.look(t, now)
}

// resolved gives the task its content: express sends carry it, bulk sends point at it.
func (s *slot) resolved(t *task, c *schemas.Content) bool {
	if t.lane == schemas.LaneExpress {
		t.content = c
		return true
	}
	t.busy = true
	s.write(s.st.ports.Bulk, func(at stream.Record) {
		t.busy = false
		t.ref = schemas.NewBlobRef(at.Partition, []int64{at.Offset})
		s.look(t, time.Now())
	}, schemas.EncodeContent(t.id, c))
	return false
}
