package queue

import "iter"

// maxInRow is how many urgent things are taken in a row while others wait.
const maxInRow = 7

// Priority is two queues: what is urgent comes first, and every eighth is another. The zero Priority is empty.
type Priority[T any] struct {
	urgent, rest Queue[T]
	inRow        int // urgent things taken in a row while another waited
}

func (p *Priority[T]) of(urgent bool) *Queue[T] {
	if urgent {
		return &p.urgent
	}
	return &p.rest
}

// Len is how many there are.
func (p *Priority[T]) Len() int { return p.urgent.n + p.rest.n }

// First is the one whose turn it is, or the zero value.
func (p *Priority[T]) First() T {
	return p.of(p.urgent.n > 0 && (p.rest.n == 0 || p.inRow < maxInRow)).First()
}

// All gives all of them, those that are urgent first. The one that is given may be taken out.
func (p *Priority[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, q := range []*Queue[T]{&p.urgent, &p.rest} {
			for of := range q.All() {
				if !yield(of) {
					return
				}
			}
		}
	}
}

// Push puts a thing, with its link, behind the others like it.
func (p *Priority[T]) Push(l *Link[T], of T, urgent bool) { p.of(urgent).Push(l, of) }

// PushFront puts it in front of the others like it.
func (p *Priority[T]) PushFront(l *Link[T], of T, urgent bool) { p.of(urgent).PushFront(l, of) }

// Took counts that a thing which was taken out had its turn.
func (p *Priority[T]) Took(urgent bool) {
	if p.inRow++; !urgent || p.rest.n == 0 {
		p.inRow = 0
	}
}
