//go:build !unix

package http1

import (
	"errors"
	"os"
	"time"
)

const listens = time.Millisecond

// probe sees whether anything comes on an idle socket, by reading for a moment.
type probe struct{ socket socket }

func (p *probe) open(c socket) { p.socket = c }

func (p *probe) silent(deadline time.Time) bool {
	if p.socket == nil {
		return true
	}
	if p.socket.SetReadDeadline(time.Now().Add(listens)) != nil {
		return false
	}
	var b [1]byte
	n, err := p.socket.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && p.socket.SetReadDeadline(deadline) == nil
}
