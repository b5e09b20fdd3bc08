// Package version compares versions of the encoding of records.
package version

import (
	"errors"
	"strconv"
)

// Newer reports whether a version, as a header carries it, is higher than the given one. What is no number is none.
func Newer(text string, than uint64) bool {
	n, err := strconv.ParseUint(text, 10, 64)
	return n > than && !errors.Is(err, strconv.ErrSyntax) // beyond 64 bits it is a number all the same
}
