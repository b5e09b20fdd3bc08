package route

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/processor/sender/content"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
)

const (
	// Margin is how long before its end the window counts as over: as much as clocks may differ, and a call, which takes less than 10 s.
	Margin = lastinbound.MaxAhead + time.Minute
	// Patience is how long after a process began its takeovers wait for the view, so that a restart makes no templates of interactive messages.
	// Then they go on without: what is not known costs a template, and stops nobody.
	Patience = 20 * time.Second
)

// Inbound is the view of when people wrote.
type Inbound interface {
	// At returns when the person of a recipient wrote to a sender number last; false where nothing is known of that. It must not wait.
	At(number string, to schemas.Phone) (time.Time, bool)
	// CaughtUp is closed when all that had been published before the start was read.
	CaughtUp() <-chan struct{}
}

// Open reports whether an interactive message may leave now to a person who wrote at a time.
func Open(wrote, now time.Time) bool {
	return now.Sub(wrote) < lastinbound.Window-Margin //mutant:nothing-leaves-at-the-end-of-a-window
}

// Ahead is how long before a call its way is looked at: a commit, which takes less than 10 s, and its turn.
const Ahead = time.Minute

// Way is how one send goes. The zero value is not decided.
type Way struct {
	routed   bool // its broadcast has two messages
	template bool // the call under way, or the last one, has the template
	refused  bool // Meta refused the interactive one
}

// Router decides for a process.
type Router struct {
	view  Inbound
	until time.Time
	sent  map[bool]prometheus.Counter // by whether it was the template
}

// New returns a router of a process that begins now.
func New(view Inbound, reg prometheus.Registerer, now time.Time) *Router {
	sent := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_sends_routed_total", Help: "Messages accepted of broadcasts with route auto, by which one it was.",
	}, []string{"route"})
	return &Router{view: view, until: now.Add(Patience), sent: map[bool]prometheus.Counter{false: sent.WithLabelValues("free_form"), true: sent.WithLabelValues("template")}}
}

// Await waits until the view is read, or Patience is over, or ctx ends.
func (r *Router) Await(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, r.until)
	defer cancel()
	select {
	case <-r.view.CaughtUp():
	case <-ctx.Done():
	}
}

// Decide returns the message that goes out now to a recipient of a task, what the call carries back in receipts, and remembers in w which message
// it is.
func (r *Router) Decide(w *Way, m schemas.Message, number string, to schemas.Phone, task schemas.TaskID, index uint32, now time.Time) (schemas.Message, string) {
	both, ok := m.(*content.Both)
	if w.routed = ok; !ok {
		return m, schemas.Callback(task, index)
	}
	w.template = r.Outside(w, number, to, now)
	if w.template {
		return both.Template, schemas.TemplateCallback(task, index)
	}
	return both.Interactive, schemas.Callback(task, index)
}

// Outside reports whether a person is outside their window, as far as is known, or Meta says.
func (r *Router) Outside(w *Way, number string, to schemas.Phone, now time.Time) bool {
	wrote, known := r.view.At(number, to)
	return w.refused || !known || !Open(wrote, now) //mutant:who-did-not-write-gets-the-template
}

// Again reports whether a send goes out once more, as the template, because the answer to its interactive message says that the window is
// not open: nobody was reached.
func (w *Way) Again(r *schemas.Reply) bool {
	if !w.routed || w.template || r.Code != schemas.CodeWindow {
		return false
	}
	w.refused = true
	return true
}

// Sent returns the state of a recipient whose message was accepted.
func (r *Router) Sent(w *Way) schemas.RecipientState {
	if !w.routed {
		return schemas.StateSent
	}
	r.sent[w.template].Inc()
	if w.template {
		return schemas.StateSentTemplate
	}
	return schemas.StateSent
}
