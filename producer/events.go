package producer

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"altavoz/producer/tasks"
	"altavoz/schemas"
)

// events is GET tasks/{task_id}/events: the detail, again with every version of it, until the task's end. A client that
// comes back with the last version it saw misses nothing that counts, because every version says all; one that saw
// the end is told to stay away (204, by the rules of event sources).
func (in *Ingress) events(_ http.ResponseWriter, r *http.Request, _ string) answer {
	task, s, no := in.find(r)
	if no != nil {
		return *no
	}
	f := &feed{in: in, task: task}
	f.seen, _ = strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64) // what is no version of ours is none
	if state, _ := tasks.StateOf(s, time.Now()); state.Over() && s.GetVersion() <= f.seen {
		return answer{status: http.StatusNoContent}
	}
	if !in.feeds.take() {
		return later(codeBusy, "Hay demasiados seguimientos abiertos a la vez; intente de nuevo en unos segundos")
	}
	return answer{status: http.StatusOK, stream: func(w http.ResponseWriter) {
		defer in.feeds.give()
		if err := f.run(r.Context(), w); err != nil {
			in.cfg.Logger.DebugContext(r.Context(), "feed not taken", "task", task.String(), "error", err)
		}
	}}
}

// feed is one client that follows one task.
type feed struct {
	in   *Ingress
	task schemas.TaskID
	seen uint64 // the version that the client has
	w    http.ResponseWriter
	conn *http.ResponseController
}

// run feeds the client until the task's end or its own: the client's, the server's, or that of an hour. Its error is that
// of a client that does not take it.
func (f *feed) run(ctx context.Context, w http.ResponseWriter) error {
	f.w, f.conn = w, http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // a proxy that collects an answer would keep it for ever
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithTimeout(ctx, feedLife)
	defer cancel()
	changes, stop := f.in.ports.Statuses.Watch(f.task)
	defer stop()
	if err := f.write(fmt.Sprintf("retry: %d\n\n", feedRetry/time.Millisecond)); err != nil {
		return err
	}
	beat := time.NewTicker(feedBeat)
	defer beat.Stop()
	for {
		told, over, err := f.tell()
		if over || err != nil {
			return err
		}
		if told {
			select {
			case <-time.After(feedEvery):
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case <-changes:
		case <-beat.C:
			if err := f.write(": \n\n"); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// tell writes the task's detail if the client has not seen that version, and reports whether nothing more is to come: the
// task is over, or forgotten, or never came.
func (f *feed) tell() (told, over bool, err error) {
	s, ok := f.in.ports.Statuses.Get(f.task)
	if !ok {
		return false, f.seen > 0 || !fresh(f.task), nil
	}
	d := f.in.detail(f.task, s)
	if over = d.Status.Over(); !over && s.GetVersion() <= f.seen {
		return false, false, nil
	}
	body, err := json.Marshal(d)
	if err != nil {
		return false, false, err
	}
	event := ""
	if over {
		event = "event: end\n"
	}
	f.seen = s.GetVersion()
	return true, over, f.write(fmt.Sprintf("id: %d\n%sdata: %s\n\n", f.seen, event, body))
}

// write puts text out at once, and gives a client that does not read only so long. The deadline is taken back: the
// connection may serve others.
func (f *feed) write(text string) error {
	_ = f.conn.SetWriteDeadline(time.Now().Add(feedWrite)) // not there in tests without a connection
	if _, err := f.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	if err := f.conn.Flush(); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	_ = f.conn.SetWriteDeadline(time.Time{})
	return nil
}
