package fanout

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/schemas/blob"
	"altavoz/stream"
)

// upload is one file on one number on its way to Meta, and the tasks that wait for it.
type upload struct {
	key     string
	sender  string
	kind    schemas.HeaderKind
	media   *schemas.MediaRef
	waiting []*activeTask
	owner   *activeTask // whose parts are read
	try     int
	delayed bool // it takes long, or failed
}

// resolveMedia makes sure that the task's content can be sent: its file is known to Meta and, for bulk, the content lies in
// blobs.
func (s *worker) resolveMedia(t *activeTask, now time.Time) bool {
	if t.content != nil || t.ref != nil {
		return true
	}
	c := t.body.GetContent()
	if c.GetMedia() == nil {
		return s.setContent(t, c)
	}
	t.BecomePreparing()
	s.evictOverBudget(t) // it may wait for long
	key := mediaKey(t, c)
	f := s.uploads[key]
	if f != nil {
		f.waiting = append(f.waiting, t)
		if f.delayed {
			s.setMediaPending(t, now)
		}
		return false
	}
	f = &upload{key: key, sender: t.Sender, kind: c.GetHeader(), media: c.GetMedia(), waiting: []*activeTask{t}, owner: t}
	s.uploads[key] = f
	s.After(mediaSlow, func() {
		if s.uploads[key] == f {
			s.onUploadDelayed(f)
		}
	})
	s.startUpload(f)
	return false
}

// mediaKey names a file on a number. A file is known by its digest; one that nobody has fetched yet by its address, or as that of its task.
func mediaKey(t *activeTask, c *schemas.Content) string {
	m := c.GetMedia()
	what := cmp.Or(string(m.GetSha256()), m.GetUrl(), m.GetLink(), m.GetMediaId(), t.ID.String())
	return t.Sender + ":" + c.GetHeader().String() + ":" + what
}

// startUpload resolves the file elsewhere, once there is room for it.
func (s *worker) startUpload(f *upload) {
	if s.activeUploads >= maxUploads {
		s.uploadQueue = append(s.uploadQueue, f)
		return
	}
	s.activeUploads++
	var got *schemas.MediaRef
	s.Background(func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeoutCause(ctx, resolveTimeout, errors.New("resolving a file took too long"))
		defer cancel()
		got, err = s.st.ports.Media.Resolve(ctx, f.sender, f.kind, f.media)
		return err
	}, func(error) bool { return true }, func(err error) {
		s.activeUploads--
		s.onUploaded(f, got, err)
		if len(s.uploadQueue) > 0 {
			next := s.uploadQueue[0]
			s.uploadQueue = s.uploadQueue[1:]
			s.startUpload(next)
		}
	})
}

// onUploaded takes in how one try ended.
func (s *worker) onUploaded(f *upload, got *schemas.MediaRef, err error) {
	now := time.Now()
	f.waiting = slices.DeleteFunc(f.waiting, func(t *activeTask) bool { return t.State() != task.Preparing })
	if err != nil && !errors.Is(err, schemas.ErrContent) {
		s.st.metrics.media[mediaFailed].Inc()
		s.log.Warn("a file could not be resolved and will be tried again", "try", f.try, "tasks", len(f.waiting), "error", err)
		if len(f.waiting) == 0 {
			delete(s.uploads, f.key)
			return
		}
		s.onUploadDelayed(f)
		f.try++
		s.After(mediaBackOff(f.try), func() { s.startUpload(f) })
		return
	}
	delete(s.uploads, f.key)
	if err != nil {
		s.st.metrics.media[mediaRefused].Inc()
	} else {
		s.st.metrics.media[mediaResolved].Inc()
	}
	for _, t := range f.waiting {
		t.BecomePrepared()
		switch {
		case err != nil && t != f.owner && f.media.GetParts() != nil: //mutant:anothers-file-ends-the-task-that-names-it
			s.evaluate(t, now)
			continue
		case errors.Is(err, blob.ErrForeign):
			s.failForeign(t, normalize.WhyForeign, err)
			continue
		case err != nil:
			s.fail(t, contentWhy(err), now)
			continue
		}
		t.MediaPending = false
		if t.body != nil { // else it was cooled: it comes back and finds the file known
			s.setContent(t, normalize.WithFile(t.body.GetContent(), got))
		}
		s.evaluate(t, now)
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

// onUploadDelayed has it said of all tasks that wait for the file.
func (s *worker) onUploadDelayed(f *upload) {
	f.delayed = true
	for _, t := range f.waiting {
		if t.Open() {
			s.setMediaPending(t, time.Now())
		}
	}
}

// setMediaPending has it said that the task waits for its file.
func (s *worker) setMediaPending(t *activeTask, now time.Time) {
	t.MediaPending = true
	s.evaluate(t, now)
}

// setContent gives the task its content: express sends carry it, bulk sends point at it.
func (s *worker) setContent(t *activeTask, c *schemas.Content) bool {
	if t.Lane == schemas.LaneExpress {
		t.content = c
		return true
	}
	t.BecomePreparing()
	s.write(s.st.ports.Bulk, func(at stream.Record) {
		t.BecomePrepared()
		t.ref = schemas.NewBlobRef(at.Partition, []int64{at.Offset})
		s.evaluate(t, time.Now())
	}, schemas.EncodeContent(t.ID, c))
	return false
}
