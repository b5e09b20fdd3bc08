package fold

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"altavoz/schemas"
)

// Months counts delivered messages by sender number and price (schemas/price), for the latest month (UTC) in which any task began and the one
// before. A message is of the month in which its task began. What is told of a task that is in memory no more does not count until the topic is
// read again. It takes some 200 bytes a number and month. It is safe for concurrent use; the zero value is ready.
type Months struct {
	mu   sync.Mutex
	sums map[numbersMonth]map[uint32]int64
	last int
}

type numbersMonth struct {
	number string
	month  int
}

// monthOf is the month (UTC) of a moment.
func monthOf(ms int64) int {
	y, m, _ := time.UnixMilli(ms).UTC().Date()
	return 12*y + int(m)
}

// Priced returns how many messages of a number have each price, of tasks that began in the month (UTC) of a moment in unix milliseconds.
func (m *Months) Priced(number string, atMs int64) []*schemas.PriceCount {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*schemas.PriceCount
	for p, n := range m.sums[numbersMonth{number, monthOf(atMs)}] {
		if n > 0 {
			all = append(all, &schemas.PriceCount{Price: p, Count: uint32(n)})
		}
	}
	slices.SortFunc(all, func(a, b *schemas.PriceCount) int { return cmp.Compare(a.GetPrice(), b.GetPrice()) })
	return all
}

// replace counts what the newer of two statuses of a task has in the place of what the older one had.
func (m *Months) replace(old, now *schemas.Status) {
	if len(old.GetPrices()) == 0 && len(now.GetPrices()) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range old.GetPrices() {
		if sums := m.of(old); sums != nil {
			sums[c.GetPrice()] -= int64(c.GetCount()) //mutant:newer-status-replaces-prices
		}
	}
	for _, c := range now.GetPrices() {
		if sums := m.of(now); sums != nil {
			sums[c.GetPrice()] += int64(c.GetCount())
		}
	}
}

// of returns the sums that a task belongs to; nil where they are forgotten.
func (m *Months) of(s *schemas.Status) map[uint32]int64 {
	k := numbersMonth{s.GetPlan().GetSender(), monthOf(cmp.Or(s.GetStartedMs(), s.GetPlan().GetAcceptedMs()))}
	if k.month < m.last-1 {
		return nil
	}
	if m.sums == nil {
		m.sums = make(map[numbersMonth]map[uint32]int64)
	}
	if k.month > m.last {
		m.last = k.month
		for other := range m.sums {
			if other.month < m.last-1 {
				delete(m.sums, other)
			}
		}
	}
	if m.sums[k] == nil {
		m.sums[k] = make(map[uint32]int64)
	}
	return m.sums[k]
}
