package schedule

import "container/heap"

// entryHeap is a heap of entries that know their place in it.
type entryHeap[T any] struct {
	index int
	items []*Entry[T]
	less  func(a, b *Entry[T]) bool
}

func (p *entryHeap[T]) Len() int           { return len(p.items) }
func (p *entryHeap[T]) Less(i, j int) bool { return p.less(p.items[i], p.items[j]) }
func (p *entryHeap[T]) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	p.items[i].at[p.index], p.items[j].at[p.index] = i+1, j+1
}

// Push is heap.Interface's; use push.
func (p *entryHeap[T]) Push(x any) {
	e := x.(*Entry[T])
	p.items = append(p.items, e)
	e.at[p.index] = len(p.items)
}

// Pop is heap.Interface's; use remove.
func (p *entryHeap[T]) Pop() any {
	last := len(p.items) - 1
	e := p.items[last]
	p.items[last] = nil
	p.items = p.items[:last]
	e.at[p.index] = 0
	return e
}

func (p *entryHeap[T]) push(e *Entry[T]) { heap.Push(p, e) }

func (p *entryHeap[T]) remove(e *Entry[T]) {
	if at := e.at[p.index]; at > 0 {
		heap.Remove(p, at-1)
	}
}

func (p *entryHeap[T]) min() *Entry[T] {
	if len(p.items) == 0 {
		return nil
	}
	return p.items[0]
}
