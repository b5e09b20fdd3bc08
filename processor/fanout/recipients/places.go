package recipients

import (
	"context"
	"fmt"
	"slices"

	"altavoz/schemas"
	"altavoz/schemas/places"
	"altavoz/stream"
)

// pick reads who stands at places of the list, which grow.
func (l *List) pick(ctx context.Context, log stream.RecordReader, picked []uint32) (*schemas.Slice, error) {
	out := &schemas.Slice{Phones: make([]string, 0, len(picked))}
	var firsts []uint32
	for _, p := range picked {
		firsts = append(firsts, l.FirstOf(p))
	}
	err := l.Slices(ctx, log, slices.Compact(firsts), func(first uint32, some *schemas.Slice) error {
		for n := len(out.Phones); n < len(picked) && picked[n] < first+uint32(len(some.GetPhones())); n++ {
			at := picked[n] - first
			out.Phones = append(out.Phones, some.GetPhones()[at])
			if len(some.GetPersonal()) > 0 {
				for len(out.Personal) < n { // of slices in which nobody has anything
					out.Personal = append(out.Personal, nil)
				}
				out.Personal = append(out.Personal, some.GetPersonal()[at]) //mutant:retry-has-the-values-of-its-places
			}
		}
		return nil
	})
	for len(out.Personal) > 0 && len(out.Personal) < len(out.Phones) {
		out.Personal = append(out.Personal, nil)
	}
	return out, err
}

// Places hands over the places that the recipients of a retry have in the list of its first task, in order, some at a time; log is where its
// slices lie. What is not a retry has no places. An error that is ErrUnreadable will not pass.
func Places(ctx context.Context, log stream.RecordReader, b *schemas.Broadcast, task schemas.TaskID, each func(picked []uint32) error) error {
	r, left := b.GetRetry(), b.GetTotal()
	some := func(distances []uint32) error {
		picked, err := places.Unpack(distances, r.GetTotal())
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		if uint32(len(picked)) > left {
			return fmt.Errorf("%w: more places than recipients", ErrUnreadable)
		}
		left -= uint32(len(picked))
		return each(picked)
	}
	l := ListOf(b, task, "")
	var err error
	if l == nil {
		err = some(r.GetPicked())
	} else {
		err = log.Records(ctx, l.at, l.offsets, func(rec stream.Record) error {
			c, err := l.read(&rec)
			if err != nil {
				return err
			}
			return some(c.GetPicked())
		})
	}
	if err == nil && left > 0 {
		return fmt.Errorf("%w: fewer places than recipients", ErrUnreadable)
	}
	return err //nolint:wrapcheck // the log's own words
}
