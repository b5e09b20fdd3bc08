package route_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"altavoz/processor/sender/content"
	"altavoz/processor/sender/route"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
)

// view knows when people wrote.
type view struct {
	at   map[schemas.Phone]time.Time
	read chan struct{}
}

func (v *view) At(_ string, to schemas.Phone) (time.Time, bool) {
	at, known := v.at[to]
	return at, known
}

func (v *view) CaughtUp() <-chan struct{} { return v.read }

var task = schemas.TaskIDFromKey("", "routes")

// TestNobodyOutsideTheWindowGetsTheInteractiveMessage: whatever is known of a person and whatever Meta answers, through repeats of a send: who has it wrote
// less than 24 hours before the call ends; who was refused gets the template next, and the interactive message never again; receipts and state say which
// one it was.
func TestNobodyOutsideTheWindowGetsTheInteractiveMessage(t *testing.T) {
	t.Parallel()
	const longestCall = 10 * time.Second
	both := &content.Both{Interactive: "interactive", Template: "template"}
	rapid.Check(t, func(t *rapid.T) {
		const to = schemas.Phone("573001234567")
		now := time.Unix(1_790_000_000, 0)
		v := &view{at: map[schemas.Phone]time.Time{}}
		r := route.New(v, prometheus.NewRegistry(), now)
		var w route.Way
		refused := 0
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 13*3600).Draw(t, "later")) * time.Second)
			if rapid.Bool().Draw(t, "writes") {
				ago := rapid.OneOf(rapid.IntRange(0, 25*3600), rapid.IntRange(24*3600-15, 24*3600)).Draw(t, "ago") // also just before its end
				v.at[to] = now.Add(-time.Duration(ago) * time.Second)
			}
			m, callback := r.Decide(&w, both, "100", to, task, 7, now)
			id, index, ok := schemas.ParseCallback(callback)
			if !ok || id != task || index != 7 || schemas.CallbackOfTemplate(callback) != (m == "template") {
				t.Fatalf("%v has the callback %q", m, callback)
			}
			wrote, known := v.at[to]
			if m == "interactive" && (!known || now.Add(longestCall).Sub(wrote) >= lastinbound.Window) {
				t.Fatalf("interactive at %v to who wrote at %v, known: %v", now, wrote, known)
			}
			if m == "template" && refused == 0 && known && now.Sub(wrote) < lastinbound.Window-route.Margin {
				t.Fatalf("template at %v to who wrote at %v", now, wrote)
			}
			if refused > 0 && m != "template" {
				t.Fatal("interactive once more, which was refused")
			}
			if m == "template" != r.Sent(&w).GotTemplate() {
				t.Fatalf("%v is %v", m, r.Sent(&w))
			}
			reply := schemas.Reply{Verdict: schemas.VerdictFailed, Code: rapid.SampledFrom([]int{schemas.CodeWindow, 131026}).Draw(t, "code")}
			again := w.Again(&reply)
			if again != (m == "interactive" && reply.Code == schemas.CodeWindow) {
				t.Fatalf("%v, refused with %d, goes again: %v", m, reply.Code, again)
			}
			if again {
				refused++
			}
		}
		if refused > 1 {
			t.Fatalf("%d times again; want once at most", refused)
		}
	})
}

func TestOneMessageGoesToAll(t *testing.T) {
	t.Parallel()
	r := route.New(&view{}, prometheus.NewRegistry(), time.Now())
	var w route.Way
	m, callback := r.Decide(&w, "one", "100", "573001234567", task, 7, time.Now())
	if m != "one" || callback != schemas.Callback(task, 7) || r.Sent(&w) != schemas.StateSent {
		t.Errorf("%v with %q, %v; want the message as it is", m, callback, r.Sent(&w))
	}
	if w.Again(&schemas.Reply{Code: schemas.CodeWindow}) {
		t.Error("it goes again; want it failed")
	}
}

// TestTakeoversWaitForTheViewAWhile: those of a process together, so that a topic that can't be read stops nobody for long.
func TestTakeoversWaitForTheViewAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, began := &view{read: make(chan struct{})}, time.Now()
		r := route.New(v, prometheus.NewRegistry(), began)
		go func() {
			time.Sleep(time.Second)
			close(v.read)
		}()
		if r.Await(t.Context()); time.Since(began) != time.Second {
			t.Errorf("waited %v; want until the view was read, after 1 s", time.Since(began))
		}
		v.read = make(chan struct{})
		r.Await(t.Context())
		if r.Await(t.Context()); time.Since(began) != route.Patience {
			t.Errorf("waited %v for a view that is never read; want %v", time.Since(began), route.Patience)
		}
	})
}
