// Package feed tells a client of every version of something as it comes, by server-sent events, until its end. It knows
// nothing of what it tells.
//
//	retry: 2000                    once: when to come back
//	id: 7  data: {...}             a version; those that come fast are told as the last of them
//	: (a comment)                  nothing new
//	id: 9  event: end  data: ...   the last one
//
// A client that comes back says which version it saw. Every version says all, so that it misses nothing that counts.
package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	every    = 250 * time.Millisecond // between two events
	beat     = 15 * time.Second       // between two signs of life, below the 30 s after which proxies give up
	patience = 10 * time.Second       // of writing one of them to a client that does not read
	retry    = 2 * time.Second        // what a client is told to wait before it comes back
	life     = time.Hour              // then the client has to come back, perhaps to another process
)

var (
	// ErrRevoked is the error of a feed whose key was taken away.
	ErrRevoked = errors.New("the caller's key may not read any more")
	// ErrForgotten is the error of a task that is not known any more, or that never came.
	ErrForgotten = errors.New("there is no such task any more")
)

// Event is one version.
type Event struct {
	Version uint64 // grows
	Data    []byte // one line
	End     bool   // nothing comes after it
}

// Feed is what one client is told.
type Feed struct {
	Seen    uint64          // the version that the client has
	Changes <-chan struct{} // signals that there may be a newer one
	// Look returns the newest version that is above seen, or an end; false where there is none yet. Its error ends the feed.
	Look func(seen uint64) (Event, bool, error)
}

// Run feeds the client until the end, or its own: the client's, that of ctx, or after an hour. Its error is that of Look, or
// of a client that does not take it.
func (f *Feed) Run(ctx context.Context, w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // a proxy that collects an answer would keep it for ever
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	if err := write(w, fmt.Sprintf("retry: %d\n\n", retry/time.Millisecond)); err != nil {
		return err
	}
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		told, over, err := f.tell(w)
		if over || err != nil {
			return err
		}
		if told {
			select {
			case <-time.After(every):
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case <-f.Changes:
		case <-beats.C:
			if err := write(w, ": \n\n"); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// tell writes the newest version if the client has not got it.
func (f *Feed) tell(w http.ResponseWriter) (told, over bool, err error) {
	e, ok, err := f.Look(f.Seen)
	if !ok || err != nil {
		return false, false, err
	}
	name := ""
	if e.End {
		name = "event: end\n"
	}
	f.Seen = e.Version
	return true, e.End, write(w, fmt.Sprintf("id: %d\n%sdata: %s\n\n", e.Version, name, e.Data))
}

// write puts text out at once, and gives a client that does not read only so long. The deadline is taken back: what ends the
// answer, and the next one on the connection, comes later than that.
func write(w http.ResponseWriter, text string) error {
	conn := http.NewResponseController(w)
	_ = conn.SetWriteDeadline(time.Now().Add(patience)) // not there in tests without a connection
	if _, err := w.Write([]byte(text)); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	_ = conn.SetWriteDeadline(time.Time{})
	return nil
}
