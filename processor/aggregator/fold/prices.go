package fold

import (
	"altavoz/schemas"
	"altavoz/schemas/price"
)

// Prices is a histogram of the prices of a task's messages. A task without any has none.
type Prices struct{ of *[256]uint32 }

// PricesOf is the histogram in a status.
func PricesOf(all []*schemas.PriceCount) (h Prices) {
	for _, c := range all {
		if p := price.Read(c.GetPrice()); p != price.None {
			h.room()[p] = c.GetCount()
		}
	}
	return h
}

func (h *Prices) room() *[256]uint32 {
	if h.of == nil {
		h.of = new([256]uint32)
	}
	return h.of
}

// count moves a message from one price to another.
func (h *Prices) count(from, to price.Class) {
	if from != price.None {
		h.room()[from]--
	}
	if to != price.None {
		h.room()[to]++
	}
}

func (h Prices) counts() (all []*schemas.PriceCount) {
	if h.of == nil {
		return nil
	}
	for c, n := range h.of {
		if n > 0 {
			all = append(all, &schemas.PriceCount{Price: uint32(c), Count: n})
		}
	}
	return all
}

// Equal reports whether both count the same.
func (h Prices) Equal(other Prices) bool {
	if h.of == nil || other.of == nil {
		return h.counts() == nil && other.counts() == nil
	}
	return *h.of == *other.of
}

// setPrice raises the price of recipient j of the page p, which must be in memory with the recipient's state, and returns what it was.
func (k *Pages) setPrice(p *Page, j uint32, to price.Class) (from price.Class, raised bool) {
	if j < uint32(len(p.Prices)) {
		from = price.Class(p.Prices[j])
	}
	if to <= from { //mutant:message-is-counted-once
		return from, false
	}
	if have := len(p.Prices); j >= uint32(have) {
		grown := make([]byte, len(p.States))
		copy(grown, p.Prices)
		p.Prices = grown
		k.Bytes += int64(len(grown) - have)
	}
	p.Prices[j] = byte(to)
	p.Dirty = true
	k.Priced.count(from, to)
	return from, true
}

// raisePrice takes in what a receipt says of the price of a message.
func (t *Task) raisePrice(p *Page, j uint32, to price.Class) bool {
	from, raised := t.setPrice(p, j, to)
	if raised && from == price.None && t.Tally != nil {
		t.Tally.price(t.Plan.GetSender(), to)
	}
	return raised
}

// trimPrices drops the prices of recipients of a page from the given one on.
func (k *Pages) trimPrices(p *Page, keep int) {
	if len(p.Prices) <= keep {
		return
	}
	for _, c := range p.Prices[keep:] {
		if c != 0 {
			k.Priced.count(price.Class(c), price.None)
			p.Dirty = true
		}
	}
	k.Bytes -= int64(len(p.Prices) - keep)
	p.Prices = p.Prices[:keep]
}
