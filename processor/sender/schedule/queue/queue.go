// Package queue is a queue out of whose middle anything can be taken. It has no lock and starts nothing.
package queue

import "iter"

// Queue is things in order. The zero Queue is empty.
type Queue[T any] struct {
	head, tail *Link[T]
	n          int
}

// Link is a thing's place in a queue. It is in one queue at most.
type Link[T any] struct {
	of         T
	prev, next *Link[T]
	in         *Queue[T]
}

// Len is how many there are.
func (q *Queue[T]) Len() int { return q.n }

// First is the first one, or the zero value.
func (q *Queue[T]) First() T { return q.head.value() }

// Last is the last one, or the zero value.
func (q *Queue[T]) Last() T { return q.tail.value() }

// All gives all of them, the first one first. The one that is given may be taken out.
func (q *Queue[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for l := q.head; l != nil; {
			next := l.next
			if !yield(l.of) {
				return
			}
			l = next
		}
	}
}

func (l *Link[T]) value() (of T) {
	if l == nil {
		return of
	}
	return l.of
}

// Push puts a thing, with its link, behind the others.
func (q *Queue[T]) Push(l *Link[T], of T) {
	*l = Link[T]{of: of, prev: q.tail, in: q}
	if q.tail != nil {
		q.tail.next = l
	} else {
		q.head = l
	}
	q.tail = l
	q.n++
}

// PushFront puts it in front of the others.
func (q *Queue[T]) PushFront(l *Link[T], of T) {
	*l = Link[T]{of: of, next: q.head, in: q}
	if q.head != nil {
		q.head.prev = l
	} else {
		q.tail = l
	}
	q.head = l
	q.n++
}

// Unlink takes a thing out of its queue, if it is in one.
func (l *Link[T]) Unlink() {
	q := l.in
	if q == nil {
		return
	}
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		q.head = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		q.tail = l.prev
	}
	q.n--
	*l = Link[T]{}
}
