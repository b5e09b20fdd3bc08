package task

import "slices"

// State is how far a record of the broadcasts topic has come.
type State uint8

// The states.
const (
	Intake      State = iota // its record is looked up, or written elsewhere: to its home partition, or to rejects
	Claimed                  // its id was chosen by a caller: it starts when its Status shows that it came first
	InDoubt                  // as Claimed, and its Status has to show how far it came
	Waiting                  // is scheduled, unless something blocks it
	Preparing                // something that it needs for its next quantum is read, uploaded or written
	Dispatching              // a quantum is leased, or being written
	Closing                  // its last records are being written
	Closed                   // they are; the ledger keeps it until the Status says the same
	Gone
)

// Membership is where the ledger has a broadcast.
type Membership uint8

// The memberships.
const (
	Overflow  Membership = iota // at or above ledger.Next: as if it had not been read
	Tracked                     // the watermark is at or below it
	Untracked                   // parked, or finished
	Retracked                   // was parked: the watermark does not wait for it
)

// Ending is whether a task ends although recipients are left.
type Ending uint8

// The endings.
const (
	Running   Ending = iota
	Ends             // nothing more is dispatched
	Announced        // and the log has that: the rest may be cancelled
)

// Lifecycle is the state of a task. It changes by its named transitions only; they report whether they are allowed.
type Lifecycle struct {
	state      State
	membership Membership
	ending     Ending
}

// State is how far the task has come.
func (l *Lifecycle) State() State { return l.state }

// Membership is where the ledger has it.
func (l *Lifecycle) Membership() Membership { return l.membership }

// Ending is whether it ends early.
func (l *Lifecycle) Ending() Ending { return l.ending }

// Open reports whether recipients are left to dispatch.
func (l *Lifecycle) Open() bool {
	return l.state == Waiting || l.state == Preparing || l.state == Dispatching
}

// AwaitsStatus reports whether the task waits for its Status to start.
func (l *Lifecycle) AwaitsStatus() bool { return l.state == Claimed || l.state == InDoubt }

// Queued reports whether the task is in its queue.
func (l *Lifecycle) Queued() bool { return l.state >= Waiting && l.state < Gone }

// Over reports whether nothing of the task's recipients is left to do here.
func (l *Lifecycle) Over() bool { return l.state == Closed || l.state == Gone }

// Listed reports whether the ledger has a line for the task.
func (l *Lifecycle) Listed() bool { return l.membership == Tracked || l.membership == Retracked }

func (l *Lifecycle) become(to State, from ...State) bool {
	if !slices.Contains(from, l.state) {
		return false
	}
	l.state = to
	return true
}

// BecomeIntake has the record looked up or written elsewhere.
func (l *Lifecycle) BecomeIntake() bool { return l.become(Intake, Intake, Claimed, InDoubt) }

// BecomeClaimed has the task wait for its Status.
func (l *Lifecycle) BecomeClaimed() bool { return l.become(Claimed, Intake) }

// BecomeInDoubt has the task wait for a Status that shows how far it came.
func (l *Lifecycle) BecomeInDoubt() bool { return l.become(InDoubt, Intake) }

// BecomeOpen starts the task, or goes on with it.
func (l *Lifecycle) BecomeOpen() bool { return l.become(Waiting, Intake, Claimed, InDoubt) }

// BecomePreparing has the task wait for something that is read, uploaded or written.
func (l *Lifecycle) BecomePreparing() bool { return l.become(Preparing, Waiting) }

// BecomePrepared ends that.
func (l *Lifecycle) BecomePrepared() bool { return l.become(Waiting, Preparing) }

// BecomeDispatching gives the task a quantum.
func (l *Lifecycle) BecomeDispatching() bool { return l.become(Dispatching, Waiting) }

// BecomeWaiting ends the quantum: it is dispatched, or taken back.
func (l *Lifecycle) BecomeWaiting() bool { return l.become(Waiting, Dispatching) }

// BecomeClosing ends dispatch. A quantum that is under way ends before: nobody who has a send is called cancelled.
func (l *Lifecycle) BecomeClosing() bool {
	return l.become(Closing, Waiting, Preparing) //mutant:rest-waits-for-the-quantum
}

// BecomeClosed is for a task whose last records are acknowledged, and for one that a takeover finds dispatched.
func (l *Lifecycle) BecomeClosed() bool { return l.become(Closed, Closing, Intake, Claimed, InDoubt) }

// BecomeGone forgets the task. A quantum that is under way ends before.
func (l *Lifecycle) BecomeGone() bool {
	return l.become(Gone, Intake, Claimed, InDoubt, Waiting, Preparing, Closing, Closed)
}

func (l *Lifecycle) move(to Membership, from ...Membership) bool {
	if !slices.Contains(from, l.membership) {
		return false
	}
	l.membership = to
	return true
}

// BecomeTracked takes the broadcast into the ledger.
func (l *Lifecycle) BecomeTracked() bool { return l.move(Tracked, Overflow) }

// BecomeUntracked takes it out: it is finished, or parked.
func (l *Lifecycle) BecomeUntracked() bool { return l.move(Untracked, Overflow, Tracked, Retracked) }

// BecomeRetracked takes a parked broadcast in again, because it is to have a quantum.
func (l *Lifecycle) BecomeRetracked() bool { return l.move(Retracked, Untracked) }

func (l *Lifecycle) end(to Ending, from ...Ending) bool {
	if !slices.Contains(from, l.ending) {
		return false
	}
	l.ending = to
	return true
}

// BecomeEnding dispatches nothing more.
func (l *Lifecycle) BecomeEnding() bool { return l.end(Ends, Running) }

// BecomeAnnounced says that the end is acknowledged.
func (l *Lifecycle) BecomeAnnounced() bool { return l.end(Announced, Ends, Announced) }

// BecomeEnded is for an end that another owner announced.
func (l *Lifecycle) BecomeEnded() bool { return l.end(Announced, Running, Ends, Announced) }
