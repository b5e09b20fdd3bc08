package sender

import (
	"container/list"
	"context"
	"errors"
	"net/url"
	"time"

	"altavoz/internal/backoff"
	"altavoz/processor/sender/content"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// task is what the sends of a task have in common: its message, rendered once.
type task struct {
	timer timer // when its message is read again

	id      schemas.TaskID
	number  *number
	ref     *schemas.BlobRef
	content *schemas.Content // until it is rendered; kept if it has a file, whose media id may have to be renewed
	message schemas.Message  // nil: not there yet
	version int              // of the message
	failed  string           // why it can't be sent
	window  *schemas.Window  // when its sends may start
	stale   bool             // Meta does not know the media id any more

	suspect   *suspect  // its sends fail alone
	lastProbe time.Time // when one of its sends was a probe, or failed

	loading           bool
	tries             int
	waiting           queue // sends without a message
	coolingDown       int   // sends whose phones were written to a moment ago
	sends             int
	idle              *list.Element      // among Stage.idleTasks, when it has no sends
	announcedAt       time.Time          // when it was last said to wait; zero: it does not
	announcedReason   schemas.WaitReason // that was noted
	resumeAnnouncedAt time.Time          // when it was last said that it goes on: earlier owners may have said otherwise
	renewingSince     time.Time          // since when its file is renewed
	announcedWindow   string             // that it waits for its window, if that was the last thing said
	heldByWindow      bool               // sends of it wait for its window
	opens             time.Time          // of the window: the present opening, or the next one
	closes            time.Time
}

var errLoadTimeout = errors.New("reading a message took too long")

// attach finds the task of a send.
func (st *Stage) attach(e *send, in *arrival) {
	t := st.tasks[in.task]
	if t == nil {
		t = &task{id: in.task, number: e.number, ref: in.send.GetContentRef(), content: in.send.GetContent(), window: in.send.GetWindow()}
		if fault := request.WindowFault(t.window.Check()); fault != nil {
			t.failed = fault.Spanish
		}
		st.tasks[in.task] = t
	}
	if t.idle != nil {
		st.idleTasks.Remove(t.idle)
		t.idle = nil
	}
	e.task, e.attached = t, true
	t.sends++
	t.number.tasks[t] = struct{}{}
}

// detach takes a send from its task. The messages of tasks without sends are kept for a while: more may come.
func (st *Stage) detach(e *send) {
	if !e.attached {
		return
	}
	e.attached = false
	t := e.task
	if t.sends--; t.sends > 0 {
		return
	}
	if t.announcedAt.IsZero() { // else it is still to be told that it goes on
		delete(t.number.tasks, t)
	}
	if t.failed != "" {
		st.dropTask(t)
		return
	}
	t.idle = st.idleTasks.PushBack(t)
	if st.idleTasks.Len() > maxIdleTasks {
		oldest, _ := st.idleTasks.Remove(st.idleTasks.Front()).(*task)
		oldest.idle = nil
		st.dropTask(oldest)
	}
}

// dropTask forgets a task without sends. Nothing is known to keep it any more.
func (st *Stage) dropTask(t *task) {
	if !t.announcedAt.IsZero() {
		st.announceResumed(t, time.Now())
	}
	delete(st.tasks, t.id)
}

// load has the task's message read and rendered.
func (st *Stage) load(t *task) {
	if t.loading || t.timer.Running() {
		return
	}
	t.loading = true
	shares := []string(nil)
	if t.stale {
		shares = append(shares, "number "+t.number.id)
		if u, err := url.Parse(t.content.GetMedia().GetUrl()); err == nil && u.Host != "" {
			shares = append(shares, "host "+u.Host)
		}
	}
	pool := st.poolOf(t)
	pool.Enqueue(t, t.waiting.head.lane == bulk, shares...)
	st.loadNext(pool)
}

// poolOf is where a task waits for its message: reading one takes a moment, renewing a file's id as long as others make it take.
func (st *Stage) poolOf(t *task) *content.Pool[*task] {
	if t.stale {
		return &st.renewals
	}
	return &st.loads
}

// loadNext begins what there is a place for.
func (st *Stage) loadNext(pool *content.Pool[*task]) {
	for st.ctx.Err() == nil {
		t, ok := pool.Acquire()
		if !ok {
			return
		}
		content, stale := t.content, t.stale
		st.running.Go(func() {
			content, message, err := st.render(t, content, stale)
			st.mu.Lock()
			defer st.unlock()
			pool.Release(t)
			st.loaded(t, content, message, err, time.Now())
			st.loadNext(pool)
		})
	}
}

// onTimer is a task's timer: another try.
func (t *task) onTimer(st *Stage, _ time.Time) {
	if t.waiting.n > 0 {
		st.load(t)
	}
}

func (st *Stage) render(t *task, c *schemas.Content, stale bool) (*schemas.Content, schemas.Message, error) {
	most := loadTimeout
	if stale {
		most = renewTimeout
	}
	ctx, cancel := context.WithTimeoutCause(st.ctx, most, errLoadTimeout)
	defer cancel()
	var err error
	if c == nil {
		if len(t.ref.GetOffsetDeltas()) == 0 {
			return nil, nil, schemas.ErrContent
		}
		if c, err = st.ports.Contents.Content(ctx, t.id, t.ref); err != nil {
			return nil, nil, err
		}
	}
	if stale {
		m, err := st.ports.Media.Refresh(ctx, t.number.id, c.GetHeader(), c.GetMedia())
		if err != nil {
			return c, nil, err
		}
		c = c.WithMedia(m)
	}
	m, err := st.ports.Messenger.Prepare(c)
	if err != nil {
		return c, nil, errors.Join(schemas.ErrContent, err)
	}
	return c, m, nil
}

// loaded takes in how a try to get a message ended.
func (st *Stage) loaded(t *task, c *schemas.Content, m schemas.Message, err error, now time.Time) {
	t.loading = false
	t.content = c
	switch {
	case err == nil:
		t.message, t.stale, t.tries = m, false, 0
		t.version++
		if c.GetMedia() == nil {
			t.content = nil
		}
	case errors.Is(err, schemas.ErrContent), errors.Is(err, schemas.ErrDecode) && !errors.Is(err, schemas.ErrNewer):
		t.failed = schemas.Failed(schemas.CodeContent).Spanish()
		if refused := (*schemas.ContentError)(nil); errors.As(err, &refused) {
			t.failed = refused.Why
		}
		st.log.Error("message can't be sent", "task", t.id, "sender", t.number.id, "error", err)
	default:
		st.log.Warn("message could not be read and will be tried again", "task", t.id, "try", t.tries, "error", err)
		st.timers.Start(&t.timer, t, now.Add(backoff.Equal(loadBase, loadMax, t.tries)))
		t.tries++
		st.wake()
		return
	}
	for e := t.waiting.head; e != nil; e = t.waiting.head {
		e.unlink()
		st.enqueue(e, false)
	}
}
