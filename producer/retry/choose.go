package retry

import (
	"context"
	"hash/maphash"
	"math/bits"
	"slices"

	"altavoz/processor/fanout/recipients"
	"altavoz/producer/export"
	"altavoz/schemas"
)

// perPass is how many people are held at once while repeats are looked for: some 32 MiB at most. A longer list is read several times.
const perPass = 4 << 20

// set is a set of places or indexes, a bit each: 2 MiB at most.
type set struct {
	bits  []uint64
	count uint32
}

func newSet(n uint32) *set { return &set{bits: make([]uint64, (uint64(n)+63)/64)} }

func (s *set) has(i uint32) bool { return s.bits[i/64]&(1<<(i%64)) != 0 }

func (s *set) add(i uint32) {
	if !s.has(i) {
		s.bits[i/64] |= 1 << (i % 64)
		s.count++
	}
}

func (s *set) drop(i uint32) {
	if s.has(i) {
		s.bits[i/64] &^= 1 << (i % 64)
		s.count--
	}
}

// end is beyond the last one.
func (s *set) end() uint32 {
	for w, b := range slices.Backward(s.bits) {
		if b != 0 {
			return uint32(w*64 + bits.Len64(b))
		}
	}
	return 0
}

// in reports whether any in [from, to) is there.
func (s *set) in(from, to uint32) bool {
	for i := from; i < to; i++ {
		if s.has(i) {
			return true
		}
	}
	return false
}

// stateOf is the state of a recipient as it counts for a retry. Where a task failed as a whole, everybody without an outcome got that of the
// failure, also those whose calls were under way: of them it is not known whether they got the message.
func stateOf(t *export.Task, failed bool, index uint32) schemas.RecipientState {
	state := t.State(index)
	if failed && state == schemas.Failed(schemas.CodeContent) { //mutant:recipient-of-a-failed-task-is-unknown
		return schemas.StateUnknown
	}
	return state
}

// choose returns the indexes of those who are asked for. taken are the places of those whom earlier retries have.
func choose(ctx context.Context, t *export.Task, failed bool, a *Asked, taken *set) (*set, error) {
	chosen := newSet(t.Total)
	unchecked := false // some of whom nobody has looked whether they repeat somebody
	for i := range t.Total {
		if state := stateOf(t, failed, i); a.states[state] {
			chosen.add(i)
			unchecked = unchecked || state < schemas.StateFailed
		}
	}
	index := uint32(0)
	err := placesOf(ctx, t, func(place uint32) error {
		if taken.has(place) { //mutant:nobody-is-in-two-retries
			chosen.drop(index)
		}
		index++
		return nil
	})
	if err != nil || !unchecked || t.Broadcast().GetRetry() != nil { // in a retry there are no repeats
		return chosen, err
	}
	return chosen, dropRepeats(ctx, t, chosen)
}

// placesOf hands over the place of each recipient, in the order of the list: in that of the first task, if this is a retry.
func placesOf(ctx context.Context, t *export.Task, each func(place uint32) error) error {
	if t.Broadcast().GetRetry() == nil {
		for i := range t.Total {
			if err := each(i); err != nil {
				return err
			}
		}
		return nil
	}
	return t.Places(ctx, func(picked []uint32) error {
		for _, p := range picked {
			if err := each(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// dropRepeats drops who stands in the list a second time, and who is no phone. The fanout looks for that as it dispatches, so of those who
// expired or were cancelled before nobody has. Whoever comes earlier is the one who was called, or who can be retried.
func dropRepeats(ctx context.Context, t *export.Task, chosen *set) error {
	end, seed := chosen.end(), maphash.MakeSeed()
	passes := uint64(end/perPass + 1)
	for pass := range passes {
		seen := recipients.NewSeen()
		err := t.Slices(ctx, func(from, _ uint32) bool { return from < end }, func(first uint32, some *schemas.Slice) error {
			for i, text := range some.GetPhones() {
				index := first + uint32(i)
				if index >= end {
					break
				}
				phone, err := schemas.ParsePhone(text, t.Region)
				if err != nil {
					chosen.drop(index)
					continue
				}
				person := phone.Person()
				if passes > 1 && maphash.String(seed, string(person))%passes != pass {
					continue
				}
				if !seen.Add(person) { //mutant:repeat-in-a-list-is-not-retried
					chosen.drop(index)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
