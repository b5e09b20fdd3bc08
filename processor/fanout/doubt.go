package fanout

import (
	"context"
	"fmt"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
)

// doubt says that the log may not be the one of which the ledger that was taken over speaks: it lost its end, or the ledger itself
// is gone, or somebody set its offset. Then nothing of what the log held at the assignment is passed over for its offset. Each
// broadcast is asked for by its identity, in the Status: finished ones are dropped; one without a Status writes its Plan and waits
// for the Status, behind everything that was said before; one that was under way goes on by its line, if that is its own.
//
// Where the ledger is gone nobody knows how far a broadcast came beyond what its Status says. At most a window and a turn were
// dispatched beyond it; who of these has no outcome is unknown (a line in doubt), and the rest is sent.
type doubt struct {
	any      bool  // there is doubt
	gone     bool  // the ledger; else the log lost its end
	from, to int64 // what the log held; it may be nothing
}

func (d doubt) covers(offset int64) bool { return offset >= d.from && offset < d.to }

// verify holds a position against its log. In doubt the whole log is read again.
func (st *Stage) verify(ctx context.Context, pos schemas.Position, l *ledger.Ledger) (schemas.Position, doubt, error) {
	d := doubt{any: true, gone: pos.Begun && pos.Metadata == "", from: pos.Begin, to: pos.End}
	cut := max(pos.Offset, l.Next) > pos.End
	if last := l.Last; !d.gone && !cut && last.Sum != 0 && last.Offset >= pos.Begin {
		rec, err := st.ports.Records.Record(ctx, pos.Slot, last.Offset)
		if err != nil && !st.ports.Gone(err) {
			return pos, doubt{}, fmt.Errorf("reading the last broadcast again: %w", err)
		}
		cut = err != nil || ledger.SumOf(rec.Value) != last.Sum
	}
	if !d.gone && !cut {
		return pos, doubt{}, nil
	}
	st.metrics.disagreements.Inc()
	st.log.Error("ledger and log do not agree: the log lost its end, or the offset is gone; broadcasts are sought by their statuses", "slot", pos.Slot.String(),
		"committed", pos.Offset, "next", l.Next, "begin", pos.Begin, "end", pos.End, "gone", d.gone)
	if d.gone {
		*l = ledger.Ledger{}
	}
	var touched []ledger.Line
	for _, e := range l.Lines {
		if !e.Untouched() {
			touched = append(touched, e)
		}
	}
	*l = ledger.Ledger{Next: max(pos.Begin, min(l.Next, pos.End)), Lines: touched, Owners: l.Owners}
	pos.Offset = pos.Begin
	return pos, d, nil
}

// willBeRead reports whether a takeover finds a broadcast in the log.
func (s *slot) willBeRead(offset int64, listed bool) bool {
	if s.doubt.any {
		return s.doubt.covers(offset)
	}
	return offset >= s.oldNext || listed && offset >= s.mark
}

// await lets a broadcast wait until its Status shows that it came first under its id, and how far it has come.
func (s *slot) await(t *task) {
	t.state = stateClaim
	s.claims[t.id] = append(s.claims[t.id], t)
	s.claiming++
	s.claim(t)
}

// inferred is the line of a broadcast whose line is gone.
func (s *slot) inferred(t *task, now time.Time) ledger.Line {
	cursor := t.status.GetCursor()
	if !t.doubt || t.schedule > now.UnixMilli() { // it never began
		return ledger.Line{Cursor: cursor}
	}
	reach := max(cursor, status.Decided(t.status)) - cursor + uint32(s.queue(t).Window) + schemas.SliceRecipients
	return ledger.Line{Cursor: cursor, Lease: reach, Doubt: true}
}
