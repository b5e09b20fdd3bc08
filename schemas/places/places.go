// Package places writes places in a list, which grow, as distances: the first place, and how much each other one is beyond the one before it.
package places

import "errors"

// ErrOrder is the error of places that do not grow, or that the list does not have.
var ErrOrder = errors.New("the places do not grow within their list")

// Pack returns the distances of places, which must grow.
func Pack(places []uint32) []uint32 {
	out := make([]uint32, len(places))
	before := uint32(0)
	for i, p := range places {
		out[i] = p - before
		before = p
	}
	return out
}

// Unpack returns the places of distances in a list of total recipients. Its error is ErrOrder.
func Unpack(distances []uint32, total uint32) ([]uint32, error) {
	out := make([]uint32, len(distances))
	at := uint64(0)
	for i, d := range distances {
		at += uint64(d)
		if at >= uint64(total) || i > 0 && d == 0 {
			return nil, ErrOrder
		}
		out[i] = uint32(at)
	}
	return out, nil
}
