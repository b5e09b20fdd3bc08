package turns

import "container/heap"

// pile is a heap of entries that know their place in it.
type pile[T any] struct {
	slot  int
	items []*Entry[T]
	less  func(a, b *Entry[T]) bool
}

func (p *pile[T]) Len() int           { return len(p.items) }
func (p *pile[T]) Less(i, j int) bool { return p.less(p.items[i], p.items[j]) }
func (p *pile[T]) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	p.items[i].at[p.slot], p.items[j].at[p.slot] = i+1, j+1
}

// Push is heap.Interface's; use push.
func (p *pile[T]) Push(x any) {
	e := x.(*Entry[T])
	p.items = append(p.items, e)
	e.at[p.slot] = len(p.items)
}

// Pop is heap.Interface's; use remove.
func (p *pile[T]) Pop() any {
	last := len(p.items) - 1
	e := p.items[last]
	p.items[last] = nil
	p.items = p.items[:last]
	e.at[p.slot] = 0
	return e
}

func (p *pile[T]) push(e *Entry[T]) { heap.Push(p, e) }

func (p *pile[T]) remove(e *Entry[T]) {
	if at := e.at[p.slot]; at > 0 {
		heap.Remove(p, at-1)
	}
}

func (p *pile[T]) min() *Entry[T] {
	if len(p.items) == 0 {
		return nil
	}
	return p.items[0]
}
