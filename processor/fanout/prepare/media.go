package prepare

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"altavoz/blob"
	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// How one try to make a file known to Meta ended.
const (
	UploadResolved = "resolved"
	UploadRefused  = "refused"
	UploadFailed   = "failed" // and is tried again
)

const (
	// maxUploads is how many files a partition has under way.
	maxUploads = 16
	// mediaSlow is after how long a task says that it waits for its file: most are fetched and uploaded in less.
	mediaSlow = 3 * time.Second
	// resolveTimeout bounds one try at a file: 100 MB at 0.4 MB/s.
	resolveTimeout = 4 * time.Minute
)

// Media makes a file known to Meta under a sender number. A definite refusal is a schemas.ContentError; any other error
// may pass.
type Media interface {
	Resolve(ctx context.Context, sender string, kind schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error)
}

// upload is one file on one number on its way to Meta, and the tasks that wait for it.
type upload struct {
	key     string
	sender  string
	kind    schemas.HeaderKind
	media   *schemas.MediaRef
	waiting []*task.Task
	owner   *task.Task // whose parts are read
	try     int
	delayed bool // it takes long, or failed
}

// resolveMedia makes sure that the task's content can be sent: its template is checked, and its files are known to Meta, of which it waits for one after the other, so that
// the files of others get their turn, and, for bulk, the content lies in blobs.
func (p *Preparer) resolveMedia(t *task.Task, now time.Time) bool {
	if t.Content != nil || t.Ref != nil {
		return true
	}
	if !p.checkTemplate(t) {
		return false
	}
	c := t.Body.GetContent()
	all, n := c.AllFiles(), len(t.Files)
	if n == len(all) {
		return p.setContent(t, withCategory(normalize.WithFiles(c, t.Files), t.Category))
	}
	kind := c.GetHeader()
	if c.GetMedia() == nil || n > 0 { // a recipient's own
		kind = all[n].GetKind()
	}
	t.BecomePreparing()
	p.EvictOverBudget(t) // it may wait for long
	key := mediaKey(t, kind, all[n], n)
	f := p.uploads[key]
	if f != nil {
		f.waiting = append(f.waiting, t)
		if f.delayed {
			p.setMediaPending(t, now)
		}
		return false
	}
	f = &upload{key: key, sender: t.Sender, kind: kind, media: all[n], waiting: []*task.Task{t}, owner: t}
	p.uploads[key] = f
	p.cfg.Engine.After(mediaSlow, func() {
		if p.uploads[key] == f {
			p.onUploadDelayed(f)
		}
	})
	p.startUpload(f)
	return false
}

// mediaKey names a file on a number. A file is known by its digest; one that nobody has fetched yet by its address, or as the n-th of its task.
func mediaKey(t *task.Task, kind schemas.HeaderKind, m *schemas.MediaRef, n int) string {
	what := cmp.Or(string(m.GetSha256()), m.GetUrl(), m.GetLink(), m.GetMediaId(), t.ID.String()+"/"+strconv.Itoa(n))
	return t.Sender + ":" + kind.String() + ":" + what
}

// startUpload resolves the file in the background, once there is a place for it.
func (p *Preparer) startUpload(f *upload) {
	if p.active >= maxUploads {
		p.queued = append(p.queued, f)
		return
	}
	p.active++
	var got *schemas.MediaRef
	p.cfg.Engine.Background(func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeoutCause(ctx, resolveTimeout, errors.New("resolving a file took too long"))
		defer cancel()
		got, err = p.cfg.Media.Resolve(ctx, f.sender, f.kind, f.media)
		return err
	}, func(error) bool { return true }, func(err error) {
		p.active--
		p.onUploaded(f, got, err)
		if len(p.queued) > 0 {
			next := p.queued[0]
			p.queued = p.queued[1:]
			p.startUpload(next)
		}
	})
}

// onUploaded takes in how one try ended.
func (p *Preparer) onUploaded(f *upload, got *schemas.MediaRef, err error) {
	now := time.Now()
	f.waiting = slices.DeleteFunc(f.waiting, func(t *task.Task) bool { return t.State() != task.Preparing })
	if err != nil && !errors.Is(err, schemas.ErrContent) {
		p.cfg.CountUpload(UploadFailed)
		p.cfg.Logger.Warn("a file could not be resolved and will be tried again", "try", f.try, "tasks", len(f.waiting), "error", err)
		if len(f.waiting) == 0 {
			delete(p.uploads, f.key)
			return
		}
		p.onUploadDelayed(f)
		f.try++
		p.cfg.Engine.After(mediaBackOff(f.try), func() { p.startUpload(f) })
		return
	}
	delete(p.uploads, f.key)
	if err != nil {
		p.cfg.CountUpload(UploadRefused)
	} else {
		p.cfg.CountUpload(UploadResolved)
	}
	for _, t := range f.waiting {
		t.BecomePrepared()
		switch {
		case err != nil && t != f.owner && f.media.GetParts() != nil: //mutant:anothers-file-ends-the-task-that-names-it
			p.cfg.Owner.Evaluate(t, now)
			continue
		case errors.Is(err, blob.ErrForeign):
			p.failForeign(t, normalize.Foreign, err)
			continue
		case err != nil && !t.IsOwnFile(): //mutant:refused-file-of-some-costs-only-them
			p.cfg.Owner.Fail(t, contentWhy(err), now)
			continue
		case err != nil:
			t.RefuseFile(reasonOf(err))
		default:
			t.Files = append(t.Files, got)
		}
		t.MediaPending = false
		if t.Body != nil { // else it was evicted, and goes on when it comes back
			p.resolveMedia(t, now)
		}
		p.cfg.Owner.Evaluate(t, now)
	}
}

// mediaBackOff is how long a file that could not be resolved is left: longer than a write, since somebody else's server
// is asked.
func mediaBackOff(try int) time.Duration { return 12 * partition.BackOff(try+1) } // 1.2 s to a minute

func contentWhy(err error) schemas.Explanation {
	return schemas.Because(schemas.Reason_REASON_CONTENT, reasonOf(err))
}

// reasonOf says why a file was refused; it may say nothing.
func reasonOf(err error) es.Sentence {
	if refused, ok := errors.AsType[*schemas.ContentError](err); ok {
		return refused.Why
	}
	return es.Sentence{}
}

// onUploadDelayed publishes of all tasks that wait for the file that they do.
func (p *Preparer) onUploadDelayed(f *upload) {
	f.delayed = true
	for _, t := range f.waiting {
		if t.Open() {
			p.setMediaPending(t, time.Now())
		}
	}
}

// setMediaPending publishes that the task waits for its file.
func (p *Preparer) setMediaPending(t *task.Task, now time.Time) {
	t.MediaPending = true
	p.cfg.Owner.Evaluate(t, now)
}

// setContent gives the task its content: express sends carry it, bulk sends point at it.
func (p *Preparer) setContent(t *task.Task, c *schemas.Content) bool {
	if t.Lane == schemas.LaneExpress && len(c.GetFiles()) == 0 { // which are too large to be carried by each
		t.Content = c
		return true
	}
	t.BecomePreparing()
	p.cfg.Owner.Publish(p.cfg.Bulk, func(at stream.Record) {
		t.BecomePrepared()
		t.Ref = blob.NewRef(at.Partition, []int64{at.Offset})
		p.cfg.Owner.Evaluate(t, time.Now())
	}, schemas.EncodeContent(t.ID, c))
	return false
}
