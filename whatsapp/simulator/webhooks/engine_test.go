package webhooks_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/internal/testio"
	"altavoz/whatsapp/simulator/faults"
	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/webhooks"
)

// accept plans one message of its own.
func accept(e *webhooks.Engine, n int, steps ...faults.Step) {
	m := &webhooks.Message{Number: "1", Phone: fmt.Sprint(573000000000 + n), WAMID: fmt.Sprint("wamid.", n), Callback: fmt.Sprint("c", n)}
	e.Accepted(m, time.Now(), later(steps...))
}

// way is that of a message that is read.
func way() []faults.Step {
	return []faults.Step{step(ledger.Sent, 100*time.Millisecond), step(ledger.Delivered, time.Second), step(ledger.Read, 3*time.Second)}
}

// TestStatusesWithinTheLingerGoTogether: what is due within the linger goes together, up to 1,000 statuses and 3 MB.
func TestStatusesWithinTheLingerGoTogether(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		steps    []faults.Step // a message each
		callback string
		want     []int // statuses by post
	}{
		"together":       {[]faults.Step{step(ledger.Sent, 0), step(ledger.Sent, 40*time.Millisecond)}, "c", []int{2}},
		"one by one":     {[]faults.Step{step(ledger.Sent, 0), step(ledger.Sent, 60*time.Millisecond)}, "c", []int{1, 1}},
		"many":           {make([]faults.Step, 2500), "c", []int{1000, 1000, 500}},
		"long callbacks": {make([]faults.Step, 1000), strings.Repeat("ñ", 512), []int{407, 407, 186}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rc := &receiver{}
				e, stop := start(t, rc, webhooks.Config{})
				for _, s := range tt.steps {
					s.Status = ledger.Sent
					e.Accepted(&webhooks.Message{Number: "1", Phone: "573001234567", WAMID: "wamid.x", Callback: tt.callback}, time.Now(), later(s))
				}
				time.Sleep(time.Second)
				stop()
				left := map[int]int{}
				for _, n := range tt.want {
					left[n]++
				}
				for _, p := range rc.got() {
					left[len(read(t, p.body)[0].Statuses)]--
					if len(p.body) > 3_000_000 {
						t.Errorf("%d bytes, want at most 3000000", len(p.body))
					}
				}
				for n, times := range left {
					if times != 0 {
						t.Errorf("posts of %d statuses: %d too few; want 0", n, times)
					}
				}
				if c := e.Counts(); c.Sent != len(tt.steps) || c.Pending != 0 || c.Posts != len(tt.want) {
					t.Errorf("got %+v, want Sent %v, Pending 0, Posts %v", c, len(tt.steps), len(tt.want))
				}
			})
		})
	}
}

// TestUnacceptedPostComesAgainWithGrowingPauses: what is not answered with 200 comes again, after pauses that grow to ten seconds, and is counted once.
func TestUnacceptedPostComesAgainWithGrowingPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := &receiver{answer: func(r *http.Request, nth int) int {
			switch {
			case nth == 1: // no answer at all
				<-r.Context().Done()
				return 0
			case nth < 10:
				return []int{500, 0, 204, 301, 404, 503, 429, 201, 400, 502}[nth]
			}
			return http.StatusOK
		}}
		e, stop := start(t, rc, webhooks.Config{})
		accept(e, 1, step(ledger.Sent, 0))
		time.Sleep(10 * time.Minute)
		posts := rc.got()
		if len(posts) != 11 {
			t.Fatalf("%d posts, want 11", len(posts))
		}
		for i := 1; i < len(posts); i++ {
			want := min(100*time.Millisecond<<(i-1), 10*time.Second) + webhooks.DefaultLinger
			if i == 2 { // which first waited for its answer
				want += 10 * time.Second
			}
			if got := posts[i].at.Sub(posts[i-1].at); got != want {
				t.Errorf("pause %d: %v, want %v", i, got, want)
			}
			if string(posts[i].body) != string(posts[0].body) {
				t.Errorf("try %d is another one: %s", i, posts[i].body)
			}
		}
		stop()
		if diff := cmp.Diff(ledger.Webhooks{Sent: 1, Posts: 11, Retries: 10}, e.Counts()); diff != "" {
			t.Error(diff)
		}
		if rc.told["wamid.1 sent"] != 1 {
			t.Errorf("told %v, want wamid.1 to be sent once", rc.told)
		}
	})
}

// TestPostIsGivenUpAfterAnHour: after an hour of tries it is given up and counted, and what comes then is told.
func TestPostIsGivenUpAfterAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		rc := &receiver{answer: func(*http.Request, int) int {
			if time.Since(began) < 2*time.Hour {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		}}
		e, stop := start(t, rc, webhooks.Config{})
		accept(e, 1, step(ledger.Sent, 0), step(ledger.Delivered, 0))
		time.Sleep(time.Second)
		e.Raw([]byte("{}"), time.Now())
		time.Sleep(50 * time.Minute)
		if c := e.Counts(); c.Dropped != 0 || c.Pending != 3 {
			t.Errorf("got %+v, want Dropped 0, Pending 3", c)
		}
		time.Sleep(70 * time.Minute)
		accept(e, 2, step(ledger.Sent, 0))
		time.Sleep(time.Minute)
		stop()
		if c := e.Counts(); c.Dropped != 3 || c.Pending != 0 || c.Sent != 1 || c.Posts != 2*370+1 {
			t.Errorf("got %+v, want Dropped 3, Pending 0, Sent 1, Posts %v", c, 2*370+1)
		}
	})
}

// TestMessageBeyondTheLimitHasNoWebhooks: a message that finds no room has no webhooks at all, and nobody waits.
func TestMessageBeyondTheLimitHasNoWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := &receiver{}
		e, stop := start(t, rc, webhooks.Config{Pending: 8})
		for n := range 5 {
			accept(e, n, way()...)
		}
		if c := e.Counts(); c.Pending != 6 || c.Dropped != 9 {
			t.Errorf("got %+v, want Pending 6, Dropped 9", c)
		}
		time.Sleep(time.Minute)
		accept(e, 5, way()...)
		time.Sleep(time.Minute)
		for range 40 {
			e.Raw([]byte("{}"), time.Now())
		}
		if err := e.Raw([]byte("{}"), time.Now()); err != webhooks.ErrFull { //nolint:errorlint // as it is
			t.Errorf("got %v, want %v", err, webhooks.ErrFull)
		}
		time.Sleep(time.Minute)
		if err := e.Raw([]byte("{}"), time.Now()); err != nil {
			t.Errorf("with room again: %v", err)
		}
		stop()
		c := e.Counts()
		if c.Sent != 3 || c.Delivered != 3 || c.Read != 3 || c.Dropped+c.Others != 9+33 || c.Pending != 0 {
			t.Errorf("got %+v, want Sent 3, Delivered 3, Read 3, Pending 0", c)
		}
	})
}

// TestSlowReceiverGetsEightPostsAtOnce: however slow it is, it has eight requests at once to answer; meanwhile the rest goes together.
func TestSlowReceiverGetsEightPostsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := &receiver{answer: func(*http.Request, int) int { time.Sleep(5 * time.Second); return http.StatusOK }}
		e, stop := start(t, rc, webhooks.Config{Linger: -1})
		for n := range 1000 {
			accept(e, n, step(ledger.Sent, 0))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		stop()
		if c := e.Counts(); c.Sent != 1000 || c.Pending != 0 || c.Posts > 30 || rc.most != 8 {
			t.Errorf("%d at once; %+v; want 8, Sent 1000, Pending 0, Posts at most 30", rc.most, c)
		}
	})
}

// TestStopDropsWhatIsPending: at the end requests are broken off, what is pending is dropped, and nothing runs any more: else the bubble would not end.
func TestStopDropsWhatIsPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := &receiver{answer: func(r *http.Request, nth int) int {
			if nth > 0 {
				<-r.Context().Done()
			}
			return http.StatusOK
		}}
		e, stop := start(t, rc, webhooks.Config{})
		m := &webhooks.Message{Number: "1", Phone: "573001234567", WAMID: "wamid.x"}
		early := e.Accepted(m, time.Now(), faults.Later{Early: true, Steps: []faults.Step{step(ledger.Sent, time.Hour)}})
		accept(e, 1, way()...)
		e.Raw([]byte("{}"), time.Now())
		time.Sleep(1500 * time.Millisecond) // the second post is under way
		began := time.Now()
		stop()
		<-early
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v, want 0", took)
		}
		if c := e.Counts(); c.Pending != 0 || c.Sent+c.Others != 1 || c.Dropped != 4 {
			t.Errorf("got %+v, want Pending 0, Dropped 4", c)
		}
	})
}

// TestEarlyWebhookIsWaitedFor: who waits for the first post goes on when it was made, taken or not.
func TestEarlyWebhookIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := &receiver{answer: func(*http.Request, int) int { time.Sleep(time.Second); return http.StatusBadGateway }}
		e, _ := start(t, rc, webhooks.Config{})
		m := &webhooks.Message{Number: "1", Phone: "573001234567", WAMID: "wamid.x"}
		began := time.Now()
		<-e.Accepted(m, began, faults.Later{Early: true, Steps: []faults.Step{step(ledger.Sent, 0), step(ledger.Delivered, time.Minute)}})
		if took := time.Since(began); took != time.Second+webhooks.DefaultLinger || len(rc.got()) != 1 {
			t.Errorf("%d posts after %v; want 1, %v", len(rc.got()), took, time.Second+webhooks.DefaultLinger)
		}
		if e.Accepted(m, time.Now(), faults.Later{Early: true}) != nil {
			t.Error("waits for nothing")
		}
	})
}

// TestSideBySide: whatever happens at once, every status ends in one number. It is for the race detector, too.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := &receiver{answer: func(_ *http.Request, nth int) int {
			time.Sleep(time.Duration(nth%7) * 10 * time.Millisecond)
			return []int{200, 200, 500}[nth%3]
		}}
		e, stop := start(t, rc, webhooks.Config{Pending: 2000})
		var senders sync.WaitGroup
		for worker := range 8 {
			senders.Go(func() {
				for n := range 250 {
					accept(e, worker*250+n, append(way(), faults.Step{Status: ledger.Read, Told: 4 * time.Second, Again: true})...)
					e.Counts()
					time.Sleep(time.Duration(worker+1) * time.Millisecond)
				}
			})
		}
		senders.Wait()
		time.Sleep(time.Minute)
		stop()
		c := e.Counts()
		if total := c.Sent + c.Delivered + c.Read + c.Duplicates + c.Dropped; total != 8000 || c.Pending != 0 || c.Dropped == 0 || c.Retries == 0 {
			t.Errorf("%d statuses: %+v; want 8000, Pending 0, Dropped other than 0, Retries other than 0", total, c)
		}
		seen := rc.statuses(t)
		for key, times := range rc.told {
			if times != 1 || seen[key] == 0 {
				t.Errorf("%s was taken %d times, and seen %d times; want 1, other than 0", key, times, seen[key])
			}
		}
	})
}

func TestURL(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "ftp://x", "http://", "business.test/hook", "http://[::1"} {
		if err := (webhooks.Config{URL: u}).Validate(); (err == nil) != (u == "") { // without one there are no webhooks
			t.Errorf("%q: %v, want an error unless it is empty", u, err)
		}
	}
}

// BenchmarkStatus is what a status costs beside its request: planning, queueing, writing, signing, counting.
func BenchmarkStatus(b *testing.B) {
	network := testio.NewPipes()
	e, err := webhooks.New(webhooks.Config{URL: "http://business.test/hook", Secret: secret, Dial: network.Dial, Pending: 1 << 30}, func(*webhooks.Message, ledger.Status) {})
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })}
	go srv.Serve(network)
	b.Cleanup(func() { srv.Close() })
	go e.Run(b.Context())
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		accept(e, n, step(ledger.Sent, 0))
		n++
	}
	for e.Counts().Pending > 0 {
		time.Sleep(time.Millisecond)
	}
}
