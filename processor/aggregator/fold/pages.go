package fold

import (
	"fmt"

	"altavoz/schemas"
	"altavoz/schemas/price"
)

// NoRecord is the offset of a page or status that no topic holds yet.
const NoRecord int64 = -1

// Page is the states of up to schemas.PageRecipients recipients, one byte each, and the prices of their messages.
type Page struct {
	States   []byte // nil: not in memory. Shorter than the page as long as nothing was recorded about the rest
	Prices   []byte // nil: none is known. At most as long as the states
	Offset   int64  // of the newest record that holds them: exactly them, unless Dirty
	Used     uint64 // the owner's clock when it was last touched
	Errors   uint16 // how many ended badly: tells where error lines are without reading; at most 16,384
	Dirty    bool   // memory has more than the record
	InFlight uint8  // records of it that wait for their acknowledgement; at most 3: see the checkpoints of the aggregator
}

// ReadPage brings page n back from the record at the given offset.
type ReadPage func(n uint32, at int64) (*schemas.StatePage, error)

// Pages is a task's recipients and the histogram of their states.
type Pages struct {
	List    []Page
	Counts  [256]uint32 // how many recipients are in a state; pending ones are not counted
	Decided uint32      // sum of Counts
	Priced  Prices
	Bytes   int64  // of states and prices in memory
	Clock   uint64 // what a page that is touched now gets as its Used
	Tally   *Tally // nil while reading back what was counted before

	errors uint32 // sum of the pages' Errors
}

// NewPages returns pages that are in memory.
func NewPages(list []Page) Pages {
	k := Pages{List: list}
	for i := range list {
		k.errors += uint32(list[i].Errors)
		k.Bytes += list[i].bytes()
		for _, m := range list[i].States {
			if schemas.RecipientState(m).Decided() {
				k.Counts[m]++
				k.Decided++
			}
		}
		for _, c := range list[i].Prices {
			k.Priced.count(price.None, price.Class(c))
		}
	}
	return k
}

func (p *Page) bytes() int64 { return int64(len(p.States) + len(p.Prices)) }

// resident makes page n reach at least size bytes in memory; hint is the size that it will have in the end.
func (k *Pages) resident(n uint32, size, hint int, read ReadPage) (*Page, error) {
	for uint32(len(k.List)) <= n {
		k.List = append(k.List, Page{Offset: NoRecord})
	}
	p := &k.List[n]
	if p.States == nil && p.Offset != NoRecord {
		b, err := read(n, p.Offset)
		if err != nil {
			return nil, fmt.Errorf("reading page %d of the states: %w", n, err)
		}
		p.States, p.Prices = b.GetMarks(), b.GetPrices()
		p.Prices = p.Prices[:min(len(p.Prices), len(p.States))]
		k.Bytes += p.bytes()
	}
	p.Used = k.Clock
	if have := len(p.States); have < size {
		want := max(size, min(2*have, hint), min(hint, schemas.ExpressRecipients))
		grown := make([]byte, want)
		copy(grown, p.States)
		p.States = grown
		k.Bytes += int64(want - have)
	}
	return p, nil
}

// Evict frees a page's memory; what it held must lie in the record at p.Offset.
func (k *Pages) Evict(p *Page) {
	k.Bytes -= p.bytes()
	p.States, p.Prices = nil, nil
}

// set moves recipient j of the page p, which must be in memory, from one state to another.
func (k *Pages) set(p *Page, j uint32, from, to schemas.RecipientState) {
	p.States[j] = byte(to)
	p.Dirty = true
	if from.Decided() {
		k.Counts[from]--
	} else {
		k.Decided++
	}
	if to.Decided() {
		k.Counts[to]++
		if k.Tally != nil {
			k.Tally.Count(from, to)
		}
	} else {
		k.Decided--
	}
	switch was, is := isError(from), isError(to); {
	case is && !was:
		p.Errors++
		k.errors++
	case was && !is:
		p.Errors--
		k.errors--
	}
}

// MergePage folds other states and prices of page n into it. It reports whether that changed it, and whether other had all of it.
func (k *Pages) MergePage(n uint32, other *schemas.StatePage, hint int, read ReadPage) (changed, covers bool, err error) {
	states, prices := other.GetMarks(), other.GetPrices()
	states = states[:min(len(states), schemas.PageRecipients)]
	prices = prices[:min(len(prices), len(states))]
	p, err := k.resident(n, len(states), max(hint, len(states)), read)
	if err != nil {
		return false, false, err
	}
	covers = true
	for j, m := range p.States {
		var o byte
		if j < len(states) {
			o = states[j]
		}
		switch {
		case o > m: //mutant:foreign-marks-only-raise
			k.set(p, uint32(j), schemas.RecipientState(m), schemas.RecipientState(o))
			changed = true
		case o < m:
			covers = false
		}
	}
	for j, c := range prices {
		_, raised := k.setPrice(p, uint32(j), price.Class(c))
		changed = changed || raised
	}
	for j, c := range p.Prices {
		if c > 0 && (j >= len(prices) || prices[j] < c) { //mutant:page-without-prices-is-written-again
			covers = false
		}
	}
	return changed, covers, nil
}

// Written reports whether the records of all pages have all that memory has.
func (k *Pages) Written() bool {
	for i := range k.List {
		if k.List[i].Dirty || k.List[i].InFlight > 0 {
			return false
		}
	}
	return true
}

// Agree reports whether a status with these counts says the same as the pages, all of which were in memory.
func (k *Pages) Agree(counts []*schemas.StateCount, prices []*schemas.PriceCount) bool {
	return k.Counts == Histogram(counts) && k.Priced.Equal(PricesOf(prices)) //mutant:prices-are-recounted
}

// Histogram is the counts of a status, by state.
func Histogram(all []*schemas.StateCount) (counts [256]uint32) {
	for _, c := range all {
		if c.GetMark() > 0 && c.GetMark() < uint32(len(counts)) {
			counts[c.GetMark()] = c.GetCount()
		}
	}
	return counts
}
