package producer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/internal/testio"
	"altavoz/producer"
	"altavoz/producer/connections"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// follower is a client of a feed, on a connection of its own.
type follower struct {
	t     *testing.T
	resp  *http.Response
	conn  net.Conn
	lines *bufio.Reader
}

func follow(t *testing.T, l *testio.Pipes, path string, headers ...string) *follower {
	t.Helper()
	f := &follower{t: t, conn: dial(t, l)}
	fmt.Fprintf(f.conn, "GET %s/events HTTP/1.1\r\nHost: a\r\n%s\r\n", path, strings.Join(headers, ""))
	var err error
	f.lines = bufio.NewReader(f.conn)
	if f.resp, err = http.ReadResponse(f.lines, nil); err != nil { //nolint:bodyclose // closed with the connection
		t.Fatal(err)
	}
	f.lines = bufio.NewReader(f.resp.Body)
	t.Cleanup(func() { f.conn.Close() })
	return f
}

// event is what came next, and how long that took: an event by its id, name and state, "beat", "closed" in good
// order, or "broken".
func (f *follower) event() string {
	f.t.Helper()
	start := time.Now()
	took := func(what string) string { return fmt.Sprintf("%s +%v", what, time.Since(start)) }
	var id, name, state string
	for {
		line, err := f.lines.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF):
			return took("closed")
		case err != nil:
			return took("broken")
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = " " + value
		case "retry":
			id = "retry " + value
		case "data":
			var d struct {
				Status  string `json:"status"`
				Version uint64 `json:"version"`
			}
			if err := json.Unmarshal([]byte(value), &d); err != nil || strconv.FormatUint(d.Version, 10) != id {
				f.t.Errorf("event %s: %v in %s", id, err, value)
			}
			state = " " + d.Status
		case ":", "":
			if line == "\n" {
				if id == "" {
					return took("beat")
				}
				return took(id + name + state)
			}
		}
	}
}

func (f *follower) want(events ...string) {
	f.t.Helper()
	var got []string
	for range events {
		got = append(got, f.event())
	}
	if diff := cmp.Diff(events, got); diff != "" {
		f.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// version lets the task of known("a", nil) be at a version.
func (h *harness) version(n uint64, change func(*schemas.Status)) string {
	h.t.Helper()
	return h.known("a", func(s *schemas.Status) {
		s.Version = n
		if change != nil {
			change(s)
		}
	})
}

func finish(s *schemas.Status) { s.FinishedMs = 1 }

func TestFeedShowsEachVersionUntilTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		l := serve(t, h)
		path := h.version(7, nil)
		f := follow(t, l, path)
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
		} {
			if got := f.resp.Header.Get(name); got != want || f.resp.StatusCode != http.StatusOK {
				t.Errorf("%d, %s %q; want %v, %q", f.resp.StatusCode, name, got, http.StatusOK, want)
			}
		}
		f.want("retry 2000 +0s", "7 STARTED +0s")
		f.want("beat +15s", "beat +15s")
		h.version(8, func(s *schemas.Status) { s.Phase = schemas.Phase_PHASE_PAUSED })
		f.want("8 PAUSED +0s")
		// What comes fast is told at once, as the last of it.
		for n := range uint64(50) {
			h.version(9+n, nil)
			time.Sleep(4 * time.Millisecond)
		}
		f.want("58 STARTED +50ms")
		h.version(58, nil) // told already
		f.want("beat +14.75s")
		h.version(59, finish)
		f.want("59 end SUCCESS +0s", "closed +0s")
		// Who comes back after the end is told to stay away, until there is something new to say.
		if f := follow(t, l, path, "Last-Event-ID: 59\r\n"); f.resp.StatusCode != http.StatusNoContent {
			t.Errorf("after the end: %d, want %v", f.resp.StatusCode, http.StatusNoContent)
		}
		follow(t, l, path, "Last-Event-ID: 58\r\n").want("retry 2000 +0s", "59 end SUCCESS +0s", "closed +0s")
	})
}

func TestFeedIsResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		l := serve(t, h)
		path := h.version(7, nil)
		follow(t, l, path, "Last-Event-ID: 6\r\n").want("retry 2000 +0s", "7 STARTED +0s")
		follow(t, l, path, "Last-Event-ID: nonsense\r\n").want("retry 2000 +0s", "7 STARTED +0s")
		same := follow(t, l, path, "Last-Event-ID: 7\r\n")
		same.want("retry 2000 +0s", "beat +15s")
		ahead := follow(t, l, path, "Last-Event-ID: 9\r\n") // of a process whose view is further
		ahead.want("retry 2000 +0s")
		h.version(8, nil)
		same.want("8 STARTED +0s")
		ahead.want("beat +15s")
		h.version(9, finish)
		same.want("beat +0s", "9 end SUCCESS +0s", "closed +0s")
		ahead.want("9 end SUCCESS +0s", "closed +0s")
	})
}

// A task that was made a moment ago is waited for; one that never comes is not waited for for ever, nor one that is forgotten.
func TestFeedOfNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		l := serve(t, h)
		task := schemas.NewTaskID()
		path := request.PathTasks + "/" + task.String()
		comes := follow(t, l, path)
		comes.want("retry 2000 +0s", "beat +15s")
		synctest.Wait()
		h.put(&schemas.Status{Task: task.Bytes(), Version: 1, Plan: &schemas.TaskOpened{Total: 1}})
		comes.want("1 PENDING +0s")
		h.mu.Lock()
		delete(h.statuses, task)
		h.mu.Unlock()
		comes.want("beat +15s", "closed +0s")
		never := follow(t, l, request.PathTasks+"/"+schemas.NewTaskID().String())
		never.want("retry 2000 +0s", "beat +15s", "beat +15s", "beat +15s", "beat +15s", "closed +0s")
		if code, got, _ := h.get(request.PathTasks + "/" + schemas.TaskIDFromKey("", "x").String() + "/events"); code != http.StatusNotFound {
			t.Errorf("%d %s; want %v", code, got, http.StatusNotFound)
		}
	})
}

// Feeds are bounded, and one that ends makes room.
func TestFeedsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Feeds: 2})
		l := serve(t, h)
		path := h.version(7, nil)
		first := follow(t, l, path)
		follow(t, l, path)
		code, got, header := h.get(path + "/events")
		if golden(t, "no_feed", code, got); header.Get("Retry-After") == "" {
			t.Errorf("header %v", header)
		}
		first.want("retry 2000 +0s", "7 STARTED +0s")
		if n := h.metrics()["altavoz_http_slots_in_use slot=feed"]; n != 2 {
			t.Errorf("%v feeds are open, want 2", n)
		}
		first.conn.Close()
		synctest.Wait()
		follow(t, l, path).want("retry 2000 +0s", "7 STARTED +0s")
		h.mu.Lock()
		n := len(h.watchers)
		h.mu.Unlock()
		if n != 2 {
			t.Errorf("%d watch, want 2", n)
		}
	})
}

// A client that reads nothing is let go, and one that stays for ever has to come back.
func TestFeedEndsForSlowAndForLongReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Feeds: 1})
		l := serve(t, h)
		path := h.version(7, nil)
		conn := dial(t, l)
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s/events HTTP/1.1\r\nHost: a\r\n\r\n", path)
		synctest.Wait()
		if code, got, _ := h.get(path + "/events"); code != http.StatusServiceUnavailable {
			t.Errorf("%d %s; want %v", code, got, http.StatusServiceUnavailable)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		f := follow(t, l, path)
		start := time.Now()
		for !strings.HasPrefix(f.event(), "closed") {
		}
		if took := time.Since(start); took != time.Hour {
			t.Errorf("after %v, want %v", took, time.Hour)
		}
	})
}

// A server that stops ends its feeds at once, and does not wait for their tasks.
func TestFeedEndsWithTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		base, stop := context.WithCancel(t.Context())
		l := testio.NewPipes()
		srv := connections.NewServer(h.handler, slog.New(slog.DiscardHandler))
		srv.BaseContext = func(net.Listener) context.Context { return base }
		go srv.Serve(l)
		f := follow(t, l, h.version(7, nil))
		f.want("retry 2000 +0s", "7 STARTED +0s")
		done := make(chan error)
		time.Sleep(12 * time.Second) // longer than a write may take
		go func() { done <- srv.Shutdown(context.WithoutCancel(base)) }()
		stop()
		f.want("closed +0s")
		if err := <-done; err != nil {
			t.Error(err)
		}
		f.conn.Close()
		time.Sleep(time.Second)
	})
}

func TestPanicInAFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		calls := 0
		h := setup(t, producer.Config{Feeds: 1, Logger: slog.New(slog.NewTextHandler(&logged, nil)), Rate: func(string) float64 {
			if calls++; calls == 1 {
				panic("boom")
			}
			return 0
		}})
		l := serve(t, h)
		path := h.version(7, nil)
		f := follow(t, l, path)
		f.want("retry 2000 +0s", "broken +0s")
		if !strings.Contains(logged.String(), "boom") {
			t.Errorf("logged %s, want %q in it", logged.String(), "boom")
		}
		follow(t, l, path).want("retry 2000 +0s", "7 STARTED +0s") // the slot came back
	})
}

// A connection that carried a feed serves the next request, without a deadline of the feed's.
func TestFeedLeavesTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		f := follow(t, serve(t, h), h.version(7, finish))
		f.want("retry 2000 +0s", "7 end SUCCESS +0s", "closed +0s")
		time.Sleep(30 * time.Second)
		fmt.Fprintf(f.conn, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(f.conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			t.Errorf("%d %s; want %v", resp.StatusCode, b, http.StatusOK)
		}
	})
}
