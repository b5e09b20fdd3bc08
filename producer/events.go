package producer

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"altavoz/producer/access"
	"altavoz/producer/feed"
	"altavoz/producer/headers"
	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

// events is GET tasks/{task_id}/events: the detail, again with every version of it, until the task's end. A client that saw
// the end is told to stay away: 204, by the rules of event sources.
func (in *Ingress) events(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	task, s, no := in.find(r, caller)
	if no != nil {
		return *no
	}
	seen, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64) // what is no version of ours is none
	if tasks.StateOf(s, time.Now()).Over() && s.GetVersion() <= seen {
		return answer{status: http.StatusNoContent}
	}
	give, no := in.take(w, caller, access.Feeds, in.feeds, es.ShareFeeds, es.BusyFeeds)
	if no != nil {
		return *no
	}
	return answer{status: http.StatusOK, stream: func(w http.ResponseWriter) {
		defer give()
		changes, stop := in.ports.Statuses.Watch(task)
		defer stop()
		f := feed.Feed{Seen: seen, Changes: changes, Look: func(seen uint64) (feed.Event, bool, error) {
			return in.look(r.Context(), caller, task, seen, headers.Language(r.Header))
		}}
		if err := f.Run(r.Context(), w); err != nil {
			in.cfg.Logger.DebugContext(r.Context(), "feed ended", "task", task.String(), "error", err)
		}
	}}
}

// look returns the task's detail if it is newer than what was seen.
func (in *Ingress) look(ctx context.Context, caller *access.Caller, task schemas.TaskID, seen uint64, l es.Language) (feed.Event, bool, error) {
	s, err := in.lookup(ctx, task)
	if err != nil {
		return feed.Event{}, false, err
	}
	if s == nil && (seen > 0 || !task.Fresh()) || s.GetPlan() != nil && !caller.Sees(s.GetPlan().GetOwner()) { //mutant:a-feed-ends-where-the-task-is-anothers
		return feed.Event{}, false, feed.ErrForgotten
	}
	if !in.holds(caller, access.Read) {
		return feed.Event{}, false, feed.ErrRevoked
	}
	d := in.detail(task, s, l)
	if s == nil || s.GetVersion() <= seen && !d.Status.Over() {
		return feed.Event{}, false, nil
	}
	data, err := json.Marshal(d)
	return feed.Event{Version: s.GetVersion(), Data: data, End: d.Status.Over()}, true, err
}
