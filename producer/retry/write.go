package retry

import (
	"context"
	"errors"
	"net/http"

	"altavoz/blob"
	"altavoz/producer/codes"
	"altavoz/producer/export"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/places"
)

// writer puts the chosen recipients of a task where the retry of that task has them.
type writer struct {
	task     *export.Task
	chosen   *set
	retry    *schemas.Retry
	id       schemas.TaskID // of the retry
	sender   string
	accepted int64 // when the task was, unix milliseconds; a broadcast of an upstream system need not say it
}

// inline returns a few as they were given, with what they have of their own, and has their places in the retry.
func (w *writer) inline(ctx context.Context) (*schemas.Slice, error) {
	out := &schemas.Slice{}
	err := w.task.Slices(ctx, w.chosen.in, func(first uint32, some *schemas.Slice) error {
		for i, text := range some.GetPhones() {
			if !w.chosen.has(first + uint32(i)) {
				continue
			}
			if out.Phones = append(out.Phones, text); !w.task.Broadcast().IsPersonal() {
				continue
			}
			own := &schemas.Personal{}
			if i < len(some.GetPersonal()) {
				own = some.GetPersonal()[i]
			}
			out.Personal = append(out.Personal, own)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, w.places(ctx, func(picked []uint32) error {
		w.retry.Picked = places.Pack(picked)
		return nil
	})
}

// places hands over the places of the chosen recipients, so many at a time as a slice has.
func (w *writer) places(ctx context.Context, each func(picked []uint32) error) error {
	size := int(w.task.Broadcast().SliceSize())
	picked := make([]uint32, 0, size)
	index := uint32(0)
	err := placesOf(ctx, w.task, func(place uint32) error {
		index++
		if !w.chosen.has(index - 1) {
			return nil
		}
		if picked = append(picked, place); len(picked) < size {
			return nil
		}
		some := picked
		picked = picked[:0]
		return each(some)
	})
	if err != nil || len(picked) == 0 {
		return err
	}
	return each(picked)
}

// list names the list of the first task in the retry, with a proof that it is the retry's too.
func (w *writer) list(ctx context.Context) (err error) {
	b := w.task.Broadcast()
	of := b.GetSlices()
	w.retry.SliceRecipients = b.GetSliceRecipients()
	if r := b.GetRetry(); r != nil {
		of, w.retry.SliceRecipients = r.GetList(), r.GetSliceRecipients()
	}
	w.retry.List, err = blob.Reader{Records: w.task.Records}.Again(ctx, of, w.task.ID, w.id, w.sender)
	return unproven(err)
}

// content returns the message, with a proof of its files.
func (w *writer) content(ctx context.Context, c *schemas.Content) (err error) {
	for _, m := range c.AllFiles() {
		if m.GetParts() != nil && err == nil {
			m.Parts, err = blob.Reader{Records: w.task.Records}.AgainFile(ctx, m, w.task.ID, w.id, w.sender)
		}
	}
	return unproven(err)
}

func unproven(err error) error {
	if errors.Is(err, blob.ErrUnproven) {
		return &codes.RefusedError{Status: http.StatusConflict, Code: codes.Unproven, Says: es.Say(es.RetryUnproven)}
	}
	return export.Expired(err)
}
