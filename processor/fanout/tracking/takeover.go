package tracking

import (
	"context"
	"fmt"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// Doubt says that the log may not be the one of which the ledger that was taken over speaks: it lost its end, or the ledger itself
// is gone, or somebody set its offset. Then nothing of what the log held at the assignment is passed over for its offset. Each
// broadcast is asked for by its identity, in the Status: finished ones are dropped; one without a Status writes its TaskOpened and
// waits for the Status, behind everything that was said before; one that was under way goes on by its line, if that is its own.
//
// Where the ledger is gone nobody knows how far a broadcast came beyond what its Status says, and the Status lags behind the
// results. So a broadcast waits until the aggregator has folded all that was said of it before the takeover: an update with a time of
// its own is written behind the TaskOpened, and the Status that carries that time shows everything before. One of which it shows
// nothing is new: what a quantum of it may have put on the log unacknowledged is still with the senders, who drop what they have
// seen. Beyond the Status of one that began at most a window and a quantum were dispatched; who of these has no outcome is unknown (a
// line in doubt), and the rest is sent. That takes as long as the aggregator is behind, so the ledger says up to where it is so
// (below): the next owner waits too. Broadcasts that came later do not.
type Doubt struct {
	any      bool // there is doubt
	gone     bool // the ledger; else the log lost its end
	from, to int64
	// below it, broadcasts without a line, or with an untouched one, may have been under way; 0: it is known of all
	below   int64
	waiting int // broadcasts that wait for their Status
}

// Any reports whether there is doubt, and Gone whether it is because the ledger itself is gone.
func (d Doubt) Any() bool { return d.any }

// Gone reports whether the ledger itself is gone.
func (d Doubt) Gone() bool { return d.gone }

// covers reports whether the log held the offset at the assignment.
func (d Doubt) covers(offset int64) bool { return offset >= d.from && offset < d.to }

// Verify holds a position against its log. In doubt the whole log is read again.
func Verify(ctx context.Context, log stream.RecordReader, pos stream.Position, l *ledger.Ledger) (stream.Position, Doubt, error) {
	d := Doubt{any: true, gone: pos.Begun && pos.Metadata == "", from: pos.Begin, to: pos.End}
	cut := max(pos.Offset, l.Next) > pos.End
	if last := l.Last; !d.gone && !cut && last.Sum != 0 && last.Offset >= pos.Begin {
		rec, err := log.Record(ctx, pos.Partition, last.Offset)
		if err != nil && !stream.IsGone(err) {
			return pos, Doubt{}, fmt.Errorf("reading the last broadcast again: %w", err)
		}
		cut = err != nil || ledger.SumOf(rec.Value) != last.Sum
	}
	if !d.gone && !cut {
		return pos, Doubt{below: l.Doubt}, nil
	}
	if d.gone {
		*l = ledger.Ledger{Doubt: pos.End}
	}
	var touched []ledger.Line
	for _, e := range l.Lines {
		if !e.Untouched() {
			touched = append(touched, e)
		}
	}
	*l = ledger.Ledger{Next: max(pos.Begin, min(l.Next, pos.End)), Lines: touched, Owners: l.Owners, Doubt: min(l.Doubt, pos.End)}
	pos.Offset, d.below = pos.Begin, l.Doubt
	return pos, d, nil
}

// inherited is what the ledger that was taken over says, as far as it is not read again yet.
type inherited struct {
	lines     map[int64]ledger.Line
	next      int64   // broadcasts at or above it are as if never read
	owners    []int64 // numbers of this owner and of those that it replaced, the newest first
	leaseLost bool    // of what earlier owners had leased something can't be repeated
	doubt     Doubt
	unlocated map[schemas.TaskID]*schemas.Status // under way, and to be found in a log in doubt
}

// Restored reports whether all that the ledger taken over lists was found.
func (h *inherited) Restored() bool { return len(h.lines) == 0 }

// Next is up to where the ledger taken over had read the log.
func (h *inherited) Next() int64 { return h.next }

// Passed reports whether a broadcast that is read again is finished, or parked and known from its Status.
func (h *inherited) Passed(offset int64, listed bool) bool {
	return offset < h.next && !listed && !h.doubt.covers(offset) //mutant:new-broadcast-at-an-old-offset-is-taken-in
}

// Take takes the line of a task that its Status shows, and reports whether the ledger goes on to list it.
func (h *inherited) Take(id schemas.TaskID, offset int64) (known ledger.Line, listed bool) {
	known, listed = h.lines[offset]
	delete(h.lines, offset)
	if known.Sum != 0 && known.Sum != ledger.SumOf(id.Bytes()) {
		return ledger.Line{}, false
	}
	return known, listed && offset < h.next // else its record is gone, and the ledger has no line from its end on
}

// Seek keeps the Status of a task that has to be found in a log in doubt, and Located drops it.
func (h *inherited) Seek(id schemas.TaskID, st *schemas.Status) {
	if h.doubt.any {
		h.unlocated[id] = st
	}
}

// Located says that the record of the task was read.
func (h *inherited) Located(id schemas.TaskID) { delete(h.unlocated, id) }

// MayHaveBegun reports whether a broadcast may have been under way although its line says nothing of that.
func (h *inherited) MayHaveBegun(t *task.Task, known ledger.Line, now time.Time) bool {
	return t.Offset < h.doubt.below && known.Untouched() && t.Schedule <= now.UnixMilli()
}

// Doubtful reports whether another broadcast may have the offset, or nobody knows whether this one began.
func (h *inherited) Doubtful(offset int64) bool {
	return offset < h.doubt.below || h.doubt.covers(offset)
}

// Await counts a broadcast that waits for a Status that shows how far it came, and Resolved one that does not any more.
func (h *inherited) Await() { h.doubt.waiting++ }

// Resolved ends the waiting of a broadcast.
func (h *inherited) Resolved() { h.doubt.waiting-- }

// Awaited is how many broadcasts wait.
func (h *inherited) Awaited() int { return h.doubt.waiting }

// Owner is the number of this ownership, from takeover to takeover. It stands in each of its sends and in the ledger: the next owner
// reads it there and says in its own sends whom it replaced.
func (h *inherited) Owner() int64 { return h.owners[0] }

// Replaced returns what the sends of a quantum say of earlier owners: whom they are a repeat of or, once nothing is left that one
// of them had leased, that all is repeated. Whatever those write from then on has a copy that lies before, or an outcome.
func (h *inherited) Replaced(repeat, allRepeated bool) (owners []int64, all bool) {
	if all = allRepeated && !h.leaseLost; all || repeat {
		owners = h.owners[1:]
	}
	return owners, all
}
