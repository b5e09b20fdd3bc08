package main

import (
	"errors"
	"strings"
	"testing"
)

// Whatever breaks while a request is written, what was written must not be a whole request.
func TestBrokenListIsNoRequest(t *testing.T) {
	t.Parallel()
	for n := range 3000 {
		if 100 < n && n < 2100 || n > 2300 {
			continue // the client's buffer of 32 KiB is full with some 2,180 phones: what matters is the end of a request on either side of that
		}
		broken := errors.New("the list broke")
		b := &broadcastFlags{}
		b.draft.BodyText = "Hola"
		b.draft.Phones = func(yield func(string) bool) {
			for range n {
				if !yield("573001234567") {
					return
				}
			}
			b.phones.Err = broken
		}
		var out strings.Builder
		if err := b.write(&out); !errors.Is(err, broken) {
			t.Fatalf("after %d phones: %v; want %v", n, err, broken)
		}
		if strings.HasSuffix(out.String(), "}") {
			t.Fatalf("after %d phones the request is whole: %.100s", n, out.String())
		}
	}
}
