package sim

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"altavoz/schemas"
)

const (
	simTasks     = "/api/messages/tasks/"
	simSteerable = 45 // recipients: such a task lasts some seconds
	simHooks     = "/api/webhooks/whatsapp"
	simAppSecret = "app secret"
)

// simStop is a pause or a cancel that was answered as being in force.
type simStop struct {
	verb     string
	pipe     int // what may still leave, said the answer
	accepted int // recipients whose message was accepted until then
	after    int // until it was to go on; noEnd for a cancel
}

const noEnd = -1

// steer does something to a task while it goes on. A pause is always taken back.
func (w *world) steer(task *simTask, r *rand.Rand) {
	time.Sleep(upTo(r, 6*time.Second))
	switch r.IntN(4) {
	case 0:
		w.mu.Lock()
		task.cancelled = true
		w.mu.Unlock()
		w.order(task, http.MethodPost, "/cancel", "")
		w.retries.Go(func() { w.retry(task) })
	case 1:
		w.order(task, http.MethodPatch, "", `{"speed":5}`)
		time.Sleep(upTo(r, 6*time.Second))
		w.order(task, http.MethodPatch, "", `{"speed":200}`)
	default:
		stop := w.order(task, http.MethodPost, "/pause", "")
		time.Sleep(upTo(r, 12*time.Second))
		if stop != nil {
			stop.after = w.acceptedOf(task)
		}
		w.order(task, http.MethodPost, "/resume", "")
	}
}

// retry asks, until it is answered, for a retry of whoever was cancelled, and once more for the same.
func (w *world) retry(task *simTask) {
	var made schemas.TaskID
	total, last := 0, ""
	for range 300 {
		code, answer, err := w.request(http.MethodPost, simTasks+task.id.String()+"/retry", `{"outcomes":["cancelled"]}`, "", 30*time.Second)
		switch {
		case err == nil && code == http.StatusAccepted:
			var a struct {
				TaskID string `json:"task_id"`
				Total  int    `json:"total"`
			}
			if err := json.Unmarshal(answer, &a); err != nil {
				w.errorf("answered %s", answer)
			}
			id, err := schemas.ParseTaskID(a.TaskID)
			switch {
			case err != nil:
				w.errorf("answered %s", answer)
				return
			case total > 0 && (id != made || a.Total != total):
				w.errorf("the retry of %s, asked for twice, is %s of %d and %s of %d", task.id, made, total, id, a.Total)
				return
			case total > 0:
				return
			}
			made, total = id, a.Total
			w.tally.count("retried")
			again := &simTask{id: id, phones: make([]string, total), resend: task.resend, sure: true}
			w.mu.Lock()
			task.retry, w.tasks = again, append(w.tasks, again)
			w.mu.Unlock()
			continue
		case err == nil && code == http.StatusConflict && strings.Contains(string(answer), "nothing_to_retry"): // all were dispatched before
			return
		case err == nil && code < http.StatusInternalServerError && code != http.StatusConflict && code != http.StatusNotFound && code != http.StatusTooManyRequests:
			w.errorf("the retry of %s: %d %s", task.id, code, answer)
			return
		case err != nil:
			last = err.Error()
		default:
			last = string(answer)
		}
		time.Sleep(2 * time.Second)
	}
	w.errorf("the retry of %s was never answered: %s", task.id, last)
}

// order asks until it is answered, and returns what it stopped where the answer says that it is in force.
func (w *world) order(task *simTask, method, path, body string) *simStop {
	last := ""
	for range 60 {
		code, answer, err := w.request(method, simTasks+task.id.String()+path, body, "", 30*time.Second)
		switch {
		case err == nil && code == http.StatusOK:
			w.tally.count("steered")
			if path == "/resume" || path == "" {
				return nil
			}
			var said struct {
				Pipe int `json:"in_pipe"`
			}
			if err := json.Unmarshal(answer, &said); err != nil {
				w.errorf("answered %s", answer)
			}
			stop := &simStop{verb: strings.TrimPrefix(path, "/"), pipe: said.Pipe, accepted: w.acceptedOf(task), after: noEnd}
			w.mu.Lock()
			task.stops = append(task.stops, stop)
			w.mu.Unlock()
			return stop
		case err == nil && (code == http.StatusAccepted || code == http.StatusConflict): // recorded, or over already
			return nil
		case err == nil && code != http.StatusNotFound && code != http.StatusServiceUnavailable: // it does not know yet, or can't now
			w.errorf("%s%s of %s: %d %s", method, path, task.id, code, answer)
			return nil
		case err != nil:
			last = err.Error()
		default:
			last = string(answer)
		}
		time.Sleep(2 * time.Second)
	}
	w.errorf("%s%s of %s was never answered: %s", method, path, task.id, last)
	return nil
}

// acceptedOf counts the recipients whose message was accepted; those of a broadcast that allows it may get more than one.
func (w *world) acceptedOf(task *simTask) (n int) {
	for i := range task.phones {
		_, _, accepted := w.calls(task.id, uint32(i))
		n += min(accepted, 1)
	}
	return n
}

// checkStops finds tasks of which more left after a stop than its answer said was in the pipe. Who became unknown was not in it
// any more, and may have been called by a process that was taken for dead.
func (w *world) checkStops(task *simTask, unknown int) {
	for _, s := range task.stops {
		after := s.after
		if after == noEnd {
			after = w.acceptedOf(task)
		}
		if left := after - s.accepted; left > s.pipe+unknown {
			w.errorf("%s of %d: after the %s %d left, and %d were in the pipe (%d became unknown)", task.id, len(task.phones), s.verb, left, s.pipe, unknown)
		}
	}
}
