package sender

import (
	"context"
	"slices"

	line "altavoz/processor/sender/ledger"
	"altavoz/schemas"
	"altavoz/stream"
)

// identities is what a ledger knows of which records it speaks of.
type identities struct {
	trail     line.Trail
	inherited []line.Mark         // by offset; of records that were not read here yet
	doubt     line.Cut            // records that lie in it may have been called, unless the ledger knows better
	beforeCut map[int64]cell      // what it said of them before
	lost      map[uint32]struct{} // the sums of started records that the log does not hold any more
	encoded   line.Identity       // scratch
	scratch   [2][]line.Mark
}

// maxStartedMarks is how many started records are named at most in one commit, the newest: a process has some 256 calls
// under way (defaultMaxInFlight), over all its partitions. What is not named is judged by its neighbours.
const maxStartedMarks = 96

// inherit takes over which records the ledger speaks of.
func (l *ledger) inherit(id *line.Identity) {
	l.identities.inherited, l.identities.doubt = id.Marks, line.Cut{From: id.DoubtFrom, To: id.DoubtTo}
	sums := make(map[int64]uint32, len(id.Marks))
	for _, m := range id.Marks {
		sums[m.Offset] = m.Sum
	}
	for c := l.head; c != nil; c = c.next {
		c.sum = sums[c.offset]
		c.doubt = !c.started && l.identities.inDoubt(c.offset)
	}
}

// applyCut takes in that the log is another one from some offset on: what the ledger says from there on it says of records
// that are gone.
func (l *ledger) applyCut(at line.Cut) {
	w := &l.identities
	was := make(map[int64]cell)
	for c := l.tail; c != nil && c.offset >= at.From; c = l.tail {
		if c.offset < at.To {
			was[c.offset] = cell{started: c.started, again: c.again, doubt: c.doubt, sum: c.sum}
		} else if c.started {
			w.rememberLost(c.sum)
		}
		l.finish(c)
	}
	l.next = min(l.next, at.From)
	l.touchedEnd, l.unread = l.next, l.head
	from := at.From
	if w.doubt.From < w.doubt.To {
		from = min(from, w.doubt.From)
	}
	w.doubt, w.beforeCut = line.Cut{From: from, To: at.To}, was
	end, _ := slices.BinarySearchFunc(w.inherited, at.From, func(m line.Mark, o int64) int { return int(max(-1, min(1, m.Offset-o))) })
	w.inherited = w.inherited[:end]
}

func (w *identities) inDoubt(offset int64) bool { return offset >= w.doubt.From && offset < w.doubt.To }

// restore gives a record that is read what the ledger said of it before the log was found to be another one.
func (l *ledger) restore(c *cell) {
	w := &l.identities
	if !w.inDoubt(c.offset) {
		return
	}
	was, ok := w.beforeCut[c.offset]
	delete(w.beforeCut, c.offset)
	c.started, c.sum, c.doubt = was.started, was.sum, !ok || was.doubt
	if was.again {
		l.markRepeated(c)
	}
}

// rememberLost remembers a started record that is gone: should its send come again, it may have been called.
func (w *identities) rememberLost(sum uint32) {
	if sum == 0 {
		return
	}
	if w.lost == nil {
		w.lost = make(map[uint32]struct{})
	}
	w.lost[sum] = struct{}{}
}

// verify takes in which record a place holds. Another one than was started there was not called, unless the log had it elsewhere before.
func (l *ledger) verify(c *cell, sum uint32) {
	w := &l.identities
	if c.started && c.sum != 0 && c.sum != sum {
		w.rememberLost(c.sum)
		l.clearRepeated(c)
		c.started = false
	}
	if _, again := w.lost[sum]; again && !c.started { //mutant:started-send-that-is-gone-is-not-called-again
		c.started = true
	}
	c.sum = sum
}

// identity returns what is to be committed of which records these are: those that are started, the first open one, and some
// below the last one touched.
func (l *ledger) identity() *line.Identity {
	w := &l.identities
	open := w.scratch[0][:0]
	for c := l.head; c != nil && c.offset < l.touchedEnd; c = c.next {
		if c.sum != 0 && (c.started || c == l.head) {
			open = append(open, line.Mark{Offset: c.offset, Sum: c.sum})
		}
	}
	rungs := w.trail.Below(l.touchedEnd, w.scratch[1][:0])
	w.scratch[0], w.scratch[1] = open, rungs
	if n := len(open); n > maxStartedMarks {
		open = append(open[:1], open[n-maxStartedMarks+1:]...)
	}
	for len(w.inherited) > 0 && w.inherited[0].Offset < w.trail.Next() {
		w.inherited = w.inherited[1:]
	}
	w.encoded = line.Identity{DoubtFrom: w.doubt.From, DoubtTo: w.doubt.To, Marks: line.Merge(w.encoded.Marks[:0], open, rungs)}
	if len(w.inherited) > 0 {
		w.encoded.Marks = line.Merge(nil, w.encoded.Marks, w.inherited)
	}
	return &w.encoded
}

// takeOver reads the ledger that was committed and holds it against the log. cut says that the log is not, or not whole, the
// one of which the ledger speaks. What may have been called is called unknown then, and what cannot have been is sent:
//
//   - The offsets are gone, or somebody set them: every record that is in the log may have been called.
//   - The log ends below what was committed, or holds other records there: those from the first that is another one on were
//     never called, whatever the ledger says of their offsets. Between the last that is the same and the first that is not
//     nobody knows.
func (st *Stage) takeOver(ctx context.Context, pos stream.Position) (l *ledger, cut bool, err error) {
	var at line.Cut
	var id line.Identity
	var runs []run
	what := "the group's offset is gone or was set by somebody else"
	if pos.Begun && pos.Metadata == "" { //mutant:foreign-offsets-are-not-believed
		at, cut = line.Cut{From: pos.Begin, To: pos.End}, pos.Begin < pos.End
		l, err = newLedger(pos.Begin, nil)
	} else {
		id, runs, err = line.Decode(pos.Metadata, pos.Offset) //mutant:takeover-reads-the-ledger
		if err != nil {
			return nil, false, err
		}
		l, err = newLedger(pos.Offset, runs) //mutant:takeover-sends-what-was-not-started
		if err != nil || pos.Offset < 0 {
			return l, false, err
		}
		l.inherit(&id)
		what = "the log ends below what was committed, or holds other records"
		at, cut, err = line.Find(id.Marks, pos.Begin, pos.End, l.next, func(offset int64) (uint32, bool, error) {
			rec, found, err := st.ports.Records.Record(ctx, pos.Partition, offset)
			if err != nil || !found {
				return 0, false, err
			}
			// Which record it is only that version can say: it is waited for.
			if err := schemas.CheckVersion(&rec); err != nil { //mutant:ledger-of-newer-records-is-left-as-it-is
				return 0, false, err
			}
			in := decode(&rec)
			return in.checksum(), true, nil
		})
	}
	if err != nil || !cut {
		return l, false, err //nolint:wrapcheck // Assign says what it is about
	}
	l.applyCut(at) //mutant:what-the-log-lost-is-not-done
	st.metrics.disagreements.Inc()
	st.log.Error("ledger and log do not agree; sends that may have been made are unknown", "disagreement", what, "topic", pos.Partition.Topic,
		"partition", pos.Partition.Partition, "committed", pos.Offset, "begin", pos.Begin, "end", pos.End, "unknown_from", at.From, "unknown_to", at.To)
	return l, true, nil
}
