package aggregator

import (
	"fmt"

	"altavoz/processor/aggregator/tally"
	"altavoz/schemas"
)

// noRecord is the offset of a part or status that no topic holds yet.
const noRecord int64 = -1

// part is the marks of up to schemas.PageRecipients recipients.
type part struct {
	marks  []byte // nil: not in memory. Shorter than the part as long as nothing was said about the rest
	at     int64  // offset of the newest record that holds them: exactly them, unless dirty
	used   uint64 // the slot's clock when it was last touched
	bad    uint16 // how many ended badly: tells where error lines are without loading; at most 16,384
	dirty  bool   // memory says more than the record does
	flight uint8  // records of it that wait for their acknowledgement; at most 3 (see slot.checkpoint)
}

// pager brings the marks of part n back from the record at the given offset.
type pager func(n uint32, at int64) ([]byte, error)

// marks is a task's recipients, one byte each, and their histogram.
type marks struct {
	parts   []part
	counts  [256]uint32  // how many recipients carry a mark; pending ones are not counted
	decided uint32       // sum of counts
	bad     uint32       // sum of the parts' bad
	loaded  int64        // bytes in memory
	clock   uint64       // what a part that is touched now gets as its used
	tally   *tally.Tally // nil while reading back what was counted before
}

// marksOf returns the marks of parts that are in memory.
func marksOf(parts []part) marks {
	k := marks{parts: parts}
	for i := range parts {
		k.bad += uint32(parts[i].bad)
		k.loaded += int64(len(parts[i].marks))
		for _, m := range parts[i].marks {
			if schemas.RecipientState(m).Decided() {
				k.counts[m]++
				k.decided++
			}
		}
	}
	return k
}

// bad reports whether a recipient with that mark belongs among the errors.
func bad(m schemas.RecipientState) bool { return m.Decided() && !m.Succeeded() }

// page makes part n reach at least size bytes in memory; hint is the size it will have in the end.
func (k *marks) page(n uint32, size, hint int, read pager) (*part, error) {
	for uint32(len(k.parts)) <= n {
		k.parts = append(k.parts, part{at: noRecord})
	}
	p := &k.parts[n]
	if p.marks == nil && p.at != noRecord {
		b, err := read(n, p.at)
		if err != nil {
			return nil, fmt.Errorf("loading part %d of the marks: %w", n, err)
		}
		p.marks = b
		k.loaded += int64(len(b))
	}
	p.used = k.clock
	if have := len(p.marks); have < size {
		want := max(size, min(2*have, hint), min(hint, schemas.ExpressRecipients))
		grown := make([]byte, want)
		copy(grown, p.marks)
		p.marks = grown
		k.loaded += int64(want - have)
	}
	return p, nil
}

// unload frees a part's memory; what it held must lie in the record at p.at.
func (k *marks) unload(p *part) {
	k.loaded -= int64(len(p.marks))
	p.marks = nil
}

// set moves recipient j of the part p, which must be in memory, from one mark to another.
func (k *marks) set(p *part, j uint32, from, to schemas.RecipientState) {
	p.marks[j] = byte(to)
	p.dirty = true
	if from.Decided() {
		k.counts[from]--
	} else {
		k.decided++
	}
	if to.Decided() {
		k.counts[to]++
		if k.tally != nil {
			k.tally.Count(from, to)
		}
	} else {
		k.decided--
	}
	switch was, is := bad(from), bad(to); {
	case is && !was:
		p.bad++
		k.bad++
	case was && !is:
		p.bad--
		k.bad--
	}
}

// merge folds other marks of part n into it. It reports whether that changed it, and whether other had all of it.
func (k *marks) merge(n uint32, other []byte, hint int, read pager) (changed, covers bool, err error) {
	if len(other) > schemas.PageRecipients {
		other = other[:schemas.PageRecipients]
	}
	p, err := k.page(n, len(other), max(hint, len(other)), read)
	if err != nil {
		return false, false, err
	}
	covers = true
	for j, m := range p.marks {
		var o byte
		if j < len(other) {
			o = other[j]
		}
		switch {
		case o > m: //mutant:foreign-marks-only-raise
			k.set(p, uint32(j), schemas.RecipientState(m), schemas.RecipientState(o))
			changed = true
		case o < m:
			covers = false
		}
	}
	return changed, covers, nil
}
