package ledger

// identities is what a ledger knows of which records it speaks of.
type identities struct {
	trail     Trail
	inherited []Mark              // by offset; of records that were not read here yet
	doubt     Cut                 // records that lie in it may have been called, unless the ledger knows better
	beforeCut map[int64]memory    // what the ledger said of them before the cut
	lost      map[uint32]struct{} // the sums of started records that the log does not hold any more
	encoded   Identity            // scratch
	scratch   [2][]Mark
}

// maxStartedMarks is how many started records are named at most in one commit, the newest: as configured by default a
// process has some 300 calls in flight over all its partitions, and beyond these what a commit has started for each number. What is not named is
// judged by its neighbours.
const maxStartedMarks = 96

// Read records that a record was read, whatever the ledger says of it.
func (l *Ledger[S]) Read(offset int64, sum uint32) { l.identities.trail.Add(offset, sum) }

// inherit takes over the marks that were committed with the ledger.
func (l *Ledger[S]) inherit(id *Identity) {
	l.identities.inherited, l.identities.doubt = id.Marks, Cut{From: id.DoubtFrom, To: id.DoubtTo}
	sums := make(map[int64]uint32, len(id.Marks))
	for _, m := range id.Marks {
		sums[m.Offset] = m.Sum
	}
	for c := l.head; c != nil; c = c.next {
		c.sum = sums[c.Offset]
		c.doubt = !c.started && l.identities.inDoubt(c.Offset)
	}
}

// applyCut drops what the ledger says of records that are gone: from some offset on the log is another one.
func (l *Ledger[S]) applyCut(at Cut) {
	w := &l.identities
	before := make(map[int64]memory)
	for c := l.tail; c != nil && c.Offset >= at.From; c = l.tail {
		if c.Offset < at.To {
			before[c.Offset] = c.memory
		} else if c.started {
			w.rememberLost(c.sum)
		}
		l.Finish(c)
	}
	l.next = min(l.next, at.From)
	l.touchedEnd, l.unread = l.next, l.head
	from := at.From
	if w.doubt.From < w.doubt.To {
		from = min(from, w.doubt.From)
	}
	w.doubt, w.beforeCut = Cut{From: from, To: at.To}, before
	w.inherited = w.inherited[:firstFrom(w.inherited, at.From)]
}

func (w *identities) inDoubt(offset int64) bool { return offset >= w.doubt.From && offset < w.doubt.To }

// restore gives a record that is read what the ledger said of it before the cut.
func (l *Ledger[S]) restore(c *Cell[S]) {
	w := &l.identities
	if !w.inDoubt(c.Offset) {
		return
	}
	before, ok := w.beforeCut[c.Offset]
	delete(w.beforeCut, c.Offset)
	c.started, c.sum, c.doubt = before.started, before.sum, !ok || before.doubt
	if before.again {
		l.Repeat(c)
	}
}

// rememberLost keeps the sum of a started record that is gone: if its send comes again, it may have been called.
func (w *identities) rememberLost(sum uint32) {
	if sum == 0 {
		return
	}
	if w.lost == nil {
		w.lost = make(map[uint32]struct{})
	}
	w.lost[sum] = struct{}{}
}

// Verify compares the record that was read at a cell with the one that the ledger speaks of. Another record than the one that was
// started there was not called, unless the log held it elsewhere before.
func (l *Ledger[S]) Verify(c *Cell[S], sum uint32) {
	w := &l.identities
	if c.started && c.sum != 0 && c.sum != sum {
		w.rememberLost(c.sum)
		l.UndoRepeat(c)
		c.started = false
	}
	if _, again := w.lost[sum]; again && !c.started { //mutant:started-send-that-is-gone-is-not-called-again
		c.started = true
	}
	c.sum = sum
}

// identity returns which records are named in the commit: those that are started, the first open one, and some below the last one
// touched.
func (l *Ledger[S]) identity() *Identity {
	w := &l.identities
	open := w.scratch[0][:0]
	for c := l.head; c != nil && c.Offset < l.touchedEnd; c = c.next {
		if c.sum != 0 && (c.started || c == l.head) {
			open = append(open, Mark{Offset: c.Offset, Sum: c.sum})
		}
	}
	rungs := w.trail.Below(l.touchedEnd, w.scratch[1][:0])
	w.scratch[0], w.scratch[1] = open, rungs
	if n := len(open); n > maxStartedMarks {
		open = append(open[:1], open[n-maxStartedMarks+1:]...)
	}
	read := 0
	for read < len(w.inherited) && w.inherited[read].Offset < w.trail.Next() {
		read++
	}
	w.inherited = w.inherited[read:]
	w.encoded = Identity{DoubtFrom: w.doubt.From, DoubtTo: w.doubt.To, Marks: Merge(w.encoded.Marks[:0], open, rungs)}
	if len(w.inherited) > 0 {
		w.encoded.Marks = Merge(nil, w.encoded.Marks, w.inherited)
	}
	return &w.encoded
}
