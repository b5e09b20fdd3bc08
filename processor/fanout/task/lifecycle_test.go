package task_test

import (
	"testing"

	"altavoz/processor/fanout/task"
)

// to brings a new task into a state by allowed transitions.
var to = map[string][]func(*task.Lifecycle) bool{
	"Intake":      {},
	"Claimed":     {(*task.Lifecycle).BecomeClaimed},
	"InDoubt":     {(*task.Lifecycle).BecomeInDoubt},
	"Waiting":     {(*task.Lifecycle).BecomeOpen},
	"Preparing":   {(*task.Lifecycle).BecomeOpen, (*task.Lifecycle).BecomePreparing},
	"Dispatching": {(*task.Lifecycle).BecomeOpen, (*task.Lifecycle).BecomeDispatching},
	"Closing":     {(*task.Lifecycle).BecomeOpen, (*task.Lifecycle).BecomeClosing},
	"Closed":      {(*task.Lifecycle).BecomeOpen, (*task.Lifecycle).BecomeClosing, (*task.Lifecycle).BecomeClosed},
	"Gone":        {(*task.Lifecycle).BecomeGone},

	"Overflow":  {},
	"Tracked":   {(*task.Lifecycle).BecomeTracked},
	"Untracked": {(*task.Lifecycle).BecomeTracked, (*task.Lifecycle).BecomeUntracked},
	"Retracked": {(*task.Lifecycle).BecomeTracked, (*task.Lifecycle).BecomeUntracked, (*task.Lifecycle).BecomeRetracked},

	"Running":   {},
	"Ends":      {(*task.Lifecycle).BecomeEnding},
	"Announced": {(*task.Lifecycle).BecomeEnding, (*task.Lifecycle).BecomeAnnounced},
}

var (
	states = map[string]task.State{
		"Intake": task.Intake, "Claimed": task.Claimed, "InDoubt": task.InDoubt, "Waiting": task.Waiting, "Preparing": task.Preparing,
		"Dispatching": task.Dispatching, "Closing": task.Closing, "Closed": task.Closed, "Gone": task.Gone,
	}
	memberships = map[string]task.Membership{
		"Overflow": task.Overflow, "Tracked": task.Tracked, "Untracked": task.Untracked, "Retracked": task.Retracked,
	}
	endings = map[string]task.Ending{"Running": task.Running, "Ends": task.Ends, "Announced": task.Announced}
)

const refused = "" // the transition is not allowed, and the state stays

// transition is one named event, and what it makes of each state.
type transition struct {
	name   string
	become func(*task.Lifecycle) bool
	want   map[string]string
}

// Every pair of a state and a transition is named: it leads to one state, or it is refused and changes nothing.
func TestEveryTransitionFromEveryState(t *testing.T) {
	t.Parallel()
	for _, e := range []transition{
		{"BecomeIntake", (*task.Lifecycle).BecomeIntake, map[string]string{
			"Intake": "Intake", "Claimed": "Intake", "InDoubt": "Intake", "Waiting": refused, "Preparing": refused,
			"Dispatching": refused, "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomeClaimed", (*task.Lifecycle).BecomeClaimed, map[string]string{
			"Intake": "Claimed", "Claimed": refused, "InDoubt": refused, "Waiting": refused, "Preparing": refused,
			"Dispatching": refused, "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomeInDoubt", (*task.Lifecycle).BecomeInDoubt, map[string]string{
			"Intake": "InDoubt", "Claimed": refused, "InDoubt": refused, "Waiting": refused, "Preparing": refused,
			"Dispatching": refused, "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomeOpen", (*task.Lifecycle).BecomeOpen, map[string]string{
			"Intake": "Waiting", "Claimed": "Waiting", "InDoubt": "Waiting", "Waiting": refused, "Preparing": refused,
			"Dispatching": refused, "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomePreparing", (*task.Lifecycle).BecomePreparing, map[string]string{
			"Intake": refused, "Claimed": refused, "InDoubt": refused, "Waiting": "Preparing", "Preparing": refused,
			"Dispatching": refused, "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomePrepared", (*task.Lifecycle).BecomePrepared, map[string]string{
			"Intake": refused, "Claimed": refused, "InDoubt": refused, "Waiting": refused, "Preparing": "Waiting",
			"Dispatching": refused, "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomeDispatching", (*task.Lifecycle).BecomeDispatching, map[string]string{
			"Intake": refused, "Claimed": refused, "InDoubt": refused, "Waiting": "Dispatching", "Preparing": refused,
			"Dispatching": refused, "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomeWaiting", (*task.Lifecycle).BecomeWaiting, map[string]string{
			"Intake": refused, "Claimed": refused, "InDoubt": refused, "Waiting": refused, "Preparing": refused,
			"Dispatching": "Waiting", "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomeClosing", (*task.Lifecycle).BecomeClosing, map[string]string{
			"Intake": refused, "Claimed": refused, "InDoubt": refused, "Waiting": "Closing", "Preparing": "Closing",
			"Dispatching": refused, "Closing": refused, "Closed": refused, "Gone": refused,
		}},
		{"BecomeClosed", (*task.Lifecycle).BecomeClosed, map[string]string{
			"Intake": "Closed", "Claimed": "Closed", "InDoubt": "Closed", "Waiting": refused, "Preparing": refused,
			"Dispatching": refused, "Closing": "Closed", "Closed": refused, "Gone": refused,
		}},
		{"BecomeGone", (*task.Lifecycle).BecomeGone, map[string]string{
			"Intake": "Gone", "Claimed": "Gone", "InDoubt": "Gone", "Waiting": "Gone", "Preparing": "Gone",
			"Dispatching": refused, "Closing": "Gone", "Closed": "Gone", "Gone": refused,
		}},
		{"BecomeTracked", (*task.Lifecycle).BecomeTracked, map[string]string{
			"Overflow": "Tracked", "Tracked": refused, "Untracked": refused, "Retracked": refused,
		}},
		{"BecomeUntracked", (*task.Lifecycle).BecomeUntracked, map[string]string{
			"Overflow": "Untracked", "Tracked": "Untracked", "Untracked": refused, "Retracked": "Untracked",
		}},
		{"BecomeRetracked", (*task.Lifecycle).BecomeRetracked, map[string]string{
			"Overflow": refused, "Tracked": refused, "Untracked": "Retracked", "Retracked": refused,
		}},
		{"BecomeEnding", (*task.Lifecycle).BecomeEnding, map[string]string{
			"Running": "Ends", "Ends": refused, "Announced": refused,
		}},
		{"BecomeAnnounced", (*task.Lifecycle).BecomeAnnounced, map[string]string{
			"Running": refused, "Ends": "Announced", "Announced": "Announced",
		}},
		{"BecomeEnded", (*task.Lifecycle).BecomeEnded, map[string]string{
			"Running": "Announced", "Ends": "Announced", "Announced": "Announced",
		}},
	} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			if n := len(e.want); n != len(states) && n != len(memberships) && n != len(endings) {
				t.Fatalf("%d states are named: all of one kind must be", n)
			}
			for from, want := range e.want {
				e.check(t, from, want)
			}
		})
	}
}

func (e transition) check(t *testing.T, from, want string) {
	t.Helper()
	var l task.Lifecycle
	for _, become := range to[from] {
		if !become(&l) {
			t.Fatalf("a task can't be brought to %s", from)
		}
	}
	after := l
	allowed := e.become(&after)
	if allowed != (want != refused) {
		t.Errorf("from %s: allowed is %v; want %v", from, allowed, want != refused)
	}
	if want == refused {
		if after != l {
			t.Errorf("from %s: refused, and the state is another one: %+v, not %+v", from, after, l)
		}
		return
	}
	state, isState := states[want]
	membership, isMembership := memberships[want]
	ending, isEnding := endings[want]
	if !isState {
		state = l.State()
	}
	if !isMembership {
		membership = l.Membership()
	}
	if !isEnding {
		ending = l.Ending()
	}
	if after.State() != state || after.Membership() != membership || after.Ending() != ending {
		t.Errorf("from %s: %+v, not %s with the rest as it was", from, after, want)
	}
}

// A task has recipients to dispatch, and a place in its queue, in these states and no others.
func TestOpenAndQueuedStates(t *testing.T) {
	t.Parallel()
	open := map[string]bool{"Waiting": true, "Preparing": true, "Dispatching": true}
	queued := map[string]bool{"Waiting": true, "Preparing": true, "Dispatching": true, "Closing": true, "Closed": true}
	over := map[string]bool{"Closed": true, "Gone": true}
	for name := range states {
		var l task.Lifecycle
		for _, become := range to[name] {
			become(&l)
		}
		if l.Open() != open[name] || l.Queued() != queued[name] || l.Over() != over[name] {
			t.Errorf("%s: open %v, queued %v, over %v; want %v, %v, %v", name, l.Open(), l.Queued(), l.Over(), open[name], queued[name], over[name])
		}
	}
}
