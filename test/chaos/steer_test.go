//go:build linux

package chaos

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"altavoz/schemas"
)

const (
	tasksPath = "/api/messages/tasks/"
	// steerable is from how many recipients on a task lasts long enough to be steered.
	steerable = 100
	// steerTries times steerPause is longer than any fault lasts.
	steerTries, steerPause = 200, 300 * time.Millisecond
)

// stop is a pause or a cancel that was answered as being in force.
type stop struct {
	verb     string
	pipe     int // what the answer said may still leave
	accepted int // recipients whose message was accepted until then
	after    int // until it was to go on; for a cancel, in the end
}

// steer does something to a task while it goes on. What was paused goes on again, also beyond the end of ctx.
func (l *load) steer(ctx context.Context, t *task, r *rand.Rand) {
	done := context.WithoutCancel(ctx)
	pause(ctx, between(r, 0, 4*time.Second))
	switch r.IntN(3) {
	case 0:
		t.cancelled.Store(true)
		l.control(done, t, http.MethodPost, "cancel", "")
	case 1:
		l.control(done, t, http.MethodPatch, "", `{"speed":40}`)
		pause(ctx, between(r, 0, 4*time.Second))
		l.control(done, t, http.MethodPatch, "", `{"speed":500}`)
	default:
		s := l.control(done, t, http.MethodPost, "pause", "")
		pause(ctx, between(r, time.Second, 6*time.Second))
		if s != nil {
			s.after = l.sentTo(t)
		}
		l.control(done, t, http.MethodPost, "resume", "")
	}
}

// sentTo counts the recipients of a task whose message the API accepted so far; who is resent to counts once.
func (l *load) sentTo(t *task) (n int) {
	for i := range t.phones {
		_, _, accepted := l.h.gate.sim.Calls(schemas.Callback(t.id, uint32(i)))
		n += min(accepted, 1)
	}
	return n
}

// control asks until it is answered, and returns what it stopped, where the answer says that it is in force.
func (l *load) control(ctx context.Context, t *task, method, verb, body string) *stop {
	for range steerTries {
		code, answer := l.ask(ctx, t, method, verb, body)
		switch {
		case code == http.StatusOK && (verb == "pause" || verb == "cancel"):
			var said struct {
				Pipe int `json:"in_pipe"`
			}
			if err := json.Unmarshal([]byte(answer), &said); err != nil {
				l.h.fail("%s of %s: %v: %s", verb, t.id, err, answer)
			}
			s := &stop{verb: verb, pipe: said.Pipe, accepted: l.sentTo(t)}
			t.stops = append(t.stops, s)
			return s
		case code == http.StatusOK, code == http.StatusAccepted, code == http.StatusConflict: // in force, recorded, or over already
			return nil
		case code == 0, code == http.StatusServiceUnavailable, code == http.StatusNotFound: // nobody there, or it does not know yet
		default:
			l.h.fail("%s %s of %s: %d %s", method, verb, t.id, code, answer)
			return nil
		}
		time.Sleep(steerPause) // beyond the end of ctx: what was begun is ended
	}
	l.h.fail("%s %s of %s was not answered in %d tries", method, verb, t.id, steerTries)
	return nil
}

func (l *load) ask(ctx context.Context, t *task, method, verb, body string) (code int, answer string) {
	p := l.h.api(0)
	if p == nil {
		return 0, ""
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(p.url()+tasksPath+t.id.String()+"/"+verb, "/"), strings.NewReader(body))
	if err != nil {
		l.h.fail("a control: %v", err)
		return 0, ""
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(text)
}

// steered checks that a task stopped when it said so. Who became unknown was not in the pipe any more, and may have been called
// by a process that everybody took for dead.
func (v *verdict) steered(t *task, f *fold) {
	for _, s := range t.stops {
		if s.verb == "cancel" {
			v.Stopped++
			s.after = t.sent
		} else {
			v.Paused++
		}
		if over := s.after - s.accepted - s.pipe - len(f.unknown); over > 0 {
			v.Overrun += over
			v.say("%s (%s of %d): after the %s %d left, and %d were in the pipe (%d became unknown)", t.id, t.via, t.phones, s.verb, s.after-s.accepted, s.pipe, len(f.unknown))
		}
	}
}
